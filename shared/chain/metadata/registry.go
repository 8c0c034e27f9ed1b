package metadata

import (
	"fmt"
	"strings"

	"github.com/affine-go/affine/shared/chain/scale"
)

// TypeKind is the form of a type; the numbers are the metadata's.
type TypeKind uint8

// The forms of types.
const (
	Composite TypeKind = iota
	Enum
	Sequence
	Array
	Tuple
	PrimitiveType
	Compact
	BitSequence
)

// Primitive is a type without parts; the numbers are the metadata's.
type Primitive uint8

// The primitives.
const (
	Bool Primitive = iota
	Char
	Str
	U8
	U16
	U32
	U64
	U128
	U256
	I8
	I16
	I32
	I64
	I128
	I256
)

// Size is the number of bytes of a primitive; 1 for text, whose shortest form that is.
func (p Primitive) Size() int {
	switch {
	case p == Char:
		return 4
	case p >= U8 && p <= U256:
		return 1 << (p - U8)
	case p >= I8 && p <= I256:
		return 1 << (p - I8)
	}
	return 1
}

// Type is one entry of the type registry.
type Type struct {
	id        uint32
	size      sizeClass
	Path      string // as in "sp_core::crypto::AccountId32"; empty for types without a name
	Params    []TypeParam
	Kind      TypeKind
	Fields    []Field      // of a composite; of a tuple, unnamed
	Variants  []VariantDef // of an enum
	Elem      uint32       // of a sequence, array or compact; the store of a bit sequence
	Order     uint32       // of a bit sequence
	Len       uint32       // of an array
	Primitive Primitive
}

// TypeParam is a generic parameter; Type is nil when the registry leaves it out.
type TypeParam struct {
	Name string
	Type *uint32
}

// Field is a named or unnamed field of a type, or an argument.
type Field struct {
	Name string // empty for an unnamed field
	Type uint32
}

// VariantDef is one variant of an enum type: a call, an event, an error or any other.
type VariantDef struct {
	Name   string
	Index  uint8
	Fields []Field
}

// Type returns the type with that id.
func (m *Metadata) Type(id uint32) (*Type, error) {
	if int64(id) >= int64(len(m.types)) {
		return nil, fmt.Errorf("%w: type %d of %d", ErrUnknown, id, len(m.types))
	}
	return &m.types[id], nil
}

// TypeCount is the number of types; ids run from 0.
func (m *Metadata) TypeCount() int { return len(m.types) }

// ZeroSize reports whether values of the type take no bytes.
func (m *Metadata) ZeroSize(id uint32) (bool, error) {
	t, err := m.Type(id)
	if err != nil {
		return false, err
	}
	return t.size == noBytes, nil
}

// sizeClass is what is known of the size of a type's values.
type sizeClass uint8

const (
	unmeasured sizeClass = iota
	measuring            // met again while in this state, the type contains itself
	someBytes
	noBytes
)

// measure finds the types of no size, each once however often others contain it. Types
// that contain themselves, do not exist or are nested deeper than values may be count
// as having one: nothing of them can be decoded.
func (m *Metadata) measure(id uint32, depth int) sizeClass {
	t, err := m.Type(id)
	if err != nil || depth > scale.MaxDepth {
		return someBytes
	}
	if t.size == unmeasured {
		t.size = measuring
		t.size = m.measureParts(t, depth)
	}
	return t.size
}

func (m *Metadata) measureParts(t *Type, depth int) sizeClass {
	switch {
	case t.Kind == Array && t.Len == 0:
		return noBytes
	case t.Kind == Array:
		if m.measure(t.Elem, depth+1) == noBytes {
			return noBytes
		}
	case t.Kind == Composite || t.Kind == Tuple:
		for _, f := range t.Fields {
			if m.measure(f.Type, depth+1) != noBytes {
				return someBytes
			}
		}
		return noBytes
	}
	return someBytes
}

// isU8 reports whether the type is u8, so that rows of it are bytes.
func (m *Metadata) isU8(id uint32) bool {
	t, err := m.Type(id)
	return err == nil && t.Kind == PrimitiveType && t.Primitive == U8
}

// words returns the size in bytes of an integer wider than the primitives that
// clients use, which the chain keeps as a row of words of 64 bits.
func (m *Metadata) words(t *Type) (size int, ok bool) {
	switch t.Path {
	case "primitive_types::U128", "primitive_types::U256", "primitive_types::U512":
	default:
		return 0, false
	}
	inner, ok := t.newtype()
	if !ok {
		return 0, false
	}
	row, err := m.Type(inner.Type)
	if err != nil || row.Kind != Array || row.Len > 8 {
		return 0, false
	}
	word, err := m.Type(row.Elem)
	return 8 * int(row.Len), err == nil && word.Kind == PrimitiveType && word.Primitive == U64
}

// newtype returns the only field of a composite.
func (t *Type) newtype() (Field, bool) {
	if t.Kind == Composite && len(t.Fields) == 1 {
		return t.Fields[0], true
	}
	return Field{}, false
}

// isOption reports whether the type is Option, seen through newtypes.
func (m *Metadata) isOption(id uint32) bool {
	for range scale.MaxDepth {
		t, err := m.Type(id)
		if err != nil {
			return false
		}
		if t.option() {
			return true
		}
		inner, ok := t.newtype()
		if !ok || inner.Name != "" {
			return false
		}
		id = inner.Type
	}
	return false
}

func (t *Type) option() bool {
	return t.Kind == Enum && t.Path == "Option" && len(t.Variants) == 2 &&
		t.Variants[0].Name == "None" && len(t.Variants[0].Fields) == 0 &&
		t.Variants[1].Name == "Some" && len(t.Variants[1].Fields) == 1
}

// compacted resolves what a compact holds to an unsigned integer primitive, through
// newtypes of any naming.
func (m *Metadata) compacted(id uint32) (Primitive, error) {
	for range scale.MaxDepth {
		t, err := m.Type(id)
		if err != nil {
			return 0, err
		}
		if t.Kind == PrimitiveType && t.Primitive >= U8 && t.Primitive <= U256 {
			return t.Primitive, nil
		}
		inner, ok := t.newtype()
		if !ok {
			break
		}
		id = inner.Type
	}
	return 0, fmt.Errorf("%w: type %d has no compact form", ErrFormat, id)
}

func (t *Type) variantByName(name string) (*VariantDef, bool) {
	for i := range t.Variants {
		if t.Variants[i].Name == name {
			return &t.Variants[i], true
		}
	}
	for i := range t.Variants {
		if smallFirst(t.Variants[i].Name) == name {
			return &t.Variants[i], true
		}
	}
	return nil, false
}

func (t *Type) variantByIndex(index uint8) (*VariantDef, bool) {
	for i := range t.Variants {
		if t.Variants[i].Index == index {
			return &t.Variants[i], true
		}
	}
	return nil, false
}

// base is the last part of the type's path.
func (t *Type) base() string {
	return t.Path[strings.LastIndex(t.Path, ":")+1:]
}
