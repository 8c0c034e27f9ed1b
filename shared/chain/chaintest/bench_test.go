package chaintest

import "testing"

// A restart makes all blocks again; this is what each costs.
func BenchmarkEmptyBlock(b *testing.B) {
	n := start(b, trio(b))
	for b.Loop() {
		mine(b, n, 1)
	}
}
