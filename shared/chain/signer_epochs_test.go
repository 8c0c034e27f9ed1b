package chain_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"testing"

	"github.com/affine-go/affine/shared/chain"
	"github.com/affine-go/affine/shared/signer"
	"github.com/affine-go/affine/shared/subnet"
)

// However many epochs run between the finalized block and the one that includes the
// commit, it is sealed until the block that opens it.
func TestSealedAcrossSeveralEpochs(t *testing.T) {
	for _, spec := range []uint32{0, 393} {
		for past := range 5 {
			t.Run(fmt.Sprintf("spec %d, %d blocks on", spec, past), func(t *testing.T) {
				cfg := sealing(t)
				cfg.Rules.Tempo, cfg.FinalityLag, cfg.SpecVersion = 4, 11, spec
				node := start(t, cfg)
				mine(t, node, 10+past)
				client := dial(t, quick(node.Endpoint()))
				signed, err := sealer(t, client, node).SignWeights(t.Context(), intent(t, client))
				if err != nil {
					t.Fatal(err)
				}
				at := node.Head() + 1
				inc, err := client.Submit(t.Context(), signed.Extrinsic)
				if err != nil || inc.Failure != "" || inc.Block != at {
					t.Fatalf("included as %+v, %v; want block %d", inc, err, at)
				}
				if ahead := signed.Reveal - inc.Block; signed.Reveal <= inc.Block || ahead > 10 {
					t.Errorf("committed at %d, to be opened at %d: not one epoch of 4 later", inc.Block, signed.Reveal)
				}
			})
		}
	}
}

// The longest reveal period is one that the chain allows, wherever its head is.
func TestLongestRevealPeriod(t *testing.T) {
	for past := range 12 {
		cfg := sealing(t)
		cfg.Rules.RevealPeriod = 100
		node := start(t, cfg)
		mine(t, node, past)
		client := dial(t, quick(node.Endpoint()))
		signed, err := sealer(t, client, node).SignWeights(t.Context(), intent(t, client))
		if err != nil || signed.Reveal < node.Head()+980 {
			t.Errorf("%d blocks on: %+v, %v", past, signed, err)
		}
	}
}

// Bytes that no block can include any more are not signed, and take no slot.
func TestSignerRefusesWhatIsDeadAtBirth(t *testing.T) {
	node := start(t, config(t))
	client := dial(t, quick(node.Endpoint()))
	in := intent(t, client)
	node.HoldFinality(true)
	for _, past := range []subnet.Block{62, 63} { // the last block that can include them, and the one after
		mine(t, node, int(in.Head+past-node.Head()))
		var ledger signer.Memory
		s := chain.NewSigner(client, person(t, "Alice"), chain.SignerConfig{Netuid: netuid, Ledger: &ledger})
		signed, err := s.SignWeights(t.Context(), in)
		if dead := past == 63; dead != errors.Is(err, chain.ErrStalled) || dead != (len(ledger.Entries()) == 0) || errors.Is(err, chain.ErrPolicy) {
			t.Errorf("%d blocks on: dies at %d, %v, %d entries", past, signed.Death, err, len(ledger.Entries()))
		}
	}
}

// A node that does not know the intent's block yet says nothing against the intent.
func TestSignerAtANodeThatLagsBehind(t *testing.T) {
	node := start(t, config(t))
	in := intent(t, dial(t, quick(node.Endpoint())))
	mine(t, node, 3)
	behind := front(t, node, func(method string, params []json.RawMessage, answer map[string]json.RawMessage) {
		if method == "chain_getBlockHash" && string(params[0]) == fmt.Sprint(in.Head) {
			answer["result"] = json.RawMessage("null")
		}
	})
	s := chain.NewSigner(dial(t, quick(behind)), person(t, "Alice"), chain.SignerConfig{Netuid: netuid})
	if signed, err := s.SignWeights(t.Context(), in); err == nil || errors.Is(err, chain.ErrPolicy) || signed.Extrinsic != "" {
		t.Errorf("%+v, %v; want an error after which to try again", signed, err)
	}
}
