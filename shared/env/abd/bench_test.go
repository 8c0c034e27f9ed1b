package abd

import (
	"testing"
	"time"

	"github.com/affine-go/affine/shared/subnet"
)

// BenchmarkChallenge makes tasks that no one asked for before, execution included.
func BenchmarkChallenge(b *testing.B) {
	e := New(box(b))
	for i := range b.N {
		if _, err := e.Challenge(b.Context(), subnet.TaskID(i)); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkChallengeCached(b *testing.B) {
	e := New(box(b))
	if _, err := e.Challenge(b.Context(), 1); err != nil {
		b.Fatal(err)
	}
	b.ResetTimer()
	for range b.N {
		if _, err := e.Challenge(b.Context(), 1); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkGrade(b *testing.B) {
	e := New(box(b))
	c, err := e.Challenge(b.Context(), 1)
	if err != nil {
		b.Fatal(err)
	}
	for range b.N {
		if _, err := e.Grade(b.Context(), c, "<INPUT>5\n6\n7</INPUT>"); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkInvert(b *testing.B) {
	e := New(box(b))
	var spent time.Duration
	for i := range b.N {
		p, err := e.problem(b.Context(), subnet.TaskID(i))
		if err != nil {
			b.Fatal(err)
		}
		start := time.Now()
		if _, ok, err := Invert(b.Context(), box(b), p); err != nil || !ok {
			b.Fatal(ok, err)
		}
		spent += time.Since(start)
	}
	b.ReportMetric(spent.Seconds()*1000/float64(b.N), "invert-ms")
}
