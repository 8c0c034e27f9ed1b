package part_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/affine-go/affine/shared/archive/part"
	"github.com/affine-go/affine/shared/subnet"
)

const (
	benchRows = 1_000_000
	jsonRows  = 100_000 // as many rows as gzip gets, because it is slow
)

var million = sync.OnceValue(func() []subnet.Sample {
	s := newSynthetic()
	out := make([]subnet.Sample, benchRows)
	for i := range out {
		out[i] = s.sample()
		out[i].ID = out[i].SampleID()
	}
	return out
})

// BenchmarkPart1M writes a part of a million samples, 256 miners × 8 environments,
// each with a reference into a pack, and beside it gzip'd JSON lines of the first
// 100,000 of them. Rates are per second of processor time, the collector's included,
// so that they hold on a busy machine; the figures of the best round count.
func BenchmarkPart1M(b *testing.B) {
	samples := million()
	var buf bytes.Buffer
	best := writePart(b, &buf, samples) // not in the loop, but counts: the loop may go round once
	for b.Loop() {
		best = min(best, writePart(b, &buf, samples))
	}
	rate, size := benchRows/best.Seconds(), float64(buf.Len())/benchRows
	gzipRate, gzipSize := gzipJSON(b, samples[:jsonRows])
	b.ReportMetric(rate/1e6, "Mrows/s/core")
	b.ReportMetric(size, "B/row")
	b.ReportMetric(rate/gzipRate, "x-gzip-speed")
	b.ReportMetric(gzipSize/size, "x-gzip-size")
	b.ReportMetric(gzipSize, "gzip-B/row")
}

func writePart(b *testing.B, buf *bytes.Buffer, samples []subnet.Sample) time.Duration {
	buf.Reset()
	start := cpu(b)
	w := part.NewWriter(buf)
	if err := w.Write(samples); err != nil {
		b.Fatal(err)
	}
	if err := w.Close(); err != nil {
		b.Fatal(err)
	}
	return cpu(b) - start
}

// gzipJSON writes the same samples as upstream's tools would: a line of JSON each,
// through the standard library's gzip. As in the part, the id is left out.
func gzipJSON(b *testing.B, samples []subnet.Sample) (rowsPerSecond, bytesPerRow float64) {
	type bare struct {
		subnet.Sample
		ID *struct{} `json:"sample_id,omitempty"`
	}
	var out counter
	start := cpu(b)
	zip := gzip.NewWriter(&out)
	enc := json.NewEncoder(zip)
	for i := range samples {
		if err := enc.Encode(bare{Sample: samples[i]}); err != nil {
			b.Fatal(err)
		}
	}
	if err := zip.Close(); err != nil {
		b.Fatal(err)
	}
	n := float64(len(samples))
	return n / (cpu(b) - start).Seconds(), float64(out) / n
}

// BenchmarkDecode reads a flush of 1,000 samples back.
func BenchmarkDecode(b *testing.B) {
	data := encode(b, samples(1000))
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		if _, err := part.Decode(data); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(len(data))/1000, "B/row")
}

// BenchmarkFlush writes the part of one flush of 1,000 samples.
func BenchmarkFlush(b *testing.B) {
	in := samples(1000)
	for b.Loop() {
		if _, err := part.Encode(in); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/1000, "µs/sample")
}

type counter int64

func (c *counter) Write(p []byte) (int, error) { *c += counter(len(p)); return len(p), nil }

var _ io.Writer = (*counter)(nil)

// cpu is the processor time that this process has used.
func cpu(b *testing.B) time.Duration {
	b.Helper()
	var use syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &use); err != nil {
		b.Fatal(err)
	}
	return time.Duration(use.Utime.Nano() + use.Stime.Nano())
}
