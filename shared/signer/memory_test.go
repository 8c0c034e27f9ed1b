package signer_test

import (
	"testing"

	"github.com/affine-go/affine/shared/faultplan"
	"github.com/affine-go/affine/shared/signer"
	"github.com/affine-go/affine/shared/signer/signertest"
)

func TestContractInMemory(t *testing.T) {
	signertest.Run(t, func(*testing.T) signertest.Storage {
		ledger := &signer.Memory{}
		return signertest.Storage{Open: func() signer.Ledger { return ledger }, Read: ledger.Entries}
	})
}

// The wrapper that other tests use does what it says.
func TestFaultyClaims(t *testing.T) {
	var memory signer.Memory
	ledger := signertest.Faulty(&memory, faultplan.Calls(map[string][]faultplan.Fault{"Claim": {faultplan.Refuse, faultplan.LoseReply}}))
	for call, want := range []struct{ slot, entries int }{{0, 0}, {0, 1}, {1, 2}} {
		slot, err := ledger.Claim(t.Context(), signertest.Entry(1000), 3)
		if slot != want.slot || (err == nil) != (call == 2) || len(memory.Entries()) != want.entries {
			t.Errorf("call %d: slot %d, %v, %d entries", call, slot, err, len(memory.Entries()))
		}
	}
}
