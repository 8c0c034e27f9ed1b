package main

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/affine-go/affine/shared/chain"
	"github.com/affine-go/affine/shared/chain/chaintest"
	"github.com/affine-go/affine/shared/chain/keys"
	"github.com/affine-go/affine/shared/subnet"
)

// pair is one of the well-known development keys.
func pair(t testing.TB, name string) *keys.Pair {
	t.Helper()
	p, err := keys.FromURI(keys.Sr25519, "//"+name)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func hotkey(t testing.TB, name string) subnet.Hotkey {
	t.Helper()
	return subnet.Hotkey(pair(t, name).Address())
}

// runtimeCode begins like a compressed runtime.
var runtimeCode = append([]byte("\x52\xbc\x53\x76\x46\xdb\x8e\x05\x28\xb5\x2f\xfd"), bytes.Repeat([]byte{7}, 5000)...)

// smallSubnet has a validator, Alice, and miners who committed in every way there is,
// some of them with ill intent.
func smallSubnet(t testing.TB) chaintest.Config {
	t.Helper()
	const revision = "0123456789abcdef0123456789abcdef01234567"
	steering := "{\"model\":\"\\u001b[31mred\\u202e\",\"revision\":\"r\"}"
	return chaintest.Config{
		Netuid: 120, First: 1000, Sealing: chaintest.OnSubmit, FinalityLag: 1, SpecVersion: 446, Code: runtimeCode,
		Neurons: []chaintest.Neuron{
			{Hotkey: hotkey(t, "Alice"), Stake: 1_234_567_890_123, Permit: true},
			{Hotkey: hotkey(t, "Bob"), Stake: 7, Revealed: []chaintest.Commitment{
				{Text: []byte(`{"model":"old","revision":"r"}`), Block: 900},
				{Text: []byte(`{"model":"bob/Affine-1","revision":"` + revision + `","chute_id":"c-1"}`), Block: 950}}},
			{Hotkey: hotkey(t, "Charlie"), Revealed: []chaintest.Commitment{{Text: []byte(steering), Block: 951}}},
			{Hotkey: hotkey(t, "Dave"), Plain: []byte(`{"model":"dave/` + strings.Repeat("long-", 30) + `","revision":"r"}`)},
			{Hotkey: hotkey(t, "Eve"), Revealed: []chaintest.Commitment{{Text: []byte("\xff\x1b]0;owned\x07"), Block: 952}}},
			{Hotkey: hotkey(t, "Ferdie")},
		},
		Rules: subnet.WeightRules{Tempo: 360, RateLimit: 0, MinAllowed: 1, VersionKey: 7},
	}
}

// startNode runs a node until the test, or the script, ends.
func startNode(t testing.TB, cfg chaintest.Config) *chaintest.Node {
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

// setWeights has Alice set weights on the node.
func setWeightsOn(t testing.TB, node *chaintest.Node, uids []subnet.UID, values []uint16) {
	t.Helper()
	client, err := chain.Dial(t.Context(), chain.Config{Endpoints: []string{node.Endpoint()}, Poll: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	head, err := client.Finalized(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	signed, err := chain.NewSigner(client, pair(t, "Alice"), chain.SignerConfig{Netuid: 120}).SignWeights(t.Context(), subnet.WeightsIntent{
		Netuid: 120, UIDs: uids, Values: values, VersionKey: 7, Head: head.Number, HeadHash: head.Hash, Epoch: 1000,
	})
	if err != nil {
		t.Fatal(err)
	}
	inc, err := client.Submit(t.Context(), signed.Extrinsic)
	if err != nil || inc.Failure != "" {
		t.Fatalf("%+v, %v", inc, err)
	}
}

// The commands that ask a chain, as a person uses them. The node stands at $NODE.
func TestOnlineScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: filepath.Join("testdata", "script", "online"),
		Setup: func(e *testscript.Env) error {
			node := startNode(t, smallSubnet(t))
			setWeightsOn(t, node, []subnet.UID{1, 2}, []uint16{65535, 16384})
			e.Setenv("NODE", node.Endpoint())
			e.Setenv("GENESIS", node.Genesis())
			for _, name := range []string{"Alice", "Bob", "Charlie", "Dave", "Eve", "Ferdie"} {
				e.Setenv(strings.ToUpper(name), string(hotkey(t, name)))
			}
			return nil
		},
	})
}
