package sandbox_test

import (
	"os/exec"
	"slices"
	"testing"
	"time"

	"github.com/affine-go/affine/shared/sandbox"
)

// BenchmarkStart compares a sandboxed run with the plain interpreter, alternating
// in one loop. It reports medians in milliseconds: wall time, and processor time,
// which a busy machine disturbs less.
func BenchmarkStart(b *testing.B) {
	s := box(b)
	var plain, confined, plainCPU, confinedCPU []float64
	for b.Loop() {
		start := time.Now()
		cmd := exec.Command("/usr/bin/python3", "-S", "-s", "-B", "-c", "print(1)")
		if out, err := cmd.Output(); err != nil || string(out) != "1\n" {
			b.Skip("no plain python3 to compare with: ", err)
		}
		plain = append(plain, milliseconds(time.Since(start)))
		plainCPU = append(plainCPU, milliseconds(cmd.ProcessState.UserTime()+cmd.ProcessState.SystemTime()))
		r, err := s.Run(b.Context(), sandbox.Program{Source: "print(1)"})
		if err != nil || string(r.Stdout) != "1\n" {
			b.Fatal(r, err)
		}
		confined = append(confined, milliseconds(r.Wall))
		confinedCPU = append(confinedCPU, milliseconds(r.CPU))
	}
	b.ReportMetric(median(plain), "plain-ms")
	b.ReportMetric(median(confined), "sandbox-ms")
	b.ReportMetric(median(confined)-median(plain), "overhead-ms")
	b.ReportMetric(median(confinedCPU)-median(plainCPU), "overhead-cpu-ms")
	b.ReportMetric(median(confinedCPU)/median(plainCPU), "cpu-ratio")
}

func milliseconds(d time.Duration) float64 { return d.Seconds() * 1000 }

func median(values []float64) float64 {
	slices.Sort(values)
	return values[len(values)/2]
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
