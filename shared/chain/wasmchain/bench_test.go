package wasmchain_test

import (
	"testing"

	"github.com/affine-go/affine/shared/chain/wasmchain"
	"github.com/affine-go/affine/shared/chain/wasmhost"
	"github.com/affine-go/affine/shared/subnet"
)

// A node from the code to its genesis, once that has been compiled.
func BenchmarkStart(b *testing.B) {
	raw := code(b)
	start(b, wasmchain.Config{})
	for b.Loop() {
		n, err := wasmchain.Start(b.Context(), wasmchain.Config{Code: raw, Host: wasmhost.Config{Cache: cache}})
		if err != nil {
			b.Fatal(err)
		}
		if err := n.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

// A block of nothing but what every block holds, on a subnet of four.
func BenchmarkBlock(b *testing.B) {
	w := found(b, subnet.WeightRules{MinAllowed: 1})
	for b.Loop() {
		w.mine(1)
	}
}

func BenchmarkMetagraph(b *testing.B) {
	w := found(b, subnet.WeightRules{MinAllowed: 1})
	for b.Loop() {
		w.metagraph()
	}
}
