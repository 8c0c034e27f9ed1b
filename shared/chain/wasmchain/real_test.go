package wasmchain_test

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/affine-go/affine/shared/chain"
	"github.com/affine-go/affine/shared/chain/extrinsic"
	"github.com/affine-go/affine/shared/chain/keys"
	"github.com/affine-go/affine/shared/chain/wasmchain"
	"github.com/affine-go/affine/shared/chain/wasmhost"
	"github.com/affine-go/affine/shared/subnet"
)

// runtimeSetting names a file with a Subtensor runtime: WebAssembly, plain or as chains
// store it. `af chain fetch-runtime` saves one.
const runtimeSetting = "AFFINE_RUNTIME"

// cache keeps compiled code between the nodes of one run of the tests.
var cache string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		var err error
		if cache, err = os.MkdirTemp("", "affine-wasmchain"); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(cache)
		return m.Run()
	}())
}

// code is the real runtime. Without one the test is skipped, on CI as well: a runtime is
// not the project's to hand out.
func code(t testing.TB) []byte {
	t.Helper()
	path := os.Getenv(runtimeSetting)
	if path == "" {
		t.Skipf("NOT CHECKED: set %s to a Subtensor runtime's WebAssembly to run %s on it", runtimeSetting, t.Name())
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

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

func address(p *keys.Pair) subnet.Hotkey { return subnet.Hotkey(p.Address()) }

// world is a subnet on a real runtime: Owner, Validator with stake, and two miners, uids
// 0 to 3. Blocks are made by hand and of what is submitted.
type world struct {
	t      testing.TB
	node   *wasmchain.Node
	client *chain.Client
	netuid subnet.Netuid
}

const validatorStake = 100_000_000_000_000 // 100,000 TAO

func found(t testing.TB, rules subnet.WeightRules) *world {
	t.Helper()
	return foundOn(t, start(t, wasmchain.Config{OnSubmit: true}), rules)
}

func foundOn(t testing.TB, node *wasmchain.Node, rules subnet.WeightRules) *world {
	t.Helper()
	w := &world{t: t, node: node}
	rules.Tempo = cmp.Or(rules.Tempo, 10)
	s := wasmchain.Subnet{Founder: pair(t, "Alice"), Rules: rules}
	for _, name := range []string{"Owner", "Validator", "Miner1", "Miner2"} {
		s.Neurons = append(s.Neurons, wasmchain.Neuron{Hotkey: pair(t, name).Public()})
	}
	s.Neurons[1].Stake = validatorStake
	var err error
	if w.netuid, err = w.node.Found(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	w.client = dial(t, w.node)
	return w
}

func start(t testing.TB, cfg wasmchain.Config) *wasmchain.Node {
	t.Helper()
	cfg.Code, cfg.Host = code(t), wasmhost.Config{Cache: cache}
	n, err := wasmchain.Start(t.Context(), cfg)
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

func dial(t testing.TB, n *wasmchain.Node) *chain.Client {
	t.Helper()
	c, err := chain.Dial(t.Context(), chain.Config{Endpoints: []string{n.Endpoint()}, Poll: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

func (w *world) mine(count int) {
	w.t.Helper()
	if err := w.node.Mine(w.t.Context(), count); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) metagraph() subnet.Metagraph {
	w.t.Helper()
	mg, err := w.client.Metagraph(w.t.Context(), w.netuid)
	if err != nil {
		w.t.Fatal(err)
	}
	return mg
}

// set gives storage items of the pallet SubtensorModule values, by sudo.
func (w *world) set(item string, value any) {
	w.t.Helper()
	err := w.node.Set(w.t.Context(), pair(w.t, "Alice"), wasmchain.Setting{Pallet: "SubtensorModule", Item: item, Keys: []any{uint16(w.netuid)}, Value: value})
	if err != nil {
		w.t.Fatal(err)
	}
}

// awaitPermit makes blocks until an epoch has given the validator its permit.
func (w *world) awaitPermit() {
	w.t.Helper()
	for range 100 {
		if w.metagraph().Neurons[1].Permit {
			return
		}
		w.mine(1)
	}
	w.t.Fatal("no epoch gives the validator a permit")
}

// extrinsic is a call as its author signs it, and mistakes may change.
func (w *world) extrinsic(who *keys.Pair, pallet, call string, args map[string]any, spoil func(*extrinsic.Context, *extrinsic.Options)) string {
	w.t.Helper()
	ctx := w.t.Context()
	head, err := w.client.Head(ctx)
	if err != nil {
		w.t.Fatal(err)
	}
	rt, err := w.client.Runtime(ctx, head.Hash)
	if err != nil {
		w.t.Fatal(err)
	}
	nonce, err := w.client.Nonce(ctx, address(who))
	if err != nil {
		w.t.Fatal(err)
	}
	encoded, err := rt.Metadata.EncodeCall(pallet, call, args)
	if err != nil {
		w.t.Fatal(err)
	}
	opts := extrinsic.Options{Nonce: uint64(nonce)}
	if spoil != nil {
		spoil(&rt, &opts)
	}
	return fmt.Sprintf("%#x", signed(w.t, rt, who, encoded, opts))
}

func signed(t testing.TB, rt extrinsic.Context, who *keys.Pair, call []byte, opts extrinsic.Options) []byte {
	t.Helper()
	_, message, err := extrinsic.Payload(rt, call, opts)
	if err != nil {
		t.Fatal(err)
	}
	signature, err := who.Sign(context.Background(), message)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := extrinsic.Assemble(rt, call, who.Public(), who.Kind(), signature, opts)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// submit sends a call as it is and returns how its dispatch ended.
func (w *world) submit(who *keys.Pair, pallet, call string, args map[string]any) string {
	w.t.Helper()
	in, err := w.client.Submit(w.t.Context(), w.extrinsic(who, pallet, call, args, nil))
	if err != nil {
		w.t.Fatal(err)
	}
	return in.Failure
}

// post sends an extrinsic straight to the pool, as the client would not, and returns its
// answer.
func (w *world) post(raw string) string {
	w.t.Helper()
	msg := fmt.Sprintf(`{"jsonrpc":"2.0","id":1,"method":"author_submitExtrinsic","params":[%q]}`, raw)
	url := strings.Replace(w.node.Endpoint(), "ws://", "http://", 1)
	req, err := http.NewRequestWithContext(w.t.Context(), http.MethodPost, url, strings.NewReader(msg))
	if err != nil {
		w.t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return string(body)
}

// weights are the arguments of set_weights.
func (w *world) weights(uids, values []uint16) map[string]any {
	return map[string]any{"netuid": uint16(w.netuid), "dests": uids, "weights": values, "version_key": 0}
}

// intent is a decision at the newest finalized block.
func (w *world) intent(uids []subnet.UID, values []uint16) subnet.WeightsIntent {
	w.t.Helper()
	mg := w.metagraph()
	return subnet.WeightsIntent{Netuid: w.netuid, UIDs: uids, Values: values, Head: mg.Block, HeadHash: mg.BlockHash, Epoch: mg.Block}
}

func (w *world) signer(name string, profile chain.Profile) *chain.Signer {
	w.t.Helper()
	beacon, err := w.client.Beacon(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	return chain.NewSigner(w.client, pair(w.t, name), chain.SignerConfig{
		Netuid: w.netuid, Genesis: w.node.Genesis(), Profile: profile, Beacon: beacon, MaxPerWindow: 10,
	})
}

// confirm submits what a signer signed; it has to succeed.
func (w *world) confirm(text string) subnet.Inclusion {
	w.t.Helper()
	in, err := w.client.Submit(w.t.Context(), text)
	if err != nil {
		w.t.Fatal(err)
	}
	if in.Failure != "" {
		w.t.Fatalf("it failed: %s", in.Failure)
	}
	return in
}
