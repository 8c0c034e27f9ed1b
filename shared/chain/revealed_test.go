package chain_test

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/affine-go/affine/shared/chain"
	"github.com/affine-go/affine/shared/chain/chaintest"
	"github.com/affine-go/affine/shared/chain/extrinsic"
	"github.com/affine-go/affine/shared/chain/keys"
	"github.com/affine-go/affine/shared/subnet"
)

// commit seals weights, has them included and says what to look for.
func commit(t testing.TB, node *chaintest.Node, client *chain.Client, in subnet.WeightsIntent) subnet.TimelockCommit {
	t.Helper()
	signed, err := sealer(t, client, node).SignWeights(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	inc, err := client.Submit(t.Context(), signed.Extrinsic)
	if err != nil || inc.Failure != "" {
		t.Fatalf("included as %+v, %v", inc, err)
	}
	return subnet.TimelockCommit{
		Netuid: in.Netuid, Mechanism: in.Mechanism, UID: 0, Hotkey: hotkey(t, "Alice"), At: inc.Block, Round: signed.Round, Due: signed.Reveal,
	}
}

// opened mines until the node has opened the commit, and says in which block it did.
func opened(t testing.TB, node *chaintest.Node, c subnet.TimelockCommit) subnet.Block {
	t.Helper()
	for range 40 {
		row, err := node.MechanismWeights(c.Netuid, c.Mechanism, c.UID)
		if err != nil {
			t.Fatal(err)
		}
		if len(row) > 0 {
			return node.Head()
		}
		mine(t, node, 1)
	}
	t.Fatal("the node does not open it")
	return 0
}

func revealed(t testing.TB, client *chain.Client, c subnet.TimelockCommit) subnet.Reveal {
	t.Helper()
	r, err := client.Revealed(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

var bobAndCharlie = map[subnet.UID]uint16{1: 65535, 2: 32768}

func TestRevealIsWaitedForAndFound(t *testing.T) {
	for _, test := range []struct {
		mechanism subnet.Mechanism
		spec      uint32 // 0 for the newest; 393 is from before epochs were state
	}{{0, 0}, {1, 0}, {0, 393}, {1, 393}} {
		mechanism := test.mechanism
		cfg := sealing(t)
		cfg.Rules.Mechanisms, cfg.Rules.Tempo, cfg.SpecVersion = 2, 20, test.spec
		node := start(t, cfg)
		client := dial(t, quick(node.Endpoint()))
		in := intent(t, client)
		in.Mechanism = mechanism
		c := commit(t, node, client, in)
		if r := revealed(t, client, c); !r.Waiting || r.Block != 0 || r.Row.Values != nil {
			t.Errorf("just committed: %+v, want it to wait", r)
		}
		at := opened(t, node, c)
		mine(t, node, cfg.FinalityLag-1)
		if r := revealed(t, client, c); !r.Waiting {
			t.Errorf("before the reveal is final: %+v, want it to wait", r)
		}
		for _, more := range []int{1, 1, 7, 16} { // found however late it is looked for
			mine(t, node, more)
			want := subnet.Reveal{Block: at, Row: subnet.WeightsRow{At: at, LastUpdate: c.At, Values: bobAndCharlie}}
			if diff := cmp.Diff(want, revealed(t, client, c)); diff != "" {
				t.Errorf("%+v, head %d: %s", test, node.Head(), diff)
			}
		}
	}
}

// The row is that of the reveal's block, whatever was set since.
func TestRowIsOfTheRevealsBlock(t *testing.T) {
	cfg := sealing(t)
	node := start(t, cfg)
	client := dial(t, quick(node.Endpoint()))
	first := commit(t, node, client, intent(t, client))
	at := opened(t, node, first)
	mine(t, node, 2)
	in := intent(t, client)
	in.UIDs, in.Values = []subnet.UID{2}, []uint16{65535}
	second := commit(t, node, client, in)
	if r := revealed(t, client, first); r.Block != at || !cmp.Equal(r.Row.Values, bobAndCharlie) {
		t.Errorf("the first, while the second waits: %+v", r)
	}
	mine(t, node, int(second.Due-node.Head())+6)
	if r := revealed(t, client, first); r.Block != at || !cmp.Equal(r.Row.Values, bobAndCharlie) {
		t.Errorf("the first, after the second: %+v", r)
	}
	if r := revealed(t, client, second); r.Block < second.Due || !cmp.Equal(r.Row.Values, map[subnet.UID]uint16{2: 65535}) {
		t.Errorf("the second: %+v", r)
	}
}

// While pulses do not come the commit waits, also past the block in which it was due; it
// is lost with its epoch.
func TestRevealWithoutPulses(t *testing.T) {
	node := start(t, sealing(t))
	client := dial(t, quick(node.Endpoint()))
	c := commit(t, node, client, intent(t, client))
	node.HoldPulses(true)
	mine(t, node, int(c.Due-node.Head())+5)
	if r := revealed(t, client, c); !r.Waiting {
		t.Errorf("five blocks late: %+v, want it to wait", r)
	}
	mine(t, node, 20)
	head := node.Finalized()
	want := subnet.Reveal{Row: subnet.WeightsRow{At: head, LastUpdate: c.At, Values: map[subnet.UID]uint16{}}}
	if diff := cmp.Diff(want, revealed(t, client, c)); diff != "" {
		t.Errorf("after its epoch: %s", diff)
	}
}

// garbled is a signed extrinsic whose arguments were changed before it was signed.
func garbled(t testing.TB, client *chain.Client, name, text string, change func(args map[string]any)) string {
	t.Helper()
	signed := decode(t, client, text)
	head, err := client.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	rt, err := client.Runtime(t.Context(), head.Hash)
	if err != nil {
		t.Fatal(err)
	}
	change(signed.Args)
	call, err := rt.Metadata.EncodeCall(signed.Pallet, signed.Name, signed.Args)
	if err != nil {
		t.Fatal(err)
	}
	opts := extrinsic.Options{Nonce: signed.Nonce}
	_, payload, err := extrinsic.Payload(rt, call, opts)
	if err != nil {
		t.Fatal(err)
	}
	sig, err := person(t, name).Sign(t.Context(), payload)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := extrinsic.Assemble(rt, call, person(t, name).Public(), keys.Sr25519, sig, opts)
	if err != nil {
		t.Fatal(err)
	}
	return "0x" + hex.EncodeToString(raw)
}

// A commit that does not hold what a commit holds is dropped without a word when its time
// comes; the weights of before stand.
func TestRevealThatFails(t *testing.T) {
	node := start(t, sealing(t))
	client := dial(t, quick(node.Endpoint()))
	before := commit(t, node, client, intent(t, client))
	opened(t, node, before)
	mine(t, node, 3)
	signed, err := sealer(t, client, node).SignWeights(t.Context(), intent(t, client))
	if err != nil {
		t.Fatal(err)
	}
	bad := garbled(t, client, "Alice", signed.Extrinsic, func(args map[string]any) { args["commit"] = []byte("no ciphertext at all") })
	inc, err := client.Submit(t.Context(), bad)
	if err != nil || inc.Failure != "" {
		t.Fatalf("included as %+v, %v", inc, err)
	}
	c := before
	c.At, c.Round, c.Due = inc.Block, signed.Round, signed.Reveal
	if r := revealed(t, client, c); !r.Waiting {
		t.Errorf("before its time: %+v, want it to wait", r)
	}
	mine(t, node, int(c.Due-node.Head())+8)
	r := revealed(t, client, c)
	if r.Waiting || r.Block != 0 || r.Row.At != node.Finalized() || !cmp.Equal(r.Row.Values, bobAndCharlie) {
		t.Errorf("got %+v, want no block and the weights of before", r)
	}
}

// What a lite node no longer knows an archive tells; without one the row is all there is.
func TestRevealLongAgo(t *testing.T) {
	lite := sealing(t)
	lite.KeepState = 12
	node, archive := start(t, lite), start(t, sealing(t))
	alone := dial(t, quick(node.Endpoint()))
	cfg := quick(node.Endpoint())
	cfg.Archive = []string{archive.Endpoint()}
	client := dial(t, cfg)
	signed, err := sealer(t, client, node).SignWeights(t.Context(), intent(t, client))
	if err != nil {
		t.Fatal(err)
	}
	inc, err := client.Submit(t.Context(), signed.Extrinsic)
	if err != nil {
		t.Fatal(err)
	}
	if twin, err := dial(t, quick(archive.Endpoint())).Submit(t.Context(), signed.Extrinsic); err != nil || twin != inc {
		t.Fatalf("the archive makes other blocks: %+v, %v; want %+v", twin, err, inc)
	}
	c := subnet.TimelockCommit{Netuid: netuid, Hotkey: hotkey(t, "Alice"), At: inc.Block, Round: signed.Round, Due: signed.Reveal}
	at := opened(t, node, c)
	opened(t, archive, c)
	mine(t, node, 30)
	mine(t, archive, 30)
	if r := revealed(t, alone, c); r.Block != 0 || r.Waiting || !r.Unknown || !cmp.Equal(r.Row.Values, bobAndCharlie) {
		t.Errorf("without an archive: %+v", r)
	}
	if r := revealed(t, client, c); r.Block != at || r.Row.At != at || !cmp.Equal(r.Row.Values, bobAndCharlie) {
		t.Errorf("with an archive: %+v, want block %d", r, at)
	}
	node.Inject(chaintest.Fault{Kind: chaintest.DropSocket, Method: "state_getKeysPaged", Times: -1})
	if r, err := alone.Revealed(t.Context(), c); !errors.Is(err, chain.ErrUnreachable) || r.Block != 0 || r.Row.Values != nil {
		t.Errorf("while the node does not answer: %+v, %v; want ErrUnreachable", r, err)
	}
}

// Where the block that opened weights is no longer kept, the oldest one that is tells of
// them, although others have opened since.
func TestRowIsOfTheOldestBlockKept(t *testing.T) {
	cfg := sealing(t)
	cfg.KeepState, cfg.Rules.Tempo = 14, 20
	node := start(t, cfg)
	client := dial(t, quick(node.Endpoint()))
	first := commit(t, node, client, intent(t, client))
	mine(t, node, int(first.Due-node.Head())-6)
	in := intent(t, client)
	in.UIDs, in.Values = []subnet.UID{2}, []uint16{65535}
	at := opened(t, node, first)
	second := commit(t, node, client, in)
	if second.Due < at+15 {
		t.Fatalf("the first is opened at block %d and the second at %d: the node forgets too little between them", at, second.Due)
	}
	mine(t, node, int(second.Due-node.Head())+6)
	if r := revealed(t, client, second); r.Block < second.Due || r.Unknown {
		t.Errorf("the second: %+v", r)
	}
	r := revealed(t, client, first)
	if !r.Unknown || r.Block != 0 || r.Row.At <= at || r.Row.At >= second.Due || !cmp.Equal(r.Row.Values, bobAndCharlie) {
		t.Errorf("the first, opened at block %d, before the second's at %d: %+v", at, second.Due, r)
	}
}

// Whatever a node answers to whatever request, no block is named that opened nothing.
func TestRevealOfALiar(t *testing.T) {
	cfg := sealing(t)
	cfg.Rules.Tempo = 20
	node := start(t, cfg)
	honest := dial(t, quick(node.Endpoint()))
	c := commit(t, node, honest, intent(t, honest))
	at := opened(t, node, c)
	mine(t, node, 9)
	nonsense := []string{`null`, `7`, `""`, `"0x"`, `"0xzz"`, `"0x00"`, `[]`, `[null]`, `["0x00"]`, `[[]]`, `{}`, `[{"block":null,"changes":[["0x",null],[null,null]]}]`, `true`}
	for _, method := range []string{"chain_getFinalizedHead", "chain_getHeader", "chain_getBlockHash", "state_getRuntimeVersion", "state_getKeysPaged", "state_queryStorageAt"} {
		for _, text := range nonsense {
			first := true // the genesis, which the dial asks for, is told truly
			cfg := quick(liar(t, node, func(m string, result json.RawMessage) json.RawMessage {
				if m == "chain_getBlockHash" && first {
					first = false
					return result
				}
				if m == method {
					return json.RawMessage(text)
				}
				return result
			}))
			cfg.Attempts = 1
			if r, err := dial(t, cfg).Revealed(t.Context(), c); r.Block != 0 && (r.Block != at || err != nil) || r.Waiting && err != nil {
				t.Errorf("%s answered with %s: %+v, %v; it was opened at %d", method, text, r, err, at)
			}
		}
	}
}

func TestRevealOfNonsense(t *testing.T) {
	node := start(t, sealing(t))
	client := dial(t, quick(node.Endpoint()))
	if _, err := client.Revealed(t.Context(), subnet.TimelockCommit{Netuid: netuid, Hotkey: "5nonsense"}); !errors.Is(err, keys.ErrAddress) {
		t.Errorf("an address that is none: %v", err)
	}
	future := subnet.TimelockCommit{Netuid: netuid, Hotkey: hotkey(t, "Alice"), At: 5000, Round: 1, Due: 5010}
	if r, err := client.Revealed(t.Context(), future); !errors.Is(err, chain.ErrAnswer) || r.Waiting {
		t.Errorf("a commit to come: %+v, %v; want ErrAnswer", r, err)
	}
}
