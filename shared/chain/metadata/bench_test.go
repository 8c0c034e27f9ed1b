package metadata_test

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"github.com/affine-go/affine/shared/chain/metadata"
)

// BenchmarkParse tells beside the time how many copies of the same bytes it is worth.
func BenchmarkParse(b *testing.B) {
	for _, name := range []string{"metadata-343.v14.hex", "metadata-343.v15.hex", "metadata-393.v16.scale"} {
		raw := recorded(b, name)
		b.Run(fmt.Sprintf("%s/%dkB", name, len(raw)/1000), func(b *testing.B) {
			const copies = 100
			var kept []byte
			begun := time.Now()
			for range copies {
				kept = bytes.Clone(raw)
			}
			one := time.Since(begun) / copies
			b.ReportAllocs()
			for b.Loop() {
				if _, err := metadata.Parse(kept); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed())/float64(b.N)/float64(one), "copies/op")
		})
	}
}

// BenchmarkStorageKey is what a snapshot of 256 miners does most: storage keys.
func BenchmarkStorageKey(b *testing.B) {
	m := runtime(b, "metadata-393.v16.scale")
	account := make([]byte, 32)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := m.StorageKey("Commitments", "RevealedCommitments", 120, account); err != nil {
			b.Fatal(err)
		}
	}
}
