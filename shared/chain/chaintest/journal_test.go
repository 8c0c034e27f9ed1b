package chaintest

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/affine-go/affine/shared/subnet"
)

// hashes are the hashes of all blocks up to a height.
func hashes(n *Node, height uint64) [][32]byte {
	n.mu.Lock()
	defer n.mu.Unlock()
	var out [][32]byte
	for b := n.chain.at(height); b != nil; b = n.chain.byHash[b.parent] {
		out = append(out, b.hash)
	}
	return out
}

func TestChainSurvivesRestart(t *testing.T) {
	cfg := trio(t)
	cfg.StateFile = filepath.Join(t.TempDir(), "chain.jsonl")
	first := run(t, cfg)
	raw := weightsDraft(t, first, "Alice", []uint16{1, 2}, []uint16{1, 2}).sign(t, "Alice")
	if err := submit(t, first, raw); err != nil {
		t.Fatal(err)
	}
	mine(t, first, 40)
	height := uint64(first.Head())
	seen := hashes(first, height)
	content, err := os.ReadFile(cfg.StateFile) // as a kill would leave it
	if err != nil {
		t.Fatal(err)
	}

	cfg.StateFile = filepath.Join(t.TempDir(), "chain.jsonl")
	if err := os.WriteFile(cfg.StateFile, content, 0o600); err != nil {
		t.Fatal(err)
	}
	second := start(t, cfg)
	if second.Head() < first.Head() || second.Head() > first.Head()+reserveAhead {
		t.Errorf("height %d after a restart at %d", second.Head(), first.Head())
	}
	if diff := cmp.Diff(seen, hashes(second, height)); diff != "" {
		t.Error("blocks that were seen have other hashes now:", diff)
	}
	row, err := second.Weights(netuid, 0)
	if err != nil || len(row) != 2 {
		t.Errorf("weights %v, %v", row, err)
	}
	expectRefusal(t, submit(t, second, raw), 1012, "")
	mine(t, second, 1)
}

func start(t testing.TB, cfg Config) *Node {
	t.Helper()
	n, err := Start(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := n.Close(); err != nil {
			t.Error(err)
		}
	})
	return n
}

// Wherever a kill cuts the file, the node starts, with all blocks whose lines are whole.
func TestChainSurvivesCutFile(t *testing.T) {
	cfg := trio(t)
	dir := t.TempDir()
	cfg.StateFile = filepath.Join(dir, "whole")
	n := run(t, cfg)
	if err := submit(t, n, weightsDraft(t, n, "Alice", []uint16{1, 2}, []uint16{1, 2}).sign(t, "Alice")); err != nil {
		t.Fatal(err)
	}
	mine(t, n, 1)
	content, err := os.ReadFile(cfg.StateFile)
	if err != nil {
		t.Fatal(err)
	}
	for cut := 0; cut <= len(content); cut += 37 {
		cfg.StateFile = filepath.Join(dir, fmt.Sprint(cut))
		if err := os.WriteFile(cfg.StateFile, content[:cut], 0o600); err != nil {
			t.Fatal(err)
		}
		again := start(t, cfg)
		if whole := bytes.Count(content[:cut], []byte("\n")); whole > 1 && again.Head() < 206 {
			t.Errorf("cut at %d (%d whole lines): height %d", cut, whole, again.Head())
		}
		mine(t, again, 1)
	}
}

func TestStateFileOfAnotherKindIsRefused(t *testing.T) {
	cfg := trio(t)
	cfg.StateFile = filepath.Join(t.TempDir(), "chain.jsonl")
	run(t, cfg)
	other := cfg
	other.Name = "another chain"
	faster := cfg
	faster.Rules.BlockTime = time.Second
	newer := cfg
	newer.StateFile = filepath.Join(t.TempDir(), "newer.jsonl")
	broken := cfg
	broken.StateFile = filepath.Join(t.TempDir(), "broken.jsonl")
	older := cfg
	older.StateFile = filepath.Join(t.TempDir(), "older.jsonl")
	for path, content := range map[string]string{newer.StateFile: "{\"format\":3}\n", older.StateFile: "{\"format\":1}\n", broken.StateFile: "what?\n"} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for want, c := range map[string]Config{"another chain": other, "every 12s": faster, "format 3": newer, "older version of this program: format 1": older, "line 1": broken} {
		if n, err := Start(t.Context(), c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want an error that says %q, got %v, %v", want, n, err)
		}
	}
}

