package chain_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/affine-go/affine/shared/chain"
	"github.com/affine-go/affine/shared/chain/chaintest"
	"github.com/affine-go/affine/shared/chain/timelock"
	"github.com/affine-go/affine/shared/signer"
	"github.com/affine-go/affine/shared/subnet"
)

func commitIntent(t testing.TB, client *chain.Client) subnet.CommitIntent {
	t.Helper()
	in := intent(t, client)
	return subnet.CommitIntent{
		Netuid: netuid, After: 1, Head: in.Head, HeadHash: in.HeadHash,
		Commitment: subnet.Commitment{Model: "bob/affine-model", Revision: subnet.Revision(strings.Repeat("0a", 20)), ChuteID: "3f2a7b6c-0000-5000-8000-1234567890ab"},
	}
}

func minerConfig(node *chaintest.Node, ledger signer.Ledger) chain.SignerConfig {
	return chain.SignerConfig{Netuid: netuid, Profile: chain.MinerProfile, Beacon: node.Beacon(), Ledger: ledger}
}

// A commitment is sealed, included, opened by the chain, and read back by the metagraph.
func TestCommitmentsAreSignedSealedAndReadBack(t *testing.T) {
	node := start(t, config(t))
	client := dial(t, quick(node.Endpoint()))
	var ledger signer.Memory
	in := commitIntent(t, client)
	signed, err := chain.NewSigner(client, person(t, "Bob"), minerConfig(node, &ledger)).SignCommitment(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	const text = `{"model": "bob/affine-model", "revision": "0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a", "chute_id": "3f2a7b6c-0000-5000-8000-1234567890ab"}`
	if string(signed.Text) != text || signed.Hotkey != hotkey(t, "Bob") || signed.Death != in.Head+64 || signed.Round == 0 {
		t.Errorf("signed %+v", signed)
	}
	if e := ledger.Entries(); len(e) != 1 || e[0].Series != signer.Commitment || e[0].Call != "Commitments.set_commitment" || e[0].Round != signed.Round {
		t.Errorf("entered %+v", e)
	}
	inc, err := client.Submit(t.Context(), signed.Extrinsic)
	if err != nil || inc.Failure != "" {
		t.Fatalf("included as %+v, %v", inc, err)
	}
	mine(t, node, 6)
	mg, err := client.Metagraph(t.Context(), netuid)
	if err != nil {
		t.Fatal(err)
	}
	raw := mg.Commitments[hotkey(t, "Bob")]
	got, err := subnet.ParseCommitment(raw.Text, raw.Block)
	if got.Block = 0; err != nil || got != in.Commitment || string(raw.Text) != text {
		t.Errorf("read back %q, %+v, %v", raw.Text, got, err)
	}
	if raw.Block < inc.Block || raw.Block > inc.Block+3 {
		t.Errorf("committed in block %d, opened in %d", inc.Block, raw.Block)
	}
}

// The round is not out yet when the call is signed, however far finality lags behind.
func TestCommitmentsAreSealedToARoundToCome(t *testing.T) {
	cfg := config(t)
	cfg.FinalityLag = 20
	node := start(t, cfg)
	mine(t, node, 30)
	client := dial(t, quick(node.Endpoint()))
	signed, err := chain.NewSigner(client, person(t, "Bob"), minerConfig(node, nil)).SignCommitment(t.Context(), commitIntent(t, client))
	if err != nil {
		t.Fatal(err)
	}
	at, err := client.Committing(t.Context(), netuid, hotkey(t, "Bob"))
	if err != nil {
		t.Fatal(err)
	}
	newest := at.Now.Add(20 * at.BlockTime)
	if opens := node.Beacon().RoundTime(signed.Round); !opens.After(newest.Add(-at.BlockTime)) || opens.After(newest.Add(2*at.BlockTime)) {
		t.Errorf("opens at %v, the newest block is of %v", opens, newest)
	}
}

func TestCommitmentsRefused(t *testing.T) {
	node := start(t, config(t))
	client := dial(t, quick(node.Endpoint()))
	for name, c := range map[string]struct {
		spoil func(*subnet.CommitIntent, *chain.SignerConfig)
		who   string
		says  string
	}{
		"a validator's signer": {spoil: func(_ *subnet.CommitIntent, c *chain.SignerConfig) { c.Profile = chain.ValidatorProfile }, says: "signer of a validator"},
		"another subnet":       {spoil: func(in *subnet.CommitIntent, _ *chain.SignerConfig) { in.Netuid = 1 }, says: "this signer serves 120"},
		"another beacon":       {spoil: func(_ *subnet.CommitIntent, c *chain.SignerConfig) { c.Beacon = timelock.Quicknet() }, says: "another beacon"},
		"not registered":       {who: "Dave", says: "not registered on subnet 120"},
		"no model":             {spoil: func(in *subnet.CommitIntent, _ *chain.SignerConfig) { in.Commitment.Model = "" }, says: "model is missing"},
		"no revision":          {spoil: func(in *subnet.CommitIntent, _ *chain.SignerConfig) { in.Commitment.Revision = "" }, says: "revision is missing"},
		"a newline":            {spoil: func(in *subnet.CommitIntent, _ *chain.SignerConfig) { in.Commitment.Model = "a/b\nc" }, says: "unprintable"},
		"too long":             {spoil: func(in *subnet.CommitIntent, _ *chain.SignerConfig) { in.Commitment.Model = strings.Repeat("ü", 128) }, says: "the chain takes 1024: shorten its names by"},
		"at once":              {spoil: func(in *subnet.CommitIntent, _ *chain.SignerConfig) { in.After = 0 }, says: "sealed for 0 blocks"},
		"for ever":             {spoil: func(in *subnet.CommitIntent, _ *chain.SignerConfig) { in.After = 7201 }, says: "1 to 7200"},
		"head mislabeled":      {spoil: func(in *subnet.CommitIntent, _ *chain.SignerConfig) { in.Head-- }, says: "the intent says"},
	} {
		t.Run(name, func(t *testing.T) {
			var ledger signer.Memory
			in, cfg, who := commitIntent(t, client), minerConfig(node, &ledger), "Bob"
			if c.spoil != nil {
				c.spoil(&in, &cfg)
			}
			if c.who != "" {
				who = c.who
			}
			signed, err := chain.NewSigner(client, person(t, who), cfg).SignCommitment(t.Context(), in)
			if !errors.Is(err, chain.ErrPolicy) || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "\n") {
				t.Errorf("error %v, want ErrPolicy in one line with %q", err, c.says)
			}
			if signed.Extrinsic != "" || len(ledger.Entries()) > 0 {
				t.Errorf("signed %+v, entered %+v; want neither", signed, ledger.Entries())
			}
		})
	}
}

