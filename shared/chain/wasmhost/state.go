package wasmhost

import (
	"bytes"
	"iter"
	"maps"
	"slices"

	"github.com/affine-go/affine/shared/chain/trie"
)

// State is a chain's storage: a trie, and child tries with names of their own. It is a
// value that nothing changes; the zero value is empty.
type State struct {
	now  storage
	base *storage // the state that the block under construction began with
}

type storage struct {
	top      trie.Trie
	children map[string]trie.Trie // none is empty; copied before it is changed
}

// childRoots is where the trie itself holds the roots of child tries.
const childRoots = ":child_storage:default:"

// Get returns the value of a key; nil when it has none. Do not change what it returns.
func (s State) Get(key []byte) []byte { return s.now.top.Get(key) }

// With returns a state in which key has this value; a nil value removes the key.
func (s State) With(key, value []byte) State {
	if value == nil {
		s.now.top = s.now.top.Delete(key)
	} else {
		s.now.top = s.now.top.Put(key, value)
	}
	return s
}

// Keys yields in order the keys that begin with prefix and are greater than after (all of
// them when after is nil).
func (s State) Keys(prefix, after []byte) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for key := range s.now.top.Prefix(prefix, after) {
			if !yield(key) {
				return
			}
		}
	}
}

// Begin returns the state as that on which a block builds. Limits on how much a runtime
// may remove at once count what was there when the block began.
func (s State) Begin() State {
	base := s.now
	s.base = &base
	return s
}

// Root is the state's root, with those of the child tries in it.
func (s State) Root(v trie.Version) [32]byte { return s.withRoots(v).Root(v) }

func (s State) withRoots(v trie.Version) trie.Trie {
	top := s.now.top
	for _, name := range slices.Sorted(maps.Keys(s.now.children)) {
		root := s.now.children[name].Root(v)
		top = top.Put([]byte(childRoots+name), root[:])
	}
	return top
}

// child is the child trie of that name, and the name empty the state's own.
func (s *storage) child(name string) trie.Trie {
	if name == "" {
		return s.top
	}
	return s.children[name]
}

// setChild replaces one of the tries. No child trie is left empty.
func (s *storage) setChild(name string, t trie.Trie) {
	if name == "" {
		s.top = t
		return
	}
	s.children = maps.Clone(s.children)
	if s.children == nil {
		s.children = make(map[string]trie.Trie)
	}
	if s.children[name] = t; t.Empty() {
		delete(s.children, name)
	}
}

// clear removes keys that begin with prefix from a trie: all that the block under
// construction has put there, and of those that it began with as many as limit says (all
// when nil). It returns how many of the latter it went over and whether any are left.
func (s *State) clear(name string, prefix []byte, limit *uint32) (count uint32, left bool) {
	base := s.now
	if s.base != nil {
		base = *s.base
	}
	old, now := base.child(name), s.now.child(name)
	cleared := now
	for key := range now.Prefix(prefix, nil) {
		if old.Get(key) == nil {
			cleared = cleared.Delete(key)
		}
	}
	for key := range old.Prefix(prefix, nil) {
		if limit != nil && count == *limit {
			left = true
			break
		}
		count++
		cleared = cleared.Delete(bytes.Clone(key))
	}
	s.now.setChild(name, cleared)
	return count, left
}
