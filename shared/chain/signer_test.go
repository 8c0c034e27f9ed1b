package chain_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/affine-go/affine/shared/chain"
	"github.com/affine-go/affine/shared/chain/chaintest"
	"github.com/affine-go/affine/shared/chain/keys"
	"github.com/affine-go/affine/shared/signer"
	"github.com/affine-go/affine/shared/subnet"
)

// refused asks for a signature that policy must refuse: nothing is signed, nothing is
// entered in the ledger, and the error says why.
func refused(t *testing.T, client *chain.Client, cfg chain.SignerConfig, in subnet.WeightsIntent, says string) {
	t.Helper()
	var ledger signer.Memory
	cfg.Ledger = &ledger
	signed, err := chain.NewSigner(client, person(t, "Alice"), cfg).SignWeights(t.Context(), in)
	if !errors.Is(err, chain.ErrPolicy) || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "\n") {
		t.Errorf("error %v, want ErrPolicy in one line with %q", err, says)
	}
	if signed.Extrinsic != "" || len(ledger.Entries()) > 0 {
		t.Errorf("signed %+v, entered %+v; want neither", signed, ledger.Entries())
	}
}

func TestSignerRefusesByTheIntentAlone(t *testing.T) {
	node := start(t, config(t))
	client := dial(t, quick(node.Endpoint()))
	for name, c := range map[string]struct {
		spoil func(*subnet.WeightsIntent, *chain.SignerConfig)
		says  string
	}{
		"another subnet":   {func(in *subnet.WeightsIntent, _ *chain.SignerConfig) { in.Netuid = 64 }, "subnet 64, this signer serves 120"},
		"nothing":          {func(in *subnet.WeightsIntent, _ *chain.SignerConfig) { in.UIDs, in.Values = nil, nil }, "no weights"},
		"lengths differ":   {func(in *subnet.WeightsIntent, _ *chain.SignerConfig) { in.Values = in.Values[:1] }, "2 uids and 1 values"},
		"all zero":         {func(in *subnet.WeightsIntent, _ *chain.SignerConfig) { in.Values = []uint16{0, 0} }, "all weights are zero"},
		"twice":            {func(in *subnet.WeightsIntent, _ *chain.SignerConfig) { in.UIDs = []subnet.UID{1, 1} }, "uid 1 after uid 1"},
		"descending":       {func(in *subnet.WeightsIntent, _ *chain.SignerConfig) { in.UIDs = []subnet.UID{2, 1} }, "uid 1 after uid 2"},
		"window to come":   {func(in *subnet.WeightsIntent, _ *chain.SignerConfig) { in.Epoch = in.Head + 1 }, "begins after its head"},
		"head mislabeled":  {func(in *subnet.WeightsIntent, _ *chain.SignerConfig) { in.Head-- }, "the intent says"},
		"head of no chain": {func(in *subnet.WeightsIntent, _ *chain.SignerConfig) { in.HeadHash = "0x" + strings.Repeat("ab", 32) }, "the intent says"},
		"head of no form":  {func(in *subnet.WeightsIntent, _ *chain.SignerConfig) { in.HeadHash = "\n" + strings.Repeat("x", 1<<20) }, "the intent says"},
		"wrong genesis": {func(_ *subnet.WeightsIntent, c *chain.SignerConfig) { c.Genesis = "0x" + strings.Repeat("2f", 32) },
			"wrong chain"},
		"a miner's signer": {func(_ *subnet.WeightsIntent, c *chain.SignerConfig) { c.Profile = chain.MinerProfile }, "signer of a miner"},
	} {
		t.Run(name, func(t *testing.T) {
			in, cfg := intent(t, client), chain.SignerConfig{Netuid: netuid}
			c.spoil(&in, &cfg)
			refused(t, client, cfg, in, c.says)
		})
	}
}

// What the chain would refuse in a block is refused before anything is signed.
func TestSignerRefusesByTheChainsRules(t *testing.T) {
	for name, c := range map[string]struct {
		chain func(*chaintest.Config)
		spoil func(*subnet.WeightsIntent)
		says  string
	}{
		"not registered": {chain: func(c *chaintest.Config) { c.Neurons[0].Hotkey = hotkey(t, "Dave") }, says: "not registered on subnet 120"},
		"no permit":      {chain: func(c *chaintest.Config) { c.Neurons[0].Permit = false }, says: "uid 0 has no validator permit"},
		"too few":        {chain: func(c *chaintest.Config) { c.Rules.MinAllowed = 3 }, says: "2 weights, the chain asks for 3 at least"},
		"old version":    {spoil: func(in *subnet.WeightsIntent) { in.VersionKey = 6 }, says: "version key 6, the chain asks for 7"},
		"no such uid":    {spoil: func(in *subnet.WeightsIntent) { in.UIDs[1] = 3 }, says: "uid 3, the subnet has 3 neurons"},
		"no mechanism":   {spoil: func(in *subnet.WeightsIntent) { in.Mechanism = 1 }, says: "mechanism 1, the subnet has 1"},
		"too poor":       {chain: func(c *chaintest.Config) { c.Rules.StakeThreshold = 5_000_000_001 }, says: "stake of 5000000000 rao, the chain asks for 5000000001"},
		"too heavy":      {chain: func(c *chaintest.Config) { c.Rules.MaxWeight = 40000 }, says: "the chain allows 40000/65535"},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := config(t)
			if c.chain != nil {
				c.chain(&cfg)
			}
			client := dial(t, quick(start(t, cfg).Endpoint()))
			in := intent(t, client)
			if c.spoil != nil {
				c.spoil(&in)
			}
			refused(t, client, chain.SignerConfig{Netuid: netuid}, in, c.says)
		})
	}
}

