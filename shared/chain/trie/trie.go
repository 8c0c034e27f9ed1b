// Package trie is the storage of a Substrate chain: a map from byte strings to byte
// strings that hashes to the state root which the chain puts into its headers.
//
// A Trie is a value. Changing one makes another that shares what both have in common,
// so the states of many blocks, and of transactions within one, stand side by side at
// the cost of what they changed.
//
// Nodes, their encoding and their hashes are those of Substrate's base-16
// Patricia-Merkle trie over BLAKE2b-256 (Polkadot specification, chapter 2.4).
package trie

import (
	"bytes"
	"iter"
	"slices"
)

// Trie is an immutable map. The zero value is empty.
type Trie struct{ root *node }

// node stands for all keys that begin with the path to it. It is never changed once it
// can be reached, its cached hash excepted.
type node struct {
	partial []byte // nibbles, after those that led here
	value   []byte // nil when no key ends here
	kids    [16]*node
	merkle  cache
}

// Get returns the value of a key; nil when it has none. Do not change what it returns.
func (t Trie) Get(key []byte) []byte {
	rest := nibbles(key)
	n := t.root
	for n != nil {
		if !bytes.HasPrefix(rest, n.partial) {
			return nil
		}
		rest = rest[len(n.partial):]
		if len(rest) == 0 {
			return n.value
		}
		n, rest = n.kids[rest[0]], rest[1:]
	}
	return nil
}

// Put returns a trie in which key has this value, which may be empty and must not change
// afterwards.
func (t Trie) Put(key, value []byte) Trie {
	if value == nil {
		value = []byte{}
	}
	return Trie{put(t.root, nibbles(key), value)}
}

func put(n *node, rest, value []byte) *node {
	if n == nil {
		return &node{partial: rest, value: value}
	}
	common := shared(n.partial, rest)
	if common < len(n.partial) {
		return split(n, common, rest, value)
	}
	rest = rest[common:]
	grown := &node{partial: n.partial, value: n.value, kids: n.kids}
	if len(rest) == 0 {
		grown.value = value
	} else {
		grown.kids[rest[0]] = put(n.kids[rest[0]], rest[1:], value)
	}
	return grown
}

// split makes a branch where the new key leaves the way to n.
func split(n *node, common int, rest, value []byte) *node {
	branch := &node{partial: n.partial[:common:common]}
	branch.kids[n.partial[common]] = &node{partial: n.partial[common+1:], value: n.value, kids: n.kids}
	if rest = rest[common:]; len(rest) == 0 {
		branch.value = value
	} else {
		branch.kids[rest[0]] = &node{partial: rest[1:], value: value}
	}
	return branch
}

// Delete returns a trie without the key.
func (t Trie) Delete(key []byte) Trie {
	if t.Get(key) == nil {
		return t
	}
	return Trie{remove(t.root, nibbles(key))}
}

// remove takes out a key that is there.
func remove(n *node, rest []byte) *node {
	rest = rest[len(n.partial):]
	left := &node{partial: n.partial, value: n.value, kids: n.kids}
	if len(rest) == 0 {
		left.value = nil
	} else {
		left.kids[rest[0]] = remove(n.kids[rest[0]], rest[1:])
	}
	return left.tidy()
}

// tidy gives a node that has become superfluous the form that it would have had if the
// removed key had never been there.
func (n *node) tidy() *node {
	if n.value != nil {
		return n
	}
	only, count := 0, 0
	for i, kid := range n.kids {
		if kid != nil {
			only, count = i, count+1
		}
	}
	switch count {
	case 0:
		return nil
	case 1:
		kid := n.kids[only]
		return &node{partial: slices.Concat(n.partial, []byte{byte(only)}, kid.partial), value: kid.value, kids: kid.kids}
	}
	return n
}

// Empty reports whether the trie has no key.
func (t Trie) Empty() bool { return t.root == nil }

// From yields keys and values in order, beginning with the first key that is not less
// than start.
func (t Trie) From(start []byte) iter.Seq2[[]byte, []byte] {
	return func(yield func(key, value []byte) bool) {
		if t.root != nil {
			t.root.walk(nil, nibbles(start), yield)
		}
	}
}

// Prefix yields in order the keys that begin with prefix and are greater than after (all
// of them when after is nil), with their values.
func (t Trie) Prefix(prefix, after []byte) iter.Seq2[[]byte, []byte] {
	return func(yield func(key, value []byte) bool) {
		start := prefix
		if after != nil && bytes.Compare(after, prefix) >= 0 {
			start = append(bytes.Clone(after), 0)
		}
		for key, value := range t.From(start) {
			if !bytes.HasPrefix(key, prefix) || !yield(key, value) {
				return
			}
		}
	}
}

// Next returns the first key greater than this one; nil when there is none.
func (t Trie) Next(key []byte) []byte {
	for next := range t.From(append(bytes.Clone(key), 0)) {
		return next
	}
	return nil
}

// walk yields what is below n, to which path leads, from start on. It reports false when
// yield wants no more.
func (n *node) walk(path, start []byte, yield func(key, value []byte) bool) bool {
	path = slices.Concat(path, n.partial)
	common := shared(path, start)
	first := byte(0) // the least kid that can hold a key not less than start
	switch {
	case common == len(start): // all below begins with start
		start = nil
	case common < len(path) && path[common] < start[common]:
		return true
	case common < len(path):
		start = nil
	default:
		first = start[common]
	}
	if n.value != nil && start == nil && !yield(joined(path), n.value) {
		return false
	}
	for i := int(first); i < len(n.kids); i++ {
		if kid := n.kids[i]; kid != nil && !kid.walk(append(path[:len(path):len(path)], byte(i)), start, yield) {
			return false
		}
	}
	return true
}

// shared is the length of the common beginning of a and b.
func shared(a, b []byte) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}

// nibbles are the halves of the bytes, the high one first.
func nibbles(key []byte) []byte {
	out := make([]byte, 2*len(key))
	for i, b := range key {
		out[2*i], out[2*i+1] = b>>4, b&15
	}
	return out
}

// joined undoes nibbles. Keys are whole bytes, so their nibbles are even in number.
func joined(path []byte) []byte {
	out := make([]byte, len(path)/2)
	for i := range out {
		out[i] = path[2*i]<<4 | path[2*i+1]
	}
	return out
}
