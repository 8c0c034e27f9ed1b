package metadata

import (
	"fmt"
	"unicode/utf8"
)

func (w *writing) primitive(p Primitive, v any) error {
	switch p {
	case Bool:
		b, ok := v.(bool)
		if !ok {
			return fmt.Errorf("%w: %s where true or false belongs", ErrValue, shapeOf(v))
		}
		w.e.Bool(b)
		return nil
	case Char, Str:
		return w.text(p, v)
	}
	n, err := number(v)
	if err != nil {
		return err
	}
	if !fits(n, p) {
		return fmt.Errorf("%w: %s is out of range", ErrValue, n)
	}
	if p >= I8 {
		return w.e.Int(n, p.Size())
	}
	return w.e.Uint(n, p.Size())
}

func (w *writing) text(p Primitive, v any) error {
	text, ok := v.(string)
	if !ok || !utf8.ValidString(text) {
		return fmt.Errorf("%w: %s where UTF-8 text belongs", ErrValue, shapeOf(v))
	}
	if p == Str {
		w.e.Str(text)
		return nil
	}
	c, size := utf8.DecodeRuneInString(text)
	if size == 0 || size != len(text) {
		return fmt.Errorf("%w: one character wanted", ErrValue)
	}
	w.e.U32(uint32(c))
	return nil
}

func (w *writing) compact(elem uint32, v any) error {
	if zero, err := w.m.ZeroSize(elem); err == nil && zero {
		return nothing(v)
	}
	p, err := w.m.compacted(elem)
	if err != nil {
		return err
	}
	n, err := number(v)
	if err != nil {
		return err
	}
	if !fits(n, p) {
		return fmt.Errorf("%w: %s is out of range", ErrValue, n)
	}
	return w.e.CompactBig(n)
}

func (w *writing) bits(t *Type, v any) error {
	size, msb, err := w.m.bitStore(t)
	if err != nil {
		return err
	}
	values, err := slice(v)
	if err != nil {
		return err
	}
	raw := make([]byte, (values.Len()+8*size-1)/(8*size)*size)
	for i := range values.Len() {
		bit, ok := values.Index(i).Interface().(bool)
		if !ok {
			return fmt.Errorf("%w: [%d] is not a bool", ErrValue, i)
		}
		if bit {
			raw[bitByte(i, size, msb)] |= 1 << bitShift(i, msb)
		}
	}
	w.e.Compact(uint64(values.Len()))
	w.e.Raw(raw)
	return nil
}
