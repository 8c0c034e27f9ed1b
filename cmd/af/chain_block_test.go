package main

import (
	"encoding/json"
	"testing"

	"github.com/affine-go/affine/shared/chain/extrinsic"
	"github.com/affine-go/affine/shared/chain/metadata"
)

// Whatever stands in a line, a block is taken apart whole or refused.
func FuzzBlockLine(f *testing.F) {
	one := bare(4, "\x00\x00\x08hi")
	f.Add([]byte(`["` + one + `","` + bare(5, "\x00\x00\x00") + `"]`))
	f.Add([]byte(`{"block":{"extrinsics":["` + one + `"]}}`))
	f.Add([]byte(`{"result":{"block":{"extrinsics":[]}}}`))
	f.Add([]byte(`{"extrinsics":null,"result":null}`))
	f.Add([]byte(`[`))
	m, err := metadata.Parse(smallRuntime(f, 14))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		if len(line) == 0 {
			return // lines are not blank
		}
		out, err := decodeBlock(m, line, func(*extrinsic.Signed) *bool { return nil })
		if err != nil {
			if len(out.Extrinsics) > 0 {
				t.Errorf("%s: %v, and %d extrinsics", line, err, len(out.Extrinsics))
			}
			return
		}
		texts, err := extrinsicsOf(line)
		if err != nil || len(texts) != len(out.Extrinsics) || out.Extrinsics == nil {
			t.Errorf("%s: %d extrinsics of %d, %v", line, len(out.Extrinsics), len(texts), err)
		}
		if _, err := json.Marshal(out); err != nil {
			t.Errorf("%s cannot be printed: %v", line, err)
		}
	})
}
