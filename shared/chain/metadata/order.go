package metadata

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"

	"github.com/affine-go/affine/shared/chain/scale"
)

// keyOf returns the type by which the elements of an ordered collection (BTreeSet,
// BTreeMap) are sorted: a set's elements themselves, a map's keys.
func (m *Metadata) keyOf(t *Type) (row *Type, key uint32, ok bool) {
	if t.Path != "BTreeSet" && t.Path != "BTreeMap" {
		return nil, 0, false
	}
	inner, ok := t.newtype()
	if !ok {
		return nil, 0, false
	}
	row, err := m.Type(inner.Type)
	if err != nil || row.Kind != Sequence {
		return nil, 0, false
	}
	if t.Path == "BTreeSet" {
		return row, row.Elem, true
	}
	pair, err := m.Type(row.Elem)
	if err != nil || pair.Kind != Tuple || len(pair.Fields) != 2 {
		return nil, 0, false
	}
	return row, pair.Fields[0].Type, true
}

// ordered writes the elements of a set or map in the chain's order, in whatever order
// they are given: the chain signs and hashes that form alone. Two of one key are refused.
func (w *writing) ordered(row *Type, key uint32, v any) error {
	values, err := slice(v)
	if err != nil {
		return err
	}
	items := make([][]byte, values.Len())
	for i := range items {
		one := &writing{m: w.m, e: &scale.Encoder{}, depth: w.depth}
		if err := one.value(row.Elem, values.Index(i).Interface()); err != nil {
			return fmt.Errorf("[%d]: %w", i, err)
		}
		items[i] = one.e.Data()
	}
	slices.SortFunc(items, func(a, b []byte) int { return w.m.order(key, a, b) })
	w.e.Compact(uint64(len(items)))
	for i, item := range items {
		if i > 0 && w.m.order(key, items[i-1], item) == 0 {
			return fmt.Errorf("%w: a key is there twice", ErrValue)
		}
		w.e.Raw(item)
	}
	return nil
}

// rising reads the elements of a set or map and fails unless their keys rise, as they
// do in what the chain writes.
func (r *reading) rising(row *Type, key uint32) any {
	n := r.d.Len(0)
	values := make([]any, 0, prealloc(n))
	var last []byte
	for i := range n {
		from := r.d.Offset()
		values = append(values, r.value(row.Elem))
		if r.d.Err() != nil {
			return nil
		}
		item := r.d.Since(from)
		if i > 0 && r.m.order(key, last, item) >= 0 {
			r.d.Fail(fmt.Errorf("%w: keys out of order", scale.ErrCanonical))
			return nil
		}
		last = item
	}
	return values
}

// order compares two encoded values of the type that stand at the beginning of a and
// b, as the chain orders its keys: numbers by value, rows element by element and the
// shorter first, enums by variant, composites by their fields.
func (m *Metadata) order(id uint32, a, b []byte) int {
	return (&ordering{m: m, a: scale.NewDecoder(a), b: scale.NewDecoder(b)}).compare(id)
}

// ordering is one walk over two values of a type side by side.
type ordering struct {
	m    *Metadata
	a, b *scale.Decoder
}

func (o *ordering) compare(id uint32) int {
	t, err := o.m.Type(id)
	if err != nil {
		return 0
	}
	switch t.Kind {
	case Composite:
		if size, ok := o.m.words(t); ok {
			return o.a.Uint(size).Cmp(o.b.Uint(size))
		}
		return o.fields(t.Fields)
	case Tuple:
		return o.fields(t.Fields)
	case Enum:
		return o.variants(t)
	case Array:
		return o.rows(int(t.Len), int(t.Len), t.Elem)
	case Sequence:
		return o.rows(o.a.Len(0), o.b.Len(0), t.Elem)
	case PrimitiveType:
		return o.primitives(t.Primitive)
	case Compact:
		return o.a.CompactBig().Cmp(o.b.CompactBig())
	}
	return 0
}

func (o *ordering) fields(fields []Field) int {
	for _, f := range fields {
		if c := o.compare(f.Type); c != 0 {
			return c
		}
	}
	return 0
}

func (o *ordering) variants(t *Type) int {
	x, y := o.a.U8(), o.b.U8()
	def, ok := t.variantByIndex(x)
	if x != y || !ok {
		return cmp.Compare(x, y)
	}
	return o.fields(def.Fields)
}

func (o *ordering) rows(n, k int, elem uint32) int {
	for range min(n, k) {
		if c := o.compare(elem); c != 0 {
			return c
		}
	}
	return cmp.Compare(n, k)
}

func (o *ordering) primitives(p Primitive) int {
	switch {
	case p == Str:
		return bytes.Compare(o.a.Bytes(), o.b.Bytes())
	case p >= I8:
		return o.a.Int(p.Size()).Cmp(o.b.Int(p.Size()))
	}
	return o.a.Uint(p.Size()).Cmp(o.b.Uint(p.Size()))
}
