package part_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"slices"
	"testing"

	"github.com/parquet-go/parquet-go"

	"github.com/affine-go/affine/shared/archive/part"
	"github.com/affine-go/affine/shared/subnet"
)

func TestEveryTruncationIsRefused(t *testing.T) {
	data := encode(t, samples(20))
	for n := range data {
		if got, err := part.Decode(data[:n]); !errors.Is(err, part.ErrCorrupt) || got != nil {
			t.Fatalf("the first %d of %d bytes: %d samples, %v", n, len(data), len(got), err)
		}
	}
}

// One flipped bit anywhere is found out, or does not matter. Every seventh byte is
// tried; over a file of some 7,000 that meets each kind of field.
func TestDamageIsHarmless(t *testing.T) {
	if checkedPointers {
		t.Skip("NOT CHECKED under the race detector: see checkedPointers")
	}
	const step = 7
	want := samples(20)
	data := encode(t, want)
	refused := 0
	for i := 0; i < len(data); i += step {
		damaged := bytes.Clone(data)
		damaged[i] ^= 1 << (i % 8)
		got, err := part.Decode(damaged)
		switch {
		case err != nil && (!errors.Is(err, part.ErrCorrupt) || got != nil):
			t.Fatalf("byte %d: %d samples with error %v", i, len(got), err)
		case err != nil:
			refused++
		case !slices.Equal(got, want):
			t.Fatalf("byte %d: damage went unnoticed and changed the samples", i)
		}
	}
	if refused < len(data)/step/2 {
		t.Errorf("%d of %d damaged bytes were noticed", refused, len(data)/step)
	}
}

func TestDecodeRefuses(t *testing.T) {
	wrongID := samples(3)
	wrongID[1].ID[0] ^= 1
	badScore := samples(3)
	badScore[2].Score, badScore[2].Outcome = 2000, subnet.OK
	footer := encode(t, samples(3))
	binary.LittleEndian.PutUint32(footer[len(footer)-8:], 1<<31)
	for name, data := range map[string][]byte{
		"nothing":                   nil,
		"text":                      []byte("PAR1 is how it starts, and how it ends: PAR1"),
		"another table":             otherTable(t),
		"an id that is not its own": encode(t, wrongID),
		"a score out of range":      encode(t, badScore),
		"a footer past the file":    footer,
	} {
		if got, err := part.Decode(data); !errors.Is(err, part.ErrCorrupt) || got != nil {
			t.Errorf("%s: %d samples, %v; want ErrCorrupt and none", name, len(got), err)
		}
	}
}

func otherTable(t *testing.T) []byte {
	t.Helper()
	var buf bytes.Buffer
	type other struct {
		Hotkey string `parquet:"hotkey"`
	}
	if err := parquet.Write(&buf, []other{{"5F"}}); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func FuzzDecode(f *testing.F) {
	if checkedPointers {
		f.Skip("NOT CHECKED under the race detector: see checkedPointers")
	}
	for _, n := range []int{0, 1, 3, 20} {
		f.Add(encode(f, samples(n)))
	}
	f.Add([]byte("PAR1\x00\x00\x00\x00PAR1"))
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := part.Decode(data)
		if err != nil {
			if got != nil || !errors.Is(err, part.ErrCorrupt) {
				t.Fatalf("%d samples with error %v", len(got), err)
			}
			return
		}
		wantDecoded(t, encode(t, got), got)
	})
}

// Bytes of a good part are overwritten: it is refused or still says the same.
func FuzzDamage(f *testing.F) {
	if checkedPointers {
		f.Skip("NOT CHECKED under the race detector: see checkedPointers")
	}
	want := samples(5)
	data := encode(f, want)
	f.Add(uint16(4), []byte{0x15, 0x04})
	f.Add(uint16(len(data)-8), []byte{0xff, 0xff, 0xff, 0x7f})
	f.Add(uint16(len(data)-400), bytes.Repeat([]byte{0xff}, 40))
	f.Fuzz(func(t *testing.T, at uint16, patch []byte) {
		damaged := bytes.Clone(data)
		copy(damaged[int(at)%len(damaged):], patch)
		got, err := part.Decode(damaged)
		if err == nil && !slices.Equal(got, want) {
			t.Fatalf("%d bytes at %d changed the samples unnoticed", len(patch), at)
		}
		if err != nil && (got != nil || !errors.Is(err, part.ErrCorrupt)) {
			t.Fatalf("%d samples with error %v", len(got), err)
		}
	})
}
