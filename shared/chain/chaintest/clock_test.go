package chaintest

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/affine-go/affine/shared/subnet"
)

func TestBlocksComeByTheClock(t *testing.T) {
	cfg := trio(t)
	cfg.Sealing, cfg.Rules.BlockTime, cfg.FinalityLag = ByClock, 5*time.Millisecond, 1
	n := start(t, cfg)
	c := connect(t, n)
	c.text("chain_subscribeFinalizedHeads")
	for {
		var h struct{ Number string }
		if err := json.Unmarshal(c.next().Params.Result, &h); err != nil {
			t.Fatal(err)
		}
		if h.Number == "0xcb" { // the third block
			break
		}
	}
	if n.Finalized() < 203 || n.Head() < n.Finalized() {
		t.Errorf("head %d, finalized %d", n.Head(), n.Finalized())
	}
}

func TestClockStopsWhenTheDiskIsFull(t *testing.T) {
	cfg := trio(t)
	cfg.Sealing, cfg.Rules.BlockTime = ByClock, time.Millisecond
	cfg.StateFile = filepath.Join(t.TempDir(), "chain.jsonl")
	n, err := Start(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	n.mu.Lock()
	closeErr := n.journal.close()
	n.mu.Unlock()
	if closeErr != nil {
		t.Fatal(closeErr)
	}
	for n.Mine(1) == nil { // until a block needs the disk
	}
	height := n.Head()
	if err := n.Mine(1); err == nil || n.Head() != height {
		t.Errorf("the chain went on from %d to %d, %v", height, n.Head(), err)
	}
	if err := n.Close(); err == nil {
		t.Error("the state file was closed twice without a word")
	}
}

func TestAddressInUse(t *testing.T) {
	first := start(t, trio(t))
	cfg := trio(t)
	cfg.Listen = strings.TrimPrefix(first.Endpoint(), "ws://")
	cfg.StateFile = filepath.Join(t.TempDir(), "chain.jsonl")
	if n, err := Start(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), cfg.Listen) {
		t.Errorf("got %v, %v; want an error that names the address", n, err)
	}
}

func TestHotkeyThatIsNone(t *testing.T) {
	cfg := trio(t)
	cfg.Neurons[1].Hotkey = "5nonsense"
	if n, err := Start(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), "neuron 1") {
		t.Errorf("got %v, %v; want an error that names the neuron", n, err)
	}
}

func TestPoolIsShown(t *testing.T) {
	n := run(t, trio(t))
	c := connect(t, n)
	alice := pair(t, "Alice").Address()
	raw := weightsDraft(t, n, "Alice", []uint16{1, 2}, []uint16{1, 2}).sign(t, "Alice")
	for _, want := range []string{"0", "1"} {
		if m := c.ask("system_accountNextIndex", alice); string(m.Result) != want {
			t.Errorf("next index %s, want %s", m.Result, want)
		}
		if want == "0" {
			c.text("author_submitExtrinsic", toHex(raw))
		}
	}
	var list []string
	if err := json.Unmarshal(c.ask("author_pendingExtrinsics").Result, &list); err != nil || len(list) != 1 || list[0] != toHex(raw) {
		t.Errorf("pending %v, %v", list, err)
	}
}

func TestMetadataInAllWaysOfAsking(t *testing.T) {
	n := run(t, trio(t))
	c := connect(t, n)
	bare := c.text("state_getMetadata")
	if !strings.HasPrefix(bare, toHex([]byte("meta\x0e"))) {
		t.Errorf("state_getMetadata begins with %.12s, want version 14", bare)
	}
	if framed := c.text("state_call", "Metadata_metadata", "0x"); !strings.HasSuffix(framed, bare[2:]) {
		t.Error("Metadata_metadata tells another one")
	}
	if got := c.text("state_call", "Metadata_metadata_versions", "0x"); got != "0x0c0e0000000f00000010000000" {
		t.Errorf("versions %s, want 14, 15 and 16", got)
	}
	if got := c.text("state_call", "Metadata_metadata_at_version", "0x10000000"); !strings.Contains(got[:40], toHex([]byte("meta\x10"))[2:]) {
		t.Errorf("version 16 begins with %.40s", got)
	}
	if got := c.text("state_call", "Metadata_metadata_at_version", "0x11000000"); got != "0x00" {
		t.Errorf("version 17 is %.20s, want none", got)
	}
	if got := c.text("state_call", "Metadata_metadata_at_version", "0x0f010000"); got != "0x00" {
		t.Errorf("version 271 is %.20s, want none", got)
	}
}

func TestUpgradeIsTold(t *testing.T) {
	n := run(t, trio(t))
	c := connect(t, n)
	c.send("state_subscribeRuntimeVersion")
	c.next()
	for _, want := range []string{`"specVersion":446`, `"specVersion":447`} {
		if m := c.next(); !strings.Contains(string(m.Params.Result), want) {
			t.Errorf("told %s, want %s", m.Params.Result, want)
		}
		upgrade(t, n, 447)
		mine(t, n, 1)
	}
	old := c.text("chain_getBlockHash", 205)
	if m := c.ask("state_getRuntimeVersion", old); !strings.Contains(string(m.Result), `"specVersion":446`) {
		t.Errorf("the old block's version is %s", m.Result)
	}
}

func TestEpochsTurn(t *testing.T) {
	cfg := trio(t)
	cfg.Rules.Tempo, cfg.Rules.LastEpochHint = 10, 195
	n := run(t, cfg) // at 205: an epoch begins there
	for _, want := range []struct{ head, began subnet.Block }{{205, 205}, {214, 205}, {215, 215}} {
		mine(t, n, int(want.head-n.Head()))
		n.mu.Lock()
		got, err := get[uint64](n, n.chain.head, "SubtensorModule", "LastEpochBlock", netuid)
		n.mu.Unlock()
		if err != nil || subnet.Block(got) != want.began {
			t.Errorf("at %d the epoch began at %d, %v; want %d", want.head, got, err, want.began)
		}
	}
}
