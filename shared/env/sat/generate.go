package sat

import (
	"github.com/affine-go/affine/shared/env/dice"
	"github.com/affine-go/affine/shared/env/pyrandom"
	"github.com/affine-go/affine/shared/subnet"
)

// Size of upstream's formulas: 63 = ⌊4.26·15⌋ clauses.
const (
	legacyVars    = 15
	legacyWidth   = 10
	legacyClauses = 63
)

// legacyFormula is upstream's formula for a task id, draw by draw: a hidden
// solution first, then per clause ten distinct variables, one of which takes the
// sign of the solution while the others toss a coin in sample order. Upstream's
// coin is choice((True, False)), so index 0 is true.
func legacyFormula(task subnet.TaskID) Formula {
	r := pyrandom.New(uint64(task))
	solution := make([]bool, legacyVars+1)
	for v := 1; v <= legacyVars; v++ {
		solution[v] = r.Choice(2) == 0
	}
	f := Formula{Vars: legacyVars}
	for range legacyClauses {
		picked := r.SamplePool(1, legacyVars, legacyWidth)
		planted := picked[r.Choice(legacyWidth)]
		clause := make(Clause, legacyWidth)
		for i, v := range picked {
			positive := solution[v]
			if v != planted {
				positive = r.Choice(2) == 0
			}
			clause[i] = signed(v, positive)
		}
		f.Clauses = append(f.Clauses, clause)
	}
	return f
}

func signed(v int, positive bool) Literal {
	if positive {
		return Literal(v)
	}
	return Literal(-v)
}

// Size of the hardened formulas: 3-SAT at the threshold ratio 4.26, where a
// uniformly random assignment satisfies (7/8)^213 ≈ 4e-13 of them.
const (
	hardVars    = 50
	hardWidth   = 3
	hardClauses = 213
)

// hardFormula is the first formula of the task's tries that no trivial strategy
// solves.
func hardFormula(task subnet.TaskID) Formula {
	for try := 0; ; try++ {
		f := hiddenPair(dice.New(HardID, task, try))
		if !trivial(f) {
			return f
		}
	}
}

// hiddenPair draws a formula with both a hidden solution and its complement: every
// clause holds a true and a false literal under the solution. One hidden solution
// alone would pull each variable's majority sign towards it and so give it away;
// the pair cancels the pull (Achlioptas, Jia, Moore 2005, "Hiding satisfying
// assignments: two are better than one").
func hiddenPair(d *dice.Dice) Formula {
	solution := make([]bool, hardVars+1)
	for v := 1; v <= hardVars; v++ {
		solution[v] = d.Coin()
	}
	f := Formula{Vars: hardVars}
	for len(f.Clauses) < hardClauses {
		clause, agreeing := make(Clause, hardWidth), 0
		for i, v := range d.Sample(hardVars, hardWidth) {
			clause[i] = signed(v+1, d.Coin())
			if solution[v+1] == (clause[i] > 0) {
				agreeing++
			}
		}
		if agreeing > 0 && agreeing < hardWidth {
			f.Clauses = append(f.Clauses, clause)
		}
	}
	return f
}

// trivial reports whether the formula is solved without any search: by a constant,
// or by giving every variable the sign it bears most often (ties either way).
func trivial(f Formula) bool {
	for _, tie := range []bool{true, false} {
		if f.Broken(constant(f.Vars, tie)) < 0 || f.Broken(majority(f, tie)) < 0 {
			return true
		}
	}
	return false
}

func constant(vars int, value bool) Assignment {
	a := make(Assignment, vars)
	for v := 1; v <= vars; v++ {
		a[v] = value
	}
	return a
}

func majority(f Formula, tie bool) Assignment {
	lead := make([]int, f.Vars+1)
	for _, clause := range f.Clauses {
		for _, literal := range clause {
			if literal > 0 {
				lead[literal.Var()]++
			} else {
				lead[literal.Var()]--
			}
		}
	}
	a := make(Assignment, f.Vars)
	for v := 1; v <= f.Vars; v++ {
		a[v] = lead[v] > 0 || lead[v] == 0 && tie
	}
	return a
}
