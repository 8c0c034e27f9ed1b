package local_test

import (
	"testing"
	"time"

	"github.com/affine-go/affine/shared/store"
	"github.com/affine-go/affine/shared/store/storetest"
	"github.com/affine-go/affine/shared/subnet"
)

// BenchmarkPutSamples writes batches of 1,000 samples of 64 miners, each batch
// flushed to the disk.
func BenchmarkPutSamples(b *testing.B) {
	s := open(b, file(b))
	batch := make([]subnet.Sample, 1000)
	start := time.Now()
	var spent time.Duration // on making samples
	n := 0
	for b.Loop() {
		making := time.Now()
		for i := range batch {
			k := n*len(batch) + i
			batch[i] = storetest.Sample(hotkeys[k%64], 44, uint32(k/64))
		}
		spent += time.Since(making)
		results, err := s.PutSamples(b.Context(), batch)
		if err != nil || results[0] != (store.PutResult{}) {
			b.Fatalf("%+v: %v", results[0], err)
		}
		n++
	}
	b.ReportMetric(float64(n*len(batch))/(time.Since(start)-spent).Seconds(), "rows/s")
}

// BenchmarkSamples reads a shelf of 5,000.
func BenchmarkSamples(b *testing.B) {
	s := open(b, file(b))
	batch := make([]subnet.Sample, 5000)
	for i := range batch {
		batch[i] = storetest.Sample(hotkeys[0], 44, uint32(i))
	}
	if _, err := s.PutSamples(b.Context(), batch); err != nil {
		b.Fatal(err)
	}
	shelf := store.Shelf{Hotkey: batch[0].Hotkey, Revision: batch[0].Revision, Env: batch[0].Env}
	start := time.Now()
	n := 0
	for b.Loop() {
		got, err := s.Samples(b.Context(), shelf, 0, 100)
		if err != nil || len(got) != len(batch) {
			b.Fatalf("%d samples: %v", len(got), err)
		}
		n += len(got)
	}
	b.ReportMetric(float64(n)/time.Since(start).Seconds(), "rows/s")
}

var hotkeys = func() (all [64]subnet.Hotkey) {
	for i := range all {
		all[i] = subnet.Hotkey("5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKut" + string(rune('A'+i/26)) + string(rune('A'+i%26)))
	}
	return all
}()
