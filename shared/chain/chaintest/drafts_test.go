package chaintest

import (
	"strings"
	"sync"
	"testing"

	"github.com/affine-go/affine/shared/chain/extrinsic"
	"github.com/affine-go/affine/shared/chain/keys"
	"github.com/affine-go/affine/shared/chain/metadata"
	"github.com/affine-go/affine/shared/subnet"
)

const netuid = 120

var pairs sync.Map // by name: deriving one is made slow on purpose

func pair(t testing.TB, name string) *keys.Pair {
	t.Helper()
	if known, ok := pairs.Load(name); ok {
		return known.(*keys.Pair)
	}
	p, err := keys.FromURI(keys.Sr25519, "//"+name)
	if err != nil {
		t.Fatal(err)
	}
	pairs.Store(name, p)
	return p
}

// trio is a subnet of three whose blocks are made by hand: Alice validates with a key of
// enough stake, Bob and Charlie mine. The chain is at block 205, the last one final.
func trio(t testing.TB) Config {
	t.Helper()
	var neurons []Neuron
	for i, name := range []string{"Alice", "Bob", "Charlie"} {
		neurons = append(neurons, Neuron{Hotkey: subnet.Hotkey(pair(t, name).Address()), Stake: uint64(100 - i), Permit: i == 0})
	}
	return Config{
		Netuid: netuid, First: 201, Sealing: ByHand, Neurons: neurons,
		Rules: subnet.WeightRules{Tempo: 360, RateLimit: 100, MinAllowed: 2, VersionKey: 7},
	}
}

func run(t testing.TB, cfg Config) *Node {
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
	mine(t, n, 5)
	return n
}

func mine(t testing.TB, n *Node, count int) {
	t.Helper()
	if err := n.Mine(count); err != nil {
		t.Fatal(err)
	}
}

// draft is an extrinsic to be signed; its fields start out right and are spoiled by tests.
type draft struct {
	pallet, name string
	args         map[string]any
	ctx          extrinsic.Context
	opts         extrinsic.Options
}

func weightsDraft(t testing.TB, n *Node, signer string, uids, values []uint16) *draft {
	t.Helper()
	return callDraft(t, n, signer, "SubtensorModule.set_weights",
		map[string]any{"netuid": netuid, "dests": uids, "weights": values, "version_key": 7})
}

// callDraft is a call's, signed for the next block.
func callDraft(t testing.TB, n *Node, signer, call string, args map[string]any) *draft {
	t.Helper()
	pallet, name, _ := strings.Cut(call, ".")
	n.mu.Lock()
	defer n.mu.Unlock()
	nonce, err := n.nonce(n.chain.head, pair(t, signer).Public())
	if err != nil {
		t.Fatal(err)
	}
	head := n.chain.at(n.chain.head)
	return &draft{
		pallet: pallet, name: name, args: args, ctx: n.runtime,
		opts: extrinsic.Options{Nonce: nonce, Era: extrinsic.Mortal(64, head.number), EraBlockHash: head.hash},
	}
}

func (d *draft) sign(t testing.TB, signer string) []byte {
	t.Helper()
	call, err := d.ctx.Metadata.EncodeCall(d.pallet, d.name, d.args)
	if err != nil {
		t.Fatal(err)
	}
	_, message, err := extrinsic.Payload(d.ctx, call, d.opts)
	if err != nil {
		t.Fatal(err)
	}
	key := pair(t, signer)
	sig, err := key.Sign(t.Context(), message)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := extrinsic.Assemble(d.ctx, call, key.Public(), key.Kind(), sig, d.opts)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// do signs a call, submits it and says how it ended.
func do(t testing.TB, n *Node, signer, call string, args map[string]any) string {
	t.Helper()
	if err := submit(t, n, callDraft(t, n, signer, call, args).sign(t, signer)); err != nil {
		t.Fatal(err)
	}
	return outcome(t, n)
}

func upgrade(t testing.TB, n *Node, spec uint32) {
	t.Helper()
	if err := n.Upgrade(spec); err != nil {
		t.Fatal(err)
	}
}

func submit(t testing.TB, n *Node, raw []byte) error {
	t.Helper()
	n.mu.Lock()
	defer n.mu.Unlock()
	_, err := n.submit(raw)
	return err
}

// eventsOf decodes the newest block's events.
func eventsOf(t testing.TB, n *Node) []metadata.Event {
	t.Helper()
	n.mu.Lock()
	defer n.mu.Unlock()
	key, err := n.runtime.Metadata.StorageKey("System", "Events")
	if err != nil {
		t.Fatal(err)
	}
	events, err := n.runtime.Metadata.DecodeEvents(n.state.get(n.chain.head, key))
	if err != nil {
		t.Fatal(err)
	}
	return events
}

// happened are the names of the newest block's events of a pallet.
func happened(t testing.TB, n *Node, pallet string) (names []string) {
	t.Helper()
	for _, e := range eventsOf(t, n) {
		if e.Pallet == pallet {
			names = append(names, e.Name)
		}
	}
	return names
}

// stored decodes a storage item as it is at the newest block.
func stored(t testing.TB, n *Node, item string, keys ...any) any {
	t.Helper()
	pallet, entry, _ := strings.Cut(item, ".")
	n.mu.Lock()
	defer n.mu.Unlock()
	value, err := n.read(n.chain.head, pallet, entry, keys...)
	if err != nil {
		t.Fatal(err)
	}
	return value
}

// outcome mines a block and says how its one signed extrinsic ended: "" for a success.
func outcome(t testing.TB, n *Node) string {
	t.Helper()
	mine(t, n, 1)
	events := eventsOf(t, n)
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, e := range events {
		if e.ExtrinsicIndex != 1 || e.Pallet != "System" {
			continue
		}
		if e.Name == "ExtrinsicFailed" {
			return n.runtime.Metadata.DispatchError(e.Fields.(map[string]any)["dispatch_error"])
		}
		return ""
	}
	t.Fatalf("block %d has no signed extrinsic; events %+v", n.chain.head, events)
	return ""
}

// open switches commit-reveal off where no subnet is; it is on by default.
func open(t testing.TB, n *Node, netuids ...uint16) {
	t.Helper()
	n.mu.Lock()
	defer n.mu.Unlock()
	x := &execution{node: n, number: n.chain.head}
	for _, netuid := range netuids {
		if err := x.put("SubtensorModule", "CommitRevealWeightsEnabled", false, netuid); err != nil {
			t.Fatal(err)
		}
	}
}
