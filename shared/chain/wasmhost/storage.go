package wasmhost

import (
	"bytes"

	"github.com/affine-go/affine/shared/chain/scale"
	"github.com/affine-go/affine/shared/chain/trie"
)

// storageFunctions work on the state's own trie.
var storageFunctions = map[string]hostFunction{
	"ext_storage_set_version_1":          {"ss", "", func(x *execution, a []uint64) uint64 { x.set("", x.bytes(a[0]), x.bytes(a[1])); return 0 }},
	"ext_storage_get_version_1":          {"s", "s", func(x *execution, a []uint64) uint64 { return x.give(option(x.get("", x.bytes(a[0])))) }},
	"ext_storage_read_version_1":         {"ssp", "s", func(x *execution, a []uint64) uint64 { return x.readInto("", a[0], a[1], a[2]) }},
	"ext_storage_clear_version_1":        {"s", "", func(x *execution, a []uint64) uint64 { x.unset("", x.bytes(a[0])); return 0 }},
	"ext_storage_exists_version_1":       {"s", "p", func(x *execution, a []uint64) uint64 { return flag(x.get("", x.bytes(a[0])) != nil) }},
	"ext_storage_clear_prefix_version_1": {"s", "", func(x *execution, a []uint64) uint64 { x.state.clear("", x.bytes(a[0]), nil); return 0 }},
	"ext_storage_clear_prefix_version_2": {"ss", "s", func(x *execution, a []uint64) uint64 { return x.clearUpTo("", x.bytes(a[0]), a[1]) }},
	"ext_storage_append_version_1":       {"ss", "", func(x *execution, a []uint64) uint64 { x.append(x.bytes(a[0]), x.bytes(a[1])); return 0 }},
	"ext_storage_next_key_version_1":     {"s", "s", func(x *execution, a []uint64) uint64 { return x.give(option(x.next("", x.bytes(a[0])))) }},
	"ext_storage_root_version_1":         {"", "s", func(x *execution, _ []uint64) uint64 { return x.root(0) }},
	"ext_storage_root_version_2":         {"p", "s", func(x *execution, a []uint64) uint64 { return x.root(a[0]) }},
	"ext_storage_changes_root_version_1": {"s", "s", func(x *execution, _ []uint64) uint64 { return x.give(option(nil)) }},

	"ext_storage_start_transaction_version_1":    {"", "", func(x *execution, _ []uint64) uint64 { x.start(); return 0 }},
	"ext_storage_commit_transaction_version_1":   {"", "", func(x *execution, _ []uint64) uint64 { x.end(); return 0 }},
	"ext_storage_rollback_transaction_version_1": {"", "", func(x *execution, _ []uint64) uint64 { x.state = x.end(); return 0 }},
}

// childFunctions are the same for child tries, whose name comes first.
var childFunctions = map[string]hostFunction{
	"ext_default_child_storage_set_version_1":          {"sss", "", func(x *execution, a []uint64) uint64 { x.set(x.name(a[0]), x.bytes(a[1]), x.bytes(a[2])); return 0 }},
	"ext_default_child_storage_get_version_1":          {"ss", "s", func(x *execution, a []uint64) uint64 { return x.give(option(x.get(x.name(a[0]), x.bytes(a[1])))) }},
	"ext_default_child_storage_read_version_1":         {"sssp", "s", func(x *execution, a []uint64) uint64 { return x.readInto(x.name(a[0]), a[1], a[2], a[3]) }},
	"ext_default_child_storage_clear_version_1":        {"ss", "", func(x *execution, a []uint64) uint64 { x.unset(x.name(a[0]), x.bytes(a[1])); return 0 }},
	"ext_default_child_storage_exists_version_1":       {"ss", "p", func(x *execution, a []uint64) uint64 { return flag(x.get(x.name(a[0]), x.bytes(a[1])) != nil) }},
	"ext_default_child_storage_clear_prefix_version_1": {"ss", "", func(x *execution, a []uint64) uint64 { x.state.clear(x.name(a[0]), x.bytes(a[1]), nil); return 0 }},
	"ext_default_child_storage_clear_prefix_version_2": {"sss", "s", func(x *execution, a []uint64) uint64 { return x.clearUpTo(x.name(a[0]), x.bytes(a[1]), a[2]) }},
	"ext_default_child_storage_next_key_version_1":     {"ss", "s", func(x *execution, a []uint64) uint64 { return x.give(option(x.next(x.name(a[0]), x.bytes(a[1])))) }},
	"ext_default_child_storage_root_version_1":         {"s", "s", func(x *execution, a []uint64) uint64 { return x.childRoot(a[0], 0) }},
	"ext_default_child_storage_root_version_2":         {"sp", "s", func(x *execution, a []uint64) uint64 { return x.childRoot(a[0], a[1]) }},
	"ext_default_child_storage_storage_kill_version_1": {"s", "", func(x *execution, a []uint64) uint64 { x.state.clear(x.name(a[0]), nil, nil); return 0 }},
	"ext_default_child_storage_storage_kill_version_2": {"ss", "p", func(x *execution, a []uint64) uint64 {
		_, left := x.state.clear(x.name(a[0]), nil, x.limit(a[1]))
		return flag(!left)
	}},
	"ext_default_child_storage_storage_kill_version_3": {"ss", "s", func(x *execution, a []uint64) uint64 { return x.clearUpTo(x.name(a[0]), nil, a[1]) }},
}

