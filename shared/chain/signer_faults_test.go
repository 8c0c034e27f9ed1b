package chain_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/affine-go/affine/shared/chain"
	"github.com/affine-go/affine/shared/chain/chaintest"
	"github.com/affine-go/affine/shared/faultplan"
	"github.com/affine-go/affine/shared/signer"
	"github.com/affine-go/affine/shared/signer/signertest"
)

// Whatever one of the node's answers is like, a signature is given whole, entered once,
// and good for a block; or there is none, and no slot is lost.
func TestSigningUnderANodesFaults(t *testing.T) {
	for _, kind := range []chaintest.FaultKind{
		chaintest.DropSocket, chaintest.CutAnswer, chaintest.LoseReply, chaintest.WrongID, chaintest.Garbage, chaintest.Discarded, chaintest.FalseHead,
	} {
		for after := range 8 {
			t.Run(fmt.Sprintf("fault %d of request %d", kind, after), func(t *testing.T) {
				t.Parallel()
				node := start(t, sealing(t))
				client := dial(t, quick(node.Endpoint()))
				in := intent(t, client)
				var ledger signer.Memory
				s := chain.NewSigner(client, person(t, "Alice"), chain.SignerConfig{Netuid: netuid, Beacon: node.Beacon(), Ledger: &ledger})
				node.Inject(chaintest.Fault{Kind: kind, After: after, Times: 1, Bytes: 9})
				signed, err := s.SignWeights(t.Context(), in)
				node.Heal()
				if err != nil {
					if signed.Extrinsic != "" || len(ledger.Entries()) != 0 {
						t.Fatalf("signed %+v, %v, entered %d", signed, err, len(ledger.Entries()))
					}
					if signed, err = s.SignWeights(t.Context(), in); err != nil {
						t.Fatalf("asked again: %v", err)
					}
				}
				if inc, err := client.Submit(t.Context(), signed.Extrinsic); err != nil || inc.Failure != "" || len(ledger.Entries()) != 1 {
					t.Errorf("included as %+v, %v, entered %d", inc, err, len(ledger.Entries()))
				}
			})
		}
	}
}

// A node that says nothing costs no more than the caller's patience, and no slot.
func TestSigningUnderSilence(t *testing.T) {
	node := start(t, config(t))
	in := intent(t, dial(t, quick(node.Endpoint())))
	cfg := quick(node.Endpoint())
	cfg.DialTimeout, cfg.RequestTimeout, cfg.Attempts = 500*time.Millisecond, 20*time.Millisecond, 2
	client := dial(t, cfg)
	var ledger signer.Memory
	node.Inject(chaintest.Fault{Kind: chaintest.Silence, After: 3, Times: -1})
	signed, err := chain.NewSigner(client, person(t, "Alice"), chain.SignerConfig{Netuid: netuid, Ledger: &ledger}).SignWeights(t.Context(), in)
	if err == nil || signed.Extrinsic != "" || len(ledger.Entries()) > 0 {
		t.Errorf("signed %+v, %v, entered %d", signed, err, len(ledger.Entries()))
	}
}

// However the ledger fails, and however often the signer is asked again, each signature
// has an entry of its own and their number keeps to the ceiling.
func TestNoSignatureWithoutAnEntryOfItsOwn(t *testing.T) {
	node := start(t, config(t))
	client := dial(t, quick(node.Endpoint()))
	in := intent(t, client)
	for seed := range uint64(50) {
		var memory signer.Memory
		ledger := signertest.Faulty(&memory, faultplan.Seeded(seed, 0.3, 0.3))
		key := &watchedKey{Pair: person(t, "Alice")}
		cfg := chain.SignerConfig{Netuid: netuid, MaxPerWindow: 3, Ledger: ledger}
		given := 0
		for range 12 {
			signed, err := chain.NewSigner(client, key, cfg).SignWeights(t.Context(), in)
			if (err == nil) != (signed.Extrinsic != "") {
				t.Fatalf("seed %d: signed %+v, %v", seed, signed, err)
			}
			if err == nil {
				given++
			}
		}
		if entered := len(memory.Entries()); given != key.used || given > entered || entered > 3 {
			t.Errorf("seed %d: %d given, key used %d times, %d entries", seed, given, key.used, entered)
		}
	}
}
