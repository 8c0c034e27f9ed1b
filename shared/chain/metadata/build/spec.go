// Package build writes Substrate metadata (versions 14, 15 and 16) from a short
// description of a runtime: the counterpart of metadata.Parse, for nodes that stand in
// for the chain in tests and at the desk. What it writes is whole: any client that
// understands the chain's metadata understands this.
//
// Types are written as in Rust: "u16", "Vec<(u16, u16)>", "[u8; 32]", "Option<T>",
// "Result<T, E>", "Compact<u64>", "BoundedVec<T>", "BTreeSet<T>", "BTreeMap<K, V>",
// "()", and by name those of Spec.Types and the ones that every runtime has (see
// Standard), among them RuntimeCall, RuntimeEvent and EventRecord, which are made from
// the pallets.
package build

import "github.com/affine-go/affine/shared/chain/metadata"

// Spec describes a runtime.
type Spec struct {
	Version    uint8  // of the metadata: 14, 15 or 16
	Runtime    string // crate that the outer enums belong to; "node_subtensor_runtime" when empty
	Types      map[string]Type
	Pallets    []Pallet
	Extensions []Extension // SubtensorExtensions, when nil
	APIs       []API       // described from version 15 on
}

// Type is a composite (Fields), an enum (Variants), or, with neither, a unit struct. A
// path gives it its name for other clients, as in "subtensor_runtime_common::NetUid".
type Type struct {
	Path     string
	Params   []Field // generic parameters, where other clients look at them
	Fields   []Field
	Variants []Variant
}

// Field is a named or, without a name, an unnamed field. Fields of one type are all
// named or all unnamed.
type Field struct {
	Name string
	Type string
}

// Variant is a variant of an enum: also a call, an event or an error.
type Variant struct {
	Name   string
	Index  uint8
	Fields []Field
	Docs   string
}

// Pallet describes one module. Crate is its Rust crate, "pallet_" and the name in lower
// case when empty.
type Pallet struct {
	Name      string
	Index     uint8
	Crate     string
	Storage   []Entry
	Calls     []Variant
	Events    []Variant
	Errors    []Variant
	Constants []Constant
}

// Entry is a storage item: Keys and Hashers are as many, none for a plain value.
// Default is the encoded value of an absent item; when nil, that of zeros and nothing.
type Entry struct {
	Name     string
	Keys     []string
	Hashers  []metadata.Hasher
	Value    string
	Optional bool // absent means None instead of Default
	Default  []byte
	Docs     string
}

// Constant is a pallet's constant with its encoded value.
type Constant struct {
	Name  string
	Type  string
	Value []byte
	Docs  string
}

// Extension is a transaction extension; an empty type is the unit.
type Extension struct {
	Name     string
	Extra    string
	Implicit string
}

// API is a runtime API.
type API struct {
	Name    string
	Version uint32 // told from metadata 16 on
	Methods []Method
}

// Method is a function of a runtime API.
type Method struct {
	Name   string
	Inputs []Field
	Output string
	Docs   string
}
