package chain_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/affine-go/affine/shared/chain"
	"github.com/affine-go/affine/shared/chain/chaintest"
	"github.com/affine-go/affine/shared/chain/keys"
	"github.com/affine-go/affine/shared/chain/metadata"
	"github.com/affine-go/affine/shared/chain/scale"
	"github.com/affine-go/affine/shared/sharedtest"
	"github.com/affine-go/affine/shared/subnet"
)

// sdkText is a text as upstream's SDK reveals it, its SCALE length before it.
func sdkText(text string) []byte {
	var e scale.Encoder
	e.Str(text)
	return e.Data()
}

func TestMetagraph(t *testing.T) {
	cfg := config(t)
	cfg.Rules = subnet.WeightRules{
		Tempo: 99, RateLimit: 77, CommitReveal: true, VersionKey: 5, MinAllowed: 3, MaxWeight: 4321,
		BlockTime: 250 * time.Millisecond, LastEpochHint: 950,
		RevealPeriod: 3, CommitVersion: 7, Mechanisms: 2, StakeThreshold: 1_000_000,
	}
	const model = `{"model":"bob/affine-1","revision":"abc","chute_id":"c"}`
	cfg.Neurons[1].Revealed = []chaintest.Commitment{{Text: []byte("old"), Block: 17}, {Text: sdkText(model), Block: 900}}
	cfg.Owner = hotkey(t, "Charlie")
	node := start(t, cfg)
	client := dial(t, quick(node.Endpoint()))
	got, err := client.Metagraph(t.Context(), netuid)
	if err != nil {
		t.Fatal(err)
	}
	want := subnet.Metagraph{
		Netuid: netuid, Block: 1002, BlockHash: got.BlockHash, Rules: cfg.Rules, Owner: cfg.Owner,
		Neurons: []subnet.Neuron{
			{UID: 0, Hotkey: hotkey(t, "Alice"), Permit: true, Stake: 5_000_000_000},
			{UID: 1, Hotkey: hotkey(t, "Bob"), Stake: 7},
			{UID: 2, Hotkey: hotkey(t, "Charlie")},
		},
		Commitments: map[subnet.Hotkey]subnet.RawCommitment{hotkey(t, "Bob"): {Text: []byte(model), Block: 900}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// A runtime that tells of neurons in rows only is read to the same effect; what its rows
// do not tell is not held against anybody.
func TestMetagraphOfRows(t *testing.T) {
	cfg := config(t)
	cfg.Rules.StakeThreshold = 1_000_000
	node := start(t, cfg)
	columns, err := dial(t, quick(node.Endpoint())).Metagraph(t.Context(), netuid)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := dial(t, quick(without(t, node, "SubnetInfoRuntimeApi_get_selective_metagraph"))).Metagraph(t.Context(), netuid)
	if err != nil {
		t.Fatal(err)
	}
	columns.Rules.StakeThreshold = 0
	if diff := cmp.Diff(columns, rows); diff != "" {
		t.Error(diff)
	}
	neither := without(t, node, "SubnetInfoRuntimeApi_get_selective_metagraph", "NeuronInfoRuntimeApi_get_neurons_lite")
	if mg, err := dial(t, quick(neither)).Metagraph(t.Context(), netuid); err == nil || !strings.Contains(err.Error(), "not found") {
		t.Errorf("without either: %+v, %v", mg, err)
	}
}

// Metadata of version 14 describes no runtime APIs, so nobody can be asked for neurons.
func TestMetagraphWithoutAPIs(t *testing.T) {
	cfg := real343(t)
	text, err := os.ReadFile(sharedtest.Dir(t, "data", "chain", "metadata-343.v14.hex"))
	if err != nil {
		t.Fatal(err)
	}
	cfg.Metadata = unhex(t, strings.TrimSpace(string(text)))
	if i := bytes.Index(cfg.Metadata, []byte("meta")); i > 0 {
		cfg.Metadata = cfg.Metadata[i:]
	}
	mg, err := dial(t, quick(start(t, cfg).Endpoint())).Metagraph(t.Context(), netuid)
	if !errors.Is(err, chain.ErrNoNeurons) || len(mg.Neurons) > 0 {
		t.Errorf("%+v, %v; want ErrNoNeurons", mg, err)
	}
}

func TestMetagraphOfSubnetThatIsNot(t *testing.T) {
	client := dial(t, quick(start(t, config(t)).Endpoint()))
	mg, err := client.Metagraph(t.Context(), 64)
	if err != nil || len(mg.Neurons) != 0 || len(mg.Commitments) != 0 || !mg.Rules.CommitReveal {
		t.Errorf("got %+v, %v; want an empty subnet with the chain's defaults", mg, err)
	}
}

// What a miner writes is handed on as it is, whatever it is, and never spoils the read.
func TestCommitmentsInAllForms(t *testing.T) {
	const json = `{"model":"m/affine","revision":"r"}`
	long := bytes.Repeat([]byte("x"), 1024)
	for name, c := range map[string]struct {
		revealed, plain, want []byte
		at                    subnet.Block
	}{
		"SCALE string":          {revealed: sdkText(json), want: []byte(json), at: 5},
		"raw JSON":              {revealed: []byte(json), want: []byte(json), at: 5},
		"plain":                 {plain: []byte(json), want: []byte(json)},
		"plain, SCALE string":   {plain: sdkText(json), want: []byte(json)},
		"plain, long":           {plain: long[:512], want: long[:512]},
		"both":                  {revealed: []byte(json), plain: []byte("older"), want: []byte(json), at: 5},
		"empty":                 {revealed: []byte{}, want: []byte{}, at: 5},
		"empty SCALE string":    {revealed: []byte{0}, want: []byte{}, at: 5},
		"one byte":              {revealed: []byte{0xff}, want: []byte{0xff}, at: 5},
		"not UTF-8":             {revealed: []byte{0xc3, 0x28, 0xff}, want: []byte{0xc3, 0x28, 0xff}, at: 5},
		"length of too much":    {revealed: []byte{0xfe, 0xff, 0xff, 0xff}, want: []byte{0xfe, 0xff, 0xff, 0xff}, at: 5},
		"length of too little":  {revealed: append([]byte{4}, json...), want: append([]byte{4}, json...), at: 5},
		"length not canonical":  {revealed: []byte{5, 0, 'a'}, want: []byte{5, 0, 'a'}, at: 5},
		"huge":                  {revealed: bytes.Repeat(long, 64), want: bytes.Repeat(long, 64), at: 5},
		"zero bytes":            {revealed: make([]byte, 40), want: make([]byte, 40), at: 5},
		"plain, no text at all": {plain: []byte{}, want: []byte{}},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := config(t)
			cfg.Neurons[1].Plain = c.plain
			if c.revealed != nil {
				cfg.Neurons[1].Revealed = []chaintest.Commitment{{Text: c.revealed, Block: 5}}
			}
			client := dial(t, quick(start(t, cfg).Endpoint()))
			mg, err := client.Metagraph(t.Context(), netuid)
			if err != nil {
				t.Fatal(err)
			}
			got, found := mg.Commitments[hotkey(t, "Bob")]
			if !found || !bytes.Equal(got.Text, c.want) || got.Block != c.at || len(mg.Commitments) != 1 {
				t.Errorf("got %q at %d (%v), want %q at %d", got.Text, got.Block, found, c.want, c.at)
			}
		})
	}
}

// A commitment that is sealed, and one that the chain could not open, are there with the
// reason why nothing can be read; runtimes before 446 drop the latter.
func TestSealedAndLostCommitments(t *testing.T) {
	for spec, lost := range map[uint32]string{446: "the chain could not open it", 438: ""} {
		cfg := config(t)
		cfg.SpecVersion = spec
		node := start(t, cfg)
		client := dial(t, quick(node.Endpoint()))
		in := commitIntent(t, client)
		in.After = 20
		signed, err := chain.NewSigner(client, person(t, "Bob"), minerConfig(node, nil)).SignCommitment(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		bad := garbled(t, client, "Bob", signed.Extrinsic, func(args map[string]any) {
			field := args["info"].(map[string]any)["fields"].([]any)[0].(metadata.Variant)
			field.Value.(map[string]any)["encrypted"] = []byte("no ciphertext at all")
		})
		if inc, err := client.Submit(t.Context(), bad); err != nil || inc.Failure != "" {
			t.Fatalf("included as %+v, %v", inc, err)
		}
		problem := func() string {
			mg, err := client.Metagraph(t.Context(), netuid)
			if err != nil {
				t.Fatal(err)
			}
			if raw := mg.Commitments[hotkey(t, "Bob")]; len(raw.Text) == 0 {
				return raw.Problem
			}
			return "text"
		}
		if got, want := problem(), fmt.Sprintf("sealed until drand round %d", signed.Round); got != want {
			t.Errorf("spec %d, before it opens: %q, want %q", spec, got, want)
		}
		mine(t, node, 30)
		if got := problem(); got != lost {
			t.Errorf("spec %d, after it was to open: %q, want %q", spec, got, lost)
		}
	}
}

// full is a subnet with all 256 slots taken and a commitment in each.
func full(t testing.TB) chaintest.Config {
	t.Helper()
	cfg := config(t)
	for i := len(cfg.Neurons); i < 256; i++ {
		cfg.Neurons = append(cfg.Neurons, chaintest.Neuron{
			Hotkey:   subnet.Hotkey(keys.Address([32]byte{byte(i), 1}, keys.Prefix)),
			Revealed: []chaintest.Commitment{{Text: sdkText(fmt.Sprintf(`{"model":"m/affine-%d","revision":"r"}`, i)), Block: 3}},
		})
	}
	return cfg
}

func TestFullSubnetTakesFewRequests(t *testing.T) {
	node := start(t, full(t))
	client := dial(t, quick(node.Endpoint()))
	if _, err := client.Metagraph(t.Context(), netuid); err != nil {
		t.Fatal(err)
	}
	before := requests(node.Served())
	mg, err := client.Metagraph(t.Context(), netuid)
	if err != nil {
		t.Fatal(err)
	}
	if asked := requests(node.Served()) - before; len(mg.Neurons) != 256 || len(mg.Commitments) != 253 || asked > 6 {
		t.Errorf("%d neurons, %d commitments, %d requests", len(mg.Neurons), len(mg.Commitments), asked)
	}
}

func TestNonce(t *testing.T) {
	node := start(t, config(t))
	client := dial(t, quick(node.Endpoint()))
	signed := sign(t, client, "Alice", intent(t, client))
	if _, err := client.Submit(t.Context(), signed.Extrinsic); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]uint32{"Alice": 1, "Bob": 0, "Nobody": 0} {
		if got, err := client.Nonce(t.Context(), hotkey(t, name)); got != want || err != nil {
			t.Errorf("nonce of %s is %d, %v; want %d", name, got, err, want)
		}
	}
	if _, err := client.Nonce(t.Context(), "5nonsense"); !errors.Is(err, keys.ErrAddress) {
		t.Errorf("nonce of nonsense: %v", err)
	}
}

// BenchmarkMetagraph reads a full subnet, neurons, commitments and rules, from a node on
// the same machine, whose own work is counted too.
func BenchmarkMetagraph(b *testing.B) {
	node := start(b, full(b))
	client := dial(b, quick(node.Endpoint()))
	if _, err := client.Metagraph(b.Context(), netuid); err != nil {
		b.Fatal(err)
	}
	before := requests(node.Served())
	for b.Loop() {
		if _, err := client.Metagraph(b.Context(), netuid); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(requests(node.Served())-before)/float64(b.N), "requests/op")
}
