package chaintest

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/affine-go/affine/shared/chain/rpcserver"
)

// lived is a node with a state file whose chain has seen all that the file has to tell:
// weights in the open and sealed, commitments, pulses by hand and held back.
func lived(t testing.TB, dir string, blocks int) *Node {
	t.Helper()
	cfg := sealing(t)
	cfg.First, cfg.Rules.LastEpochHint = 2001, 2000 // past round 1000, which comes in by hand
	cfg.FinalityLag, cfg.StateFile = 3, filepath.Join(dir, "chain.jsonl")
	n := run(t, cfg)
	_, signature := vectorOf(t, 0)
	for at := 0; int(n.Head()) < 2005+blocks; at++ {
		round := roundAt(n, n.Head()+3)
		switch at % 5 {
		case 0:
			do(t, n, "Alice", commitCallName, commitArgs(seal(t, n, "Alice", round, uint16(at+1), 7), round))
		case 1:
			do(t, n, "Bob", setCommitmentName, infoOf(sealText(t, n, fmt.Sprint("text ", at), n.Head()+2), plainData([]byte("plain"))))
		case 2:
			if err := n.Pulse(1000, signature); err != nil {
				t.Fatal(err)
			}
		case 3, 4:
			n.HoldPulses(at%5 == 3)
			n.LieAboutRateLimit(uint64(at % 3))
		}
		mine(t, n, 60)
	}
	return n
}

// everything is the newest state of a node, without what a test of heights tells.
func everything(n *Node) map[string]string {
	n.mu.Lock()
	defer n.mu.Unlock()
	all := map[string]string{}
	for key := range n.state.entries {
		if value := n.state.get(n.chain.head, []byte(key)); value != nil {
			all[toHex([]byte(key))] = toHex(value)
		}
	}
	return all
}

// A chain taken up from a snapshot is the chain that it was: same state, same hashes.
func TestChainIsTakenUpFromASnapshot(t *testing.T) {
	dir := t.TempDir()
	first := lived(t, dir, snapshotEvery+200)
	content, err := os.ReadFile(filepath.Join(dir, "chain.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	if n := bytes.Count(content, []byte(`"snapshot"`)); n != 1 {
		t.Fatalf("%d snapshots in %d bytes", n, len(content))
	}
	if _, err := os.Stat(filepath.Join(dir, "chain.jsonl.new")); err == nil {
		t.Error("the unfinished file is still there")
	}
	cfg := first.cfg
	cfg.StateFile = filepath.Join(t.TempDir(), "chain.jsonl")
	if err := os.WriteFile(cfg.StateFile, content, 0o600); err != nil {
		t.Fatal(err)
	}
	second := start(t, cfg)
	if second.chain.at(2700) == nil || second.state.oldest < 2000+snapshotEvery-10 {
		t.Errorf("taken up from block %d, without block 2700", second.state.oldest)
	}
	mine(t, first, int(second.Head()-first.Head()))
	if diff := cmp.Diff(everything(first), everything(second)); diff != "" {
		t.Error("state:", diff)
	}
	if diff := cmp.Diff(hashes(first, uint64(first.Head())), hashes(second, uint64(second.Head()))); diff != "" {
		t.Error("hashes:", diff)
	}
	mine(t, second, snapshotEvery) // which makes the next snapshot from this one
	mine(t, first, snapshotEvery)
	if first.chain.at(first.chain.head).hash != second.chain.at(second.chain.head).hash {
		t.Error("the chains part later on")
	}
	if _, err := (served{second}).State(second.chain.at(2006).told()); !errors.Is(err, rpcserver.ErrDiscarded) {
		t.Errorf("state before the snapshot: %v", err)
	}
}

// A kill while the file is begun anew leaves the old one, and what was written so far of
// the new one is of no account.
func TestSnapshotThatWasNotFinished(t *testing.T) {
	dir := t.TempDir()
	first := lived(t, dir, 100)
	path := filepath.Join(dir, "chain.jsonl")
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	cfg := first.cfg
	cfg.StateFile = filepath.Join(t.TempDir(), "chain.jsonl")
	for path, content := range map[string][]byte{cfg.StateFile: content, cfg.StateFile + ".new": []byte("{\"form")} {
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	second := start(t, cfg)
	mine(t, first, int(second.Head()-first.Head()))
	mine(t, first, snapshotEvery)
	mine(t, second, snapshotEvery)
	if first.chain.at(first.chain.head).hash != second.chain.at(second.chain.head).hash {
		t.Error("the chains part")
	}
}

func TestFullDiskAtASnapshot(t *testing.T) {
	dir := t.TempDir()
	n := lived(t, dir, 50)
	if err := os.Mkdir(filepath.Join(dir, "chain.jsonl.new"), 0o700); err != nil { // nothing can be written there
		t.Fatal(err)
	}
	if err := n.Mine(snapshotEvery); err == nil || !strings.Contains(err.Error(), "anew") {
		t.Errorf("mining went on: %v", err)
	}
	if err := n.Mine(1); err == nil {
		t.Error("the chain went on")
	}
	again := n.cfg
	content, err := os.ReadFile(again.StateFile)
	if err != nil {
		t.Fatal(err)
	}
	again.StateFile = filepath.Join(t.TempDir(), "chain.jsonl")
	if err := os.WriteFile(again.StateFile, content, 0o600); err != nil {
		t.Fatal(err)
	}
	if second := start(t, again); second.Head() < n.Head() {
		t.Errorf("height %d after %d", second.Head(), n.Head())
	}
}

func TestBrokenSnapshotsAreRefused(t *testing.T) {
	n := lived(t, t.TempDir(), snapshotEvery+10)
	content, err := os.ReadFile(n.cfg.StateFile)
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string][2]string{
		"another height":    {`"snapshot":{"block":`, `"snapshot":{"block":1`},
		"roots in no hex":   {`"roots":["0x`, `"roots":["1x`},
		"a short root":      {`"roots":["0x00`, `"roots":["0x`},
		"a root too many":   {`"roots":["0x`, `"roots":["0x","0x`},
		"a block unlike it": {`"digest":["0x`, `"digest":["0x00`},
		"a block is absent": {`{"number":0,`, `{"number":1,`},
		"state in no hex":   {`"state":[["0x`, `"state":[["0`},
	} {
		cfg := n.cfg
		cfg.StateFile = filepath.Join(t.TempDir(), "chain.jsonl")
		changed := bytes.Replace(content, []byte(change[0]), []byte(change[1]), 1)
		if bytes.Equal(changed, content) {
			t.Fatalf("%s: nothing to change", name)
		}
		if err := os.WriteFile(cfg.StateFile, changed, 0o600); err != nil {
			t.Fatal(err)
		}
		if other, err := Start(t.Context(), cfg); err == nil {
			t.Errorf("%s: not refused", name)
			_ = other.Close()
		}
	}
}
