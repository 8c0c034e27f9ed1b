package sat_test

import (
	"testing"

	"github.com/affine-go/affine/shared/env/sat"
)

func benchmarkEnv(b *testing.B, e *sat.Env) {
	b.Run("challenge", func(b *testing.B) {
		for i := range b.N {
			if _, err := e.Challenge(b.Context(), taskID(i%500)); err != nil {
				b.Fatal(err)
			}
		}
	})
	c, err := e.Challenge(b.Context(), 1)
	if err != nil {
		b.Fatal(err)
	}
	a, _ := sat.Solve(e.Formula(1))
	reply := "The assignment is: " + a.Text(sat.MaxSolve)
	b.Run("grade", func(b *testing.B) {
		for range b.N {
			if g, err := e.Grade(b.Context(), c, reply); err != nil || g.Score == 0 {
				b.Fatal(g, err)
			}
		}
	})
	b.Run("solve", func(b *testing.B) {
		for i := range b.N {
			sat.Solve(e.Formula(taskID(i % 500)))
		}
	})
}

func BenchmarkLegacy(b *testing.B) { benchmarkEnv(b, sat.Legacy()) }
func BenchmarkHard(b *testing.B)   { benchmarkEnv(b, sat.Hard()) }
