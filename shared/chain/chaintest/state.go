package chaintest

import (
	"maps"
	"slices"
	"strings"
)

// state is the chain's storage with its past: for every key the values it had, each
// from the block that wrote it on. It can be read at any block that is still kept.
type state struct {
	entries map[string][]version
	oldest  uint64          // block before which nothing is known
	newest  uint64          // block that was written last
	fresh   map[string]bool // keys it wrote

	// promised makes the values that were promised.
	promised func(round uint64) []byte
}

// version is a value from a block on; nil when the key was removed there. A value that
// takes long to make, the beacon's signature of a round, may be promised instead.
type version struct {
	block uint64
	value []byte
	round uint64 // whose pulse is promised; 0 for none
}

func (v version) there() bool { return v.value != nil || v.round > 0 }

func newState(promised func(round uint64) []byte) *state {
	return &state{entries: make(map[string][]version), fresh: make(map[string]bool), promised: promised}
}

// put writes a key in a block, which must not be older than the key's newest version.
func (s *state) put(block uint64, key, value []byte) {
	s.write(key, version{block: block, value: value})
}

// promise writes the pulse of a round, which is made when it is first read.
func (s *state) promise(block uint64, key []byte, round uint64) {
	s.write(key, version{block: block, round: round})
}

func (s *state) write(key []byte, v version) {
	k, block := string(key), v.block
	if block != s.newest {
		s.newest = block
		clear(s.fresh)
	}
	s.fresh[k] = true
	past := s.entries[k]
	if n := len(past); n > 0 && past[n-1].block == block {
		past[n-1] = v
		return
	}
	s.entries[k] = append(past, v)
}

// get reads a key as it stood after a block; nil when it was absent.
func (s *state) get(block uint64, key []byte) []byte {
	past := s.entries[string(key)]
	i := indexAt(past, block)
	if i < 0 {
		return nil
	}
	if v := &past[i]; v.value == nil && v.round > 0 {
		v.value = s.promised(v.round)
	}
	return past[i].value
}

// indexAt finds the version that counts after a block; -1 when there is none.
func indexAt(past []version, block uint64) int {
	for i := len(past) - 1; i >= 0; i-- {
		if past[i].block <= block {
			return i
		}
	}
	return -1
}

// has says whether a key is there after a block.
func (s *state) has(block uint64, key string) bool {
	past := s.entries[key]
	i := indexAt(past, block)
	return i >= 0 && past[i].there()
}

// keys lists the keys present after a block that begin with prefix and come after start,
// in order.
func (s *state) keys(block uint64, prefix, start []byte) []string {
	var found []string
	for k := range s.entries {
		if strings.HasPrefix(k, string(prefix)) && k > string(start) && s.has(block, k) {
			found = append(found, k)
		}
	}
	slices.Sort(found)
	return found
}

// changed lists, in order, the keys that the newest block wrote, with their values. What
// is promised follows from the key.
func (s *state) changed() [][2][]byte {
	var out [][2][]byte
	for _, k := range slices.Sorted(maps.Keys(s.fresh)) {
		past := s.entries[k]
		v := past[indexAt(past, s.newest)]
		if v.round > 0 {
			v.value = nil
		}
		out = append(out, [2][]byte{[]byte(k), v.value})
	}
	return out
}

// forget drops what only blocks before oldest need.
func (s *state) forget(oldest uint64) {
	for k, past := range s.entries {
		drop := 0
		for drop+1 < len(past) && past[drop+1].block <= oldest {
			drop++
		}
		switch {
		case !past[drop].there() && past[drop].block <= oldest && drop+1 == len(past):
			delete(s.entries, k)
		case drop > 0:
			s.entries[k] = slices.Clone(past[drop:])
		}
	}
}

// undo removes everything written after a block.
func (s *state) undo(block uint64) {
	clear(s.fresh)
	for k, past := range s.entries {
		n := len(past)
		for n > 0 && past[n-1].block > block {
			n--
		}
		if n == 0 {
			delete(s.entries, k)
			continue
		}
		s.entries[k] = past[:n]
	}
}