func TestFullDiskStopsTheChain(t *testing.T) {
	cfg := trio(t)
	cfg.StateFile = filepath.Join(t.TempDir(), "chain.jsonl")
	n := start(t, cfg)
	mine(t, n, 5)
	if err := submit(t, n, weightsDraft(t, n, "Alice", []uint16{1, 2}, []uint16{1, 2}).sign(t, "Alice")); err != nil {
		t.Fatal(err)
	}
	readOnly, err := os.Open(cfg.StateFile)
	if err != nil {
		t.Fatal(err)
	}
	writable := n.journal.file
	n.journal.file = readOnly // every write fails from here on
	if err := n.Mine(1); err == nil {
		t.Error("a block was made that is not on disk")
	}
	if n.Head() != 205 || n.Mine(1) == nil {
		t.Error("the chain went on")
	}
	if err := submit(t, n, nil); err == nil || strings.Contains(err.Error(), "decode") {
		t.Errorf("submission answered %v, want the failure of the state file", err)
	}
	if err := writable.Close(); err != nil {
		t.Error(err)
	}
}

// TestKilledNodeLosesNothing kills a node in the middle of its work, as nothing else can
// show what is really on disk.
func TestKilledNodeLosesNothing(t *testing.T) {
	for name, blocks := range map[string]int{"young": 30, "past a snapshot": snapshotEvery + 30} {
		t.Run(name, func(t *testing.T) { kill(t, blocks) })
	}
}

func kill(t *testing.T, blocks int) {
	path := filepath.Join(t.TempDir(), "chain.jsonl")
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestNodeThatIsKilled$")
	cmd.Env = append(os.Environ(), "CHAINTEST_STATE="+path, fmt.Sprint("CHAINTEST_BLOCKS=", blocks))
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var height, block uint64
	var hash string
	_, scanErr := fmt.Fscanf(out, "included in %d %s head %d\n", &block, &hash, &height)
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err == nil {
		t.Error("the node ended before it was killed")
	}
	if scanErr != nil {
		t.Fatal(scanErr)
	}
	cfg := trio(t)
	cfg.StateFile = path
	n := start(t, cfg)
	if uint64(n.Head()) < height {
		t.Errorf("height %d, it was %d", n.Head(), height)
	}
	if b := n.chain.at(block); b == nil || toHex(b.hash[:]) != hash || len(b.extrinsics) != 2 {
		t.Errorf("block %d is %+v, want %s with its extrinsic", block, b, hash)
	}
}

// TestNodeThatIsKilled is the other process of TestKilledNodeLosesNothing.
func TestNodeThatIsKilled(t *testing.T) {
	path := os.Getenv("CHAINTEST_STATE")
	if path == "" {
		t.Skip("runs as a part of TestKilledNodeLosesNothing")
	}
	cfg := trio(t)
	cfg.StateFile = path
	n := run(t, cfg)
	if err := submit(t, n, weightsDraft(t, n, "Alice", []uint16{1, 2}, []uint16{1, 2}).sign(t, "Alice")); err != nil {
		t.Fatal(err)
	}
	var blocks int
	if _, err := fmt.Sscan(os.Getenv("CHAINTEST_BLOCKS"), &blocks); err != nil {
		t.Fatal(err)
	}
	mine(t, n, blocks)
	hash := n.chain.at(206).hash
	fmt.Printf("included in %d %s head %d\n", 206, toHex(hash[:]), n.Head())
	for {
		mine(t, n, 1)
	}
}

func TestHeightFollowsReservation(t *testing.T) {
	cfg := trio(t)
	cfg.StateFile = filepath.Join(t.TempDir(), "chain.jsonl")
	last := subnet.Block(0)
	for range 4 {
		n, err := Start(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		mine(t, n, 3)
		if n.Head() <= last {
			t.Errorf("height %d after %d", n.Head(), last)
		}
		last = n.Head()
		if err := n.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
