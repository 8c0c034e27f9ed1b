package metadata_test

import (
	"bytes"
	"errors"
	goruntime "runtime"
	"strings"
	"testing"

	"github.com/affine-go/affine/shared/chain/metadata"
	"github.com/affine-go/affine/shared/chain/metadata/build"
	"github.com/affine-go/affine/shared/chain/scale"
)

// TestTypesThatMultiplyAreMeasuredOnce has types that double 200 times: walked out, they
// would never end.
func TestTypesThatMultiplyAreMeasuredOnce(t *testing.T) {
	var e scale.Encoder
	const doublings = 200
	e.Raw([]byte("meta\x0e"))
	e.Compact(doublings)
	for id := range uint64(doublings) {
		e.Compact(id)
		e.Raw([]byte{0, 0, 4}) // path, parameters; tuple
		if id == 0 {
			e.Raw([]byte{0, 0})
			continue
		}
		e.Compact(2)
		e.Compact(id - 1)
		e.Compact(id - 1)
		e.U8(0)
	}
	e.Raw([]byte{0, 0, 4, 0, 0}) // pallets, extrinsic, runtime
	m, err := metadata.Parse(e.Data())
	if err != nil {
		t.Fatal(err)
	}
	if zero, err := m.ZeroSize(doublings - 1); err != nil || !zero {
		t.Errorf("pairs of pairs of nothing have a size: %v", err)
	}
	if _, err := m.DecodeType(scale.NewDecoder(nil), doublings-1); !errors.Is(err, scale.ErrLength) {
		t.Errorf("decoded: %v", err)
	}
}

// allocated is the memory that f asks for, kept or not.
func allocated(f func()) uint64 {
	var before, after goruntime.MemStats
	goruntime.ReadMemStats(&before)
	f()
	goruntime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// TestHostileInputTakesBoundedMemory decodes inputs that claim far more than they hold.
func TestHostileInputTakesBoundedMemory(t *testing.T) {
	const limit = 32 << 20
	claims := []byte{0x02, 0xff, 0xff, 0xff} // a length just below 2^30
	for _, typ := range []string{"Vec<u8>", "Vec<Vec<u64>>", "Vec<()>", "Vec<Wide>", "Vec<Wider>", "Vec<[Wider; 65535]>", "Twice", "Vec<str>",
		"BTreeMap<u8, Pair>", "BTreeSet<Wide>", "BTreeSet<BTreeSet<BTreeSet<u8>>>"} {
		m, id := typed(t, typ)
		for _, input := range [][]byte{claims, bytes.Repeat(claims, 1000), bytes.Repeat([]byte{4}, 1<<13), make([]byte, 1<<13)} {
			if used := allocated(func() { _, _ = m.DecodeType(scale.NewDecoder(input), id) }); used > limit {
				t.Errorf("%s: %d bytes of input take %d MB, at most %d wanted", typ, len(input), used>>20, limit>>20)
			}
		}
	}
}

// TestLargeHostileInputTakesBoundedMemory: values that multiply themselves stay bounded
// however long the input is.
func TestLargeHostileInputTakesBoundedMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("takes some 400 MB")
	}
	m, id := typed(t, "Vec<Inner>")
	var e scale.Encoder
	e.Compact(1 << 24)
	e.Raw(make([]byte, 1<<27))
	used := allocated(func() {
		if _, err := m.DecodeType(scale.NewDecoder(e.Data()), id); !errors.Is(err, scale.ErrLength) {
			t.Errorf("16 million values: %v", err)
		}
	})
	if used > 512<<20 {
		t.Errorf("%d MB allocated", used>>20)
	}
}

// TestTypeThatContainsItselfWidely is a type of many fields, the first of them itself:
// what is set aside for fields must not be set aside again at each level.
func TestTypeThatContainsItselfWidely(t *testing.T) {
	const fields = 20_000
	for _, name := range []string{"", "f"} {
		wide := build.Type{Path: "x::Wide", Fields: []build.Field{{Name: name, Type: "Loop"}}}
		for range fields {
			wide.Fields = append(wide.Fields, build.Field{Name: name, Type: "()"})
		}
		raw, err := build.Build(build.Spec{Version: 15, Types: map[string]build.Type{"Loop": wide},
			Pallets: []build.Pallet{{Name: "P", Storage: []build.Entry{{Name: "E", Value: "Loop", Optional: true}}}}})
		if err != nil {
			t.Fatal(err)
		}
		m, err := metadata.Parse(raw)
		if err != nil {
			t.Fatal(err)
		}
		used := allocated(func() {
			if _, err := m.DecodeStorage("P", "E", []byte{}); !errors.Is(err, scale.ErrDepth) {
				t.Errorf("field name %q: %v", name, err)
			}
		})
		if used > 16<<20 {
			t.Errorf("field name %q: %d MB allocated", name, used>>20)
		}
	}
}

// TestHostileMetadataTakesBoundedMemory fills 100 kB with the least that makes one more
// entry of each list that metadata has.
func TestHostileMetadataTakesBoundedMemory(t *testing.T) {
	const size, limit = 100_000, 24 << 20
	const noTypes, pallet = "\x00", "\x04\x04P"
	for name, c := range map[string]struct{ head, entry string }{
		"parts of a path":    {"meta\x0e\x04\x00", "\x00"},
		"generic parameters": {"meta\x0e\x04\x00\x00", "\x00\x00"},
		"parameters, typed":  {"meta\x0e\x04\x00\x00", "\x00\x01\x00"},
		"fields":             {"meta\x0e\x04\x00\x00\x00\x00", "\x00\x00\x00\x00"},
		"variants":           {"meta\x0e\x04\x00\x00\x00\x01", "\x00\x00\x00\x00"},
		"members of a tuple": {"meta\x0e\x04\x00\x00\x00\x04", "\x00"},
		"pallets":            {"meta\x0e" + noTypes, "\x00\x00\x00\x00\x00\x00\x00"},
		"storage":            {"meta\x0e" + noTypes + pallet + "\x01\x00", "\x00\x00\x00\x00\x00\x00"},
		"hashers":            {"meta\x0e" + noTypes + pallet + "\x01\x00\x04\x00\x00\x01", "\x06"},
		"constants":          {"meta\x0e" + noTypes + pallet + "\x00\x00\x00", "\x00\x00\x00\x00"},
		"extensions":         {"meta\x0e" + noTypes + "\x00\x00\x04", "\x00\x00\x00"},
		"format versions":    {"meta\x10" + noTypes + "\x00", "\x04"},
		"APIs":               {"meta\x0f" + noTypes + "\x00\x04\x00\x00\x00\x00\x00\x00", "\x00\x00\x00"},
		"methods":            {"meta\x0f" + noTypes + "\x00\x04\x00\x00\x00\x00\x00\x00\x04\x00", "\x00\x00\x00\x00"},
		"inputs":             {"meta\x0f" + noTypes + "\x00\x04\x00\x00\x00\x00\x00\x00\x04\x00\x04\x00", "\x00\x00"},
	} {
		var e scale.Encoder
		e.Raw([]byte(c.head))
		e.Compact(uint64(size / len(c.entry)))
		e.Raw([]byte(strings.Repeat(c.entry, size/len(c.entry))))
		used := allocated(func() { _, _ = metadata.Parse(e.Data()) })
		if used > limit || used < size {
			t.Errorf("%s: %d kB allocated, %d kB at most and %d kB at least wanted", name, used>>10, limit>>10, size>>10)
		}
	}
}
