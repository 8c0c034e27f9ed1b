package chaintest

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// The state behaves like a plain map per block, whatever is written, forgotten and undone.
func TestStateIsAMapPerBlock(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := newState(nil)
		blocks := []map[string]string{{}} // by number
		oldest := uint64(0)
		key := rapid.SampledFrom([]string{"a", "ab", "abc", "b", "ba"})
		t.Repeat(map[string]func(*rapid.T){
			"block": func(t *rapid.T) {
				next := map[string]string{}
				for k, v := range blocks[len(blocks)-1] {
					next[k] = v
				}
				for range rapid.IntRange(0, 3).Draw(t, "writes") {
					k, number := key.Draw(t, "key"), uint64(len(blocks))
					if rapid.Bool().Draw(t, "remove") {
						s.put(number, []byte(k), nil)
						delete(next, k)
						continue
					}
					v := rapid.StringN(1, 3, -1).Draw(t, "value")
					s.put(number, []byte(k), []byte(v))
					next[k] = v
				}
				blocks = append(blocks, next)
			},
			"forget": func(t *rapid.T) {
				oldest = uint64(rapid.IntRange(int(oldest), len(blocks)-1).Draw(t, "oldest"))
				s.forget(oldest)
			},
			"undo": func(t *rapid.T) {
				last := rapid.IntRange(int(oldest), len(blocks)-1).Draw(t, "last")
				s.undo(uint64(last))
				blocks = blocks[:last+1]
			},
			"": func(t *rapid.T) {
				for number := oldest; number < uint64(len(blocks)); number++ {
					want := blocks[number]
					found := s.keys(number, nil, nil)
					if len(found) != len(want) {
						t.Fatalf("block %d has keys %q, want %v", number, found, want)
					}
					for _, k := range found {
						if got := string(s.get(number, []byte(k))); got != want[k] {
							t.Fatalf("block %d: %q is %q, want %q", number, k, got, want[k])
						}
					}
				}
			},
		})
	})
}

func TestKeysComeInPages(t *testing.T) {
	s := newState(nil)
	for _, k := range []string{"ab", "aa", "b", "ac"} {
		s.put(1, []byte(k), []byte{1})
	}
	page := s.keys(1, []byte("a"), nil)[:2]
	rest := s.keys(1, []byte("a"), []byte(page[1]))
	if page[0] != "aa" || page[1] != "ab" || len(rest) != 1 || rest[0] != "ac" {
		t.Errorf("pages %q and %q", page, rest)
	}
}

func TestUpscaleIsExactAtTheEdges(t *testing.T) {
	for _, c := range []struct{ sent, stored []uint16 }{
		{[]uint16{0, 0}, []uint16{0, 0}},
		{[]uint16{1}, []uint16{65535}},
		{[]uint16{32768, 16384}, []uint16{65535, 32768}}, // 32767.5 rounds up: multiplied first
		{[]uint16{32770, 16385}, []uint16{65535, 32767}}, // 32767.5 cut off: divided first
		{[]uint16{65535, 1, 0}, []uint16{65535, 1, 0}},
	} {
		got := upscale(c.sent)
		for i := range got {
			if got[i] != c.stored[i] {
				t.Errorf("%v becomes %v, want %v", c.sent, got, c.stored)
			}
		}
	}
}

// The keys of what was removed long ago are not kept for ever.
func TestForgottenKeysAreGone(t *testing.T) {
	s := newState(nil)
	s.put(1, []byte("a"), []byte{1})
	s.put(2, []byte("a"), nil)
	s.promise(2, []byte("b"), 9)
	s.put(3, []byte("b"), nil)
	s.put(3, []byte("c"), []byte{1})
	s.forget(2)
	if _, there := s.entries["a"]; there || !s.has(2, "b") {
		t.Error("a is kept, or b is not")
	}
	s.forget(3)
	if keys := s.keys(3, nil, nil); len(s.entries) != 1 || !slices.Equal(keys, []string{"c"}) {
		t.Errorf("%d entries, keys %v", len(s.entries), keys)
	}
}
