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
	newest  uint64          // block that was written last
	fresh   map[string]bool // keys it wrote
}

// version is a value from a block on; nil when the key was removed there.
type version struct {
	block uint64
	value []byte
}

func newState() *state {
	return &state{entries: make(map[string][]version), fresh: make(map[string]bool)}
}

// put writes a key in a block, which must not be older than the key's newest version.
func (s *state) put(block uint64, key, value []byte) {
	k := string(key)
	if block != s.newest {
		s.newest = block
		clear(s.fresh)
	}
	s.fresh[k] = true
	past := s.entries[k]
	if n := len(past); n > 0 && past[n-1].block == block {
		past[n-1].value = value
		return
	}
	s.entries[k] = append(past, version{block, value})
}

// get reads a key as it stood after a block; nil when it was absent.
func (s *state) get(block uint64, key []byte) []byte {
	return valueAt(s.entries[string(key)], block)
}

func valueAt(past []version, block uint64) []byte {
	for i := len(past) - 1; i >= 0; i-- {
		if past[i].block <= block {
			return past[i].value
		}
	}
	return nil
}

// keys lists the keys present after a block that begin with prefix and come after
// start, in order, at most limit.
func (s *state) keys(block uint64, prefix, start []byte, limit int) []string {
	var found []string
	for k, past := range s.entries {
		if strings.HasPrefix(k, string(prefix)) && k > string(start) && valueAt(past, block) != nil {
			found = append(found, k)
		}
	}
	slices.Sort(found)
	return found[:min(limit, len(found))]
}

// changed lists, in order, the keys that the newest block wrote, with their values.
func (s *state) changed() [][2][]byte {
	var out [][2][]byte
	for _, k := range slices.Sorted(maps.Keys(s.fresh)) {
		out = append(out, [2][]byte{[]byte(k), valueAt(s.entries[k], s.newest)})
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
		case past[drop].value == nil && past[drop].block <= oldest && drop+1 == len(past):
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
