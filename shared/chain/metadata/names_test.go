package metadata_test

import (
	"testing"

	"github.com/affine-go/affine/shared/chain/metadata"
	"github.com/affine-go/affine/shared/chain/metadata/build"
	"github.com/affine-go/affine/shared/chain/scale"
)

// What polkadot.js prints of a value is taken back, names in its spelling included; the
// runtime's own spelling comes first.
func TestNamesInPolkadotJSSpelling(t *testing.T) {
	raw, err := build.Build(build.Spec{
		Version: 15,
		Types: map[string]build.Type{"Data": {Path: "test::Data", Variants: []build.Variant{
			{Name: "Sealed", Index: 3, Fields: []build.Field{{Name: "reveal_round", Type: "u8"}, {Name: "Plain_text_", Type: "u8"}}},
			{Name: "None", Index: 4}, {Name: "Clash", Index: 5}, {Name: "clash", Index: 6},
		}}},
		Pallets: []build.Pallet{{Name: "P", Storage: []build.Entry{{Name: "E", Value: "Data"}}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	m, err := metadata.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	entry, err := m.StorageEntry("P", "E")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		value any
		want  string // empty when it is refused
	}{
		{map[string]any{"Sealed": map[string]any{"reveal_round": 1, "Plain_text_": 2}}, "\x03\x01\x02"},
		{map[string]any{"sealed": map[string]any{"revealRound": 1, "PlainText": 2}}, "\x03\x01\x02"},
		{map[string]any{"variant": "sealed", "revealRound": 1, "Plain_text_": 2}, "\x03\x01\x02"},
		{"none", "\x04"}, {"None", "\x04"}, {map[string]any{"none": nil}, "\x04"},
		{"Clash", "\x05"}, {"clash", "\x06"},
		{"NONE", ""}, {"", ""},
		{map[string]any{"Sealed": map[string]any{"reveal_round": 1, "revealRound": 1, "Plain_text_": 2}}, ""},
		{map[string]any{"Sealed": map[string]any{"RevealRound": 1, "Plain_text_": 2}}, ""},
	} {
		var e scale.Encoder
		err := m.EncodeType(&e, entry.Value, c.value)
		if (err == nil) != (c.want != "") || err == nil && string(e.Data()) != c.want {
			t.Errorf("%v: %x, %v; want %x", c.value, e.Data(), err, c.want)
		}
	}
}
