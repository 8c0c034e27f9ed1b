package metadata

import (
	"fmt"
	"math"
	"slices"
)

// index makes the pallets findable, gives every storage key its type and finds the
// types of no size.
func (m *Metadata) index() error {
	for id := range m.types {
		m.measure(uint32(id), 0)
	}
	m.byName = make(map[string]*Pallet, len(m.pallets))
	m.byIndex = make(map[uint8]*Pallet, len(m.pallets))
	for _, p := range m.pallets {
		if m.byName[p.Name] != nil || m.byIndex[p.Index] != nil {
			return fmt.Errorf("%w: pallet %s (%d) is there twice", ErrFormat, p.Name, p.Index)
		}
		m.byName[p.Name], m.byIndex[p.Index] = p, p
		for _, s := range p.Storage {
			s.pallet = p
			if err := m.keyTypes(s); err != nil {
				return fmt.Errorf("storage %s.%s: %w", p.Name, s.Name, err)
			}
		}
	}
	return nil
}

// keyTypes splits the key's type: with one hasher it is the key's own, with several a
// tuple that has as many members.
func (m *Metadata) keyTypes(s *StorageEntry) error {
	if len(s.Hashers) == 0 {
		return nil
	}
	if len(s.Hashers) == 1 {
		s.Keys = []uint32{s.key}
		return nil
	}
	t, err := m.Type(s.key)
	if err != nil {
		return err
	}
	if t.Kind != Tuple || len(t.Fields) != len(s.Hashers) {
		return fmt.Errorf("%w: %d hashers, key type %d is not a tuple of as many", ErrFormat, len(s.Hashers), s.key)
	}
	for _, f := range t.Fields {
		s.Keys = append(s.Keys, f.Type)
	}
	return nil
}

// Pallet returns the pallet of that name.
func (m *Metadata) Pallet(name string) (*Pallet, error) {
	if p := m.byName[name]; p != nil {
		return p, nil
	}
	return nil, fmt.Errorf("%w: pallet %s", ErrUnknown, name)
}

// Pallets returns all pallets in the metadata's order.
func (m *Metadata) Pallets() []*Pallet { return slices.Clone(m.pallets) }

// Call returns the index of the pallet and the definition of its call.
func (m *Metadata) Call(pallet, call string) (uint8, *VariantDef, error) {
	p, err := m.Pallet(pallet)
	if err != nil {
		return 0, nil, err
	}
	t, err := m.enum(p.CallType)
	if err != nil {
		return 0, nil, fmt.Errorf("calls of pallet %s: %w", pallet, err)
	}
	def, ok := t.variantByName(call)
	if !ok {
		return 0, nil, fmt.Errorf("%w: call %s.%s", ErrUnknown, pallet, call)
	}
	return p.Index, def, nil
}

// enum returns the enum type of a pallet's calls, events or errors.
func (m *Metadata) enum(id *uint32) (*Type, error) {
	if id == nil {
		return nil, fmt.Errorf("%w: it has none", ErrUnknown)
	}
	t, err := m.Type(*id)
	if err != nil {
		return nil, err
	}
	if t.Kind != Enum {
		return nil, fmt.Errorf("%w: type %d is not an enum", ErrFormat, *id)
	}
	return t, nil
}

// StorageEntry returns a pallet's storage item.
func (m *Metadata) StorageEntry(pallet, entry string) (*StorageEntry, error) {
	p, err := m.Pallet(pallet)
	if err != nil {
		return nil, err
	}
	for _, s := range p.Storage {
		if s.Name == entry {
			return s, nil
		}
	}
	return nil, fmt.Errorf("%w: storage %s.%s", ErrUnknown, pallet, entry)
}

// Constant returns the decoded value of a pallet's constant.
func (m *Metadata) Constant(pallet, name string) (any, error) {
	p, err := m.Pallet(pallet)
	if err != nil {
		return nil, err
	}
	for _, c := range p.Constants {
		if c.Name == name {
			return m.decodeAll(c.Value, c.Type, fmt.Sprintf("constant %s.%s", pallet, name))
		}
	}
	return nil, fmt.Errorf("%w: constant %s.%s", ErrUnknown, pallet, name)
}

// RuntimeVersion returns the spec and the transaction version that the metadata belongs
// to, as its constant System.Version states them. A signature is bound to both.
func (m *Metadata) RuntimeVersion() (spec, tx uint32, err error) {
	v, err := m.Constant("System", "Version")
	if err != nil {
		return 0, 0, err
	}
	fields, _ := v.(map[string]any)
	specVersion, okSpec := fields["spec_version"].(uint64)
	txVersion, okTx := fields["transaction_version"].(uint64)
	if !okSpec || !okTx || specVersion > math.MaxUint32 || txVersion > math.MaxUint32 {
		return 0, 0, fmt.Errorf("%w: constant System.Version has no spec_version and transaction_version", ErrFormat)
	}
	return uint32(specVersion), uint32(txVersion), nil
}

// RuntimeAPI returns a method of a runtime API; ErrUnknown also on metadata 14, which
// describes none.
func (m *Metadata) RuntimeAPI(api, method string) (*Method, error) {
	for _, a := range m.apis {
		if a.Name != api {
			continue
		}
		for i := range a.Methods {
			if a.Methods[i].Name == method {
				return &a.Methods[i], nil
			}
		}
	}
	return nil, fmt.Errorf("%w: runtime API %s.%s", ErrUnknown, api, method)
}

// APIs returns the runtime APIs in the metadata's order.
func (m *Metadata) APIs() []*API { return slices.Clone(m.apis) }

// Extensions returns what a signed extrinsic of version 4 carries, in order.
func (m *Metadata) Extensions() []Extension { return slices.Clone(m.extensions) }
