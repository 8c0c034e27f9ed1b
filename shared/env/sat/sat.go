// Package sat is Boolean satisfiability as an environment: a formula is put to the
// model, and the reply passes when the assignment in it satisfies every clause.
//
// Legacy is "affine:sat" as upstream generates it, bit for bit; it is nearly free,
// because a clause of ten literals fails a random assignment once in 1024. Hard is
// "affine:sat-v2", 3-SAT at the threshold with a solution that hides.
//
// The package is pure: a challenge depends on the task id alone, a grade on
// challenge and reply alone.
package sat

import (
	"context"
	"fmt"

	"github.com/affine-go/affine/shared/env"
	"github.com/affine-go/affine/shared/subnet"
)

const (
	LegacyID subnet.EnvID = "affine:sat"    // upstream's formulas
	HardID   subnet.EnvID = "affine:sat-v2" // 3-SAT at the threshold
)

// Ranges of task ids. Upstream samples SAT in [0, 500).
const (
	legacyTasks subnet.TaskID = 500
	hardTasks   subnet.TaskID = 1 << 31
)

// Env is one form of the environment.
type Env struct {
	id      subnet.EnvID
	tasks   subnet.TaskID
	formula func(subnet.TaskID) Formula
}

var _ env.Env = (*Env)(nil)

// Legacy is upstream's form: 15 variables, 63 clauses of ten literals, drawn by
// CPython's generator from the task id.
func Legacy() *Env { return &Env{id: LegacyID, tasks: legacyTasks, formula: legacyFormula} }

// Hard is the hardened form: 50 variables, 213 clauses of three literals. Formulas
// which a constant answer or the variables' majority signs solve do not occur.
func Hard() *Env { return &Env{id: HardID, tasks: hardTasks, formula: hardFormula} }

// ID is the environment's name.
func (e *Env) ID() subnet.EnvID { return e.id }

// Range is the half-open range of task ids.
func (e *Env) Range() (lo, hi subnet.TaskID) { return 0, e.tasks }

// Formula is the formula of a task within the range.
func (e *Env) Formula(task subnet.TaskID) Formula { return e.formula(task) }

// Challenge puts the task's formula into words. It fails for an id outside Range.
func (e *Env) Challenge(_ context.Context, task subnet.TaskID) (env.Challenge, error) {
	if task >= e.tasks {
		return env.Challenge{}, fmt.Errorf("%s: task %d is outside [0, %d)", e.id, task, e.tasks)
	}
	f := e.formula(task)
	return env.Challenge{Env: e.id, Task: task, Prompt: prompt(f), Hidden: f}, nil
}

func prompt(f Formula) string {
	return fmt.Sprintf(`Find truth values for the variables x1 to x%d under which this Boolean formula is true. There is at least one solution.

%s

¬ is "not", ∨ is "or", ∧ is "and": within every pair of parentheses at least one literal has to hold.
State a value for each variable, with no space around the equals sign, like this:
x1=True, x2=False, and so on up to x%d.
`, f.Vars, f, f.Vars)
}

// Grade scores 1000 when the assignments in the reply satisfy every clause, else 0.
// It fails only for a challenge that this package did not make.
func (e *Env) Grade(_ context.Context, c env.Challenge, reply string) (env.Grade, error) {
	f, ok := c.Hidden.(Formula)
	if !ok || c.Env != e.id {
		return env.Grade{}, fmt.Errorf("%s: grade: not a challenge of this environment: %s task %d", e.id, c.Env, c.Task)
	}
	if len(reply) > env.MaxReply {
		return env.Grade{Reason: fmt.Sprintf("reply of %d bytes is longer than %d", len(reply), env.MaxReply)}, nil
	}
	a := readAnswer(reply, f.Vars)
	if len(a) == 0 {
		return env.Grade{Reason: "no assignment in the reply"}, nil
	}
	answer := a.Text(f.Vars)
	if i := f.Broken(a); i >= 0 {
		return env.Grade{Reason: fmt.Sprintf("clause %d of %d is not satisfied", i+1, len(f.Clauses)), Answer: answer}, nil
	}
	reason := fmt.Sprintf("all %d clauses are satisfied", len(f.Clauses))
	return env.Grade{Score: subnet.ScoreScale, Reason: reason, Answer: answer}, nil
}
