package build

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/affine-go/affine/shared/chain/metadata"
	"github.com/affine-go/affine/shared/chain/scale"
)

// registry gives types their ids, in the order in which they are first met. Its error
// is sticky.
type registry struct {
	named map[string]Type
	ids   map[string]uint32
	types []registered
	err   error
}

// registered is a type as it is written.
type registered struct {
	kind      metadata.TypeKind
	path      string
	params    []ref
	fields    []ref
	variants  []variantRef
	elem      uint32
	len       uint32
	primitive metadata.Primitive
}

// ref is a named use of a type; text is how the source has it.
type ref struct {
	name, text string
	id         uint32
}

type variantRef struct {
	Variant
	fields []ref
}

var primitiveNames = map[string]metadata.Primitive{
	"bool": metadata.Bool, "char": metadata.Char, "str": metadata.Str, "String": metadata.Str,
	"u8": metadata.U8, "u16": metadata.U16, "u32": metadata.U32, "u64": metadata.U64, "u128": metadata.U128, "u256": metadata.U256,
	"i8": metadata.I8, "i16": metadata.I16, "i32": metadata.I32, "i64": metadata.I64, "i128": metadata.I128, "i256": metadata.I256,
}

func (r *registry) fail(format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf(format, args...)
	}
}

// id returns the id of the type that the text means.
func (r *registry) id(text string) uint32 {
	x, err := parseExpr(text)
	if err != nil {
		r.fail("%w", err)
		return 0
	}
	return r.idOf(x)
}

func (r *registry) idOf(x expr) uint32 {
	key := x.String()
	if id, ok := r.ids[key]; ok || r.err != nil {
		return id
	}
	id := uint32(len(r.types))
	r.ids[key] = id
	r.types = append(r.types, registered{}) // its place is taken before its parts', so that types may contain themselves
	t := r.make(x)
	r.types[id] = t
	return id
}

func (r *registry) make(x expr) registered {
	switch {
	case x.name == "(":
		return registered{kind: metadata.Tuple, fields: r.argRefs(x.args)}
	case x.name == "[":
		return registered{kind: metadata.Array, elem: r.idOf(x.args[0]), len: x.n}
	case len(x.args) > 0:
		return r.generic(x)
	}
	if p, ok := primitiveNames[x.name]; ok {
		return registered{kind: metadata.PrimitiveType, primitive: p}
	}
	t, ok := r.named[x.name]
	if !ok {
		r.fail("type %q is not known", x.name)
		return registered{}
	}
	return r.declared(t)
}

func (r *registry) declared(t Type) registered {
	out := registered{kind: metadata.Composite, path: t.Path, params: r.refs(t.Params), fields: r.refs(t.Fields)}
	if len(t.Variants) == 0 {
		return out
	}
	out.kind = metadata.Enum
	for _, v := range t.Variants {
		out.variants = append(out.variants, variantRef{v, r.refs(v.Fields)})
	}
	return out
}

// generics are the generic types: how many parameters they take and of what names.
var generics = map[string]string{
	"Vec": "T", "Compact": "T", "Option": "T", "Result": "TE", "BoundedVec": "T", "BTreeSet": "T", "BTreeMap": "KV",
}

func (r *registry) generic(x expr) registered {
	names, ok := generics[x.name]
	if !ok || len(names) != len(x.args) {
		r.fail("type %s: no such generic type of %d parameters", x, len(x.args))
		return registered{}
	}
	args := r.argRefs(x.args)
	for i := range args {
		args[i].name = names[i : i+1]
	}
	switch x.name {
	case "Vec":
		return registered{kind: metadata.Sequence, elem: args[0].id}
	case "Compact":
		return registered{kind: metadata.Compact, elem: args[0].id}
	case "Option":
		return r.enumOf("Option", args, Variant{Name: "None"}, one("Some", 1, args[0].text))
	case "Result":
		return r.enumOf("Result", args, one("Ok", 0, args[0].text), one("Err", 1, args[1].text))
	case "BTreeMap":
		return registered{kind: metadata.Composite, path: x.name, params: args,
			fields: r.refs([]Field{{Type: fmt.Sprintf("Vec<(%s, %s)>", args[0].text, args[1].text)}})}
	}
	path := x.name
	if path == "BoundedVec" {
		path = "bounded_collections::bounded_vec::BoundedVec"
	}
	return registered{kind: metadata.Composite, path: path, params: args,
		fields: r.refs([]Field{{Type: "Vec<" + args[0].text + ">"}})}
}

