package scale_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"math"
	"math/big"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/affine-go/affine/shared/chain/scale"
)

// The compact forms are those of the format's published description.
var compacts = []struct {
	value uint64
	form  string
}{
	{0, "00"}, {1, "04"}, {42, "a8"}, {63, "fc"},
	{64, "0101"}, {69, "1501"}, {16383, "fdff"},
	{16384, "02000100"}, {65535, "feff0300"}, {1<<30 - 1, "feffffff"},
	{1 << 30, "0300000040"}, {1<<32 - 1, "03ffffffff"}, {1 << 32, "070000000001"},
	{100000000000000, "0b00407a10f35a"}, {math.MaxUint64, "13ffffffffffffffff"},
}

func TestCompact(t *testing.T) {
	for _, c := range compacts {
		var e scale.Encoder
		e.Compact(c.value)
		if got := hex.EncodeToString(e.Data()); got != c.form {
			t.Errorf("%d is written %s, want %s", c.value, got, c.form)
		}
		d := scale.NewDecoder(unhex(t, c.form))
		if got := d.Compact(); got != c.value || d.End() != nil {
			t.Errorf("%s is read as %d, %v; want %d", c.form, got, d.Err(), c.value)
		}
	}
}

func TestCompactRefusesLongerForms(t *testing.T) {
	for _, form := range []string{
		"0100", "fd00", // below 64 in two bytes
		"02000000", "fefc0000", // below 2^14 in four
		"0300000000", "03ffffff3f", // below 2^30 in five
		"070000000000", "07ffffffff00", // a zero on top
		"13ffffffffffffff00",
	} {
		for name, read := range map[string]func(*scale.Decoder){
			"Compact":    func(d *scale.Decoder) { d.Compact() },
			"CompactBig": func(d *scale.Decoder) { d.CompactBig() },
		} {
			d := scale.NewDecoder(unhex(t, form))
			read(d)
			if !errors.Is(d.Err(), scale.ErrCanonical) {
				t.Errorf("%s of %s: %v, ErrCanonical wanted", name, form, d.Err())
			}
		}
	}
}

func TestCompactAboveSixtyFourBits(t *testing.T) {
	form := "17000000000000000001" // 2^64
	if d := scale.NewDecoder(unhex(t, form)); d.Compact() != 0 || !errors.Is(d.Err(), scale.ErrValue) {
		t.Errorf("Compact: %v, ErrValue wanted", d.Err())
	}
	d := scale.NewDecoder(unhex(t, form))
	if v := d.CompactBig(); v.Cmp(new(big.Int).Lsh(big.NewInt(1), 64)) != 0 || d.End() != nil {
		t.Errorf("CompactBig reads %s, %v", v, d.Err())
	}
	var e scale.Encoder
	for _, v := range []*big.Int{big.NewInt(-1), new(big.Int).Lsh(big.NewInt(1), 536)} {
		if err := e.CompactBig(v); err == nil {
			t.Errorf("a number of %d bits and sign %d has a compact form", v.BitLen(), v.Sign())
		}
	}
	if len(e.Data()) != 0 {
		t.Errorf("refused numbers left %x behind", e.Data())
	}
}

func TestFixedWidths(t *testing.T) {
	var e scale.Encoder
	e.U8(0x01)
	e.U16(0x0203)
	e.U32(0x04050607)
	e.U64(0x08090a0b0c0d0e0f)
	e.Bool(true)
	e.Bool(false)
	e.Str("Hä")
	e.Bytes([]byte{9, 8})
	e.Raw([]byte{7})
	want := "01" + "0302" + "07060504" + "0f0e0d0c0b0a0908" + "01" + "00" + "0c48c3a4" + "080908" + "07"
	if got := hex.EncodeToString(e.Data()); got != want {
		t.Fatalf("written %s\n   want %s", got, want)
	}
	d := scale.NewDecoder(e.Data())
	if d.U8() != 1 || d.U16() != 0x0203 || d.U32() != 0x04050607 || d.U64() != 0x08090a0b0c0d0e0f ||
		!d.Bool() || d.Bool() || d.Str() != "Hä" || !bytes.Equal(d.Bytes(), []byte{9, 8}) || d.U8() != 7 {
		t.Error("read back as something else")
	}
	if err := d.End(); err != nil {
		t.Error(err)
	}
}

func TestWideIntegers(t *testing.T) {
	for _, c := range []struct {
		value string
		size  int
		form  string
	}{
		{"0", 16, strings.Repeat("00", 16)},
		{"-1", 16, strings.Repeat("ff", 16)},
		{"-128", 1, "80"},
		{"127", 1, "7f"},
		{"-170141183460469231731687303715884105728", 16, strings.Repeat("00", 15) + "80"},
	} {
		v, _ := new(big.Int).SetString(c.value, 10)
		var e scale.Encoder
		if err := e.Int(v, c.size); err != nil || hex.EncodeToString(e.Data()) != c.form {
			t.Errorf("%s is written %x, %v; want %s", c.value, e.Data(), err, c.form)
		}
		if got := scale.NewDecoder(unhex(t, c.form)).Int(c.size); got.Cmp(v) != 0 {
			t.Errorf("%s is read as %s, want %s", c.form, got, v)
		}
	}
	var e scale.Encoder
	for _, err := range []error{
		e.Int(big.NewInt(128), 1), e.Int(big.NewInt(-129), 1), e.Uint(big.NewInt(256), 1), e.Uint(big.NewInt(-1), 1),
		e.U128(new(big.Int).Lsh(big.NewInt(1), 128)),
	} {
		if err == nil {
			t.Error("a number that does not fit is written")
		}
	}
}

func TestDecoderRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		input string
		read  func(*scale.Decoder)
		want  error
	}{
		"short integer":       {"010203", func(d *scale.Decoder) { d.U32() }, scale.ErrShort},
		"short compact":       {"02", func(d *scale.Decoder) { d.Compact() }, scale.ErrShort},
		"short big compact":   {"ff0102", func(d *scale.Decoder) { d.CompactBig() }, scale.ErrShort},
		"nothing":             {"", func(d *scale.Decoder) { d.CompactBig() }, scale.ErrShort},
		"boolean":             {"02", func(d *scale.Decoder) { d.Bool() }, scale.ErrValue},
		"text":                {"08c328", func(d *scale.Decoder) { d.Str() }, scale.ErrValue},
		"long bytes":          {"0300000040", func(d *scale.Decoder) { d.Bytes() }, scale.ErrLength},
		"length times size":   {"13ffffffffffffffff", func(d *scale.Decoder) { d.Len(1 << 20) }, scale.ErrLength},
		"length of no size":   {"13ffffffffffffffff", func(d *scale.Decoder) { d.Len(0) }, scale.ErrLength},
		"negative raw":        {"00", func(d *scale.Decoder) { d.Raw(-1) }, scale.ErrShort},
		"bytes left over":     {"0000", func(d *scale.Decoder) { d.U8(); _ = d.End() }, scale.ErrTrailing},
		"nested":              {"00", nest, scale.ErrDepth},
		"the first one stays": {"02", func(d *scale.Decoder) { d.Bool(); d.U64(); _ = d.End() }, scale.ErrValue},
	} {
		t.Run(name, func(t *testing.T) {
			d := scale.NewDecoder(unhex(t, c.input))
			c.read(d)
			if !errors.Is(d.Err(), c.want) {
				t.Errorf("%v, want %v", d.Err(), c.want)
			}
			if d.Remaining() != 0 || d.U8() != 0 || d.Raw(0) != nil || d.Str() != "" || d.Uint(16).Sign() != 0 {
				t.Error("reads go on after the failure")
			}
		})
	}
}

func nest(d *scale.Decoder) {
	for range scale.MaxDepth + 1 {
		d.Enter()
	}
}

func TestDepthComesUpAgain(t *testing.T) {
	d := scale.NewDecoder(nil)
	for range 10 * scale.MaxDepth {
		if !d.Enter() {
			t.Fatal(d.Err())
		}
		d.Leave()
	}
}

func TestBytesShareTheInputButNotItsCapacity(t *testing.T) {
	input := []byte{8, 1, 2, 3}
	b := scale.NewDecoder(input).Bytes()
	_ = append(b, 99)
	if input[3] != 3 {
		t.Error("appending to what was read wrote into the input")
	}
}

func TestRoundTrips(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		u, text, raw := rapid.Uint64().Draw(t, "u"), rapid.String().Draw(t, "text"), rapid.SliceOf(rapid.Byte()).Draw(t, "raw")
		wide := new(big.Int).SetBytes(rapid.SliceOfN(rapid.Byte(), 0, 67).Draw(t, "wide"))
		var e scale.Encoder
		e.Compact(u)
		e.Str(text)
		e.Bytes(raw)
		if err := e.CompactBig(wide); err != nil {
			t.Fatal(err)
		}
		d := scale.NewDecoder(e.Data())
		if got := d.Compact(); got != u {
			t.Fatalf("%d became %d", u, got)
		}
		if got := d.Str(); got != text {
			t.Fatalf("%q became %q", text, got)
		}
		if got := d.Bytes(); !bytes.Equal(got, raw) {
			t.Fatalf("%x became %x", raw, got)
		}
		if got := d.CompactBig(); got.Cmp(wide) != 0 {
			t.Fatalf("%s became %s", wide, got)
		}
		if err := d.End(); err != nil {
			t.Fatal(err)
		}
	})
}

// FuzzDecoder reads with every method in an order that the input picks: nothing may
// panic, go back, or return more than the input holds; compact forms are the only ones.
func FuzzDecoder(f *testing.F) {
	for _, c := range compacts {
		f.Add([]byte{3, 4, 9}, unhex(f, c.form))
	}
	f.Add([]byte{8}, []byte{3, 0, 0, 0, 64})
	f.Add([]byte{9, 9, 9}, []byte{2, 0, 1, 0})
	f.Fuzz(func(t *testing.T, order, input []byte) {
		d := scale.NewDecoder(input)
		for _, method := range order {
			before := d.Offset()
			readOne(t, d, method, input)
			if d.Offset() < before || d.Offset() > len(input) {
				t.Fatalf("offset went from %d to %d of %d", before, d.Offset(), len(input))
			}
		}
	})
}

func readOne(t *testing.T, d *scale.Decoder, method byte, input []byte) {
	start := d.Offset()
	switch method % 10 {
	case 0:
		d.U8()
	case 1:
		d.U64()
	case 2:
		d.Bool()
	case 3, 4:
		v := d.CompactBig()
		var e scale.Encoder
		if err := e.CompactBig(v); err != nil {
			t.Fatal(err)
		}
		if d.Err() == nil && !bytes.Equal(e.Data(), input[start:d.Offset()]) {
			t.Fatalf("%x is read as %s, which is written %x", input[start:d.Offset()], v, e.Data())
		}
	case 5:
		d.Str()
	case 6:
		d.Int(32)
	case 7:
		d.Raw(int(int8(method)))
	case 8:
		if n := d.Len(2); 2*n > d.Remaining() {
			t.Fatalf("length %d of items of 2 bytes, %d left", n, d.Remaining())
		}
	case 9:
		if b := d.Bytes(); len(b) > len(input) {
			t.Fatalf("%d bytes out of %d", len(b), len(input))
		}
	}
}

func unhex(t testing.TB, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
