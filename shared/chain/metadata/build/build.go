package build

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/affine-go/affine/shared/chain/metadata"
	"github.com/affine-go/affine/shared/chain/scale"
)

// Build writes the metadata of the runtime that spec describes, bare ("meta" first).
// It refuses unknown types and versions, indices used twice, and a description that
// metadata.Parse would refuse.
func Build(spec Spec) ([]byte, error) {
	if spec.Version < 14 || spec.Version > 16 {
		return nil, fmt.Errorf("build metadata: version %d is not 14, 15 or 16", spec.Version)
	}
	if spec.Runtime == "" {
		spec.Runtime = "node_subtensor_runtime"
	}
	if spec.Extensions == nil {
		spec.Extensions = SubtensorExtensions()
	}
	w := &writer{spec: spec, r: &registry{named: Standard(), ids: map[string]uint32{}}}
	w.name()
	// Ids are given while the body is written; the registry, which stands first, is written last.
	w.body()
	if w.r.err != nil {
		return nil, fmt.Errorf("build metadata: %w", w.r.err)
	}
	head := &scale.Encoder{}
	head.Raw([]byte("meta"))
	head.U8(spec.Version)
	w.r.write(head)
	out := slices.Concat(head.Data(), w.e.Data())
	if _, err := metadata.Parse(out); err != nil {
		return nil, fmt.Errorf("build metadata: %w", err)
	}
	return out, nil
}

// writer writes all but the registry.
type writer struct {
	spec Spec
	r    *registry
	e    scale.Encoder
}

// name makes the spec's own types and those made from its pallets known.
func (w *writer) name() {
	for _, name := range slices.Sorted(maps.Keys(w.spec.Types)) {
		w.define(name, w.spec.Types[name])
	}
	outer := map[string]*Type{}
	for _, name := range []string{"Call", "Event", "Error"} {
		outer[name] = &Type{Path: w.spec.Runtime + "::Runtime" + name}
	}
	for _, p := range w.spec.Pallets {
		for name, variants := range map[string][]Variant{"Call": p.Calls, "Event": p.Events, "Error": p.Errors} {
			if len(variants) == 0 {
				continue
			}
			w.define(p.Name+"::"+name, Type{Path: crate(p) + "::pallet::" + name, Variants: variants})
			outer[name].Variants = append(outer[name].Variants, one(p.Name, p.Index, p.Name+"::"+name))
		}
	}
	for name, t := range outer {
		w.define("Runtime"+name, *t)
	}
	w.define("Runtime", Type{Path: w.spec.Runtime + "::Runtime"})
	w.define("UncheckedExtrinsic", w.extrinsicType())
}

func (w *writer) define(name string, t Type) {
	if _, taken := w.r.named[name]; taken {
		w.r.fail("type %s is there twice", name)
	}
	indices := map[uint8]string{}
	for _, v := range t.Variants {
		if other, taken := indices[v.Index]; taken {
			w.r.fail("type %s: %s and %s share index %d", name, other, v.Name, v.Index)
		}
		indices[v.Index] = v.Name
	}
	w.r.named[name] = t
}

func crate(p Pallet) string {
	if p.Crate != "" {
		return p.Crate
	}
	return "pallet_" + strings.ToLower(p.Name)
}

// extrinsicType is the type whose parameters tell clients of metadata 14 what address,
// call and signature are.
func (w *writer) extrinsicType() Type {
	var extras []string
	for _, x := range w.spec.Extensions {
		extras = append(extras, unit(x.Extra))
	}
	return Type{
		Path: "sp_runtime::generic::unchecked_extrinsic::UncheckedExtrinsic",
		Params: []Field{
			{"Address", "MultiAddress"}, {"Call", "RuntimeCall"}, {"Signature", "MultiSignature"},
			{"Extra", "(" + strings.Join(extras, ", ") + ")"},
		},
		Fields: []Field{{Type: "Vec<u8>"}},
	}
}

// unit is the unit type for an empty expression.
func unit(text string) string {
	if text == "" {
		return "()"
	}
	return text
}

func (w *writer) typeID(text string) { w.e.Compact(uint64(w.r.id(text))) }

func (w *writer) body() {
	writeList(&w.e, w.spec.Pallets, w.pallet)
	w.r.id("UncheckedExtrinsic") // other clients look for it in every version
	switch w.spec.Version {
	case 14:
		w.typeID("UncheckedExtrinsic")
		w.e.U8(4)
		w.extensions()
		w.typeID("Runtime")
		return
	case 15:
		w.e.U8(4)
		w.extrinsicParts()
		w.typeID(w.extrinsicType().Params[3].Type)
		w.extensions()
		w.typeID("Runtime")
	case 16:
		w.e.Bytes([]byte{4, 5})
		w.extrinsicParts()
		w.extensionLists()
		w.extensions()
	}
	writeList(&w.e, w.spec.APIs, w.api)
	for _, name := range []string{"RuntimeCall", "RuntimeEvent", "RuntimeError"} {
		w.typeID(name)
	}
	w.e.Compact(0) // custom values
}

