package chain_test

import (
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/affine-go/affine/shared/chain"
	"github.com/affine-go/affine/shared/chain/chaintest"
	"github.com/affine-go/affine/shared/chain/keys"
	"github.com/affine-go/affine/shared/subnet"
)

const netuid = subnet.Netuid(120)

var people sync.Map // pairs by name: deriving one is made slow on purpose

// person is one of the well-known development keys.
func person(t testing.TB, name string) *keys.Pair {
	t.Helper()
	if known, ok := people.Load(name); ok {
		return known.(*keys.Pair)
	}
	pair, err := keys.FromURI(keys.Sr25519, "//"+name)
	if err != nil {
		t.Fatal(err)
	}
	people.Store(name, pair)
	return pair
}

func hotkey(t testing.TB, name string) subnet.Hotkey {
	t.Helper()
	return subnet.Hotkey(person(t, name).Address())
}

// config is a subnet of three: Alice validates, Bob and Charlie mine.
func config(t testing.TB) chaintest.Config {
	t.Helper()
	return chaintest.Config{
		Netuid: netuid, First: 1000, Sealing: chaintest.OnSubmit, FinalityLag: 2,
		Neurons: []chaintest.Neuron{
			{Hotkey: hotkey(t, "Alice"), Stake: 5_000_000_000, Permit: true},
			{Hotkey: hotkey(t, "Bob"), Stake: 7},
			{Hotkey: hotkey(t, "Charlie")},
		},
		Rules: subnet.WeightRules{Tempo: 360, RateLimit: 100, MinAllowed: 1, VersionKey: 7},
	}
}

// start runs a node with some blocks behind it.
func start(t testing.TB, cfg chaintest.Config) *chaintest.Node {
	t.Helper()
	node, err := chaintest.Start(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := node.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := node.Mine(5); err != nil {
		t.Fatal(err)
	}
	return node
}

// quick are timeouts for a node on the same machine.
func quick(endpoints ...string) chain.Config {
	return chain.Config{
		Endpoints: endpoints, DialTimeout: 5 * time.Second, RequestTimeout: 5 * time.Second,
		Backoff: time.Millisecond, Poll: time.Millisecond,
	}
}

func dial(t testing.TB, cfg chain.Config) *chain.Client {
	t.Helper()
	client, err := chain.Dial(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() }) // ends the socket; nothing to report
	return client
}

// intent asks for weights on Bob and Charlie, decided at the newest finalized block.
func intent(t testing.TB, client *chain.Client) subnet.WeightsIntent {
	t.Helper()
	head, err := client.Finalized(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return subnet.WeightsIntent{
		Netuid: netuid, UIDs: []subnet.UID{1, 2}, Values: []uint16{65535, 32768},
		VersionKey: 7, Head: head.Number, HeadHash: head.Hash, Epoch: 1000,
	}
}

func sign(t testing.TB, client *chain.Client, name string, in subnet.WeightsIntent) subnet.SignedWeights {
	t.Helper()
	signed, err := chain.NewSigner(client, person(t, name), chain.SignerConfig{Netuid: netuid}).SignWeights(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

func TestWeightsAreSignedSubmittedIncludedAndReadBack(t *testing.T) {
	node := start(t, config(t))
	client := dial(t, quick(node.Endpoint()))
	signed := sign(t, client, "Alice", intent(t, client))

	inc, err := client.Submit(t.Context(), signed.Extrinsic)
	if err != nil {
		t.Fatal(err)
	}
	if inc.Failure != "" || inc.Block != 1005 {
		t.Fatalf("included as %+v, want a success in block 1005", inc)
	}
	got, err := client.Weights(t.Context(), netuid, 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	want := subnet.WeightsRow{At: 1005, LastUpdate: 1005, Values: map[subnet.UID]uint16{1: 65535, 2: 32768}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	byNode, err := node.Weights(netuid, 0)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want.Values, byNode); diff != "" {
		t.Error("the node has other weights than the client read:", diff)
	}
	found, ok, err := client.Find(t.Context(), signed.Hash, 1000, 1005)
	if err != nil || !ok || found != inc {
		t.Errorf("Find says %+v, %v, %v; Submit said %+v", found, ok, err, inc)
	}
	if _, ok, err := client.Find(t.Context(), signed.Hash, 1000, 1004); ok || err != nil {
		t.Errorf("Find sees it in a block before its own: %v, %v", ok, err)
	}
}
