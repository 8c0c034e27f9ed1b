package metadata

import "fmt"

func (p *parser) pallet() *Pallet {
	pallet := &Pallet{Name: p.d.Str()}
	if p.option() {
		pallet.Prefix = p.d.Str()
		pallet.Storage = list(p, 6, p.storageEntry)
	}
	pallet.CallType = p.palletEnum()
	pallet.EventType = p.palletEnum()
	pallet.Constants = list(p, 4, p.constant)
	pallet.ErrorType = p.palletEnum()
	if p.version >= 16 {
		p.skipList(3, p.associatedType)
		p.skipList(37, p.viewFunction)
	}
	pallet.Index = p.d.U8()
	if p.version >= 15 {
		p.docs()
	}
	p.itemDeprecation()
	return pallet
}

// palletEnum reads the type of a pallet's calls, events or errors.
func (p *parser) palletEnum() *uint32 {
	if !p.option() {
		return nil
	}
	id := p.typeID()
	if p.version >= 16 {
		p.skipList(2, p.variantDeprecation)
	}
	return &id
}

func (p *parser) storageEntry() *StorageEntry {
	s := &StorageEntry{Name: p.d.Str(), Optional: p.modifier()}
	switch kind := p.d.U8(); kind {
	case 0:
		s.Value = p.typeID()
	case 1:
		s.Hashers = list(p, 1, p.hasher)
		s.key = p.typeID()
		s.Value = p.typeID()
	default:
		p.d.Fail(fmt.Errorf("%w: storage of kind %d", ErrFormat, kind))
	}
	s.Default = append([]byte(nil), p.d.Bytes()...)
	p.docs()
	p.itemDeprecation()
	return s
}

// modifier reads what an absent item means: 0 None, 1 its default.
func (p *parser) modifier() (optional bool) {
	m := p.d.U8()
	if m > 1 {
		p.d.Fail(fmt.Errorf("%w: storage modifier %d", ErrFormat, m))
	}
	return m == 0
}

func (p *parser) hasher() Hasher {
	h := Hasher(p.d.U8())
	if h > Identity {
		p.d.Fail(fmt.Errorf("%w: storage hasher %d", ErrFormat, h))
	}
	return h
}

func (p *parser) constant() Constant {
	c := Constant{Name: p.d.Str(), Type: p.typeID()}
	c.Value = append([]byte(nil), p.d.Bytes()...)
	p.docs()
	p.itemDeprecation()
	return c
}

func (p *parser) associatedType() {
	p.d.Bytes()
	p.typeID()
	p.docs()
}

func (p *parser) viewFunction() {
	p.d.Raw(32) // id
	p.method()
}

// itemDeprecation reads past the deprecation note that metadata 16 gives to items.
func (p *parser) itemDeprecation() {
	if p.version < 16 {
		return
	}
	if tag := p.d.U8(); tag != 0 {
		p.deprecation(tag)
	}
}

// variantDeprecation reads past a variant's index and its deprecation note.
func (p *parser) variantDeprecation() {
	p.d.U8()
	p.deprecation(p.d.U8())
}

func (p *parser) deprecation(tag uint8) {
	switch tag {
	case 1: // without a note
	case 2:
		p.d.Bytes()
		if p.option() {
			p.d.Bytes()
		}
	default:
		p.d.Fail(fmt.Errorf("%w: deprecation note of kind %d", ErrFormat, tag))
	}
}

func (p *parser) api() *API {
	a := &API{Name: p.d.Str(), Methods: list(p, 4, p.method)}
	p.docs()
	if p.version >= 16 {
		p.d.Compact() // the API's version
	}
	p.itemDeprecation()
	return a
}

func (p *parser) method() Method {
	m := Method{Name: p.d.Str()}
	m.Inputs = list(p, 2, func() Field { return Field{Name: p.d.Str(), Type: p.typeID()} })
	m.Output = p.typeID()
	p.docs()
	p.itemDeprecation()
	return m
}

func (p *parser) outerEnums() { p.typeID(); p.typeID(); p.typeID() }

func (p *parser) customValue() {
	p.d.Bytes()
	p.typeID()
	p.d.Bytes()
}