func (r *registry) enumOf(path string, params []ref, variants ...Variant) registered {
	t := r.declared(Type{Path: path, Variants: variants})
	t.params = params
	return t
}

func (r *registry) refs(fields []Field) []ref {
	var refs []ref
	for _, f := range fields {
		if (f.Name == "") != (fields[0].Name == "") {
			r.fail("fields with and without names side by side: %s", f.Type)
		}
		refs = append(refs, ref{f.Name, f.Type, r.id(f.Type)})
	}
	return refs
}

func (r *registry) argRefs(args []expr) []ref {
	var refs []ref
	for _, a := range args {
		refs = append(refs, ref{"", a.String(), r.idOf(a)})
	}
	return refs
}

// write encodes the registry, the same in all versions.
func (r *registry) write(e *scale.Encoder) {
	e.Compact(uint64(len(r.types)))
	for id, t := range r.types {
		e.Compact(uint64(id))
		path := strings.Split(t.path, "::")
		if t.path == "" {
			path = nil
		}
		writeList(e, path, e.Str)
		writeList(e, t.params, func(p ref) {
			e.Str(p.name)
			e.U8(1)
			e.Compact(uint64(p.id))
		})
		t.write(e)
		e.Compact(0) // docs
	}
}

func (t registered) write(e *scale.Encoder) {
	e.U8(uint8(t.kind))
	switch t.kind {
	case metadata.Composite:
		writeFields(e, t.fields)
	case metadata.Enum:
		writeList(e, t.variants, func(v variantRef) {
			e.Str(v.Name)
			writeFields(e, v.fields)
			e.U8(v.Index)
			writeDocs(e, v.Docs)
		})
	case metadata.Sequence, metadata.Compact:
		e.Compact(uint64(t.elem))
	case metadata.Array:
		e.U32(t.len)
		e.Compact(uint64(t.elem))
	case metadata.Tuple:
		writeList(e, t.fields, func(f ref) { e.Compact(uint64(f.id)) })
	case metadata.PrimitiveType:
		e.U8(uint8(t.primitive))
	}
}

func writeFields(e *scale.Encoder, fields []ref) {
	writeList(e, fields, func(f ref) {
		e.Bool(f.name != "")
		if f.name != "" {
			e.Str(f.name)
		}
		e.Compact(uint64(f.id))
		e.U8(1)
		e.Str(f.text)
		e.Compact(0) // docs
	})
}

// writeList writes a length and the items.
func writeList[T any](e *scale.Encoder, items []T, write func(T)) {
	e.Compact(uint64(len(items)))
	for _, item := range items {
		write(item)
	}
}

func writeDocs(e *scale.Encoder, docs string) {
	if docs == "" {
		e.Compact(0)
		return
	}
	writeList(e, strings.Split(docs, "\n"), e.Str)
}

// zeros is the encoding of the type's least value: zeros, no items, the first variant.
func (r *registry) zeros(id uint32, depth int) []byte {
	if depth > scale.MaxDepth {
		r.fail("type %d has no least value: it contains itself", id)
		return nil
	}
	t := r.types[id]
	var out []byte
	switch t.kind {
	case metadata.Composite, metadata.Tuple:
		for _, f := range t.fields {
			out = append(out, r.zeros(f.id, depth+1)...)
		}
	case metadata.Enum:
		out = append(out, t.variants[0].Index)
		for _, f := range t.variants[0].fields {
			out = append(out, r.zeros(f.id, depth+1)...)
		}
	case metadata.Array:
		out = r.zeroRow(t, depth)
	case metadata.PrimitiveType:
		out = make([]byte, t.primitive.Size())
	default:
		out = []byte{0}
	}
	return out
}

// maxLeast bounds the least value of a type, in bytes.
const maxLeast = 1 << 20

func (r *registry) zeroRow(t registered, depth int) []byte {
	elem := r.zeros(t.elem, depth+1)
	if uint64(len(elem))*uint64(t.len) > maxLeast {
		r.fail("an array of %d has a least value of more than %d bytes", t.len, maxLeast)
		return nil
	}
	if len(elem) == 0 {
		return nil
	}
	return bytes.Repeat(elem, int(t.len))
}
