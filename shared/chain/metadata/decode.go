package metadata

import (
	"fmt"
	"unicode/utf8"

	"github.com/affine-go/affine/shared/chain/scale"
)

// DecodeType reads a value of the type. A failure wraps ErrDecode and is the decoder's
// as well.
func (m *Metadata) DecodeType(d *scale.Decoder, id uint32) (any, error) {
	w := &reading{m: m, d: d, left: allowance(d.Remaining())}
	v := w.value(id)
	if err := d.Err(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDecode, err)
	}
	return v, nil
}

// decodeAll decodes a value that must take all of b; what names it in the error.
func (m *Metadata) decodeAll(b []byte, id uint32, what string) (any, error) {
	d := scale.NewDecoder(b)
	v, err := m.DecodeType(d, id)
	if err == nil && d.End() != nil {
		err = fmt.Errorf("%w: %w", ErrDecode, d.Err())
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	return v, nil
}

// maxValues is how many values a node can make this process hold at once, whatever it
// sends. All commitments of a full subnet, byte by byte, are a third of it.
const maxValues = 1 << 20

// allowance is how many values may come out of n bytes. Honest data stays far below;
// types of no size, or a type that multiplies itself, do not.
func allowance(n int) int { return min(4096+4*n, maxValues) }

// prealloc bounds what is set aside before the first of n parts has been read: the
// number may be made up, and types that contain themselves take it again at each level.
func prealloc(n int) int { return min(n, 64) }

// reading is one walk over a type and the bytes of a value. Failures are d's.
type reading struct {
	m    *Metadata
	d    *scale.Decoder
	left int
}

func (r *reading) value(id uint32) any {
	t, err := r.m.Type(id)
	if err != nil {
		r.d.Fail(err)
	}
	if r.left--; r.left < 0 {
		r.d.Fail(fmt.Errorf("%w: more values than the input can hold", scale.ErrLength))
	}
	if !r.d.Enter() {
		return nil
	}
	defer r.d.Leave()
	switch t.Kind {
	case Composite:
		return r.composite(t)
	case Enum:
		return r.enum(t)
	case Sequence:
		return r.row(r.d.Len(0), t.Elem)
	case Array:
		return r.row(int(t.Len), t.Elem)
	case Tuple:
		return r.unnamed(t.Fields)
	case PrimitiveType:
		return r.primitive(t.Primitive)
	case Compact:
		return r.compact(t.Elem)
	}
	return r.bits(t)
}

func (r *reading) composite(t *Type) any {
	if row, key, ok := r.m.keyOf(t); ok {
		return r.rising(row, key)
	}
	if size, ok := r.m.words(t); ok {
		return r.d.Uint(size)
	}
	return r.fields(t.Fields, []any{})
}

// fields reads the fields of a composite or a variant; without any it returns none.
func (r *reading) fields(fields []Field, none any) any {
	switch {
	case len(fields) == 0:
		return none
	case fields[0].Name != "":
		named := make(map[string]any, prealloc(len(fields)))
		for _, f := range fields {
			named[f.Name] = r.value(f.Type)
			if r.d.Err() != nil {
				return nil
			}
		}
		return named
	case len(fields) == 1:
		return r.value(fields[0].Type)
	}
	return r.unnamed(fields)
}

func (r *reading) unnamed(fields []Field) any {
	values := make([]any, 0, prealloc(len(fields)))
	for _, f := range fields {
		values = append(values, r.value(f.Type))
		if r.d.Err() != nil {
			return nil
		}
	}
	return values
}

func (r *reading) enum(t *Type) any {
	index := r.d.U8()
	if r.d.Err() != nil {
		return nil
	}
	def, ok := t.variantByIndex(index)
	if !ok {
		r.d.Fail(fmt.Errorf("%w: variant %d of %s", scale.ErrValue, index, t.Path))
		return nil
	}
	value := r.fields(def.Fields, nil)
	if t.option() && !r.m.isOption(t.Variants[1].Fields[0].Type) {
		return value
	}
	return Variant{Name: def.Name, Value: value}
}

// row reads n elements: bytes as such, others one by one. Nothing is set aside by n
// alone, which the input may have made up.
func (r *reading) row(n int, elem uint32) any {
	if r.m.isU8(elem) {
		return append([]byte{}, r.d.Raw(n)...)
	}
	values := make([]any, 0, prealloc(n))
	for range n {
		values = append(values, r.value(elem))
		if r.d.Err() != nil {
			return nil
		}
	}
	return values
}

func (r *reading) primitive(p Primitive) any {
	switch p {
	case Bool:
		return r.d.Bool()
	case Char:
		return r.char()
	case Str:
		return r.d.Str()
	case U8:
		return uint64(r.d.U8())
	case U16:
		return uint64(r.d.U16())
	case U32:
		return uint64(r.d.U32())
	case U64:
		return r.d.U64()
	case I8:
		return int64(int8(r.d.U8()))
	case I16:
		return int64(int16(r.d.U16()))
	case I32:
		return int64(int32(r.d.U32()))
	case I64:
		return int64(r.d.U64())
	case U128, U256:
		return r.d.Uint(p.Size())
	}
	return r.d.Int(p.Size())
}

func (r *reading) char() any {
	c := rune(r.d.U32())
	if !utf8.ValidRune(c) {
		r.d.Fail(fmt.Errorf("%w: character %#x", scale.ErrValue, c))
	}
	return string(c)
}

func (r *reading) compact(elem uint32) any {
	if zero, err := r.m.ZeroSize(elem); err == nil && zero {
		return []any{} // Compact<()>, as in MultiAddress.Index, takes no bytes either
	}
	p, err := r.m.compacted(elem)
	if err != nil {
		r.d.Fail(err)
		return nil
	}
	v := r.d.CompactBig()
	if v.BitLen() > 8*p.Size() {
		r.d.Fail(fmt.Errorf("%w: compact integer of %d bits, at most %d here", scale.ErrValue, v.BitLen(), 8*p.Size()))
	}
	if p.Size() <= 8 {
		return v.Uint64()
	}
	return v
}

// bits reads a bit sequence: a count of bits, then as many words of its store as hold them.
func (r *reading) bits(t *Type) any {
	size, msb, err := r.m.bitStore(t)
	if err != nil {
		r.d.Fail(err)
		return nil
	}
	n := r.d.Len(0)
	words := (n + 8*size - 1) / (8 * size)
	raw := r.d.Raw(words * size)
	if r.d.Err() != nil {
		return nil
	}
	values := make([]bool, n)
	for i := range values {
		values[i] = raw[bitByte(i, size, msb)]>>bitShift(i, msb)&1 == 1
	}
	return values
}

// bitStore returns the size in bytes of a bit sequence's words and whether their
// highest bit comes first.
func (m *Metadata) bitStore(t *Type) (size int, msb bool, err error) {
	store, err := m.Type(t.Elem)
	if err != nil {
		return 0, false, err
	}
	order, err := m.Type(t.Order)
	if err != nil {
		return 0, false, err
	}
	if store.Kind != PrimitiveType || store.Primitive < U8 || store.Primitive > U64 {
		return 0, false, fmt.Errorf("%w: bit sequence kept in %q", ErrFormat, store.Path)
	}
	return store.Primitive.Size(), order.base() == "Msb0", nil
}

// bitByte is the byte that holds bit i, words being little-endian.
func bitByte(i, size int, msb bool) int {
	word, within := i/(8*size), i%(8*size)/8
	if msb {
		within = size - 1 - within
	}
	return word*size + within
}

// bitShift is the place of bit i within its byte.
func bitShift(i int, msb bool) int {
	if msb {
		return 7 - i%8
	}
	return i % 8
}