// The rules end where the chain's do: what it would take is signed, and taken.
func TestSignerSignsAtTheRulesEdges(t *testing.T) {
	for name, c := range map[string]struct {
		chain func(*chaintest.Config)
		spoil func(*subnet.WeightsIntent)
	}{
		"as rich as asked for":        {chain: func(c *chaintest.Config) { c.Rules.StakeThreshold = 5_000_000_000 }},
		"as many as asked for":        {chain: func(c *chaintest.Config) { c.Rules.MinAllowed = 2 }},
		"more asked for than are":     {chain: func(c *chaintest.Config) { c.Rules.MinAllowed = 900 }, spoil: func(in *subnet.WeightsIntent) { in.UIDs, in.Values = []subnet.UID{0, 1, 2}, []uint16{0, 1, 65535} }},
		"as heavy as allowed":         {chain: func(c *chaintest.Config) { c.Rules.MaxWeight = 43691 }},
		"any version":                 {chain: func(c *chaintest.Config) { c.Rules.VersionKey = 0 }, spoil: func(in *subnet.WeightsIntent) { in.VersionKey = 0 }},
		"the owner, without a permit": {chain: func(c *chaintest.Config) { c.Neurons[0].Permit, c.Owner = false, c.Neurons[0].Hotkey }},
		"itself, without a permit":    {chain: func(c *chaintest.Config) { c.Neurons[0].Permit, c.Rules.MinAllowed = false, 2 }, spoil: func(in *subnet.WeightsIntent) { in.UIDs, in.Values = []subnet.UID{0}, []uint16{9} }},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := config(t)
			if c.chain != nil {
				c.chain(&cfg)
			}
			client := dial(t, quick(start(t, cfg).Endpoint()))
			in := intent(t, client)
			if c.spoil != nil {
				c.spoil(&in)
			}
			signed, err := chain.NewSigner(client, person(t, "Alice"), chain.SignerConfig{Netuid: netuid}).SignWeights(t.Context(), in)
			if err != nil || signed.Call != "SubtensorModule.set_weights" || signed.Round != 0 || signed.Reveal != 0 {
				t.Fatalf("signed %+v, %v", signed, err)
			}
			if inc, err := client.Submit(t.Context(), signed.Extrinsic); err != nil || inc.Failure != "" {
				t.Errorf("included as %+v, %v", inc, err)
			}
		})
	}
}

// A key that AWS KMS could hold: the chain takes ed25519 hotkeys as well.
func TestEd25519Hotkey(t *testing.T) {
	pair, err := keys.FromURI(keys.Ed25519, "//Alice")
	if err != nil {
		t.Fatal(err)
	}
	cfg := config(t)
	cfg.Neurons[0].Hotkey = subnet.Hotkey(pair.Address())
	client := dial(t, quick(start(t, cfg).Endpoint()))
	signed, err := chain.NewSigner(client, pair, chain.SignerConfig{Netuid: netuid}).SignWeights(t.Context(), intent(t, client))
	if err != nil {
		t.Fatal(err)
	}
	if inc, err := client.Submit(t.Context(), signed.Extrinsic); err != nil || inc.Failure != "" || signed.Hotkey != cfg.Neurons[0].Hotkey {
		t.Errorf("signed by %s: %+v, %v", signed.Hotkey, inc, err)
	}
}

func TestSignaturesAreCountedPerWindowAndEntered(t *testing.T) {
	node := start(t, config(t))
	client := dial(t, quick(node.Endpoint()))
	var ledger signer.Memory
	cfg := chain.SignerConfig{Netuid: netuid, MaxPerWindow: 2, Ledger: &ledger}
	in := intent(t, client)
	nonces := map[uint32]bool{}
	for i := range 3 {
		in.Epoch-- // the caller cannot buy signatures by naming other windows
		signed, err := chain.NewSigner(client, person(t, "Alice"), cfg).SignWeights(t.Context(), in)
		if full := errors.Is(err, chain.ErrPolicy) && errors.Is(err, signer.ErrCeiling); full != (i == 2) || err != nil && !full {
			t.Fatalf("signature %d: %v", i, err)
		}
		if err == nil {
			nonces[signed.Nonce] = true
		}
	}
	if len(nonces) != 1 {
		t.Errorf("signatures of one window have nonces %v: more than one could be included", nonces)
	}
	mine(t, node, 360)
	if _, err := chain.NewSigner(client, person(t, "Alice"), cfg).SignWeights(t.Context(), intent(t, client)); err != nil {
		t.Errorf("the next window: %v", err)
	}
	checkEntries(t, ledger.Entries())
}

