package wasmchain_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/affine-go/affine/shared/chain/rpcserver"
	"github.com/affine-go/affine/shared/chain/wasmchain"
	"github.com/affine-go/affine/shared/subnet"
)

// The runtime itself accepts every block that is made here: state root, extrinsics' root
// and digest are those it comes to when it executes the block again.
func TestBlocksHoldBeforeTheRuntime(t *testing.T) {
	node := start(t, wasmchain.Config{OnSubmit: true})
	node.HoldPulses(true) // they come in beside the blocks
	w := foundOn(t, node, subnet.WeightRules{RateLimit: 5, MinAllowed: 1})
	w.mine(15)
	if failure := w.submit(pair(t, "Validator"), "SubtensorModule", "set_weights", w.weights([]uint16{2, 3}, []uint16{1, 2})); failure != "" {
		t.Fatal(failure)
	}
	head := uint64(node.Head())
	for number := uint64(1); number <= head; number++ {
		if err := node.Execute(t.Context(), number, nil); err != nil {
			t.Fatalf("block %d: %v", number, err)
		}
	}
	for want, change := range map[string]func(*rpcserver.Block){
		"Storage root must match": func(b *rpcserver.Block) { b.StateRoot[0] ^= 1 },
		"Transaction trie root":   func(b *rpcserver.Block) { b.ExtrinsicsRoot[0] ^= 1 },
		"Number of digest items":  func(b *rpcserver.Block) { b.Digest = slices.Concat(b.Digest, [][]byte{{0, 0}}) },
	} {
		err := node.Execute(t.Context(), head, change)
		if err == nil || strings.Contains(err.Error(), "\n") || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q on one line", err, want)
		}
	}
}
