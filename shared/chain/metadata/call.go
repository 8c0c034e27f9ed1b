package metadata

import (
	"fmt"

	"github.com/affine-go/affine/shared/chain/scale"
)

// EncodeCall returns pallet index, call index and arguments. Every argument must be
// there and none besides.
func (m *Metadata) EncodeCall(pallet, call string, args map[string]any) ([]byte, error) {
	index, def, err := m.Call(pallet, call)
	if err != nil {
		return nil, err
	}
	var e scale.Encoder
	e.U8(index)
	e.U8(def.Index)
	w := &writing{m: m, e: &e}
	if err := w.named(def.Fields, args); err != nil {
		return nil, fmt.Errorf("call %s.%s: %w", pallet, call, err)
	}
	return e.Data(), nil
}

// DecodeCall takes a call apart; bytes left over are refused.
func (m *Metadata) DecodeCall(b []byte) (pallet, call string, args map[string]any, err error) {
	d := scale.NewDecoder(b)
	palletIndex, callIndex := d.U8(), d.U8()
	if d.Err() != nil {
		return "", "", nil, fmt.Errorf("call: %w: %w", ErrDecode, d.Err())
	}
	p := m.byIndex[palletIndex]
	if p == nil {
		return "", "", nil, fmt.Errorf("%w: pallet with index %d", ErrUnknown, palletIndex)
	}
	t, err := m.enum(p.CallType)
	if err != nil {
		return "", "", nil, fmt.Errorf("calls of pallet %s: %w", p.Name, err)
	}
	def, ok := t.variantByIndex(callIndex)
	if !ok {
		return "", "", nil, fmt.Errorf("%w: call %d of pallet %s", ErrUnknown, callIndex, p.Name)
	}
	args, err = m.decodeArgs(d, def)
	if err != nil {
		return "", "", nil, fmt.Errorf("call %s.%s: %w", p.Name, def.Name, err)
	}
	return p.Name, def.Name, args, nil
}

func (m *Metadata) decodeArgs(d *scale.Decoder, def *VariantDef) (map[string]any, error) {
	r := &reading{m: m, d: d, left: allowance(d.Remaining())}
	args := make(map[string]any, len(def.Fields))
	for _, f := range def.Fields {
		args[f.Name] = r.value(f.Type)
	}
	if err := d.End(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDecode, err)
	}
	return args, nil
}

// EncodeAPIArgs encodes the arguments of a runtime API's method, in its order, for
// state_call.
func (m *Metadata) EncodeAPIArgs(api, method string, args ...any) ([]byte, error) {
	def, err := m.RuntimeAPI(api, method)
	if err != nil {
		return nil, err
	}
	var e scale.Encoder
	w := &writing{m: m, e: &e}
	if err := w.unnamed(def.Inputs, args); err != nil {
		return nil, fmt.Errorf("runtime API %s.%s: %w", api, method, err)
	}
	return e.Data(), nil
}

// DecodeAPIResult decodes the answer of state_call for the method; bytes left over are
// refused.
func (m *Metadata) DecodeAPIResult(api, method string, answer []byte) (any, error) {
	def, err := m.RuntimeAPI(api, method)
	if err != nil {
		return nil, err
	}
	return m.decodeAll(answer, def.Output, fmt.Sprintf("runtime API %s.%s", api, method))
}
