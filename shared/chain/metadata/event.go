package metadata

import "fmt"

// DecodeEvents decodes the value of System.Events, in the chain's order.
func (m *Metadata) DecodeEvents(b []byte) ([]Event, error) {
	s, err := m.StorageEntry("System", "Events")
	if err != nil {
		return nil, err
	}
	decoded, err := m.decodeAll(b, s.Value, "storage System.Events")
	if err != nil {
		return nil, err
	}
	records, ok := decoded.([]any)
	if !ok {
		return nil, fmt.Errorf("%w: System.Events is a %T", ErrFormat, decoded)
	}
	events := make([]Event, 0, len(records))
	for i, record := range records {
		e, ok := eventOf(record)
		if !ok {
			return nil, fmt.Errorf("%w: event %d: record of another shape", ErrFormat, i)
		}
		events = append(events, e)
	}
	return events, nil
}

// eventOf reads a record {phase, event, topics}.
func eventOf(record any) (Event, bool) {
	fields, _ := record.(map[string]any)
	phase, okPhase := fields["phase"].(Variant)
	outer, okOuter := fields["event"].(Variant)
	inner, okInner := outer.Value.(Variant)
	if !okPhase || !okOuter || !okInner {
		return Event{}, false
	}
	e := Event{ExtrinsicIndex: -1, Pallet: outer.Name, Name: inner.Name, Fields: inner.Value}
	if index, ok := phase.Value.(uint64); ok && phase.Name == "ApplyExtrinsic" {
		e.ExtrinsicIndex = int(index)
	}
	return e, true
}

// ErrorName names a module error, as in "SubtensorModule.SettingWeightsTooFast". What
// this metadata does not know is named by its numbers.
func (m *Metadata) ErrorName(palletIndex uint8, err [4]byte) string {
	p := m.byIndex[palletIndex]
	if p == nil {
		return fmt.Sprintf("pallet %d error %#x", palletIndex, err)
	}
	if t, failure := m.enum(p.ErrorType); failure == nil {
		if def, ok := t.variantByIndex(err[0]); ok {
			return p.Name + "." + def.Name
		}
	}
	return fmt.Sprintf("%s error %#x", p.Name, err)
}

// DispatchError names a decoded DispatchError (as in System.ExtrinsicFailed or a dry
// run): "SubtensorModule.SettingWeightsTooFast" for a module's, "Token.FundsUnavailable"
// or "BadOrigin" for others.
func (m *Metadata) DispatchError(v any) string {
	e, ok := v.(Variant)
	if !ok {
		return fmt.Sprintf("dispatch error %v", v)
	}
	if inner, ok := e.Value.(Variant); ok {
		return e.Name + "." + inner.Name
	}
	fields, _ := e.Value.(map[string]any)
	index, okIndex := fields["index"].(uint64)
	code, okCode := fields["error"].([]byte)
	if e.Name == "Module" && okIndex && okCode && len(code) == 4 {
		return m.ErrorName(uint8(index), [4]byte(code))
	}
	return e.Name
}
