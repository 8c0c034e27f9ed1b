package wasmhost

import (
	"errors"
	"fmt"
	"math/bits"
)

// heap hands out a runtime's memory from __heap_base on, to the runtime itself and to
// host functions for their answers. Pieces come in powers of two; freed ones are kept for
// the next of their size, and what was never used lies above all of them. That is the
// scheme of Substrate's allocator. Its books are kept here, out of the runtime's reach.
type heap struct {
	memory growing
	top    uint32           // nothing above was handed out yet
	free   [orders][]uint32 // by order
	taken  map[uint32]int   // order of each piece in use
}

// growing is the memory of a module.
type growing interface {
	Size() uint32
	Grow(pages uint32) (uint32, bool)
}

const (
	minPiece = 8
	orders   = 23 // the largest piece has 32 MiB
	maxPiece = minPiece << (orders - 1)
)

var errFree = errors.New("free of what was not allocated")

func newHeap(memory growing, base uint32) *heap {
	return &heap{memory: memory, top: (base + minPiece - 1) / minPiece * minPiece, taken: make(map[uint32]int)}
}

// alloc returns the place of a piece of at least that many bytes.
func (h *heap) alloc(size uint32) (uint32, error) {
	if size > maxPiece {
		return 0, fmt.Errorf("allocation of %d bytes, at most %d", size, maxPiece)
	}
	order := orderOf(size)
	if list := h.free[order]; len(list) > 0 {
		at := list[len(list)-1]
		h.free[order] = list[:len(list)-1]
		h.taken[at] = order
		return at, nil
	}
	end := uint64(h.top) + minPiece<<order
	if err := h.reach(end); err != nil {
		return 0, err
	}
	at := h.top
	h.top = uint32(end)
	h.taken[at] = order
	return at, nil
}

// orderOf is the least order whose pieces hold size bytes.
func orderOf(size uint32) int {
	return bits.Len32((max(size, minPiece) - 1) / minPiece)
}

// reach grows the memory until it has end bytes, at least to its double.
func (h *heap) reach(end uint64) error {
	have := uint64(h.memory.Size())
	if end <= have {
		return nil
	}
	if end > 1<<32-1 {
		return errors.New("out of memory")
	}
	needed := uint32((end - have + pageSize - 1) / pageSize)
	if _, ok := h.memory.Grow(max(needed, uint32(have/pageSize))); ok {
		return nil
	}
	if _, ok := h.memory.Grow(needed); !ok {
		return fmt.Errorf("out of memory: it has %d bytes and wants %d", have, end)
	}
	return nil
}

// release takes a piece back.
func (h *heap) release(at uint32) error {
	order, taken := h.taken[at]
	if !taken {
		return errFree
	}
	delete(h.taken, at)
	h.free[order] = append(h.free[order], at)
	return nil
}
