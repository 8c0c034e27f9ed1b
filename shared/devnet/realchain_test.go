package devnet

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/affine-go/affine/shared/chain/wasmhost"
	"github.com/affine-go/affine/shared/sandbox"
)

func TestMain(m *testing.M) {
	sandbox.Main() // a test binary that runs task programs is started again as their child
	os.Exit(m.Run())
}

func TestARealRuntimeNeedsANewFolder(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "store.db"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Start(t.Context(), Config{Dir: dir, Runtime: "any"})
	if !errors.Is(err, ErrUsedFolder) || !strings.Contains(err.Error(), "--data") || strings.Contains(err.Error(), "\n") {
		t.Errorf("a used folder: %v", err)
	}
}

func TestFilesThatAreNoRuntime(t *testing.T) {
	junk := filepath.Join(t.TempDir(), "junk")
	if err := os.WriteFile(junk, []byte("\x7fELF"), 0o600); err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string]error{junk: wasmhost.ErrCode, junk + "-absent": fs.ErrNotExist} {
		_, err := Start(t.Context(), Config{Dir: t.TempDir(), Runtime: file})
		if !errors.Is(err, want) || strings.Contains(err.Error(), "\n") || !strings.Contains(err.Error(), file) {
			t.Errorf("%s: %v, want one line with %v", file, err, want)
		}
	}
}

// On a real runtime the subnet stands as on the stub chain: every member has its uid and
// its commitment, in the same order, and the validator may set weights.
func TestTheSubnetStandsOnARealRuntime(t *testing.T) {
	file := os.Getenv("AFFINE_RUNTIME")
	if file == "" {
		t.Skipf("NOT CHECKED: set AFFINE_RUNTIME to a Subtensor runtime's WebAssembly to run %s on it", t.Name())
	}
	net, err := Start(t.Context(), Config{Dir: t.TempDir(), Runtime: file})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := net.Close(); err != nil {
			t.Error(err)
		}
	})
	mg, err := net.Chain.Metagraph(t.Context(), net.Netuid)
	if err != nil {
		t.Fatal(err)
	}
	if len(mg.Neurons) != len(net.Members)+2 || !mg.Neurons[net.Own].Permit || net.Stub != nil {
		t.Errorf("%d neurons for %d members, own %+v", len(mg.Neurons), len(net.Members), mg.Neurons[net.Own])
	}
	for uid, m := range net.Members {
		raw := mg.Commitments[mg.Neurons[uid].Hotkey]
		if string(raw.Text) != string(m.text()) {
			t.Errorf("uid %d committed %q, want %q", uid, raw.Text, m.text())
		}
		for other, o := range net.Members {
			if later := mg.Commitments[mg.Neurons[other].Hotkey].Block; m.Commit < o.Commit && raw.Block >= later {
				t.Errorf("uid %d committed at %d, uid %d at %d", uid, raw.Block, other, later)
			}
		}
	}
}