// option is an Option<Vec<u8>>: None for nil.
func option(value []byte) []byte {
	var e scale.Encoder
	if value == nil {
		e.U8(0)
	} else {
		e.U8(1)
		e.Bytes(value)
	}
	return e.Data()
}

// name is that of a child trie. The empty one would be taken for the state's own.
func (x *execution) name(span uint64) string {
	name := string(x.bytes(span))
	if name == "" {
		trap("child storage without a name")
	}
	return name
}

func (x *execution) get(child string, key []byte) []byte { return x.state.now.child(child).Get(key) }

func (x *execution) next(child string, key []byte) []byte { return x.state.now.child(child).Next(key) }

func (x *execution) set(child string, key, value []byte) {
	x.state.now.setChild(child, x.state.now.child(child).Put(key, value))
}

func (x *execution) unset(child string, key []byte) {
	x.state.now.setChild(child, x.state.now.child(child).Delete(key))
}

// readInto copies a value from an offset on into the runtime's buffer, as much as that
// holds, and answers how long the value is from there: an Option<u32>.
func (x *execution) readInto(child string, key, buffer, offset uint64) uint64 {
	var e scale.Encoder
	value := x.get(child, x.bytes(key))
	if value == nil {
		e.U8(0)
		return x.give(e.Data())
	}
	value = value[min(uint64(len(value)), uint64(uint32(offset))):]
	x.write(uint32(buffer), value[:min(uint64(len(value)), buffer>>32)])
	e.U8(1)
	e.U32(uint32(len(value)))
	return x.give(e.Data())
}

// limit reads an Option<u32>.
func (x *execution) limit(span uint64) *uint32 {
	d := scale.NewDecoder(x.bytes(span))
	if !d.Bool() {
		return nil
	}
	limit := d.U32()
	if d.Err() != nil {
		trap("limit on keys to remove: %w", d.Err())
	}
	return &limit
}

// clearUpTo answers whether all keys are gone (0) or some remain (1), and how many it
// went over.
func (x *execution) clearUpTo(child string, prefix []byte, limit uint64) uint64 {
	count, left := x.state.clear(child, prefix, x.limit(limit))
	var e scale.Encoder
	e.Bool(left)
	e.U32(count)
	return x.give(e.Data())
}

// append adds an item to the list that a key holds, without decoding the items. A value
// that is no list is replaced by one.
func (x *execution) append(key, item []byte) {
	old := x.get("", key)
	d := scale.NewDecoder(old)
	count := d.Compact()
	items := old[min(d.Offset(), len(old)):]
	if d.Err() != nil || count >= 1<<32-1 {
		count, items = 0, nil
	}
	var e scale.Encoder
	e.Compact(count + 1)
	e.Raw(bytes.Clone(items))
	e.Raw(item)
	x.set("", key, e.Data())
}

func (x *execution) root(version uint64) uint64 {
	v := stateVersion(version)
	x.state.now.top = x.state.withRoots(v)
	root := x.state.now.top.Root(v)
	return x.give(root[:])
}

func (x *execution) childRoot(name, version uint64) uint64 {
	root := x.state.now.child(x.name(name)).Root(stateVersion(version))
	return x.give(root[:])
}

func stateVersion(v uint64) trie.Version {
	if uint32(v) > 1 {
		trap("state version %d", uint32(v))
	}
	return trie.Version(v)
}

// maxTransactions bounds how deeply storage transactions nest.
const maxTransactions = 1 << 16

func (x *execution) start() {
	if len(x.saved) == maxTransactions {
		trap("%d storage transactions within one another", maxTransactions)
	}
	x.saved = append(x.saved, x.state)
}

// end closes the innermost transaction and returns the state before it.
func (x *execution) end() State {
	if len(x.saved) == 0 {
		trap("end of a storage transaction that was not started")
	}
	before := x.saved[len(x.saved)-1]
	x.saved = x.saved[:len(x.saved)-1]
	return before
}
