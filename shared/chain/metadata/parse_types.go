package metadata

import (
	"fmt"
	"strings"
)

// registered reads a type with its id, which must be its place.
func (p *parser) registered(place uint32) Type {
	id := p.typeID()
	if id != place {
		p.d.Fail(fmt.Errorf("%w: type %d stands at place %d", ErrFormat, id, place))
	}
	t := Type{id: id, Path: strings.Join(list(p, 1, p.d.Str), "::")}
	t.Params = list(p, 2, func() TypeParam { return TypeParam{Name: p.d.Str(), Type: p.optionalTypeID()} })
	p.definition(&t)
	p.docs()
	return t
}

func (p *parser) definition(t *Type) {
	t.Kind = TypeKind(p.d.U8())
	switch t.Kind {
	case Composite:
		t.Fields = p.fields()
	case Enum:
		t.Variants = list(p, 4, p.variant)
		if len(t.Variants) > 256 {
			p.d.Fail(fmt.Errorf("%w: %d variants, one byte tells them apart", ErrFormat, len(t.Variants)))
		}
	case Sequence, Compact:
		t.Elem = p.typeID()
	case Array:
		t.Len = p.d.U32()
		t.Elem = p.typeID()
	case Tuple:
		t.Fields = list(p, 1, func() Field { return Field{Type: p.typeID()} })
	case PrimitiveType:
		t.Primitive = Primitive(p.d.U8())
		if t.Primitive > I256 {
			p.d.Fail(fmt.Errorf("%w: primitive %d", ErrFormat, t.Primitive))
		}
	case BitSequence:
		t.Elem, t.Order = p.typeID(), p.typeID()
	default:
		p.d.Fail(fmt.Errorf("%w: type definition %d", ErrFormat, t.Kind))
	}
}

func (p *parser) fields() []Field {
	fields := list(p, 4, p.field)
	for _, f := range fields {
		if (f.Name == "") != (fields[0].Name == "") {
			p.d.Fail(fmt.Errorf("%w: fields with and without names", ErrFormat))
		}
	}
	return fields
}

func (p *parser) field() Field {
	f := Field{Name: p.optionalStr(), Type: p.typeID()}
	if p.option() {
		p.d.Bytes() // the type's name in the source
	}
	p.docs()
	return f
}

func (p *parser) variant() VariantDef {
	v := VariantDef{Name: p.d.Str(), Fields: p.fields(), Index: p.d.U8()}
	p.docs()
	return v
}
