package chain_test

import (
	"bytes"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/affine-go/affine/shared/chain/chaintest"
	"github.com/affine-go/affine/shared/sharedtest"
	"github.com/affine-go/affine/shared/subnet"
)

// real343 is the subnet of three under the metadata of a runtime that served finney.
func real343(t *testing.T) chaintest.Config {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(sharedtest.Dir(t, "data", "chain"), "metadata-343.v15.hex"))
	if err != nil {
		t.Fatal(err)
	}
	raw, err := hex.DecodeString(strings.TrimPrefix(strings.TrimSpace(string(text)), "0x"))
	if err != nil {
		t.Fatal(err)
	}
	cfg := config(t)
	_, bare, _ := bytes.Cut(raw, []byte("meta")) // the file has it as a runtime API answers it
	cfg.Metadata, cfg.SpecVersion = append([]byte("meta"), bare...), 343
	return cfg
}

// The client's whole way, under a real runtime's types, numbers and extensions.
func TestWholeWayUnderRealMetadata(t *testing.T) {
	cfg := real343(t)
	cfg.Neurons[1].Revealed = []chaintest.Commitment{{Text: sdkText(`{"model":"m"}`), Block: 9}}
	cfg.Neurons[2].Plain = []byte(`{"model":"n"}`)
	node := start(t, cfg)
	client := dial(t, quick(node.Endpoint()))
	mg, err := client.Metagraph(t.Context(), netuid)
	if err != nil {
		t.Fatal(err)
	}
	if len(mg.Neurons) != 3 || mg.Neurons[0].Stake != 5_000_000_000 || !mg.Neurons[0].Permit || mg.Rules.RateLimit != 100 || mg.Rules.LastEpochHint != 0 {
		t.Errorf("metagraph %+v", mg)
	}
	for name, want := range map[string]string{"Bob": `{"model":"m"}`, "Charlie": `{"model":"n"}`} {
		if got := string(mg.Commitments[hotkey(t, name)].Text); got != want {
			t.Errorf("commitment of %s is %q, want %q", name, got, want)
		}
	}
	for i, want := range []string{"", "SubtensorModule.SettingWeightsTooFast"} {
		inc, err := client.Submit(t.Context(), sign(t, client, "Alice", intent(t, client)).Extrinsic)
		if err != nil || inc.Failure != want {
			t.Errorf("submission %d: %+v, %v; want failure %q", i, inc, err, want)
		}
	}
	row, err := client.Weights(t.Context(), netuid, 0, 0)
	if err != nil || row.Values[1] != 65535 || row.Values[2] != 32768 || row.LastUpdate != subnet.Block(1005) {
		t.Errorf("weights %+v, %v", row, err)
	}
}