// The longest commitment that the reader takes and the chain holds is signed and taken.
func TestTheLongestCommitment(t *testing.T) {
	node := start(t, config(t))
	client := dial(t, quick(node.Endpoint()))
	in := commitIntent(t, client)
	in.Commitment = subnet.Commitment{Model: strings.Repeat("m", 256), Revision: subnet.Revision(strings.Repeat("r", 128)), ChuteID: strings.Repeat("c", 128)}
	signed, err := chain.NewSigner(client, person(t, "Bob"), minerConfig(node, nil)).SignCommitment(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	if inc, err := client.Submit(t.Context(), signed.Extrinsic); err != nil || inc.Failure != "" {
		t.Errorf("included as %+v, %v", inc, err)
	}
}

func TestCommitmentsAreCountedApartFromWeights(t *testing.T) {
	node := start(t, config(t))
	client := dial(t, quick(node.Endpoint()))
	var ledger signer.Memory
	cfg := minerConfig(node, &ledger)
	cfg.MaxPerWindow = 1
	in := commitIntent(t, client)
	for i := range 2 {
		_, err := chain.NewSigner(client, person(t, "Alice"), cfg).SignCommitment(t.Context(), in)
		if full := errors.Is(err, signer.ErrCeiling); full != (i == 1) {
			t.Errorf("commitment %d: %v", i, err)
		}
	}
	cfg.Profile = chain.ValidatorProfile
	if _, err := chain.NewSigner(client, person(t, "Alice"), cfg).SignWeights(t.Context(), intent(t, client)); err != nil {
		t.Errorf("weights: %v", err)
	}
	var asked subnet.CommitIntent
	if err := json.Unmarshal(ledger.Entries()[0].Intent, &asked); err != nil || asked.Commitment.ChuteID != in.Commitment.ChuteID {
		t.Errorf("entered %s, %v", ledger.Entries()[0].Intent, err)
	}
}
