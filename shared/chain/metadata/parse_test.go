package metadata_test

import (
	"encoding/hex"
	"errors"
	"slices"
	"testing"

	"github.com/affine-go/affine/shared/chain/metadata"
	"github.com/affine-go/affine/shared/chain/metadata/build"
	"github.com/affine-go/affine/shared/chain/scale"
)

// own is metadata of every kind of content, written by the builder.
func own(t testing.TB, version uint8) []byte {
	t.Helper()
	raw, err := build.Build(build.Spec{
		Version: version,
		Types: map[string]build.Type{"Data": {Path: "x::Data", Variants: []build.Variant{
			{Name: "None"}, {Name: "Sealed", Index: 134, Fields: []build.Field{{Name: "encrypted", Type: "Vec<u8>"}, {Name: "round", Type: "u64"}}},
		}}},
		Pallets: []build.Pallet{{
			Name: "SubtensorModule", Index: 7,
			Storage: []build.Entry{
				{Name: "Uids", Keys: []string{"u16", "AccountId32"}, Hashers: []metadata.Hasher{metadata.Identity, metadata.Blake2_128Concat}, Value: "u16", Optional: true},
				{Name: "Weights", Value: "Vec<(u16, Compact<u16>)>"},
			},
			Calls:     []build.Variant{{Name: "set", Fields: []build.Field{{Name: "data", Type: "Vec<Option<Data>>"}, {Name: "n", Type: "u128"}}}},
			Events:    []build.Variant{{Name: "Set", Fields: []build.Field{{Type: "u16"}}}},
			Errors:    build.Names("Nope"),
			Constants: []build.Constant{{Name: "C", Type: "str", Value: []byte{4, 'x'}}},
		}, {Name: "System", Storage: []build.Entry{{Name: "Events", Value: "Vec<EventRecord>"}}}},
		Extensions: []build.Extension{{Name: "CheckNonce", Extra: "CheckNonce"}, {Name: "CheckSpecVersion", Implicit: "u32"}},
		APIs:       []build.API{{Name: "A", Methods: []build.Method{{Name: "m", Inputs: []build.Field{{Name: "x", Type: "BTreeSet<u8>"}}, Output: "bool"}}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func TestParseTakesEveryWrapping(t *testing.T) {
	raw := own(t, 15)
	var length scale.Encoder
	length.Bytes(raw)
	for name, b := range map[string][]byte{
		"bare": raw, "with a length": length.Data(), "in an Option": append([]byte{1}, length.Data()...),
	} {
		if m, err := metadata.Parse(b); err != nil || m.Version != 15 {
			t.Errorf("%s: %v", name, err)
		}
		for _, text := range []string{hex.EncodeToString(b), "0x" + hex.EncodeToString(b) + "\n"} {
			if _, err := metadata.ParseText(text); err != nil {
				t.Errorf("%s as text: %v", name, err)
			}
		}
	}
}

func TestParseRefuses(t *testing.T) {
	raw := own(t, 15)
	other := func(version uint8) []byte { return append([]byte{'m', 'e', 't', 'a', version}, raw[5:]...) }
	for name, c := range map[string]struct {
		input []byte
		want  error
	}{
		"nothing":         {nil, metadata.ErrFormat},
		"None":            {[]byte{0}, metadata.ErrVersion},
		"not metadata":    {[]byte("0123456789"), metadata.ErrFormat},
		"magic only":      {[]byte("meta"), metadata.ErrVersion},
		"version 13":      {other(13), metadata.ErrVersion},
		"version 17":      {other(17), metadata.ErrVersion},
		"read as 14":      {other(14), metadata.ErrFormat},
		"read as 16":      {other(16), metadata.ErrFormat},
		"bytes left over": {append(slices.Clone(raw), 0), metadata.ErrFormat},
		"wrong length":    {append([]byte{1, 8}, raw...), metadata.ErrFormat},
		"huge list":       {[]byte("meta\x0f\x03\x00\x00\x00\x40"), metadata.ErrFormat},
		"too large":       {make([]byte, metadata.MaxSize+1), metadata.ErrFormat},
	} {
		if _, err := metadata.Parse(c.input); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	if _, err := metadata.ParseText("0xmeta"); !errors.Is(err, metadata.ErrFormat) {
		t.Errorf("text that is not hex: %v", err)
	}
}

// TestParseRefusesEveryBeginning cuts metadata anywhere: no beginning is metadata.
func TestParseRefusesEveryBeginning(t *testing.T) {
	for _, version := range []uint8{14, 15, 16} {
		raw := own(t, version)
		for n := range raw {
			if _, err := metadata.Parse(raw[:n]); err == nil {
				t.Fatalf("version %d: the first %d of %d bytes are accepted", version, n, len(raw))
			}
		}
	}
}

// TestDamagedMetadataIsSafe changes every byte of metadata 16, and every fifth of the
// older versions, which are read by the same code. What is still accepted must be safe to
// use: nothing panics, nothing runs away.
func TestDamagedMetadataIsSafe(t *testing.T) {
	for version, step := range map[uint8]int{14: 5, 15: 5, 16: 1} {
		raw := own(t, version)
		for i := 5; i < len(raw); i += step {
			for _, b := range []byte{0, 0xff} {
				spoiled := slices.Clone(raw)
				spoiled[i] = b
				if m, err := metadata.Parse(spoiled); err == nil && i%32 == int(version) {
					use(m)
				}
			}
		}
	}
}

// use does with metadata what the project does with it.
func use(m *metadata.Metadata) {
	zeros := make([]byte, 64)
	for id := range min(m.TypeCount(), 300) {
		_, _ = m.ZeroSize(uint32(id))
		if v, err := m.DecodeType(scale.NewDecoder(zeros), uint32(id)); err == nil {
			_ = m.EncodeType(&scale.Encoder{}, uint32(id), v)
		}
	}
	for _, p := range m.Pallets() {
		for _, s := range p.Storage {
			_, _ = m.DecodeStorage(p.Name, s.Name, nil)
			_, _ = m.StoragePrefix(p.Name, s.Name)
			_, _ = m.StorageKey(p.Name, s.Name, 1, zeros[:32])
		}
		for _, c := range p.Constants {
			_, _ = m.Constant(p.Name, c.Name)
		}
		_ = m.ErrorName(p.Index, [4]byte{})
		_, _, _, _ = m.DecodeCall(append([]byte{p.Index}, zeros...))
	}
	for _, a := range m.APIs() {
		for _, f := range a.Methods {
			_, _ = m.DecodeAPIResult(a.Name, f.Name, zeros)
		}
	}
	_, _ = m.DecodeEvents(append([]byte{4}, zeros...))
}

// TestWrongContent writes metadata 14 by hand, with one mistake each.
func TestWrongContent(t *testing.T) {
	sound := func(f *handmade) {}
	for name, spoil := range map[string]func(*handmade){
		"sound":             sound,
		"id out of place":   func(f *handmade) { f.firstID = 1 },
		"type definition":   func(f *handmade) { f.definition = []byte{8, 0} },
		"primitive":         func(f *handmade) { f.definition = []byte{5, 15} },
		"mixed fields":      func(f *handmade) { f.definition = []byte{0, 8, 0, 0, 0, 0, 1, 4, 'x', 0, 0, 0} },
		"storage modifier":  func(f *handmade) { f.modifier = 2 },
		"storage kind":      func(f *handmade) { f.kind = 2 },
		"hasher":            func(f *handmade) { f.hashers = []byte{4, 7} },
		"hashers, no tuple": func(f *handmade) { f.hashers = []byte{8, 6, 6} },
		"hashers, no type":  func(f *handmade) { f.hashers, f.keyType = []byte{8, 6, 6}, 9 },
		"pallet twice":      func(f *handmade) { f.pallets = 2 },
		"extrinsic's type":  func(f *handmade) { f.extrinsic = 9 },
		"huge type id":      func(f *handmade) { f.definition = []byte{2, 0x07, 0, 0, 0, 0, 1} },
	} {
		f := &handmade{definition: []byte{5, 3}, kind: 1, hashers: []byte{4, 6}, pallets: 1}
		spoil(f)
		_, err := metadata.Parse(f.bytes())
		if name == "sound" {
			if err != nil {
				t.Fatalf("sound metadata is refused: %v", err)
			}
			continue
		}
		if !errors.Is(err, metadata.ErrFormat) && !errors.Is(err, metadata.ErrUnknown) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// handmade is metadata 14 with one type and pallets with one storage map.
type handmade struct {
	firstID    uint64
	definition []byte
	modifier   uint8
	kind       uint8
	hashers    []byte
	keyType    uint64
	pallets    int
	extrinsic  uint64
}

func (f *handmade) bytes() []byte {
	var e scale.Encoder
	e.Raw([]byte("meta\x0e"))
	e.Compact(1)
	e.Compact(f.firstID)
	e.Raw([]byte{0, 0}) // path, parameters
	e.Raw(f.definition)
	e.U8(0)
	e.Compact(uint64(f.pallets))
	for range f.pallets {
		e.Str("P")
		e.U8(1)
		e.Str("P")
		e.Compact(1)
		e.Str("E")
		e.U8(f.modifier)
		e.U8(f.kind)
		e.Raw(f.hashers)
		e.Compact(f.keyType)
		e.Compact(0)                 // value
		e.Raw([]byte{4, 0, 0})       // default, docs
		e.Raw([]byte{0, 0, 0, 0, 0}) // calls, events, constants, errors, index
	}
	e.Compact(f.extrinsic)
	e.Raw([]byte{4, 0, 0}) // version, extensions, runtime
	return e.Data()
}

// TestVersion16Notes writes what metadata 16 added: deprecation notes of every kind,
// associated types, view functions, lists of extensions by version.
func TestVersion16Notes(t *testing.T) {
	note := func(e *scale.Encoder) { e.U8(2); e.Str("gone soon"); e.U8(1); e.Str("2") }
	write := func(lists []byte) []byte {
		var e scale.Encoder
		e.Raw([]byte("meta\x10"))
		e.Raw([]byte{4, 0, 0, 0, 5, 3, 0}) // type 0 is u8
		e.Compact(1)
		e.Str("P")
		e.U8(1)
		e.Str("P")
		e.Compact(1)
		e.Str("E")
		e.Raw([]byte{1, 0, 0, 4, 9, 0}) // default, plain, value, its default, docs
		note(&e)
		e.Raw([]byte{1, 0, 8, 0, 1, 1}) // calls: type 0; variant 0 deprecated without a note, 1 with one
		note(&e)
		e.Raw([]byte{0, 0, 0}) // events, constants, errors
		e.Compact(1)
		e.Str("Associated")
		e.Raw([]byte{0, 0})
		e.Compact(1) // view functions
		e.Raw(make([]byte, 32))
		e.Str("view")
		e.Raw([]byte{0, 0, 0, 1}) // inputs, output, docs; deprecated without a note
		e.Raw([]byte{3, 0, 0})    // index, docs, not deprecated
		e.Raw([]byte{8, 4, 5, 0, 0, 0})
		e.Raw(lists)
		e.Compact(2)
		for _, name := range []string{"First", "Second"} {
			e.Str(name)
			e.Raw([]byte{0, 0})
		}
		e.Raw([]byte{0, 0, 0, 0}) // APIs, outer enums
		e.Compact(1)
		e.Str("custom")
		e.Raw([]byte{0, 4, 7})
		return e.Data()
	}
	m, err := metadata.Parse(write([]byte{8, 0, 8, 4, 0, 1, 4, 0})) // version 0: second, first; version 1: first
	if err != nil {
		t.Fatal(err)
	}
	if x := m.Extensions(); len(x) != 2 || x[0].Name != "Second" || x[1].Name != "First" || !slices.Equal(m.ExtrinsicVersions, []uint8{4, 5}) {
		t.Errorf("extensions %v, versions %v", x, m.ExtrinsicVersions)
	}
	if v, err := m.DecodeStorage("P", "E", nil); err != nil || v != uint64(9) {
		t.Errorf("storage behind the notes is %v, %v", v, err)
	}
	if _, err := metadata.Parse(write([]byte{4, 0, 4, 8})); !errors.Is(err, metadata.ErrFormat) {
		t.Errorf("third of two extensions: %v", err)
	}
	if m, err := metadata.Parse(write([]byte{4, 1, 4, 0})); err != nil || len(m.Extensions()) != 0 {
		t.Errorf("no list of version 0: %v", err)
	}
}
