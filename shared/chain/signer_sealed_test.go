package chain_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/affine-go/affine/shared/chain"
	"github.com/affine-go/affine/shared/chain/chaintest"
	"github.com/affine-go/affine/shared/chain/extrinsic"
	"github.com/affine-go/affine/shared/chain/timelock"
	"github.com/affine-go/affine/shared/signer"
	"github.com/affine-go/affine/shared/subnet"
)

// sealing is config under commit-reveal, with epochs of 10 blocks.
func sealing(t testing.TB) chaintest.Config {
	cfg := config(t)
	cfg.Rules.CommitReveal, cfg.Rules.Tempo, cfg.Rules.RateLimit = true, 10, 2
	return cfg
}

func sealer(t testing.TB, client *chain.Client, node *chaintest.Node) *chain.Signer {
	t.Helper()
	return chain.NewSigner(client, person(t, "Alice"), chain.SignerConfig{Netuid: netuid, Beacon: node.Beacon()})
}

// decode takes a signed extrinsic apart by the runtime in force.
func decode(t testing.TB, client *chain.Client, text string) *extrinsic.Signed {
	t.Helper()
	head, err := client.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	rt, err := client.Runtime(t.Context(), head.Hash)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := extrinsic.Decode(rt.Metadata, unhex(t, text))
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

func unhex(t testing.TB, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.TrimPrefix(text, "0x"))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Sealed wherever in an epoch, the weights are opened in the block that was foretold, and
// nobody can read them before.
func TestSealedWeightsAreOpenedWhenForetold(t *testing.T) {
	for past := range 12 {
		t.Run(fmt.Sprintf("%d blocks on", past), func(t *testing.T) {
			node := start(t, sealing(t))
			mine(t, node, past)
			client := dial(t, quick(node.Endpoint()))
			signed, err := sealer(t, client, node).SignWeights(t.Context(), intent(t, client))
			if err != nil || signed.Call != "SubtensorModule.commit_timelocked_weights" || signed.Round == 0 {
				t.Fatalf("signed %+v, %v", signed, err)
			}
			inc, err := client.Submit(t.Context(), signed.Extrinsic)
			if err != nil || inc.Failure != "" {
				t.Fatalf("included as %+v, %v", inc, err)
			}
			mine(t, node, int(signed.Reveal-node.Head())-1)
			if row, err := node.Weights(netuid, 0); err != nil || len(row) > 0 {
				t.Errorf("weights %v, %v a block before the reveal at %d", row, err, signed.Reveal)
			}
			mine(t, node, 4) // the round is published within three blocks of the reveal's
			want := map[subnet.UID]uint16{1: 65535, 2: 32768}
			if row, err := node.Weights(netuid, 0); err != nil || !cmp.Equal(row, want) {
				t.Errorf("weights %v, %v at block %d, committed at %d for %d", row, err, node.Head(), inc.Block, signed.Reveal)
			}
		})
	}
}

// The plaintext is the committer's own payload, sealed to the round of the call.
func TestWhatIsSealed(t *testing.T) {
	node := start(t, sealing(t))
	client := dial(t, quick(node.Endpoint()))
	in := intent(t, client)
	cfg := chain.SignerConfig{Netuid: netuid, Beacon: node.Beacon(), Random: bytes.NewReader(bytes.Repeat([]byte("random"), 100))}
	signed, err := chain.NewSigner(client, person(t, "Alice"), cfg).SignWeights(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	args := decode(t, client, signed.Extrinsic).Args
	payload := timelock.WeightsPayload{Hotkey: person(t, "Alice").Public(), UIDs: in.UIDs, Values: in.Values, VersionKey: in.VersionKey}
	plain, err := payload.Encode()
	if err != nil {
		t.Fatal(err)
	}
	want, err := node.Beacon().Encrypt(plain, signed.Round, bytes.NewReader(bytes.Repeat([]byte("random"), 100)))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(want, args["commit"].([]byte)) || args["reveal_round"] != signed.Round || args["commit_reveal_version"] != uint64(4) {
		t.Errorf("the call says %v", args)
	}
}

// Two signatures for the same weights never share their randomness.
func TestSealsDiffer(t *testing.T) {
	node := start(t, sealing(t))
	client := dial(t, quick(node.Endpoint()))
	s, in := sealer(t, client, node), intent(t, client)
	var calls [2]string
	for i := range calls {
		signed, err := s.SignWeights(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		calls[i] = string(decode(t, client, signed.Extrinsic).Args["commit"].([]byte))
	}
	if calls[0] == calls[1] {
		t.Error("the same ciphertext twice")
	}
}

// Other reveal periods and commit versions are the chain's to choose.
func TestSealedUnderTheSubnetsOwnRules(t *testing.T) {
	cfg := sealing(t)
	cfg.Rules.RevealPeriod, cfg.Rules.CommitVersion = 3, 7
	node := start(t, cfg)
	client := dial(t, quick(node.Endpoint()))
	signed, err := sealer(t, client, node).SignWeights(t.Context(), intent(t, client))
	if err != nil || decode(t, client, signed.Extrinsic).Args["commit_reveal_version"] != uint64(7) {
		t.Fatalf("signed %+v, %v", signed, err)
	}
	inc, err := client.Submit(t.Context(), signed.Extrinsic)
	if err != nil || inc.Failure != "" {
		t.Fatalf("included as %+v, %v", inc, err)
	}
	if ahead := signed.Reveal - inc.Block; ahead < 20 || ahead > 31 {
		t.Errorf("committed at %d, to be opened at %d: not three epochs of 10", inc.Block, signed.Reveal)
	}
	mine(t, node, int(signed.Reveal-node.Head())+3)
	if row, err := node.Weights(netuid, 0); err != nil || len(row) != 2 {
		t.Errorf("weights %v, %v", row, err)
	}
}

// Weights of another mechanism are signed by the calls that name it, and land there.
func TestMechanismWeights(t *testing.T) {
	for _, sealed := range []bool{false, true} {
		cfg := sealing(t)
		cfg.Rules.CommitReveal, cfg.Rules.Mechanisms = sealed, 2
		node := start(t, cfg)
		client := dial(t, quick(node.Endpoint()))
		in := intent(t, client)
		in.Mechanism = 1
		var ledger signer.Memory
		signed, err := chain.NewSigner(client, person(t, "Alice"), chain.SignerConfig{Netuid: netuid, Beacon: node.Beacon(), Ledger: &ledger}).SignWeights(t.Context(), in)
		want := map[bool]string{false: "SubtensorModule.set_mechanism_weights", true: "SubtensorModule.commit_timelocked_mechanism_weights"}[sealed]
		if err != nil || signed.Call != want || (signed.Round > 0) != sealed {
			t.Fatalf("signed %+v, %v", signed, err)
		}
		if e := ledger.Entries(); len(e) != 1 || e[0].Series != "weights-1" || e[0].Round != signed.Round {
			t.Errorf("entered %+v", e)
		}
		if inc, err := client.Submit(t.Context(), signed.Extrinsic); err != nil || inc.Failure != "" {
			t.Fatalf("included as %+v, %v", inc, err)
		}
		if sealed {
			mine(t, node, int(signed.Reveal-node.Head())+3)
		}
		mine(t, node, cfg.FinalityLag)
		for mechanism, size := range []int{0, 2} {
			if row, err := client.Weights(t.Context(), netuid, subnet.Mechanism(mechanism), 0); err != nil || len(row.Values) != size {
				t.Errorf("mechanism %d: %+v, %v; want %d weights", mechanism, row, err, size)
			}
		}
	}
}

// The clock of this machine has no part in when the weights open.
func TestRoundsFollowTheChainsClock(t *testing.T) {
	node := start(t, sealing(t))
	client := dial(t, quick(node.Endpoint()))
	signed, err := sealer(t, client, node).SignWeights(t.Context(), intent(t, client))
	if err != nil {
		t.Fatal(err)
	}
	at, err := client.Committing(t.Context(), netuid, hotkey(t, "Alice"))
	if err != nil {
		t.Fatal(err)
	}
	opens := node.Beacon().RoundTime(signed.Round)
	due := at.Now.Add(time.Duration(signed.Reveal-at.Head.Number) * at.BlockTime)
	if d := opens.Sub(due); d < 0 || d > 3*at.BlockTime {
		t.Errorf("round %d is published at %v, the reveal is due at %v by the chain's time", signed.Round, opens, due)
	}
}

func TestSealingNeedsRandomness(t *testing.T) {
	node := start(t, sealing(t))
	client := dial(t, quick(node.Endpoint()))
	var ledger signer.Memory
	cfg := chain.SignerConfig{Netuid: netuid, Beacon: node.Beacon(), Random: strings.NewReader("too little"), Ledger: &ledger}
	if signed, err := chain.NewSigner(client, person(t, "Alice"), cfg).SignWeights(t.Context(), intent(t, client)); err == nil || signed.Extrinsic != "" || len(ledger.Entries()) > 0 {
		t.Errorf("signed %+v, %v, entered %d", signed, err, len(ledger.Entries()))
	}
}

// A subnet without epochs never opens anything.
func TestSealingNeedsEpochs(t *testing.T) {
	cfg := sealing(t)
	cfg.Rules.Tempo = 0
	node := start(t, cfg)
	client := dial(t, quick(node.Endpoint()))
	if signed, err := sealer(t, client, node).SignWeights(t.Context(), intent(t, client)); err == nil || signed.Extrinsic != "" {
		t.Errorf("signed %+v, %v", signed, err)
	}
}

// What is sealed to another beacon than the chain's is never opened.
func TestSignerRefusesAnotherBeacon(t *testing.T) {
	node := start(t, sealing(t))
	client := dial(t, quick(node.Endpoint()))
	refused(t, client, chain.SignerConfig{Netuid: netuid}, intent(t, client), "beacon")
	if _, err := sealer(t, client, node).SignWeights(t.Context(), intent(t, client)); errors.Is(err, chain.ErrPolicy) {
		t.Error(err)
	}
}
