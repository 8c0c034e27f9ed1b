package sat_test

import (
	"testing"

	"github.com/affine-go/affine/shared/env/sat"
	"github.com/affine-go/affine/shared/subnet"
	"pgregory.net/rapid"
)

func TestSolveSolvesEveryTask(t *testing.T) {
	for _, e := range []*sat.Env{sat.Legacy(), sat.Hard()} {
		for task := range 200 {
			c, err := e.Challenge(t.Context(), taskID(task))
			if err != nil {
				t.Fatal(err)
			}
			a, ok := sat.Solve(e.Formula(taskID(task)))
			g, err := e.Grade(t.Context(), c, a.Text(sat.MaxSolve))
			if !ok || err != nil || g.Score != subnet.ScoreScale {
				t.Errorf("%s %d: solved %v, graded %+v, %v", e.ID(), task, ok, g, err)
			}
		}
	}
}

func TestSolveRefusesWhatItCannotHold(t *testing.T) {
	f := sat.Formula{Vars: sat.MaxSolve + 1, Clauses: []sat.Clause{{sat.MaxSolve + 1}}}
	if a, ok := sat.Solve(f); ok {
		t.Errorf("65 variables gave %v", a)
	}
}

// Solve agrees with trying all assignments, solvable or not.
func TestSolveAgreesWithEnumeration(t *testing.T) {
	const vars = 6
	rapid.Check(t, func(t *rapid.T) {
		f := sat.Formula{Vars: vars}
		for range rapid.IntRange(0, 40).Draw(t, "clauses") {
			literal := rapid.Custom(func(t *rapid.T) sat.Literal {
				v := rapid.IntRange(1, vars).Draw(t, "v")
				return sat.Literal(rapid.SampledFrom([]int{v, -v}).Draw(t, "sign"))
			})
			f.Clauses = append(f.Clauses, rapid.SliceOfN(literal, 1, 3).Draw(t, "clause"))
		}
		a, ok := sat.Solve(f)
		if ok && f.Broken(a) >= 0 {
			t.Fatalf("%v does not solve %v", a, f)
		}
		if !ok && solvable(f) {
			t.Fatalf("no solution found for %v", f)
		}
	})
}

func solvable(f sat.Formula) bool {
	for bits := range 1 << f.Vars {
		a := sat.Assignment{}
		for v := 1; v <= f.Vars; v++ {
			a[v] = bits>>(v-1)&1 == 1
		}
		if f.Broken(a) < 0 {
			return true
		}
	}
	return false
}
