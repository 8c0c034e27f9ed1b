package wasmhost

import (
	"fmt"

	"github.com/affine-go/affine/shared/chain/scale"
)

// Version is what a runtime says of itself, in its section "runtime_version" and to
// whoever calls Core_version.
type Version struct {
	SpecName, ImplName string
	Authoring          uint32
	Spec               uint32
	Impl               uint32
	APIs               []API
	Transaction        uint32
	State              uint8 // how the trie of its state hashes values

	tail    []byte // what runtimes since 2024 add: how extrinsics' roots are hashed
	encoded []byte
}

// API names a runtime API by the first eight bytes of its name's BLAKE2b hash.
type API struct {
	ID      [8]byte
	Version uint32
}

// versionOf reads the sections in which a module tells its version.
func versionOf(wasm []byte) (Version, error) {
	list, err := sections(wasm)
	if err != nil {
		return Version{}, err
	}
	named := make(map[string][]byte)
	for _, s := range list {
		if s.id != customSection {
			continue
		}
		r := &reader{rest: s.body}
		if name := r.bytes(r.number()); r.err == nil {
			named[string(name)] = r.rest
		}
	}
	body, found := named["runtime_version"]
	if !found {
		return Version{}, fmt.Errorf("no section runtime_version: WebAssembly, but not a Substrate runtime")
	}
	v, err := decodeVersion(body, named["runtime_apis"])
	if err != nil {
		return Version{}, fmt.Errorf("section runtime_version: %w", err)
	}
	return v, nil
}

// decodeVersion reads a version whose list of APIs stands in a section of its own, which
// holds twelve bytes for each.
func decodeVersion(body, apis []byte) (Version, error) {
	d := scale.NewDecoder(body)
	v := Version{SpecName: d.Str(), ImplName: d.Str(), Authoring: d.U32(), Spec: d.U32(), Impl: d.U32()}
	v.APIs = decodeAPIs(d, d.Len(12))
	v.Transaction, v.State = d.U32(), d.U8()
	v.tail = d.Raw(min(d.Remaining(), 1))
	if err := d.End(); err != nil {
		return v, err
	}
	list := scale.NewDecoder(apis)
	v.APIs = append(v.APIs, decodeAPIs(list, len(apis)/12)...)
	if v.State > 1 {
		return v, fmt.Errorf("state version %d", v.State)
	}
	v.encoded = v.encode()
	return v, list.End()
}

func decodeAPIs(d *scale.Decoder, count int) []API {
	list := make([]API, count)
	for i := range list {
		if id := d.Raw(8); id != nil {
			list[i] = API{[8]byte(id), d.U32()}
		}
	}
	return list
}

// encode is the version in the form in which Core_version tells it.
func (v Version) encode() []byte {
	var e scale.Encoder
	e.Str(v.SpecName)
	e.Str(v.ImplName)
	e.U32(v.Authoring)
	e.U32(v.Spec)
	e.U32(v.Impl)
	e.Compact(uint64(len(v.APIs)))
	for _, api := range v.APIs {
		e.Raw(api.ID[:])
		e.U32(api.Version)
	}
	e.U32(v.Transaction)
	e.U8(v.State)
	e.Raw(v.tail)
	return e.Data()
}