func checkEntries(t *testing.T, entries []signer.Entry) {
	t.Helper()
	type place struct {
		window subnet.Block
		slot   int
	}
	var places []place
	for _, e := range entries {
		places = append(places, place{e.Window, e.Slot})
		var asked subnet.WeightsIntent
		if err := json.Unmarshal(e.Intent, &asked); err != nil || len(asked.UIDs) != 2 {
			t.Errorf("intent %s: %v", e.Intent, err)
		}
		if e.Hotkey != hotkey(t, "Alice") || e.Call != "SubtensorModule.set_weights" || len(e.Message) != 66 || e.Death == 0 || e.At.IsZero() || e.Netuid != netuid || e.Series != signer.Weights {
			t.Errorf("entry %+v", e)
		}
	}
	if want := []place{{1000, 0}, {1000, 1}, {1360, 0}}; !cmp.Equal(want, places, cmp.AllowUnexported(place{})) {
		t.Errorf("entries at %v, want %v", places, want)
	}
}

// faultyLedger fails every claim, having entered it or not.
type faultyLedger struct {
	signer.Memory
	enters bool
}

var errNoReply = errors.New("no reply")

func (l *faultyLedger) Claim(ctx context.Context, e signer.Entry, most int) (int, error) {
	if l.enters {
		if _, err := l.Memory.Claim(ctx, e, most); err != nil {
			return 0, err
		}
	}
	return 0, errNoReply
}

// watchedKey notes that it was used.
type watchedKey struct {
	*keys.Pair
	used int
	err  error
	spit bool // gives signatures of something else
}

func (k *watchedKey) Sign(ctx context.Context, message []byte) ([64]byte, error) {
	k.used++
	if k.spit {
		message = append([]byte("x"), message...)
	}
	if k.err != nil {
		return [64]byte{}, k.err
	}
	return k.Pair.Sign(ctx, message)
}

func TestTheKeyIsNotUsedForWhatIsNotEntered(t *testing.T) {
	client := dial(t, quick(start(t, config(t)).Endpoint()))
	for name, ledger := range map[string]*faultyLedger{"refused": {}, "reply lost": {enters: true}} {
		key := &watchedKey{Pair: person(t, "Alice")}
		signed, err := chain.NewSigner(client, key, chain.SignerConfig{Netuid: netuid, Ledger: ledger}).SignWeights(t.Context(), intent(t, client))
		if !errors.Is(err, errNoReply) || errors.Is(err, chain.ErrPolicy) || signed.Extrinsic != "" || key.used > 0 {
			t.Errorf("%s: signed %+v, %v, key used %d times; want the ledger's error and no signature", name, signed, err, key.used)
		}
	}
}

// A key that fails costs a slot, and one that signs something else gives nothing.
func TestTheKeysAnswerIsChecked(t *testing.T) {
	client := dial(t, quick(start(t, config(t)).Endpoint()))
	for name, key := range map[string]*watchedKey{
		"refused": {Pair: person(t, "Alice"), err: errNoReply}, "another signature": {Pair: person(t, "Alice"), spit: true},
	} {
		var ledger signer.Memory
		signed, err := chain.NewSigner(client, key, chain.SignerConfig{Netuid: netuid, Ledger: &ledger}).SignWeights(t.Context(), intent(t, client))
		if err == nil || errors.Is(err, chain.ErrPolicy) || signed.Extrinsic != "" || len(ledger.Entries()) != 1 {
			t.Errorf("%s: signed %+v, %v, entered %d", name, signed, err, len(ledger.Entries()))
		}
	}
}

func TestSignerRefusesStaleAndFutureHeads(t *testing.T) {
	cfg := config(t)
	node := start(t, cfg)
	client := dial(t, quick(node.Endpoint()))
	s := chain.NewSigner(client, person(t, "Alice"), chain.SignerConfig{Netuid: netuid})
	old := intent(t, client)
	best, err := client.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ahead := old
	ahead.Head, ahead.HeadHash = best.Number, best.Hash
	if signed, err := s.SignWeights(t.Context(), ahead); err == nil || errors.Is(err, chain.ErrPolicy) || signed.Extrinsic != "" {
		t.Errorf("a head that is not final: got %+v, %v, want an error after which to try again", signed, err)
	}
	mine(t, node, 4)
	within := intent(t, client)
	mine(t, node, 60)
	if _, err := s.SignWeights(t.Context(), old); !errors.Is(err, chain.ErrPolicy) {
		t.Errorf("a head of 64 blocks ago: got %v, want ErrPolicy", err)
	}
	if signed, err := s.SignWeights(t.Context(), within); err != nil || signed.Death != within.Head+64 {
		t.Errorf("a head of 60 blocks ago, which the next block includes: %+v, %v", signed, err)
	}
}