func (w *writer) extrinsicParts() {
	for _, name := range []string{"MultiAddress", "RuntimeCall", "MultiSignature"} {
		w.typeID(name)
	}
}

// extensionLists says that version 0 of the extensions is all of them, in order.
func (w *writer) extensionLists() {
	w.e.Compact(1)
	w.e.U8(0)
	w.e.Compact(uint64(len(w.spec.Extensions)))
	for i := range w.spec.Extensions {
		w.e.Compact(uint64(i))
	}
}

func (w *writer) extensions() {
	writeList(&w.e, w.spec.Extensions, func(x Extension) {
		w.e.Str(x.Name)
		w.typeID(unit(x.Extra))
		w.typeID(unit(x.Implicit))
	})
}

func (w *writer) pallet(p Pallet) {
	w.e.Str(p.Name)
	w.e.Bool(len(p.Storage) > 0)
	if len(p.Storage) > 0 {
		w.e.Str(p.Name)
		writeList(&w.e, p.Storage, w.entry)
	}
	w.palletEnum(p.Name+"::Call", p.Calls)
	w.palletEnum(p.Name+"::Event", p.Events)
	writeList(&w.e, p.Constants, w.constant)
	w.palletEnum(p.Name+"::Error", p.Errors)
	if w.spec.Version >= 16 {
		w.e.Compact(0) // associated types
		w.e.Compact(0) // view functions
	}
	w.e.U8(p.Index)
	if w.spec.Version >= 15 {
		w.e.Compact(0) // docs
	}
	w.notDeprecated()
}

// palletEnum writes the type of a pallet's calls, events or errors, if it has any.
func (w *writer) palletEnum(name string, variants []Variant) {
	w.e.Bool(len(variants) > 0)
	if len(variants) == 0 {
		return
	}
	w.typeID(name)
	if w.spec.Version >= 16 {
		w.e.Compact(0) // no variant is deprecated
	}
}

// notDeprecated writes what metadata 16 says of an item that is not deprecated.
func (w *writer) notDeprecated() {
	if w.spec.Version >= 16 {
		w.e.U8(0)
	}
}

func (w *writer) entry(s Entry) {
	if len(s.Keys) != len(s.Hashers) {
		w.r.fail("storage %s: %d keys, %d hashers", s.Name, len(s.Keys), len(s.Hashers))
	}
	w.e.Str(s.Name)
	w.e.Bool(!s.Optional)
	w.e.Bool(len(s.Keys) > 0)
	if len(s.Keys) > 0 {
		writeList(&w.e, s.Hashers, func(h metadata.Hasher) { w.e.U8(uint8(h)) })
		w.typeID(keyType(s.Keys))
	}
	value := w.r.id(s.Value)
	w.e.Compact(uint64(value))
	w.e.Bytes(w.initial(s, value))
	writeDocs(&w.e, s.Docs)
	w.notDeprecated()
}

func keyType(keys []string) string {
	if len(keys) == 1 {
		return keys[0]
	}
	return "(" + strings.Join(keys, ", ") + ")"
}

// initial is what the metadata says of an absent item.
func (w *writer) initial(s Entry, value uint32) []byte {
	switch {
	case s.Optional:
		return []byte{0}
	case s.Default != nil || w.r.err != nil:
		return s.Default
	}
	return w.r.zeros(value, 0)
}

func (w *writer) constant(c Constant) {
	w.e.Str(c.Name)
	w.typeID(c.Type)
	w.e.Bytes(c.Value)
	writeDocs(&w.e, c.Docs)
	w.notDeprecated()
}

func (w *writer) api(a API) {
	w.e.Str(a.Name)
	writeList(&w.e, a.Methods, w.method)
	w.e.Compact(0) // docs
	if w.spec.Version >= 16 {
		w.e.Compact(uint64(a.Version))
	}
	w.notDeprecated()
}

func (w *writer) method(m Method) {
	w.e.Str(m.Name)
	writeList(&w.e, m.Inputs, func(f Field) {
		w.e.Str(f.Name)
		w.typeID(f.Type)
	})
	w.typeID(unit(m.Output))
	writeDocs(&w.e, m.Docs)
	w.notDeprecated()
}
