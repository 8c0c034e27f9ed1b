package build_test

import (
	"testing"

	"github.com/affine-go/affine/shared/chain/metadata"
	"github.com/affine-go/affine/shared/chain/metadata/build"
)

// FuzzBuild: whatever type expression is understood makes metadata that can be read, and
// a storage item of the type whose least value decodes.
func FuzzBuild(f *testing.F) {
	for _, text := range []string{
		"u16", "Vec<(u16, u16)>", "[u8; 32]", "Option<Result<T, E>>", "Compact<u64>", "BoundedVec<u8>", "BTreeMap<u8, Vec<bool>>", "()",
		"(u8, )", "[u8; 4294967295]", "Vec<", "Vec<u8", "[u8]", "Vec<u8>>", "((((((((", " u8 ", "RuntimeCall", "EventRecord", "Vec<u8, u8>", "Loop",
		"[[[[[[[[[u64; 99]; 99]; 99]; 99]; 99]; 99]; 99]; 99]; 99]",
	} {
		f.Add(uint8(0), text)
		f.Add(uint8(2), text)
	}
	f.Fuzz(func(t *testing.T, version uint8, text string) {
		raw, err := build.Build(build.Spec{
			Version: 14 + version%3,
			Types:   map[string]build.Type{"Loop": {Path: "x::Loop", Fields: []build.Field{{Type: "Loop"}}}},
			Pallets: []build.Pallet{{Name: "P", Calls: build.Names("c"), Events: build.Names("e"), Storage: []build.Entry{{Name: "E", Value: text}}}},
		})
		if err != nil {
			return
		}
		m, err := metadata.Parse(raw)
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		if _, err := m.DecodeStorage("P", "E", nil); err != nil {
			t.Errorf("%q: its least value: %v", text, err)
		}
	})
}
