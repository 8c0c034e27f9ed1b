package metadata

import (
	"encoding/hex"
	"fmt"
	"reflect"
	"strings"

	"github.com/affine-go/affine/shared/chain/keys"
	"github.com/affine-go/affine/shared/chain/scale"
)

// EncodeType appends v, which stands for a value of the type as the package says. A
// value of another shape is refused with ErrValue and a path to the culprit; what was
// appended until then stays in e.
func (m *Metadata) EncodeType(e *scale.Encoder, id uint32, v any) error {
	w := &writing{m: m, e: e}
	return w.value(id, v)
}

// writing is one walk over a type and the value to be encoded.
type writing struct {
	m     *Metadata
	e     *scale.Encoder
	depth int
}

func (w *writing) value(id uint32, v any) error {
	t, err := w.m.Type(id)
	if err != nil {
		return err
	}
	if w.depth >= scale.MaxDepth {
		return fmt.Errorf("%w: %w", ErrValue, scale.ErrDepth)
	}
	w.depth++
	defer func() { w.depth-- }()
	switch t.Kind {
	case Composite:
		return w.composite(t, v)
	case Enum:
		return w.enum(t, v)
	case Sequence:
		return w.sequence(t, v)
	case Array:
		return w.array(t, v)
	case Tuple:
		return w.unnamed(t.Fields, v)
	case PrimitiveType:
		return w.primitive(t.Primitive, v)
	case Compact:
		return w.compact(t.Elem, v)
	}
	return w.bits(t, v)
}

func (w *writing) composite(t *Type, v any) error {
	if text, ok := v.(string); ok && t.base() == "AccountId32" && !strings.HasPrefix(text, "0x") {
		account, _, err := keys.ParseAddress(text)
		if err != nil {
			return fmt.Errorf("%w: %w", ErrValue, err)
		}
		v = account[:]
	}
	if row, key, ok := w.m.keyOf(t); ok {
		return w.ordered(row, key, v)
	}
	if size, ok := w.m.words(t); ok && !isSlice(v) {
		return w.wide(size, v)
	}
	return w.fields(t.Fields, v)
}

// wide writes a number that is kept in words of 64 bits.
func (w *writing) wide(size int, v any) error {
	n, err := number(v)
	if err != nil {
		return err
	}
	if n.Sign() < 0 || n.BitLen() > 8*size {
		return fmt.Errorf("%w: %s is out of range", ErrValue, n)
	}
	return w.e.Uint(n, size)
}

// fields writes the fields of a composite or a variant. The only field may be given as
// such, without its name.
func (w *writing) fields(fields []Field, v any) error {
	if len(fields) == 0 {
		return nothing(v)
	}
	if len(fields) == 1 && !hasField(v, fields[0].Name) {
		return named(fields[0].Name, w.value(fields[0].Type, v))
	}
	if fields[0].Name != "" {
		return w.named(fields, v)
	}
	return w.unnamed(fields, v)
}

// nothing accepts what stands for no fields.
func nothing(v any) error {
	if v == nil {
		return nil
	}
	if rv := reflect.ValueOf(v); (rv.Kind() == reflect.Map || rv.Kind() == reflect.Slice) && rv.Len() == 0 {
		return nil
	}
	return fmt.Errorf("%w: %s where nothing belongs", ErrValue, shapeOf(v))
}

func hasField(v any, name string) bool {
	given, ok := v.(map[string]any)
	if !ok || name == "" {
		return false
	}
	_, ok = pick(given, name)
	return ok
}

func (w *writing) named(fields []Field, v any) error {
	given, ok := v.(map[string]any)
	if !ok {
		return fmt.Errorf("%w: %s where an object of %d fields belongs", ErrValue, shapeOf(v), len(fields))
	}
	for _, f := range fields {
		value, ok := pick(given, f.Name)
		if !ok {
			return fmt.Errorf("%w: %s is missing", ErrValue, f.Name)
		}
		if err := w.value(f.Type, value); err != nil {
			return named(f.Name, err)
		}
	}
	if len(given) != len(fields) {
		return fmt.Errorf("%w: %d fields, %d wanted", ErrValue, len(given), len(fields))
	}
	return nil
}

// named puts a field's name before an error.
func named(name string, err error) error {
	if err == nil || name == "" {
		return err
	}
	return fmt.Errorf("%s: %w", name, err)
}

func (w *writing) unnamed(fields []Field, v any) error {
	values, err := slice(v)
	if err != nil {
		return err
	}
	if values.Len() != len(fields) {
		return fmt.Errorf("%w: %d values, %d wanted", ErrValue, values.Len(), len(fields))
	}
	for i, f := range fields {
		if err := w.value(f.Type, values.Index(i).Interface()); err != nil {
			return fmt.Errorf("[%d]: %w", i, err)
		}
	}
	return nil
}

// slice accepts any Go slice or array.
func slice(v any) (reflect.Value, error) {
	if !isSlice(v) {
		return reflect.Value{}, fmt.Errorf("%w: %s where a list belongs", ErrValue, shapeOf(v))
	}
	return reflect.ValueOf(v), nil
}

func isSlice(v any) bool {
	kind := reflect.ValueOf(v).Kind()
	return kind == reflect.Slice || kind == reflect.Array
}

func (w *writing) sequence(t *Type, v any) error {
	if b, ok, err := w.bytes(t.Elem, v); ok || err != nil {
		w.e.Bytes(b)
		return err
	}
	values, err := slice(v)
	if err != nil {
		return err
	}
	w.e.Compact(uint64(values.Len()))
	return w.elements(t.Elem, values)
}

func (w *writing) array(t *Type, v any) error {
	b, ok, err := w.bytes(t.Elem, v)
	if err != nil {
		return err
	}
	if ok {
		if uint64(len(b)) != uint64(t.Len) {
			return fmt.Errorf("%w: %d bytes, %d wanted", ErrValue, len(b), t.Len)
		}
		w.e.Raw(b)
		return nil
	}
	values, err := slice(v)
	if err != nil {
		return err
	}
	if uint64(values.Len()) != uint64(t.Len) {
		return fmt.Errorf("%w: %d values, %d wanted", ErrValue, values.Len(), t.Len)
	}
	return w.elements(t.Elem, values)
}

func (w *writing) elements(elem uint32, values reflect.Value) error {
	for i := range values.Len() {
		if err := w.value(elem, values.Index(i).Interface()); err != nil {
			return fmt.Errorf("[%d]: %w", i, err)
		}
	}
	return nil
}

// bytes takes bytes, or their hex, where the elements are u8.
func (w *writing) bytes(elem uint32, v any) ([]byte, bool, error) {
	if !w.m.isU8(elem) {
		return nil, false, nil
	}
	switch v := v.(type) {
	case []byte:
		return v, true, nil
	case string:
		digits, ok := strings.CutPrefix(v, "0x")
		if !ok {
			return nil, false, fmt.Errorf("%w: bytes as text begin with 0x", ErrValue)
		}
		b, err := hex.DecodeString(digits)
		if err != nil {
			return nil, false, fmt.Errorf("%w: %v", ErrValue, err)
		}
		return b, true, nil
	}
	return nil, false, nil
}
