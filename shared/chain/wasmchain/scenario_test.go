package wasmchain_test

import (
	"cmp"
	"maps"
	"strings"
	"testing"

	"github.com/affine-go/affine/shared/chain"
	"github.com/affine-go/affine/shared/chain/extrinsic"
	"github.com/affine-go/affine/shared/chain/metadata"
	"github.com/affine-go/affine/shared/subnet"
)

func TestRegisteringStakingAndThePermit(t *testing.T) {
	w := found(t, subnet.WeightRules{RateLimit: 5, MinAllowed: 1, VersionKey: 3})
	before := w.metagraph()
	if len(before.Neurons) != 4 {
		t.Fatalf("%d neurons, want 4", len(before.Neurons))
	}
	for uid, name := range []string{"Owner", "Validator", "Miner1", "Miner2"} {
		if got, want := before.Neurons[uid].Hotkey, address(pair(t, name)); got != want {
			t.Errorf("uid %d is %s, want %s", uid, got, want)
		}
	}
	if before.Rules.Tempo != 10 || before.Rules.RateLimit != 5 || before.Rules.CommitReveal || before.Rules.VersionKey != 3 || before.Rules.BlockTime != w.node.BlockTime() {
		t.Errorf("rules %+v", before.Rules)
	}
	w.awaitPermit()
	after := w.metagraph()
	if after.Neurons[1].Stake == 0 || after.Neurons[2].Permit {
		t.Errorf("neurons %+v", after.Neurons)
	}
}

func TestWeightsInTheOpen(t *testing.T) {
	w := found(t, subnet.WeightRules{RateLimit: 5, MinAllowed: 1})
	w.awaitPermit()
	w.mine(5) // registering counts as an update
	signed, err := w.signer("Validator", chain.ValidatorProfile).SignWeights(t.Context(), w.intent([]subnet.UID{2, 3}, []uint16{40000, 20000}))
	if err != nil {
		t.Fatal(err)
	}
	in := w.confirm(signed.Extrinsic)
	row, err := w.client.Weights(t.Context(), w.netuid, 0, 1)
	if err != nil {
		t.Fatal(err)
	}
	// The chain scales to the greatest weight.
	if want := map[subnet.UID]uint16{2: 65535, 3: 32767}; !maps.Equal(row.Values, want) || row.LastUpdate != in.Block {
		t.Errorf("row %+v, want %v at block %d", row, want, in.Block)
	}
	again, found, err := w.client.Find(t.Context(), signed.Hash, in.Block-2, in.Block)
	if err != nil || !found || again != in {
		t.Errorf("Find = %+v, %v, %v; want %+v", again, found, err, in)
	}
	nonce, err := w.client.Nonce(t.Context(), address(pair(t, "Validator")))
	if err != nil || nonce != signed.Nonce+1 {
		t.Errorf("nonce %d, %v; want %d", nonce, err, signed.Nonce+1)
	}
	// The same bytes again are found, not sent twice.
	if repeated, err := w.client.Submit(t.Context(), signed.Extrinsic); err != nil || repeated != in {
		t.Errorf("submitted again: %+v, %v; want %+v", repeated, err, in)
	}
}

func TestErrorsOfTheRealModule(t *testing.T) {
	w := found(t, subnet.WeightRules{RateLimit: 50, MinAllowed: 1})
	w.awaitPermit()
	miner := pair(t, "Miner1")
	set := func(name string, uids ...uint16) string {
		values := make([]uint16, len(uids))
		for i := range values {
			values[i] = 1
		}
		return w.submit(pair(t, name), "SubtensorModule", "set_weights", w.weights(uids, values))
	}
	for _, test := range []struct {
		want   string
		failed func() string
	}{
		{"SubtensorModule.SettingWeightsTooFast", func() string { return set("Validator", 2) }},
		{"SubtensorModule.HotKeyNotRegisteredInSubNet", func() string { return set("Stranger", 2) }},
		{"SubtensorModule.NeuronNoValidatorPermit", func() string { w.set("WeightsSetRateLimit", 0); return set("Miner1", 2, 3) }},
		{"", func() string { return set("Validator", 2) }},
		{"SubtensorModule.DuplicateUids", func() string { return set("Validator", 2, 2) }},
		{"SubtensorModule.UidVecContainInvalidOne", func() string { return set("Validator", 900) }},
		{"SubtensorModule.IncorrectWeightVersionKey", func() string { w.set("WeightsVersionKey", 7); return set("Validator", 2) }},
		{"SubtensorModule.CommitRevealEnabled", func() string { w.set("CommitRevealWeightsEnabled", true); return set("Validator", 2) }},
	} {
		if got := test.failed(); got != test.want {
			t.Errorf("got %q, want %q", got, test.want)
		}
	}
	if got := w.submit(pair(t, "Stranger"), "Commitments", "set_commitment", commitment(w.netuid, "Raw1", []byte("x"))); got != "Commitments.AccountNotAllowedCommit" {
		t.Errorf("a stranger's commitment: %q", got)
	}
	big := commitment(w.netuid, "BigRaw", make([]byte, 512))
	if got := []string{w.submit(miner, "Commitments", "set_commitment", big), w.spend(big)}; got[0] != "" || got[1] != "Commitments.SpaceLimitExceeded" {
		t.Errorf("commitments of 512 bytes end with %q", got)
	}
}

// spend commits until the chain refuses.
func (w *world) spend(args map[string]any) string {
	for range 20 {
		if failure := w.submit(pair(w.t, "Miner1"), "Commitments", "set_commitment", args); failure != "" {
			return failure
		}
	}
	return ""
}

