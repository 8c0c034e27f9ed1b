package trie

import (
	"bytes"
	"encoding/hex"
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/crypto/blake2b"
	"pgregory.net/rapid"
)

// keysOf draws keys that share beginnings, as storage keys do.
func keysOf(t *rapid.T) []byte {
	return rapid.SliceOfN(rapid.SampledFrom([]byte{0, 1, 0x10, 0x12, 0xff}), 0, 5).Draw(t, "key")
}

func TestAgreesWithAMap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var have Trie
		want := make(map[string]string)
		t.Repeat(map[string]func(*rapid.T){
			"put": func(t *rapid.T) {
				key, value := keysOf(t), rapid.SliceOfN(rapid.Byte(), 0, 40).Draw(t, "value")
				before, root := have, have.Root(V1)
				have = have.Put(key, value)
				want[string(key)] = string(value)
				if before.Root(V1) != root {
					t.Fatal("the old trie has changed")
				}
			},
			"delete": func(t *rapid.T) {
				key := keysOf(t)
				have = have.Delete(key)
				delete(want, string(key))
			},
			"": func(t *rapid.T) { compare(t, have, want) },
		})
	})
}

func compare(t *rapid.T, have Trie, want map[string]string) {
	got := make(map[string]string)
	for key, value := range have.From(nil) {
		got[string(key)] = string(value)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatal(diff)
	}
	var fresh Trie // built in order, and without what was deleted
	sorted := slices.Sorted(maps.Keys(want))
	for _, key := range sorted {
		fresh = fresh.Put([]byte(key), []byte(want[key]))
	}
	if have.Root(V1) != fresh.Root(V1) || have.Root(V0) != fresh.Root(V0) {
		t.Fatal("the root depends on the way to it")
	}
	probe := keysOf(t)
	if got, present := have.Get(probe), want[string(probe)]; string(got) != present {
		t.Fatalf("Get(%x) = %x, want %x", probe, got, present)
	}
	at, found := slices.BinarySearch(sorted, string(probe))
	if found {
		at++
	}
	var next []byte
	if at < len(sorted) {
		next = []byte(sorted[at])
	}
	if got := have.Next(probe); !bytes.Equal(got, next) {
		t.Fatalf("Next(%x) = %x, want %x", probe, got, next)
	}
	prefix := probe[:len(probe)/2]
	var below []string
	for _, key := range sorted {
		if bytes.HasPrefix([]byte(key), prefix) && (len(probe) == 0 || key > string(probe)) {
			below = append(below, key)
		}
	}
	var told []string
	for key := range have.Prefix(prefix, probe) {
		told = append(told, string(key))
	}
	if len(probe) > 0 && !slices.Equal(told, below) {
		t.Fatalf("Prefix(%x, %x) = %x, want %x", prefix, probe, told, below)
	}
}

func TestOrderIsThatOfBytes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var have Trie
		for range rapid.IntRange(0, 20).Draw(t, "keys") {
			have = have.Put(keysOf(t), []byte{1})
		}
		var last []byte
		for key := range have.From(nil) {
			if last != nil && bytes.Compare(last, key) >= 0 {
				t.Fatalf("%x after %x", key, last)
			}
			last = key
		}
	})
}

// The encodings below are put together by hand from the specification.
func TestRootsOfSmallTries(t *testing.T) {
	long := bytes.Repeat([]byte{7}, 33)
	sum := blake2b.Sum256(long)
	odd := []byte{0x12, 0x34}
	for _, test := range []struct {
		name    string
		trie    Trie
		version Version
		encoded []byte
	}{
		{"empty", Trie{}, V1, []byte{0}},
		{"leaf", Trie{}.Put(odd, []byte{9}), V1, []byte{0x40 | 4, 0x12, 0x34, 4, 9}},
		{"long value in its node", Trie{}.Put(odd, long), V0, append([]byte{0x40 | 4, 0x12, 0x34, 33 << 2}, long...)},
		{"long value by its hash", Trie{}.Put(odd, long), V1, append([]byte{0x20 | 4, 0x12, 0x34}, sum[:]...)},
		{
			"branch", Trie{}.Put([]byte{0x10}, []byte{1}).Put([]byte{0x12}, []byte{2}), V1,
			[]byte{0x80 | 1, 0x01, 0b101, 0, 3 << 2, 0x40, 4, 1, 3 << 2, 0x40, 4, 2},
		},
		{
			"branch with a value", Trie{}.Put([]byte{0x10}, []byte{1}).Put([]byte{0x10, 0x2f}, []byte{2}), V1,
			[]byte{0xc0 | 2, 0x10, 0b100, 0, 4, 1, 4 << 2, 0x41, 0x0f, 4, 2},
		},
		{
			"branch with a long value", Trie{}.Put([]byte{0x10}, long).Put([]byte{0x10, 0x2f}, []byte{2}), V1,
			slices.Concat([]byte{0x10 | 2, 0x10, 0b100, 0}, sum[:], []byte{4 << 2, 0x41, 0x0f, 4, 2}),
		},
		{"long key", Trie{}.Put(make([]byte, 32), []byte{9}), V1, slices.Concat([]byte{0x7f, 1}, make([]byte, 32), []byte{4, 9})},
		{"longer key", Trie{}.Put(make([]byte, 159), []byte{9}), V1, slices.Concat([]byte{0x7f, 255, 0}, make([]byte, 159), []byte{4, 9})},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got, want := test.trie.Root(test.version), blake2b.Sum256(test.encoded); got != want {
				t.Errorf("root %x, want %x", got, want)
			}
		})
	}
}

// What the ecosystem knows as the root of nothing.
func TestRootOfNothing(t *testing.T) {
	const known = "03170a2e7597b7b7e3d84c05391d139a62b157e78786d8c082f29dcf4c111314"
	for _, root := range [][32]byte{Trie{}.Root(V0), Trie{}.Root(V1), OrderedRoot(nil, V1)} {
		if got := hex.EncodeToString(root[:]); got != known {
			t.Errorf("root of nothing %s, want %s", got, known)
		}
	}
}

func TestOrderedRootIsThatOfTheListsTrie(t *testing.T) {
	items := make([][]byte, 70) // the key of item 64 has two bytes
	var want Trie
	for i := range items {
		items[i] = bytes.Repeat([]byte{byte(i)}, i)
		key := []byte{byte(i) << 2}
		if i >= 64 {
			key = []byte{byte(i)<<2 | 1, byte(i >> 6)}
		}
		want = want.Put(key, items[i])
	}
	if OrderedRoot(items, V1) != want.Root(V1) {
		t.Error("roots differ")
	}
}

func TestAnEmptyValueIsAValue(t *testing.T) {
	have := Trie{}.Put([]byte("k"), nil)
	if got := have.Get([]byte("k")); got == nil || len(got) != 0 {
		t.Errorf("Get = %v, want an empty value", got)
	}
	if have = have.Delete([]byte("k")); !have.Empty() {
		t.Error("the trie is not empty once its one key is gone")
	}
}
