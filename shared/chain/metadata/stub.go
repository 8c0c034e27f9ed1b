package metadata

import (
	"github.com/affine-go/affine/shared/chain/scale"
)

// Parse reads metadata of version 14, 15 or 16: bare ("meta" first), with a length
// before it as state_call answers, or in an Option as metadata_at_version answers.
func Parse(raw []byte) (*Metadata, error) { return nil, ErrVersion }

// ParseText reads metadata as Parse does, from hex text with or without "0x".
func ParseText(text string) (*Metadata, error) { return nil, ErrVersion }

// Pallet returns the pallet of that name.
func (m *Metadata) Pallet(name string) (*Pallet, error) { return nil, ErrUnknown }

// Pallets returns all pallets in the metadata's order.
func (m *Metadata) Pallets() []*Pallet { return m.pallets }

// Call returns the index of the pallet and the definition of its call.
func (m *Metadata) Call(pallet, call string) (uint8, *VariantDef, error) { return 0, nil, ErrUnknown }

// StorageEntry returns a pallet's storage item.
func (m *Metadata) StorageEntry(pallet, entry string) (*StorageEntry, error) { return nil, ErrUnknown }

// Constant returns the decoded value of a pallet's constant.
func (m *Metadata) Constant(pallet, name string) (any, error) { return nil, ErrUnknown }

// RuntimeAPI returns a method of a runtime API; ErrUnknown also on metadata 14, which has none.
func (m *Metadata) RuntimeAPI(api, method string) (*Method, error) { return nil, ErrUnknown }

// Extensions returns what a signed extrinsic of version 4 carries, in order.
func (m *Metadata) Extensions() []Extension { return m.extensions }

// Type returns the type with that id.
func (m *Metadata) Type(id uint32) (*Type, error) { return nil, ErrUnknown }

// ZeroSize reports whether values of the type take no bytes.
func (m *Metadata) ZeroSize(id uint32) (bool, error) { return false, ErrUnknown }

// EncodeType appends v, which stands for a value of the type as the package says.
func (m *Metadata) EncodeType(e *scale.Encoder, id uint32, v any) error { return ErrUnknown }

// DecodeType reads a value of the type. Failures are also the decoder's.
func (m *Metadata) DecodeType(d *scale.Decoder, id uint32) (any, error) { return nil, ErrUnknown }

// StorageKey returns the key of an item; it takes as many keys as the item has.
func (m *Metadata) StorageKey(pallet, entry string, keys ...any) ([]byte, error) {
	return nil, ErrUnknown
}

// StoragePrefix returns what the keys of an item begin with, given its first keys (none to all).
func (m *Metadata) StoragePrefix(pallet, entry string, keys ...any) ([]byte, error) {
	return nil, ErrUnknown
}

// DecodeStorageKey takes a storage key apart: the keys' values where the hasher keeps
// them (Blake2_128Concat, Twox64Concat, Identity); it refuses other hashers.
func (m *Metadata) DecodeStorageKey(pallet, entry string, key []byte) ([]any, error) {
	return nil, ErrUnknown
}

// DecodeStorage decodes an item's value. A nil value means the item is absent: the
// default is decoded then, or nil returned when the item is optional.
func (m *Metadata) DecodeStorage(pallet, entry string, value []byte) (any, error) {
	return nil, ErrUnknown
}

// EncodeCall returns pallet index, call index and arguments. Every argument must be
// there and none besides.
func (m *Metadata) EncodeCall(pallet, call string, args map[string]any) ([]byte, error) {
	return nil, ErrUnknown
}

// DecodeCall takes a call apart; bytes left over are refused.
func (m *Metadata) DecodeCall(b []byte) (pallet, call string, args map[string]any, err error) {
	return "", "", nil, ErrUnknown
}

// EncodeAPIArgs encodes the arguments of a runtime API's method, in its order, for state_call.
func (m *Metadata) EncodeAPIArgs(api, method string, args ...any) ([]byte, error) {
	return nil, ErrUnknown
}

// DecodeAPIResult decodes the answer of state_call for the method; bytes left over are refused.
func (m *Metadata) DecodeAPIResult(api, method string, answer []byte) (any, error) {
	return nil, ErrUnknown
}

// ErrorName names a module error, as in "SubtensorModule.SettingWeightsTooFast". What
// this metadata does not know is named by its numbers.
func (m *Metadata) ErrorName(palletIndex uint8, err [4]byte) string { return "" }

// DispatchError names a decoded DispatchError (as in System.ExtrinsicFailed or in a dry
// run): "Pallet.Error" for a module's, "Token.FundsUnavailable", "BadOrigin" for others.
func (m *Metadata) DispatchError(v any) string { return "" }

// DecodeEvents decodes the value of System.Events.
func (m *Metadata) DecodeEvents(b []byte) ([]Event, error) { return nil, ErrUnknown }

// Type is one entry of the type registry.
type Type struct{}

// Field is a named or unnamed field of a type, or an argument.
type Field struct {
	Name string // empty for an unnamed field
	Type uint32
}

// VariantDef is one variant of an enum type: a call, an event, an error or any other.
type VariantDef struct {
	Name   string
	Index  uint8
	Fields []Field
}
