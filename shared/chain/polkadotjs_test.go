package chain_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/affine-go/affine/shared/chain"
	"github.com/affine-go/affine/shared/chain/chaintest"
	"github.com/affine-go/affine/shared/chain/keys"
	"github.com/affine-go/affine/shared/subnet"
)

// theirs is what scripts/polkadotjs/session.mjs prints: a node as @polkadot/api sees it.
type theirs struct {
	Chain struct {
		Name, Genesis, SpecName     string
		Metadata, Prefix, BlockTime int
		Extensions                  []string
	}
	Before, After theirRead
	Sent          struct{ Weights, Again, Commitment theirCall }
	Heads         []struct {
		Number subnet.Block
		Hash   string
	}
}

// theirRead is a subnet at one block.
type theirRead struct {
	Hash       string
	Number     subnet.Block
	Hotkeys    map[subnet.UID]subnet.Hotkey
	UIDs       map[subnet.Hotkey]subnet.UID
	Weights    map[subnet.UID]map[subnet.UID]uint16
	Stakes     []uint64        // as the runtime API of neurons has them
	Selected   []subnet.Hotkey // as that of the metagraph has them
	Permits    []bool
	LastUpdate []subnet.Block
	Rules      theirRules
	Revealed   map[subnet.Hotkey][]theirText
	Committed  map[subnet.Hotkey]theirText
}

type theirRules struct {
	Tempo, RateLimit, MinAllowed, VersionKey, RevealPeriod, Mechanisms uint64
	CommitReveal                                                       bool
}

type theirText struct {
	Block subnet.Block
	Text  []byte
}

// theirCall is a call they sent: where it is, its error and the events it caused.
type theirCall struct {
	Hash, Block, Failure string
	Events               []string
}

// polkadotJS runs the session on a node. Without what `make tools` installs the test is
// skipped, on CI it fails.
func polkadotJS(t *testing.T, endpoint, uri string) theirs {
	t.Helper()
	if testing.Short() {
		t.Skip("a session of another program takes seconds")
	}
	folder, err := filepath.Abs("../../.tools/polkadotjs")
	if err != nil {
		t.Fatal(err)
	}
	_, missing := os.Stat(filepath.Join(folder, ".installed"))
	if _, err := exec.LookPath("node"); err != nil || missing != nil {
		say := t.Skipf
		if os.Getenv("CI") == "true" {
			say = t.Fatalf
		}
		say("NOT CHECKED: what @polkadot/api sees: make tools installs it, and needs Node: %v", errors.Join(err, missing))
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "node", "../../scripts/polkadotjs/session.mjs", folder, endpoint, strconv.Itoa(int(netuid)), uri)
	cmd.Stderr = t.Output()
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("session of @polkadot/api: %v\n%s", err, out)
	}
	var seen theirs
	if err := json.Unmarshal(out, &seen); err != nil {
		t.Fatalf("%v in %s", err, out)
	}
	return seen
}

// TestPolkadotJSSeesTheSame: the client that others use connects to the node, reads what
// ours reads, and its weights and commitment are what ours reads back.
func TestPolkadotJSSeesTheSame(t *testing.T) {
	cfg := config(t)
	cfg.Neurons[1].Revealed = []chaintest.Commitment{{Text: []byte(`{"model":"bob/old"}`), Block: 990}, {Text: append([]byte{4 * 19}, `{"model":"bob/new"}`...), Block: 995}}
	cfg.Neurons[2].Plain = []byte(`{"model":"charlie/one"}`)
	node := start(t, cfg)
	client := dial(t, quick(node.Endpoint()))
	before, err := client.Metagraph(t.Context(), netuid)
	if err != nil {
		t.Fatal(err)
	}
	seen := polkadotJS(t, node.Endpoint(), "//Alice")
	after, err := client.Metagraph(t.Context(), netuid)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		ours   subnet.Metagraph
		theirs theirRead
	}{"before": {before, seen.Before}, "after": {after, seen.After}} {
		if diff := cmp.Diff(readOf(c.ours), metagraphOf(c.theirs)); diff != "" {
			t.Errorf("%s: the metagraph (-ours +theirs):\n%s", name, diff)
		}
	}
	theySent(t, client, seen)
	theyFollowed(t, seen)
	theyKnow(t, client, after.Rules.BlockTime, seen)
}

// theyKnow looks at what they made of the node's description of its runtime: they read its
// newest form, our client an older one.
func theyKnow(t *testing.T, client *chain.Client, blockTime time.Duration, seen theirs) {
	t.Helper()
	rt, err := client.Runtime(t.Context(), seen.After.Hash)
	if err != nil {
		t.Fatal(err)
	}
	var extensions []string
	for _, x := range rt.Metadata.Extensions() {
		extensions = append(extensions, x.Name)
	}
	got := seen.Chain
	if got.Genesis != client.Genesis() || got.Name != "Affine development" || got.SpecName != "node-subtensor" ||
		got.Metadata != 16 || got.Prefix != keys.Prefix || time.Duration(got.BlockTime)*time.Millisecond != blockTime || !slices.Equal(got.Extensions, extensions) {
		t.Errorf("they think the chain is %+v; its genesis is %s, its block time %s and its extensions are %v", got, client.Genesis(), blockTime, extensions)
	}
}