// commitment are the arguments of set_commitment with one field.
func commitment(netuid subnet.Netuid, kind string, value any) map[string]any {
	return map[string]any{"netuid": uint16(netuid), "info": map[string]any{"fields": []any{metadata.Variant{Name: kind, Value: value}}}}
}

func TestThePoolRefusesWhatIsSpoiled(t *testing.T) {
	w := found(t, subnet.WeightRules{RateLimit: 1, MinAllowed: 1})
	args := w.weights([]uint16{2}, []uint16{1})
	alice := pair(t, "Alice")
	for name, test := range map[string]struct {
		spoil func(*extrinsic.Context, *extrinsic.Options)
		want  string
	}{
		"another chain's":   {func(c *extrinsic.Context, _ *extrinsic.Options) { c.Genesis[0] ^= 1 }, "bad signature"},
		"another runtime's": {func(c *extrinsic.Context, _ *extrinsic.Options) { c.SpecVersion++ }, "bad signature"},
		"a used nonce":      {func(_ *extrinsic.Context, o *extrinsic.Options) { o.Nonce = 0 }, "outdated"},
		"a dead era": {func(_ *extrinsic.Context, o *extrinsic.Options) {
			o.Era, o.EraBlockHash = extrinsic.Mortal(4, 2), [32]byte{1}
		}, "bad signature"},
	} {
		if got := w.post(w.extrinsic(alice, "SubtensorModule", "set_weights", args, test.spoil)); !strings.Contains(got, `"code":1010`) || !strings.Contains(got, test.want) {
			t.Errorf("%s: %s, want code 1010 and %q", name, got, test.want)
		}
	}
	sound := w.extrinsic(alice, "SubtensorModule", "set_weights", args, nil)
	last := map[byte]string{'0': "1"}[sound[len(sound)-1]]
	if got := w.post(sound[:len(sound)-1] + cmp.Or(last, "0")); !strings.Contains(got, "bad signature") {
		t.Errorf("a flipped bit: %s", got)
	}
	if got := w.post(sound[:len(sound)-2]); !strings.Contains(got, `"code":1002`) {
		t.Errorf("a byte short: %s", got)
	}
	if got := w.post(sound); !strings.Contains(got, `"result":"0x`) {
		t.Errorf("as it should be: %s", got)
	}
	if got := w.post(sound); !strings.Contains(got, `"code":1012`) {
		t.Errorf("a second time: %s", got)
	}
}

func TestCommitmentsInTheOpen(t *testing.T) {
	w := found(t, subnet.WeightRules{RateLimit: 1, MinAllowed: 1})
	text := `{"model":"m/Affine-1","revision":"0123456789012345678901234567890123456789"}`
	if failure := w.submit(pair(t, "Miner1"), "Commitments", "set_commitment", commitment(w.netuid, "Raw76", []byte(text))); failure != "" {
		t.Fatal(failure)
	}
	if got := w.metagraph().Commitments[address(pair(t, "Miner1"))]; string(got.Text) != text || got.Block == 0 {
		t.Errorf("read back %q at block %d", got.Text, got.Block)
	}
}

func TestCommitmentsUnderATimelock(t *testing.T) {
	w := found(t, subnet.WeightRules{RateLimit: 1, MinAllowed: 1})
	miner := address(pair(t, "Miner2"))
	mg := w.metagraph()
	signed, err := w.signer("Miner2", chain.MinerProfile).SignCommitment(t.Context(), subnet.CommitIntent{
		Netuid: w.netuid, Commitment: subnet.Commitment{Model: "m/Affine-2", Revision: "0123456789012345678901234567890123456789"},
		After: 6, Head: mg.Block, HeadHash: mg.BlockHash,
	})
	if err != nil {
		t.Fatal(err)
	}
	w.confirm(signed.Extrinsic)
	if got := w.metagraph().Commitments[miner]; got.Problem == "" {
		t.Errorf("opened at once: %q", got.Text)
	}
	for range 40 {
		w.mine(1)
		if got := w.metagraph().Commitments[miner]; got.Problem == "" {
			if string(got.Text) != string(signed.Text) {
				t.Errorf("revealed %q, want %q", got.Text, signed.Text)
			}
			return
		}
	}
	t.Error("never revealed")
}

func TestWeightsUnderATimelock(t *testing.T) {
	w := found(t, subnet.WeightRules{RateLimit: 5, MinAllowed: 1, CommitReveal: true, Tempo: 20})
	w.awaitPermit()
	w.mine(5)
	signed, err := w.signer("Validator", chain.ValidatorProfile).SignWeights(t.Context(), w.intent([]subnet.UID{2, 3}, []uint16{4369, 65535}))
	if err != nil {
		t.Fatal(err)
	}
	in := w.confirm(signed.Extrinsic)
	commit := subnet.TimelockCommit{Netuid: w.netuid, UID: 1, Hotkey: signed.Hotkey, At: in.Block, Round: signed.Round, Due: signed.Reveal}
	if reveal, err := w.client.Revealed(t.Context(), commit); err != nil || !reveal.Waiting {
		t.Errorf("just committed: %+v, %v", reveal, err)
	}
	for range 100 {
		w.mine(1)
		reveal, err := w.client.Revealed(t.Context(), commit)
		if err != nil {
			t.Fatal(err)
		}
		if reveal.Waiting {
			continue
		}
		if want := map[subnet.UID]uint16{2: 4369, 3: 65535}; !maps.Equal(reveal.Row.Values, want) || reveal.Block != signed.Reveal {
			t.Errorf("revealed %+v, want %v in block %d", reveal, want, signed.Reveal)
		}
		return
	}
	t.Error("never revealed")
}
