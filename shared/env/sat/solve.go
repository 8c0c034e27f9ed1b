package sat

import "math/bits"

// MaxSolve is the largest number of variables that Solve takes.
const MaxSolve = 64

// Solve finds a satisfying assignment of all variables by exhaustive search with
// unit propagation (Davis, Putnam, Logemann, Loveland). It is deterministic. ok is
// false when there is no solution, and for more than MaxSolve variables.
//
// It serves those who answer challenges; grading never solves. A formula of Hard
// takes well under a millisecond.
func Solve(f Formula) (a Assignment, ok bool) {
	if f.Vars > MaxSolve {
		return nil, false
	}
	var s search
	for _, clause := range f.Clauses {
		if m := mask(clause); m.positive&m.negative == 0 { // else always true
			s.clauses = append(s.clauses, m)
		}
	}
	solution, ok := s.extend(partial{})
	if !ok {
		return nil, false
	}
	a = make(Assignment, f.Vars)
	for v := 1; v <= f.Vars; v++ {
		a[v] = solution.yes>>(v-1)&1 == 1
	}
	return a, true
}

// maskClause is a clause as two sets of variables, bit v-1 for variable v.
type maskClause struct{ positive, negative uint64 }

func mask(clause Clause) (m maskClause) {
	for _, literal := range clause {
		bit := uint64(1) << (literal.Var() - 1)
		if literal > 0 {
			m.positive |= bit
		} else {
			m.negative |= bit
		}
	}
	return m
}

// partial is a partial assignment: the variables set to true and to false.
type partial struct{ yes, no uint64 }

type search struct{ clauses []maskClause }

// extend completes p to a solution, or reports that there is none.
func (s *search) extend(p partial) (partial, bool) {
	p, ok := s.propagate(p)
	if !ok {
		return p, false
	}
	branch, positive := s.choose(p)
	if branch == 0 {
		return p, true
	}
	first, second := partial{p.yes | branch, p.no}, partial{p.yes, p.no | branch}
	if !positive {
		first, second = second, first
	}
	if solution, ok := s.extend(first); ok {
		return solution, true
	}
	return s.extend(second)
}

// propagate sets what clauses with one free literal force, until nothing changes.
// It reports false when a clause is broken.
func (s *search) propagate(p partial) (partial, bool) {
	for changed := true; changed; {
		changed = false
		for _, c := range s.clauses {
			if c.positive&p.yes|c.negative&p.no != 0 {
				continue
			}
			set := p.yes | p.no
			positive, negative := c.positive&^set, c.negative&^set
			free := positive | negative
			if free == 0 {
				return p, false
			}
			if free&(free-1) == 0 {
				p.yes |= positive
				p.no |= negative
				changed = true
			}
		}
	}
	return p, true
}

// choose picks the free variable that occurs most in the open clauses, those with
// two free literals counting most, and the sign it bears more often. It returns 0
// when every clause is satisfied.
func (s *search) choose(p partial) (branch uint64, positive bool) {
	var weight, lead [MaxSolve]int
	set := p.yes | p.no
	for _, c := range s.clauses {
		if c.positive&p.yes|c.negative&p.no != 0 {
			continue
		}
		free := bits.OnesCount64((c.positive | c.negative) &^ set)
		value := 1 << (2 * max(0, 5-free))
		count(&weight, &lead, c.positive&^set, value, value)
		count(&weight, &lead, c.negative&^set, value, -value)
	}
	best := 0
	for v, w := range weight {
		if w > best {
			best, branch, positive = w, 1<<v, lead[v] >= 0
		}
	}
	return branch, positive
}

func count(weight, lead *[MaxSolve]int, set uint64, w, l int) {
	for ; set != 0; set &= set - 1 {
		v := bits.TrailingZeros64(set)
		weight[v] += w
		lead[v] += l
	}
}
