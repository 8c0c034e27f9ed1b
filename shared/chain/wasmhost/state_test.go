package wasmhost

import (
	"bytes"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/affine-go/affine/shared/chain/trie"
)

// model is a state with its open transactions as plain maps, by child and key.
type model struct {
	now   map[string]map[string]string
	saved []map[string]map[string]string
}

func (m *model) copy() map[string]map[string]string {
	out := make(map[string]map[string]string)
	for child, entries := range m.now {
		out[child] = maps.Clone(entries)
	}
	return out
}

func (m *model) put(child, key, value string) {
	if m.now[child] == nil {
		m.now[child] = make(map[string]string)
	}
	m.now[child][key] = value
}

var (
	children = rapid.SampledFrom([]string{"", "", "one", "two"})
	someKey  = rapid.StringMatching(`[ab]{0,3}`)
)

// Storage with nested transactions behaves as copies of maps do.
func TestTransactionsAgreeWithCopies(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x, m := &execution{}, &model{now: make(map[string]map[string]string)}
		t.Repeat(map[string]func(*rapid.T){
			"set": func(t *rapid.T) {
				child, key, value := children.Draw(t, "child"), someKey.Draw(t, "key"), rapid.String().Draw(t, "value")
				x.set(child, []byte(key), []byte(value))
				m.put(child, key, value)
			},
			"unset": func(t *rapid.T) {
				child, key := children.Draw(t, "child"), someKey.Draw(t, "key")
				x.unset(child, []byte(key))
				delete(m.now[child], key)
			},
			"clear": func(t *rapid.T) {
				child, prefix := children.Draw(t, "child"), someKey.Draw(t, "prefix")
				if _, left := x.state.clear(child, []byte(prefix), nil); left {
					t.Fatal("something is left without a limit")
				}
				maps.DeleteFunc(m.now[child], func(key, _ string) bool { return strings.HasPrefix(key, prefix) })
			},
			"start":  func(*rapid.T) { x.start(); m.saved = append(m.saved, m.copy()) },
			"commit": func(t *rapid.T) { m.end(t, x, false) },
			"undo":   func(t *rapid.T) { m.end(t, x, true) },
			"":       func(t *rapid.T) { m.compare(t, x) },
		})
	})
}

func (m *model) end(t *rapid.T, x *execution, undo bool) {
	if len(m.saved) == 0 {
		t.Skip("no transaction is open")
	}
	before := x.end()
	last := m.saved[len(m.saved)-1]
	m.saved = m.saved[:len(m.saved)-1]
	if undo {
		x.state, m.now = before, last
	}
}

func (m *model) compare(t *rapid.T, x *execution) {
	if len(x.saved) != len(m.saved) {
		t.Fatalf("%d transactions, want %d", len(x.saved), len(m.saved))
	}
	for _, child := range []string{"", "one", "two"} {
		got, want := make(map[string]string), m.now[child]
		for key, value := range x.state.now.child(child).From(nil) {
			got[string(key)] = string(value)
		}
		if diff := cmp.Diff(want, got); diff != "" && len(want)+len(got) > 0 {
			t.Fatalf("child %q: %s", child, diff)
		}
		sorted := slices.Sorted(maps.Keys(want))
		for i, key := range sorted {
			next := ""
			if i+1 < len(sorted) {
				next = sorted[i+1]
			}
			if told := x.next(child, []byte(key)); string(told) != next {
				t.Fatalf("after %q comes %q, want %q", key, told, next)
			}
		}
	}
}

// What the block under construction has put there goes at once and uncounted; of what
// was there before it, as much as the limit says.
func TestALimitCountsWhatTheBlockBeganWith(t *testing.T) {
	state := State{}
	for _, key := range []string{"a1", "a2", "a3", "b"} {
		state = state.With([]byte(key), []byte("old"))
	}
	state = state.Begin().With([]byte("a0"), []byte("new")).With([]byte("a9"), []byte("new")).With([]byte("a1"), nil)
	two := uint32(2)
	count, left := state.clear("", []byte("a"), &two)
	var keys []string
	for key := range state.Keys(nil, nil) {
		keys = append(keys, string(key))
	}
	if count != 2 || !left || !slices.Equal(keys, []string{"a3", "b"}) {
		t.Errorf("went over %d, left %v, keys %q", count, left, keys)
	}
	three := uint32(3)
	if count, left = state.clear("", []byte("a"), &three); count != 3 || left || state.Get([]byte("a3")) != nil {
		t.Errorf("went over %d, left %v", count, left)
	}
}

func TestTheRootHoldsThoseOfTheChildren(t *testing.T) {
	x := &execution{}
	x.set("", []byte("k"), []byte("v"))
	alone := x.state
	x.set("c", []byte("k"), []byte("v"))
	root := trie.Trie{}.Put([]byte("k"), []byte("v")).Root(trie.V1)
	want := trie.Trie{}.Put([]byte("k"), []byte("v")).Put([]byte(":child_storage:default:c"), root[:])
	if x.state.Root(trie.V1) != want.Root(trie.V1) {
		t.Error("the root is another one")
	}
	x.unset("c", []byte("k"))
	if x.state.Root(trie.V1) != alone.Root(trie.V1) || len(x.state.now.children) != 0 {
		t.Error("an empty child leaves a trace")
	}
}

func TestListsGrowWithoutBeingDecoded(t *testing.T) {
	x := &execution{}
	key := []byte("events")
	var items []byte
	for i := range 70 { // the length in front grows to two bytes at 64
		x.append(key, []byte{byte(i)})
		items = append(items, byte(i))
	}
	if got, want := x.get("", key), append([]byte{70<<2&0xff | 1, 70 >> 6}, items...); !bytes.Equal(got, want) {
		t.Errorf("got %x, want %x", got, want)
	}
	x.set("", key, []byte{0xff, 0xff}) // no list
	x.append(key, []byte{7})
	if got := x.get("", key); !bytes.Equal(got, []byte{4, 7}) {
		t.Errorf("what was no list became %x", got)
	}
}
