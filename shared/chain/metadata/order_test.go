package metadata_test

import (
	"bytes"
	"errors"
	"math/big"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/affine-go/affine/shared/chain/metadata"
	"github.com/affine-go/affine/shared/chain/scale"
)

// TestSetsAndMapsAreWrittenInOrder: the chain re-encodes what it is sent before it
// checks the signature, and its sets and maps come out sorted.
func TestSetsAndMapsAreWrittenInOrder(t *testing.T) {
	for _, c := range []struct {
		typ   string
		given any
		form  string
	}{
		{"BTreeSet<u16>", []any{256, 2, 1}, "0c010002000001"},
		{"BTreeSet<u16>", []any{}, "00"},
		{"BTreeSet<i8>", []any{1, -1, 0}, "0cff0001"},
		{"BTreeSet<NetUid>", []any{2, 1}, "0801000200"},
		{"BTreeSet<u128>", []any{"18446744073709551616", 1}, "08" + "01" + strings.Repeat("00", 15) + strings.Repeat("00", 8) + "01" + strings.Repeat("00", 7)},
		{"BTreeSet<U256>", []any{"0x0100", 2}, "08" + "02" + strings.Repeat("00", 31) + "0001" + strings.Repeat("00", 30)},
		{"BTreeSet<[u8; 2]>", []any{"0x0200", "0x01ff"}, "0801ff0200"},
		{"BTreeSet<Vec<u16>>", []any{[]any{2}, []any{1, 9}, []any{1}, []any{}}, "10" + "00" + "040100" + "0801000900" + "040200"},
		{"BTreeSet<str>", []any{"b", "ab", "a"}, "0c" + "0461" + "086162" + "0462"},
		{"BTreeSet<(u8, bool)>", []any{[]any{2, false}, []any{1, true}, []any{1, false}}, "0c010001010200"},
		{"BTreeSet<Option<u8>>", []any{1, nil}, "08000101"},
		{"BTreeSet<Choice>", []any{map[string]any{"Both": []any{2, 1}}, map[string]any{"Both": []any{1, 2}}, "None"}, "0c000b01020b0201"},
		{"BTreeSet<Compact<u32>>", []any{256, 3}, "080c0104"},
		{"BTreeMap<u8, bool>", []any{[]any{2, true}, []any{1, false}}, "0801000201"},
		{"BTreeMap<u8, BTreeSet<u8>>", []any{[]any{2, []any{9, 8}}, []any{1, []any{}}}, "080100020808" + "09"},
	} {
		m, id := typed(t, c.typ)
		var e scale.Encoder
		if err := m.EncodeType(&e, id, c.given); err != nil || !bytes.Equal(e.Data(), unhex(t, c.form)) {
			t.Errorf("%s: %v is written %x, %v; want %s", c.typ, c.given, e.Data(), err, c.form)
			continue
		}
		encodesBack(t, m, id, e.Data())
	}
}

func TestSetsAndMapsRefuse(t *testing.T) {
	for typ, given := range map[string][]any{
		"BTreeSet<u16>": {1, 2, 1}, "BTreeMap<u8, bool>": {[]any{1, true}, []any{1, false}}, "BTreeSet<u8>": {1, 300},
	} {
		m, id := typed(t, typ)
		if err := m.EncodeType(&scale.Encoder{}, id, given); !errors.Is(err, metadata.ErrValue) {
			t.Errorf("%s: %v gives %v", typ, given, err)
		}
	}
	for _, c := range []struct {
		typ, input string
		want       error
	}{
		{"BTreeSet<u16>", "0802000100", scale.ErrCanonical},
		{"BTreeSet<u16>", "0801000100", scale.ErrCanonical},
		{"BTreeMap<u8, bool>", "0802000100", scale.ErrCanonical},
		{"BTreeSet<u16>", "080100", scale.ErrShort},
		{"BTreeSet<()>", "02000400", scale.ErrCanonical},
		{"BTreeMap<Loop, u8>", "04", scale.ErrDepth},
	} {
		m, id := typed(t, c.typ)
		if v, err := m.DecodeType(scale.NewDecoder(unhex(t, c.input)), id); !errors.Is(err, c.want) {
			t.Errorf("%s: %s is read as %v, %v; want %v", c.typ, c.input, v, err, c.want)
		}
	}
}

// TestOrderOfGivingIsOfNoMatter holds sets against every other order of their elements.
func TestOrderOfGivingIsOfNoMatter(t *testing.T) {
	m, id := typed(t, "BTreeSet<(u16, AccountId32)>")
	rapid.Check(t, func(t *rapid.T) {
		numbers := rapid.SliceOfNDistinct(rapid.Uint16(), 0, 20, rapid.ID).Draw(t, "numbers")
		account := rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "account")
		var set []any
		for _, n := range numbers {
			set = append(set, []any{n, account})
		}
		var sorted, shuffled scale.Encoder
		if err := m.EncodeType(&sorted, id, append([]any{}, set...)); err != nil {
			t.Fatal(err)
		}
		if err := m.EncodeType(&shuffled, id, append([]any{}, rapid.Permutation(set).Draw(t, "order")...)); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(sorted.Data(), shuffled.Data()) {
			t.Fatalf("%x and %x", sorted.Data(), shuffled.Data())
		}
	})
}

// TestWideNumbers: what the chain keeps in words of 64 bits is one number to clients.
func TestWideNumbers(t *testing.T) {
	m, id := typed(t, "U256")
	most := new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 256), big.NewInt(1))
	for _, c := range []struct {
		given any
		want  *big.Int
	}{
		{7, big.NewInt(7)}, {"0x0100", big.NewInt(256)}, {most.String(), most},
		{[]any{7, 0, 0, 0}, big.NewInt(7)}, {[4]uint64{0, 1}, huge("18446744073709551616")},
	} {
		var e scale.Encoder
		if err := m.EncodeType(&e, id, c.given); err != nil || len(e.Data()) != 32 {
			t.Errorf("%v is written %x, %v", c.given, e.Data(), err)
			continue
		}
		got, err := m.DecodeType(scale.NewDecoder(e.Data()), id)
		if err != nil || !cmp.Equal(got, any(c.want), bigInts) {
			t.Errorf("%v is read as %v, %v", c.given, got, err)
		}
		throughJSON(t, m, id, got, e.Data())
	}
	for _, bad := range []any{-1, new(big.Int).Add(most, big.NewInt(1)), "x", nil, []any{1}, true} {
		if err := m.EncodeType(&scale.Encoder{}, id, bad); !errors.Is(err, metadata.ErrValue) {
			t.Errorf("%v: %v", bad, err)
		}
	}
}
