package trie

import (
	"encoding/binary"
	"sync/atomic"

	"golang.org/x/crypto/blake2b"

	"github.com/affine-go/affine/shared/chain/scale"
)

// Version is how a trie hashes its values.
type Version uint8

const (
	V0 Version = 0 // values stand in their nodes
	V1 Version = 1 // of values longer than 32 bytes, the hash stands there
)

// hashSize is also the length from which an encoded node is named by its hash instead of
// standing in its parent.
const hashSize = 32

// cache holds how a parent names a node: by hash, or with all its bytes.
type cache struct{ known atomic.Pointer[reference] }

type reference struct {
	version Version
	bytes   []byte
}

// Root is the hash of the whole trie.
func (t Trie) Root(v Version) [32]byte {
	if t.root == nil {
		return blake2b.Sum256([]byte{0})
	}
	ref := t.root.reference(v)
	if len(ref) == hashSize {
		return [32]byte(ref)
	}
	return blake2b.Sum256(ref)
}

// OrderedRoot is the root of a list: each item under its place as a compact integer.
// Headers hold that of the block's extrinsics.
func OrderedRoot(items [][]byte, v Version) [32]byte {
	var t Trie
	for i, item := range items {
		var key scale.Encoder
		key.Compact(uint64(i))
		t = t.Put(key.Data(), item)
	}
	return t.Root(v)
}

func (n *node) reference(v Version) []byte {
	if ref := n.merkle.known.Load(); ref != nil && ref.version == v {
		return ref.bytes
	}
	ref := n.encode(v)
	if len(ref) >= hashSize {
		sum := blake2b.Sum256(ref)
		ref = sum[:]
	}
	n.merkle.known.Store(&reference{v, ref})
	return ref
}

// The first bits of a node tell its kind; the bits after them begin the length of its
// partial key.
const (
	leaf              = 0b01 << 6
	branch            = 0b10 << 6
	branchValue       = 0b11 << 6
	leafHashed        = 0b001 << 5
	branchValueHashed = 0b0001 << 4
)

func (n *node) encode(v Version) []byte {
	bitmap := uint16(0)
	for i, kid := range n.kids {
		if kid != nil {
			bitmap |= 1 << i
		}
	}
	hashed := v == V1 && len(n.value) > hashSize
	e := &scale.Encoder{}
	e.Raw(n.header(bitmap != 0, hashed))
	e.Raw(packed(n.partial))
	if bitmap != 0 {
		e.Raw(binary.LittleEndian.AppendUint16(nil, bitmap))
	}
	switch {
	case hashed:
		sum := blake2b.Sum256(n.value)
		e.Raw(sum[:])
	case n.value != nil:
		e.Bytes(n.value)
	}
	for _, kid := range n.kids {
		if kid != nil {
			e.Bytes(kid.reference(v))
		}
	}
	return e.Data()
}

func (n *node) header(kids, hashed bool) []byte {
	length := len(n.partial)
	switch {
	case kids && hashed:
		return header(branchValueHashed, 4, length)
	case kids && n.value != nil:
		return header(branchValue, 2, length)
	case kids:
		return header(branch, 2, length)
	case hashed:
		return header(leafHashed, 3, length)
	}
	return header(leaf, 2, length)
}

// header writes a length into what kind leaves of the first byte. When all those bits
// are set the length goes on: each further byte adds up to 255, and a lesser one ends it.
func header(kind byte, bits, length int) []byte {
	room := 255 >> bits
	if length < room {
		return []byte{kind | byte(length)}
	}
	out := []byte{kind | byte(room)}
	for length -= room; length >= 255; length -= 255 {
		out = append(out, 255)
	}
	return append(out, byte(length))
}

// packed puts two nibbles into a byte; an odd one stands alone in the first.
func packed(partial []byte) []byte {
	if len(partial)%2 == 0 {
		return joined(partial)
	}
	return append([]byte{partial[0]}, joined(partial[1:])...)
}
