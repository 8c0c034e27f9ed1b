package wasmhost

import (
	"errors"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// pages is a memory without bytes.
type pages struct{ have, most uint32 }

func (p *pages) Size() uint32 { return p.have * pageSize }

func (p *pages) Grow(by uint32) (uint32, bool) {
	if p.have+by > p.most {
		return 0, false
	}
	p.have += by
	return p.have - by, true
}

// Pieces in use never overlap, lie within the memory above its base, begin at multiples
// of eight and are as large as was asked for.
func TestPiecesDoNotOverlap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		memory := &pages{have: 1, most: 64}
		base := rapid.Uint32Range(0, 9000).Draw(t, "base")
		h := newHeap(memory, base)
		taken := make(map[uint32]uint32)
		t.Repeat(map[string]func(*rapid.T){
			"alloc": func(t *rapid.T) {
				size := rapid.OneOf(rapid.Uint32Range(0, 100), rapid.Uint32Range(0, 1<<20)).Draw(t, "size")
				at, err := h.alloc(size)
				if err != nil {
					if uint64(h.top)+2*uint64(size)+minPiece <= 64*pageSize {
						t.Fatalf("%d bytes refused with the top at %d: %v", size, h.top, err)
					}
					return
				}
				if at%minPiece != 0 || at < base || uint64(at)+uint64(size) > uint64(memory.Size()) {
					t.Fatalf("%d bytes at %d, base %d, memory %d", size, at, base, memory.Size())
				}
				for other, length := range taken {
					if at < other+length && other < at+size {
						t.Fatalf("%d bytes at %d, and %d at %d", size, at, length, other)
					}
				}
				taken[at] = size
			},
			"free": func(t *rapid.T) {
				if len(taken) == 0 {
					t.Skip("nothing is in use")
				}
				at := rapid.SampledFrom(slices.Sorted(maps.Keys(taken))).Draw(t, "at")
				if err := h.release(at); err != nil {
					t.Fatal(err)
				}
				if err := h.release(at); !errors.Is(err, errFree) {
					t.Fatalf("freed twice: %v", err)
				}
				delete(taken, at)
			},
		})
	})
}

func TestFreedPiecesAreUsedAgain(t *testing.T) {
	h := newHeap(&pages{have: 1, most: 1}, 0)
	for range 10_000 {
		at, err := h.alloc(1000)
		if err != nil {
			t.Fatal(err)
		}
		if err := h.release(at); err != nil {
			t.Fatal(err)
		}
	}
	if h.top > 2048 {
		t.Errorf("the top is at %d", h.top)
	}
}

func TestSizesOfPieces(t *testing.T) {
	for size, want := range map[uint32]int{0: 0, 1: 0, 8: 0, 9: 1, 16: 1, 17: 2, 32: 2, 33: 3, maxPiece/2 + 1: orders - 1, maxPiece: orders - 1} {
		if got := orderOf(size); got != want {
			t.Errorf("%d bytes: order %d, want %d", size, got, want)
		}
	}
	h := newHeap(&pages{have: 1, most: 1 << 15}, 0)
	if _, err := h.alloc(maxPiece + 1); err == nil {
		t.Error("more than the largest piece")
	}
	if _, err := h.alloc(maxPiece); err != nil {
		t.Error(err)
	}
	top := newHeap(&pages{have: 1, most: 1 << 16}, 1<<32-16)
	if _, err := top.alloc(64); err == nil {
		t.Error("beyond four gigabytes")
	}
}

// A memory that cannot be doubled still grows by what is needed.
func TestTheLastPagesAreUsed(t *testing.T) {
	h := newHeap(&pages{have: 10, most: 11}, 10*pageSize)
	if _, err := h.alloc(pageSize); err != nil {
		t.Error(err)
	}
	if _, err := h.alloc(1); err == nil {
		t.Error("a page too many")
	}
}
