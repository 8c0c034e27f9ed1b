package simchutes

import (
	"context"
	"errors"

	"github.com/affine-go/affine/shared/env/abd"
	"github.com/affine-go/affine/shared/env/sat"
	"github.com/affine-go/affine/shared/subnet"
)

// Brain is a model: given a prompt and nothing else, it answers.
type Brain interface {
	Answer(ctx context.Context, prompt string) (string, error)
}

// Inverter finds what a program must be given to print what it printed, from the
// prompt that shows the two. ErrNotMine means that the prompt shows no program.
type Inverter interface {
	// Invert returns an input under which the program prints the expected output,
	// and one under which it does not.
	Invert(ctx context.Context, prompt string) (right, wrong string, err error)
}

// ErrNotMine is returned for a prompt that is not the kind of task that is solved.
var ErrNotMine = errors.New("simchutes: not a task of this kind")

// Solver is a brain that solves a set share of the tasks of each environment and
// answers the others wrongly. Which ones is drawn from its seed and the prompt, so
// the same task always ends alike.
type Solver struct {
	seed     uint64
	skill    map[subnet.EnvID]float64
	programs Inverter
}

var _ Brain = (*Solver)(nil)

// NewSolver returns a brain. An environment without a skill is never solved;
// programs may be nil.
func NewSolver(seed uint64, skill map[subnet.EnvID]float64, programs Inverter) *Solver {
	return &Solver{seed: seed, skill: skill, programs: programs}
}

// Answer recognises the task by the prompt's form.
func (s *Solver) Answer(ctx context.Context, prompt string) (string, error) {
	if f, err := sat.Parse(prompt); err == nil {
		return s.satisfy(f, prompt), nil
	}
	if s.programs == nil {
		return noIdea, nil
	}
	right, wrong, err := s.programs.Invert(ctx, prompt)
	switch {
	case errors.Is(err, ErrNotMine):
		return noIdea, nil
	case err != nil:
		return "", err
	case s.able(abd.ID, prompt):
		return "This input gives that output: <INPUT>\n" + right + "</INPUT>", nil
	default:
		return "I think it was <INPUT>\n" + wrong + "</INPUT>", nil
	}
}

// noIdea is the answer to a prompt that a brain can make nothing of.
const noIdea = "I do not know how to do this."

// able draws whether this brain solves the task of the prompt.
func (s *Solver) able(env subnet.EnvID, prompt string) bool {
	return share(s.seed, env, prompt, "able") < s.skill[env]
}

// satisfy answers with a solution, or with an assignment that breaks a clause: a
// random one would solve nearly every formula of upstream's.
func (s *Solver) satisfy(f sat.Formula, prompt string) string {
	a, ok := sat.Solve(f)
	if !ok {
		return "The formula is unsatisfiable: UNSAT."
	}
	if !s.able(satEnv(f), prompt) {
		s.falsify(f, a, prompt)
	}
	return "One assignment is: " + a.Text(f.Vars) + "."
}

// satEnv tells the environments by the width of their clauses.
func satEnv(f sat.Formula) subnet.EnvID {
	if len(f.Clauses[0]) > 3 {
		return sat.LegacyID
	}
	return sat.HardID
}

// falsify changes the assignment so that it breaks a clause, the first from one
// drawn by the prompt that can be broken at all.
func (s *Solver) falsify(f sat.Formula, a sat.Assignment, prompt string) {
	n := uint64(len(f.Clauses))
	first := hash(s.seed, prompt, "clause") % n
	for i := uint64(0); i < n && f.Broken(a) < 0; i++ {
		for _, literal := range f.Clauses[(first+i)%n] {
			a[literal.Var()] = literal < 0
		}
	}
}
