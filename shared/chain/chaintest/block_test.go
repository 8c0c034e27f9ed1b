package chaintest

import "testing"

// Empty blocks can be asked for as long as eras last, others much longer, and the genesis
// always.
func TestOldBlocksAreForgotten(t *testing.T) {
	var c chain
	filled := uint64(1000)
	for number := range filled + keepFilled + 1 {
		b := &block{number: number, hash: [32]byte{byte(number), byte(number >> 8), byte(number >> 16)}, extrinsics: [][]byte{nil}}
		if number == filled {
			b.extrinsics = append(b.extrinsics, nil)
		}
		c.add(b)
		if number == filled+keepFilled-1 && c.at(filled) == nil {
			t.Error("a block with extrinsics was forgotten too early")
		}
	}
	for number, kept := range map[uint64]bool{0: true, 1: false, filled: false, c.head - keepBlocks: false, c.head - keepBlocks + 1: true, c.head: true} {
		if (c.at(number) != nil) != kept {
			t.Errorf("block %d of %d is kept: %v", number, c.head, !kept)
		}
	}
	if len(c.byHash) != len(c.byNumber) || len(c.byHash) != keepBlocks+1 {
		t.Errorf("%d blocks by hash, %d by number", len(c.byHash), len(c.byNumber))
	}
}
