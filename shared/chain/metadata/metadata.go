// Package metadata reads the description that a Substrate runtime gives of itself
// (versions 14, 15 and 16) and walks its types: it encodes calls and storage keys and
// decodes storage, events, errors and the answers of runtime APIs, all by name. Index
// numbers move between runtime versions; names are what a client may hold on to.
//
// The package is pure: bytes in, values out. Metadata and every byte decoded with it
// come from a node that may be hostile, so work and memory are bounded by the size of
// the input.
//
// # Values
//
// Go values stand for typed ones as follows. Decoding yields the first form; encoding
// takes the others as well.
//
//	bool                     bool
//	u8 to u64                uint64 (also every Go integer, json.Number, an integral
//	                         float64, *big.Int, decimal text)
//	i8 to i64                int64 (also the same)
//	u128 to i256, U256       *big.Int (also the same; U256 also its words of 64 bits)
//	str, char                string
//	sequence, array of u8    []byte (also "0x" and hex text, []any of numbers)
//	sequence, array, tuple   []any ([]any{} for the unit; also any Go slice)
//	composite, named fields  map[string]any
//	composite, one unnamed   the field's value itself: newtypes are passed through
//	composite, no field      []any{}
//	enum                     Variant (also the forms it documents)
//	Option                   nil or the value; an Option within an Option is a Variant
//	BTreeSet, BTreeMap       []any of elements or pairs; encoding sorts them
//	Compact                  as what it holds
//	bit sequence             []bool
//
// An account id is a newtype of [u8; 32] and so 32 bytes; addresses in SS58 are
// accepted where an account id is encoded.
package metadata

import "errors"

// Errors that callers tell apart.
var (
	ErrFormat  = errors.New("metadata: malformed")              // the metadata itself cannot be read
	ErrVersion = errors.New("metadata: version not supported")  // not 14, 15 or 16
	ErrUnknown = errors.New("metadata: no such item")           // a name this runtime does not have
	ErrValue   = errors.New("metadata: value of another shape") // a Go value that does not fit its type
	ErrDecode  = errors.New("metadata: bytes of another shape") // bytes that do not fit their type
)

// Metadata is one runtime's description. It is read-only and safe for concurrent use.
type Metadata struct {
	Version           uint8   // 14, 15 or 16
	ExtrinsicVersions []uint8 // of the transaction format; a runtime that signs as this project does lists 4

	AddressType, CallType, SignatureType uint32 // of the extrinsic

	types      []Type
	pallets    []*Pallet
	extensions []Extension
	apis       []*API
	byName     map[string]*Pallet
	byIndex    map[uint8]*Pallet
}

// Pallet is one module of the runtime. Its type ids are nil where it has no such part.
type Pallet struct {
	Name      string
	Index     uint8
	Prefix    string // of its storage
	Storage   []*StorageEntry
	Constants []Constant

	CallType, EventType, ErrorType *uint32
}

// Hasher is how a part of a storage key is hashed; the numbers are the chain's.
type Hasher uint8

// The hashers of storage maps.
const (
	Blake2_128 Hasher = iota
	Blake2_256
	Blake2_128Concat
	Twox128
	Twox256
	Twox64Concat
	Identity
)

// StorageEntry is one item of a pallet's storage.
type StorageEntry struct {
	Name     string
	Optional bool     // absent means None; otherwise absent means Default
	Hashers  []Hasher // one for each key; none for a plain value
	Keys     []uint32 // type of each key
	Value    uint32   // type of the value
	Default  []byte   // encoded value of an absent item

	key    uint32 // as the metadata has it: of one key, or a tuple for several
	pallet *Pallet
}

// Constant is a value fixed at compile time.
type Constant struct {
	Name  string
	Type  uint32
	Value []byte // encoded
}

// Extension is a transaction extension (signed extension) in the order of signing.
// Extra travels in the extrinsic, Implicit is only signed; both may be zero-size.
type Extension struct {
	Name     string
	Extra    uint32 // type
	Implicit uint32 // type
}

// API is a runtime API (metadata 15 and newer).
type API struct {
	Name    string
	Methods []Method
}

// Method is a function of a runtime API, called by state_call as Name_method.
type Method struct {
	Name   string
	Inputs []Field
	Output uint32
}

// Event is one record of a block.
type Event struct {
	ExtrinsicIndex int    // of the extrinsic that caused it; -1 outside extrinsics
	Pallet, Name   string // as in "SubtensorModule", "WeightsSet"
	Fields         any    // as Variant.Value
}
