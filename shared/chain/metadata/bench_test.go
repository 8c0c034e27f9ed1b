package metadata_test

import (
	"fmt"
	"testing"

	"github.com/affine-go/affine/shared/chain/metadata"
)

func BenchmarkParse(b *testing.B) {
	for _, name := range []string{"metadata-343.v14.hex", "metadata-343.v15.hex", "metadata-393.v16.scale"} {
		raw := recorded(b, name)
		b.Run(fmt.Sprintf("%s/%dkB", name, len(raw)/1000), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := metadata.Parse(raw); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
