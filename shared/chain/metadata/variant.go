package metadata

import (
	"encoding/hex"
	"fmt"
	"maps"
	"strings"
)

// Variant is a value of an enum: the name of the variant and what it carries.
//
// Value is nil without fields, the field's value for one unnamed field, []any for
// several unnamed, map[string]any for named ones.
//
// Besides a Variant, encoding accepts "Name" for a variant without fields,
// {"Name": value}, {"variant": "Name", …named fields}, {"variant": "Name", "hex": "0x…"}
// and {"variant": "Name", "value": value}. A MultiAddress may be given as the account
// alone, a call within a call as {"pallet": …, "call": …, "args": {…}}, its encoded bytes
// or their hex.
type Variant struct {
	Name  string
	Value any
}

func (w *writing) enum(t *Type, v any) error {
	if t.option() {
		if done, err := w.option(t, v); done || err != nil {
			return err
		}
	}
	if call, ok := w.m.encodedCall(t, v); ok {
		w.e.Raw(call)
		return nil
	}
	given, ok := w.m.callOf(t, v)
	if !ok {
		given, ok = t.variantOf(v)
	}
	if !ok {
		return fmt.Errorf("%w: %s does not name a variant of %s", ErrValue, shapeOf(v), t.Path)
	}
	def, ok := t.variantByName(given.Name)
	if !ok {
		return fmt.Errorf("%w: variant %q of %s", ErrUnknown, given.Name, t.Path)
	}
	w.e.U8(def.Index)
	return named(def.Name, w.fields(def.Fields, given.Value))
}

// option writes nil as None and anything else as Some of it. An Option of an Option has
// to be given as a variant, which alone says which of the two is meant.
func (w *writing) option(t *Type, v any) (done bool, err error) {
	some := t.Variants[1]
	switch {
	case v == nil:
		w.e.U8(t.Variants[0].Index)
		return true, nil
	case w.m.isOption(some.Fields[0].Type):
		return false, nil
	}
	w.e.U8(some.Index)
	return true, w.value(some.Fields[0].Type, v)
}

// encodedCall takes a call within a call (a batch's, a proxy's) that is encoded already,
// as bytes or as "0x" and hex, if it is a call of this runtime.
func (m *Metadata) encodedCall(t *Type, v any) ([]byte, bool) {
	if t.id != m.CallType {
		return nil, false
	}
	call, ok := v.([]byte)
	if text, isText := v.(string); isText {
		var err error
		call, err = hex.DecodeString(strings.TrimPrefix(text, "0x"))
		ok = err == nil && strings.HasPrefix(text, "0x")
	}
	if !ok {
		return nil, false
	}
	_, _, _, err := m.DecodeCall(call)
	return call, err == nil
}

// callOf takes a call within a call that is given as {"pallet", "call", "args"}.
func (m *Metadata) callOf(t *Type, v any) (Variant, bool) {
	given, _ := v.(map[string]any)
	pallet, okPallet := given["pallet"].(string)
	call, okCall := given["call"].(string)
	args, okArgs := given["args"]
	if t.id != m.CallType || !okPallet || !okCall || okArgs != (len(given) == 3) || len(given) > 3 {
		return Variant{}, false
	}
	return Variant{Name: pallet, Value: Variant{Name: call, Value: args}}, true
}

// variantOf understands the forms that a variant may be given in.
func (t *Type) variantOf(v any) (Variant, bool) {
	switch v := v.(type) {
	case Variant:
		return v, true
	case string:
		if _, ok := t.variantByName(v); ok {
			return Variant{Name: v}, true
		}
	case map[string]any:
		if given, ok := t.variantOfMap(v); ok {
			return given, true
		}
	}
	if t.base() == "MultiAddress" {
		return Variant{Name: "Id", Value: v}, true
	}
	return Variant{}, false
}

func (t *Type) variantOfMap(v map[string]any) (Variant, bool) {
	if name, ok := v["variant"].(string); ok {
		rest := maps.Clone(v)
		delete(rest, "variant")
		return Variant{Name: name, Value: t.carried(name, rest)}, true
	}
	if len(v) != 1 {
		return Variant{}, false
	}
	for name, value := range v {
		return Variant{Name: name, Value: value}, true
	}
	return Variant{}, false
}

// carried is the value within {"variant": …}: under "hex" or "value" when the fields
// have no names, the other entries themselves when they have.
func (t *Type) carried(name string, rest map[string]any) any {
	def, ok := t.variantByName(name)
	if !ok || len(rest) == 0 {
		return nil
	}
	unnamed := len(def.Fields) > 0 && def.Fields[0].Name == ""
	for _, key := range []string{"hex", "value"} {
		if value, ok := rest[key]; ok && len(rest) == 1 && unnamed {
			return value
		}
	}
	return rest
}
