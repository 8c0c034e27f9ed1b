package sandbox_test

import (
	"os/exec"
	"slices"
	"testing"
	"time"

	"github.com/affine-go/affine/shared/sandbox"
)

// BenchmarkStart compares a sandboxed run with the plain interpreter, alternating
// in one loop; both medians and their difference are reported in milliseconds.
func BenchmarkStart(b *testing.B) {
	s := box(b)
	var plain, confined []float64
	for b.Loop() {
		start := time.Now()
		if out, err := exec.Command("/usr/bin/python3", "-S", "-s", "-B", "-c", "print(1)").Output(); err != nil || string(out) != "1\n" {
			b.Skip("no plain python3 to compare with: ", err)
		}
		plain = append(plain, time.Since(start).Seconds()*1000)
		start = time.Now()
		if r, err := s.Run(b.Context(), sandbox.Program{Source: "print(1)"}); err != nil || string(r.Stdout) != "1\n" {
			b.Fatal(r, err)
		}
		confined = append(confined, time.Since(start).Seconds()*1000)
	}
	slices.Sort(plain)
	slices.Sort(confined)
	p, c := plain[len(plain)/2], confined[len(confined)/2]
	b.ReportMetric(p, "plain-ms")
	b.ReportMetric(c, "sandbox-ms")
	b.ReportMetric(c-p, "overhead-ms")
	b.ReportMetric(c/p, "ratio")
}

// BenchmarkThroughput runs programs on all slots at once.
func BenchmarkThroughput(b *testing.B) {
	s := box(b)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := s.Run(b.Context(), sandbox.Program{Source: "print(1)"}); err != nil {
				b.Error(err)
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "runs/s")
}