// readOf is our metagraph in the parts that both clients read.
func readOf(m subnet.Metagraph) theirRead {
	r := theirRead{
		Hash: m.BlockHash, Number: m.Block, Hotkeys: map[subnet.UID]subnet.Hotkey{}, UIDs: map[subnet.Hotkey]subnet.UID{},
		Committed: map[subnet.Hotkey]theirText{},
		Rules: theirRules{
			Tempo: uint64(m.Rules.Tempo), RateLimit: m.Rules.RateLimit, MinAllowed: uint64(m.Rules.MinAllowed), VersionKey: m.Rules.VersionKey,
			RevealPeriod: m.Rules.RevealPeriod, Mechanisms: uint64(m.Rules.Mechanisms), CommitReveal: m.Rules.CommitReveal,
		},
	}
	for _, n := range m.Neurons {
		r.Hotkeys[n.UID], r.UIDs[n.Hotkey] = n.Hotkey, n.UID
		r.Stakes, r.Selected = append(r.Stakes, n.Stake), append(r.Selected, n.Hotkey)
		r.Permits, r.LastUpdate = append(r.Permits, n.Permit), append(r.LastUpdate, n.LastUpdate)
	}
	for hotkey, c := range m.Commitments {
		r.Committed[hotkey] = theirText{c.Block, c.Text}
	}
	return r
}

// metagraphOf is their read as a metagraph has it: of the commitments the one that counts,
// the newest revealed one before the plain one, without the length that upstream's SDK
// puts before the text.
func metagraphOf(r theirRead) theirRead {
	committed := r.Committed
	for hotkey, texts := range r.Revealed {
		newest := texts[len(texts)-1]
		newest.Text = bytes.TrimPrefix(newest.Text, []byte{4 * uint8(len(newest.Text)-1)})
		committed[hotkey] = newest
	}
	r.Committed, r.Revealed, r.Weights = committed, nil, nil
	return r
}

// theySent holds their own account of what they sent against what our client finds.
func theySent(t *testing.T, client *chain.Client, seen theirs) {
	t.Helper()
	for name, c := range map[string]struct {
		call    theirCall
		failure string
		events  []string
	}{
		"weights":    {seen.Sent.Weights, "", []string{"subtensorModule.WeightsSet", "system.ExtrinsicSuccess"}},
		"again":      {seen.Sent.Again, "SettingWeightsTooFast", []string{"system.ExtrinsicFailed"}},
		"commitment": {seen.Sent.Commitment, "", []string{"commitments.Commitment", "system.ExtrinsicSuccess"}},
	} {
		if diff := cmp.Diff(c.events, c.call.Events); diff != "" || c.call.Failure != c.failure {
			t.Errorf("%s: failure %q, events (-want +theirs):\n%s", name, c.call.Failure, diff)
		}
		found, ok, err := client.Find(t.Context(), c.call.Hash, seen.Before.Number, seen.After.Number)
		if err != nil || !ok || found.BlockHash != c.call.Block {
			t.Errorf("%s: ours finds it in %+v, %v, %v; theirs in %s", name, found, ok, err, c.call.Block)
		}
		if want := c.failure; want != "" && found.Failure != "SubtensorModule."+want || want == "" && found.Failure != "" {
			t.Errorf("%s: our client says it failed with %q", name, found.Failure)
		}
	}
	row, err := client.Weights(t.Context(), netuid, 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[subnet.UID]map[subnet.UID]uint16{0: row.Values}, seen.After.Weights); diff != "" || len(row.Values) != 2 {
		t.Errorf("weights (-ours +theirs):\n%s", diff)
	}
	if len(seen.Before.Weights) != 0 {
		t.Errorf("weights before there are any: %v", seen.Before.Weights)
	}
}

// theyFollowed looks at the heads that their subscription brought.
func theyFollowed(t *testing.T, seen theirs) {
	t.Helper()
	hashes := map[subnet.Block]string{}
	for i, h := range seen.Heads {
		hashes[h.Number] = h.Hash
		if i > 0 && h.Number != seen.Heads[i-1].Number+1 {
			t.Errorf("head %d follows head %d", h.Number, seen.Heads[i-1].Number)
		}
	}
	if hashes[seen.After.Number] != seen.After.Hash {
		t.Errorf("heads %v; block %d is %s", seen.Heads, seen.After.Number, seen.After.Hash)
	}
}
