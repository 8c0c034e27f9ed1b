package chain_test

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/affine-go/affine/shared/chain"
	"github.com/affine-go/affine/shared/chain/chaintest"
)

// Bytes that were included before they are submitted again are found, even if the node
// that they are handed to has not seen that block yet and takes them.
func TestBytesInAnOldBlockAreNotTakenForDead(t *testing.T) {
	cfg := config(t)
	cfg.Sealing = chaintest.ByHand
	node := start(t, cfg)
	honest := dial(t, quick(node.Endpoint()))
	signed := sign(t, honest, "Alice", intent(t, honest))
	leave(t, node, honest, signed)
	mine(t, node, 70) // in block 1005; the era is over
	behind := front(t, node, func(method string, params []json.RawMessage, answer map[string]json.RawMessage) {
		validates := method == "state_call" && string(params[0]) == `"TaggedTransactionQueue_validate_transaction"`
		if validates || method == "author_submitExtrinsic" {
			delete(answer, "error")
			answer["result"] = json.RawMessage(`"0x00"`)
		}
	})
	inc, err := dial(t, quick(behind)).Submit(t.Context(), signed.Extrinsic)
	if err != nil || inc.Block != 1005 || errors.Is(err, chain.ErrExpired) {
		t.Errorf("got %+v, %v; want block 1005", inc, err)
	}
}
