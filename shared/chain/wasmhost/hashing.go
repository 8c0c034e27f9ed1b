package wasmhost

import (
	"crypto/sha256"
	"encoding/binary"

	"github.com/cespare/xxhash/v2"
	"golang.org/x/crypto/blake2b"
	"golang.org/x/crypto/sha3"

	"github.com/affine-go/affine/shared/chain/scale"
	"github.com/affine-go/affine/shared/chain/trie"
)

var hashFunctions = map[string]hostFunction{
	"ext_hashing_blake2_128_version_1": hasher(blake2_128),
	"ext_hashing_blake2_256_version_1": hasher(func(b []byte) []byte { sum := blake2b.Sum256(b); return sum[:] }),
	"ext_hashing_keccak_256_version_1": hasher(keccak256),
	"ext_hashing_keccak_512_version_1": hasher(keccak512),
	"ext_hashing_sha2_256_version_1":   hasher(func(b []byte) []byte { sum := sha256.Sum256(b); return sum[:] }),
	"ext_hashing_twox_64_version_1":    hasher(func(b []byte) []byte { return twox(b, 1) }),
	"ext_hashing_twox_128_version_1":   hasher(func(b []byte) []byte { return twox(b, 2) }),
	"ext_hashing_twox_256_version_1":   hasher(func(b []byte) []byte { return twox(b, 4) }),

	"ext_trie_blake2_256_root_version_1":         {"s", "p", func(x *execution, a []uint64) uint64 { return x.pairsRoot(a[0], 0) }},
	"ext_trie_blake2_256_root_version_2":         {"sp", "p", func(x *execution, a []uint64) uint64 { return x.pairsRoot(a[0], a[1]) }},
	"ext_trie_blake2_256_ordered_root_version_1": {"s", "p", func(x *execution, a []uint64) uint64 { return x.orderedRoot(a[0], 0) }},
	"ext_trie_blake2_256_ordered_root_version_2": {"sp", "p", func(x *execution, a []uint64) uint64 { return x.orderedRoot(a[0], a[1]) }},
}

func hasher(sum func([]byte) []byte) hostFunction {
	return hostFunction{"s", "p", func(x *execution, a []uint64) uint64 { return uint64(x.place(sum(x.bytes(a[0])))) }}
}

func blake2_128(b []byte) []byte {
	h, err := blake2b.New(16, nil)
	if err != nil {
		panic(err) // 16 is a size that BLAKE2b has
	}
	h.Write(b)
	return h.Sum(nil)
}

func keccak256(b []byte) []byte {
	h := sha3.NewLegacyKeccak256()
	h.Write(b)
	return h.Sum(nil)
}

func keccak512(b []byte) []byte {
	h := sha3.NewLegacyKeccak512()
	h.Write(b)
	return h.Sum(nil)
}

// twox strings together xxHash64 of the seeds 0, 1, 2, …, each little-endian.
func twox(b []byte, seeds uint64) []byte {
	var out []byte
	for seed := range seeds {
		h := xxhash.NewWithSeed(seed)
		_, _ = h.Write(b) // never fails
		out = binary.LittleEndian.AppendUint64(out, h.Sum64())
	}
	return out
}

// pairsRoot is the root of a trie given as Vec<(Vec<u8>, Vec<u8>)>.
func (x *execution) pairsRoot(input, version uint64) uint64 {
	d := scale.NewDecoder(x.bytes(input))
	var t trie.Trie
	for range d.Len(2) {
		t = t.Put(d.Bytes(), d.Bytes())
	}
	if err := d.End(); err != nil {
		trap("trie of which a root is wanted: %w", err)
	}
	root := t.Root(stateVersion(version))
	return uint64(x.place(root[:]))
}

// orderedRoot is the root of a list given as Vec<Vec<u8>>.
func (x *execution) orderedRoot(input, version uint64) uint64 {
	d := scale.NewDecoder(x.bytes(input))
	items := make([][]byte, d.Len(1))
	for i := range items {
		items[i] = d.Bytes()
	}
	if err := d.End(); err != nil {
		trap("list of which a root is wanted: %w", err)
	}
	root := trie.OrderedRoot(items, stateVersion(version))
	return uint64(x.place(root[:]))
}
