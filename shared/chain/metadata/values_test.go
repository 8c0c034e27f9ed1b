package metadata_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"math/big"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/affine-go/affine/shared/chain/metadata"
	"github.com/affine-go/affine/shared/chain/metadata/build"
	"github.com/affine-go/affine/shared/chain/scale"
)

// typed builds a runtime whose only storage item is of the type, and returns the type's id.
func typed(t testing.TB, text string) (*metadata.Metadata, uint32) {
	t.Helper()
	raw, err := build.Build(build.Spec{
		Version: 15,
		Types: map[string]build.Type{
			"NetUid": {Path: "x::NetUid", Fields: []build.Field{{Type: "u16"}}},
			"Inner":  {Path: "x::Inner", Fields: []build.Field{{Name: "inner", Type: "u64"}}},
			"Pair":   {Path: "x::Pair", Fields: []build.Field{{Name: "a", Type: "u8"}, {Name: "b", Type: "Vec<u16>"}}},
			"U256":   {Path: "primitive_types::U256", Fields: []build.Field{{Type: "[u64; 4]"}}},
			"Unit":   {Path: "x::Unit"},
			"Loop":   {Path: "x::Loop", Fields: []build.Field{{Type: "Loop"}}},
			"Twice":  {Path: "x::Twice", Fields: []build.Field{{Type: "Vec<Twice>"}, {Type: "Vec<Twice>"}}},
			"Wide":   {Path: "x::Wide", Fields: []build.Field{{Type: "Unit"}, {Type: "Unit"}, {Type: "Unit"}, {Type: "Unit"}}},
			"Wider":  {Path: "x::Wider", Fields: []build.Field{{Type: "[Wide; 65535]"}}},
			"Choice": {Path: "x::Choice", Variants: []build.Variant{
				{Name: "None", Index: 0}, {Name: "Raw", Index: 3, Fields: []build.Field{{Type: "[u8; 2]"}}},
				{Name: "Named", Index: 9, Fields: []build.Field{{Name: "variant", Type: "u8"}, {Name: "y", Type: "bool"}}},
				{Name: "Both", Index: 11, Fields: []build.Field{{Type: "u8"}, {Type: "u8"}}},
			}},
		},
		Pallets: []build.Pallet{{Name: "P", Storage: []build.Entry{{Name: "E", Value: text, Optional: true}}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	m, err := metadata.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	s, err := m.StorageEntry("P", "E")
	if err != nil {
		t.Fatal(err)
	}
	return m, s.Value
}

func huge(text string) *big.Int {
	n, _ := new(big.Int).SetString(text, 10)
	return n
}

// bigInts compares *big.Int by value.
var bigInts = cmp.Comparer(func(a, b *big.Int) bool { return a.Cmp(b) == 0 })

func TestValuesOfEveryKind(t *testing.T) {
	for _, c := range []struct {
		typ     string
		given   any
		form    string
		decoded any
	}{
		{"u8", 255, "ff", uint64(255)},
		{"u64", "18446744073709551615", "ffffffffffffffff", uint64(1<<64 - 1)},
		{"u32", 7.0, "07000000", uint64(7)},
		{"u32", json.Number("7"), "07000000", uint64(7)},
		{"u16", "0x0102", "0201", uint64(258)},
		{"i8", -128, "80", int64(-128)},
		{"i16", -2, "feff", int64(-2)},
		{"i32", -2, "feffffff", int64(-2)},
		{"i64", int8(-1), "ffffffffffffffff", int64(-1)},
		{"u128", huge("340282366920938463463374607431768211455"), strings.Repeat("ff", 16), huge("340282366920938463463374607431768211455")},
		{"i128", "-1", strings.Repeat("ff", 16), big.NewInt(-1)},
		{"u256", 1, "01" + strings.Repeat("00", 31), big.NewInt(1)},
		{"bool", true, "01", true},
		{"char", "ä", "e4000000", "ä"},
		{"str", "ä", "08c3a4", "ä"},
		{"NetUid", 120, "7800", uint64(120)},
		{"Inner", 5, "0500000000000000", map[string]any{"inner": uint64(5)}},
		{"Inner", map[string]any{"inner": 5}, "0500000000000000", map[string]any{"inner": uint64(5)}},
		{"Pair", map[string]any{"a": 1, "b": []any{2}}, "01040200", map[string]any{"a": uint64(1), "b": []any{uint64(2)}}},
		{"Unit", nil, "", []any{}},
		{"()", []any{}, "", []any{}},
		{"(u8, bool)", []any{1, true}, "0101", []any{uint64(1), true}},
		{"Vec<u8>", "0x0a0b", "080a0b", []byte{10, 11}},
		{"Vec<u8>", []byte{10, 11}, "080a0b", []byte{10, 11}},
		{"Vec<u8>", []any{10, 11}, "080a0b", []byte{10, 11}},
		{"Vec<u8>", []byte{}, "00", []byte{}},
		{"[u8; 2]", "0x0a0b", "0a0b", []byte{10, 11}},
		{"[u16; 2]", [2]uint16{1, 2}, "01000200", []any{uint64(1), uint64(2)}},
		{"Vec<u16>", []uint16{1}, "040100", []any{uint64(1)}},
		{"BTreeMap<u8, bool>", []any{[]any{1, true}}, "040101", []any{[]any{uint64(1), true}}},
		{"AccountId32", "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY", "d43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27d", unhex(t, "d43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27d")},
		{"MultiAddress", make([]byte, 32), "00" + strings.Repeat("00", 32), metadata.Variant{Name: "Id", Value: make([]byte, 32)}},
		{"MultiAddress", metadata.Variant{Name: "Index"}, "01", metadata.Variant{Name: "Index", Value: []any{}}},
		{"Compact<u16>", 65535, "feff0300", uint64(65535)},
		{"Compact<Inner>", 1, "04", uint64(1)},
		{"Compact<u128>", huge("18446744073709551616"), "17000000000000000001", huge("18446744073709551616")},
		{"Option<u8>", nil, "00", nil},
		{"Option<u8>", 0, "0100", uint64(0)},
		{"Option<()>", []any{}, "01", []any{}},
		{"Option<Choice>", "None", "0100", metadata.Variant{Name: "None"}},
		{"Option<Option<u8>>", nil, "00", metadata.Variant{Name: "None"}},
		{"Option<Option<u8>>", metadata.Variant{Name: "Some"}, "0100", metadata.Variant{Name: "Some"}},
		{"Option<Option<u8>>", metadata.Variant{Name: "Some", Value: 5}, "010105", metadata.Variant{Name: "Some", Value: uint64(5)}},
		{"Result<u8, bool>", map[string]any{"Err": true}, "0101", metadata.Variant{Name: "Err", Value: true}},
		{"Choice", "None", "00", metadata.Variant{Name: "None"}},
		{"Choice", map[string]any{"variant": "None"}, "00", metadata.Variant{Name: "None"}},
		{"Choice", map[string]any{"variant": "Raw", "hex": "0x0102"}, "030102", metadata.Variant{Name: "Raw", Value: []byte{1, 2}}},
		{"Choice", map[string]any{"Raw": "0x0102"}, "030102", metadata.Variant{Name: "Raw", Value: []byte{1, 2}}},
		{"Choice", map[string]any{"variant": "Both", "value": []int{1, 2}}, "0b0102", metadata.Variant{Name: "Both", Value: []any{uint64(1), uint64(2)}}},
		{"Choice", metadata.Variant{Name: "Named", Value: map[string]any{"variant": 1, "y": true}}, "090101", metadata.Variant{Name: "Named", Value: map[string]any{"variant": uint64(1), "y": true}}},
	} {
		m, id := typed(t, c.typ)
		var e scale.Encoder
		if err := m.EncodeType(&e, id, c.given); err != nil || !bytes.Equal(e.Data(), unhex(t, c.form)) {
			t.Errorf("%s: %v is written %x, %v; want %s", c.typ, c.given, e.Data(), err, c.form)
			continue
		}
		got, err := m.DecodeType(scale.NewDecoder(e.Data()), id)
		if err != nil || !cmp.Equal(got, c.decoded, bigInts) {
			t.Errorf("%s: %s is read as %#v, %v; want %#v", c.typ, c.form, got, err, c.decoded)
		}
		throughJSON(t, m, id, got, e.Data())
	}
}

// throughJSON shows the value as JSON, reads that and encodes it again.
func throughJSON(t testing.TB, m *metadata.Metadata, id uint32, v any, want []byte) {
	t.Helper()
	text, err := json.Marshal(metadata.JSON(v))
	if err != nil {
		t.Fatal(err)
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var back any
	if err := d.Decode(&back); err != nil {
		t.Fatal(err)
	}
	var e scale.Encoder
	if err := m.EncodeType(&e, id, back); err != nil || !bytes.Equal(e.Data(), want) {
		t.Errorf("%s is written %x, %v; want %x", text, e.Data(), err, want)
	}
}

func TestEncodeRefuses(t *testing.T) {
	for _, c := range []struct {
		typ   string
		given any
		says  string
	}{
		{"u8", 256, "256"}, {"u8", -1, "-1"}, {"u8", 1.5, "1.5"}, {"u64", 1e18, "1e+18"}, {"u8", "one", "one"}, {"u8", "+1", "+1"}, {"u8", "1_0", "1_0"},
		{"u8", "", `""`}, {"u8", nil, "null where a whole number"}, {"u8", true, "true or false where a whole number"}, {"u8", (*big.Int)(nil), "no number"}, {"u256", strings.Repeat("9", 161), "161 characters"},
		{"i8", 128, "128"}, {"i8", -129, "-129"},
		{"Compact<u8>", 256, "256"}, {"Compact<u8>", -1, "-1"},
		{"bool", 1, "a number where true or false"}, {"str", 1, "a number where UTF-8"}, {"str", "\xff", "UTF-8"}, {"char", "ab", "one character"}, {"char", "", "one character"},
		{"Vec<u8>", "0a0b", "0x"}, {"Vec<u8>", "0x0", "odd"}, {"Vec<u8>", 7, "a number"}, {"Vec<u16>", "0x0102", "text where a list"}, {"Vec<u16>", nil, "null where a list"}, {"Vec<u16>", struct{}{}, "type struct"},
		{"Vec<u16>", []any{1, 70000}, "[1]"}, {"[u8; 2]", []byte{1}, "1 bytes, 2"}, {"[u16; 2]", []any{1}, "1 values, 2"}, {"(u8, u8)", []any{1}, "1 values, 2"},
		{"Pair", map[string]any{"a": 1}, "b is missing"}, {"Pair", map[string]any{"a": 1, "b": []any{}, "c": 1}, "3 fields"}, {"Pair", []any{1, 2}, "a list where an object of 2"},
		{"Pair", map[string]any{"a": 300, "b": []any{}}, "a: "}, {"Unit", 1, "nothing belongs"},
		{"AccountId32", "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQZ", "SS58"}, {"AccountId32", "0x01", "32"},
		{"Choice", "Nine", "Choice"}, {"Choice", metadata.Variant{Name: "Nine"}, "Nine"}, {"Choice", map[string]any{"variant": "None", "value": 1}, "nothing belongs"},
		{"Choice", 3, "a number"}, {"Choice", map[string]any{"a": 1, "b": 2}, "an object"}, {"Option<Option<u8>>", 5, "a number"},
		{"Loop", 1, "too deeply"},
	} {
		m, id := typed(t, c.typ)
		var e scale.Encoder
		err := m.EncodeType(&e, id, c.given)
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v gives error %v, one that says %q wanted", c.typ, c.given, err, c.says)
		}
		if !errors.Is(err, metadata.ErrValue) && !errors.Is(err, metadata.ErrUnknown) {
			t.Errorf("%s: %v: error %v is of no kind", c.typ, c.given, err)
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	for _, c := range []struct {
		typ, input string
		want       error
	}{
		{"u32", "010203", scale.ErrShort},
		{"Vec<u8>", "0300000040", scale.ErrShort},
		{"Vec<u16>", "0300000040", scale.ErrShort},
		{"Vec<()>", "0300000040", scale.ErrLength},
		{"Vec<Unit>", "13ffffffffffffffff", scale.ErrLength},
		{"Vec<(Wide, Wide)>", "02000400", scale.ErrLength},
		{"Wider", "", scale.ErrLength},
		{"[Wider; 65535]", "", scale.ErrLength},
		{"Loop", "00", scale.ErrDepth},
		{"Twice", strings.Repeat("04", 1000), scale.ErrDepth},
		{"Choice", "01", scale.ErrValue},
		{"Option<u8>", "02", scale.ErrValue},
		{"bool", "02", scale.ErrValue},
		{"char", "00d80000", scale.ErrValue},
		{"str", "04ff", scale.ErrValue},
		{"Compact<u8>", "0104", scale.ErrValue},
		{"Compact<u16>", "02000400", scale.ErrValue},
		{"Compact<u8>", "0100", scale.ErrCanonical},
		{"Compact<str>", "00", metadata.ErrFormat},
	} {
		m, id := typed(t, c.typ)
		_, err := m.DecodeType(scale.NewDecoder(unhex(t, c.input)), id)
		if !errors.Is(err, metadata.ErrDecode) || !errors.Is(err, c.want) {
			t.Errorf("%s: %.20s… gives %v, want %v", c.typ, c.input, err, c.want)
		}
	}
}

// TestWhateverDecodesEncodesBack holds both directions against each other for every
// type of the real runtimes.
func TestWhateverDecodesEncodesBack(t *testing.T) {
	for _, name := range []string{"metadata-343.v14.hex", "metadata-343.v15.hex", "metadata-393.v16.scale"} {
		m := runtime(t, name)
		t.Run(name, func(t *testing.T) {
			decoded := 0
			for id := range m.TypeCount() {
				if encodesBack(t, m, uint32(id), make([]byte, 1<<12)) {
					decoded++
				}
			}
			if decoded < m.TypeCount()*9/10 {
				t.Errorf("zeros make values of %d of %d types only", decoded, m.TypeCount())
			}
			rapid.Check(t, func(r *rapid.T) {
				id := rapid.IntRange(0, m.TypeCount()-1).Draw(r, "type")
				// Small bytes make short lengths and known variants, and so values of some depth.
				encodesBack(t, m, uint32(id), rapid.SliceOfN(rapid.ByteRange(0, 12), 300, 600).Draw(r, "small bytes"))
				encodesBack(t, m, uint32(id), rapid.SliceOfN(rapid.Byte(), 0, 200).Draw(r, "bytes"))
			})
		})
	}
}

// encodesBack reports whether the bytes begin with a value of the type.
func encodesBack(t testing.TB, m *metadata.Metadata, id uint32, input []byte) bool {
	t.Helper()
	d := scale.NewDecoder(input)
	v, err := m.DecodeType(d, id)
	if err != nil {
		return false
	}
	taken := input[:d.Offset()]
	var e scale.Encoder
	if err := m.EncodeType(&e, id, v); err != nil || !bytes.Equal(e.Data(), taken) {
		typ, _ := m.Type(id)
		t.Errorf("type %d (%s): %x is read as %v and written %x, %v", id, typ.Path, taken, v, e.Data(), err)
	}
	throughJSON(t, m, id, v, taken)
	return true
}

// bitTypes is metadata 14 whose types 4 to 7 are bit sequences: of u8 and u16, lowest
// bit first; of u8 and u16, highest bit first. Type 8 is kept in text, which is nonsense.
func bitTypes(t *testing.T) *metadata.Metadata {
	t.Helper()
	var e scale.Encoder
	e.Raw([]byte("meta\x0e"))
	e.Compact(9)
	for id, typ := range []struct {
		path       []string
		definition []byte
	}{
		{nil, []byte{5, 3}}, {nil, []byte{5, 4}},
		{[]string{"bitvec", "order", "Lsb0"}, []byte{0, 0}}, {[]string{"bitvec", "order", "Msb0"}, []byte{0, 0}},
		{nil, []byte{7, 0, 2 << 2}}, {nil, []byte{7, 1 << 2, 2 << 2}}, {nil, []byte{7, 0, 3 << 2}}, {nil, []byte{7, 1 << 2, 3 << 2}},
		{nil, []byte{7, 2 << 2, 2 << 2}},
	} {
		e.Compact(uint64(id))
		e.Compact(uint64(len(typ.path)))
		for _, part := range typ.path {
			e.Str(part)
		}
		e.U8(0)
		e.Raw(typ.definition)
		e.U8(0)
	}
	e.Raw([]byte{0, 0, 4, 0, 0})
	m, err := metadata.Parse(e.Data())
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestBitSequences(t *testing.T) {
	m := bitTypes(t)
	nine := []bool{true, false, true, false, false, false, false, false, true}
	for _, c := range []struct {
		id   uint32
		bits []bool
		form string
	}{
		{4, nil, "00"}, {4, nine[:3], "0c05"}, {4, nine, "240501"},
		{5, nine, "240501"}, {5, nine[:1], "040100"},
		{6, nine[:3], "0ca0"}, {6, nine, "24a080"},
		{7, nine, "2480a0"}, {7, nine[:1], "040080"},
	} {
		var e scale.Encoder
		if err := m.EncodeType(&e, c.id, c.bits); err != nil || !bytes.Equal(e.Data(), unhex(t, c.form)) {
			t.Errorf("type %d: %v is written %x, %v; want %s", c.id, c.bits, e.Data(), err, c.form)
			continue
		}
		got, err := m.DecodeType(scale.NewDecoder(e.Data()), c.id)
		if err != nil || !slices.Equal(got.([]bool), c.bits) {
			t.Errorf("type %d: %s is read as %v, %v", c.id, c.form, got, err)
		}
		throughJSON(t, m, c.id, got, e.Data())
	}
	for _, bad := range []any{7, []any{1}, nil} {
		if err := m.EncodeType(&scale.Encoder{}, 4, bad); !errors.Is(err, metadata.ErrValue) {
			t.Errorf("%v: %v", bad, err)
		}
	}
	for id, form := range map[uint32]string{4: "02ffffff", 8: "0c05"} {
		if v, err := m.DecodeType(scale.NewDecoder(unhex(t, form)), id); !errors.Is(err, metadata.ErrDecode) {
			t.Errorf("type %d: %s is read as %v, %v", id, form, v, err)
		}
	}
	if err := m.EncodeType(&scale.Encoder{}, 8, []bool{true}); !errors.Is(err, metadata.ErrFormat) {
		t.Errorf("bits kept in text: %v", err)
	}
}
