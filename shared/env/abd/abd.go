// Package abd is abduction as an environment: the model sees a Python program and
// what it printed, and has to find the standard input that it read. The reply is
// graded by running the program on it.
//
// New writes programs from the task id; NewRecorded takes them from a collection of
// recorded programs. Both are pure functions of the task id but for the sandbox in
// which the programs really run: what a task expects is what its program printed.
package abd

import (
	"context"
	"fmt"

	"github.com/affine-go/affine/shared/env"
	"github.com/affine-go/affine/shared/env/dice"
	"github.com/affine-go/affine/shared/subnet"
)

// ID names the environment of generated programs.
const ID subnet.EnvID = "affine:abd"

// tasks is the number of task ids of generated programs.
const tasks subnet.TaskID = 1 << 31

// cachedTasks is how many challenges an environment keeps: a window's tasks are
// put to all miners at about the same time.
const cachedTasks = 4096

// Env is one source of programs.
type Env struct {
	id      subnet.EnvID
	tasks   subnet.TaskID
	runner  Runner
	cache   *cache
	problem func(context.Context, subnet.TaskID) (Problem, error)
}

var _ env.Env = (*Env)(nil)

// New is "affine:abd": programs that are composed from the task id and run by r.
// Ids are [0, 2³¹).
func New(r Runner) *Env {
	e := &Env{id: ID, tasks: tasks, runner: r, cache: newCache(cachedTasks)}
	e.problem = e.generate
	return e
}

// ID is the environment's name.
func (e *Env) ID() subnet.EnvID { return e.id }

// Range is the half-open range of task ids.
func (e *Env) Range() (lo, hi subnet.TaskID) { return 0, e.tasks }

// Challenge builds the task. The program runs once for all who ask for the same
// task, at the same time or shortly after. It fails for an id outside Range and
// when the program cannot be run.
func (e *Env) Challenge(ctx context.Context, task subnet.TaskID) (env.Challenge, error) {
	if task >= e.tasks {
		return env.Challenge{}, fmt.Errorf("%s: task %d is outside [0, %d)", e.id, task, e.tasks)
	}
	p, err := e.cache.get(ctx, task, e.problem)
	if err != nil {
		return env.Challenge{}, fmt.Errorf("%s: task %d: %w", e.id, task, err)
	}
	return env.Challenge{Env: e.id, Task: task, Prompt: p.Prompt(), Hidden: p}, nil
}

// Grade runs the program on the stdin that the reply proposes. It fails when the
// program cannot be run, and for a challenge that this environment did not make.
func (e *Env) Grade(ctx context.Context, c env.Challenge, reply string) (env.Grade, error) {
	p, ok := c.Hidden.(Problem)
	if !ok || c.Env != e.id {
		return env.Grade{}, fmt.Errorf("%s: grade: not a challenge of this environment: %s task %d", e.id, c.Env, c.Task)
	}
	g, err := p.Grade(ctx, e.runner, reply)
	if err != nil {
		return env.Grade{}, fmt.Errorf("%s: task %d: %w", e.id, c.Task, err)
	}
	return g, nil
}

// maxTries bounds the drafts of one task. Four in five drafts make a task, so a
// task that uses up its tries does not occur.
const maxTries = 50

// generate takes the first draft of the task's tries that makes a task.
func (e *Env) generate(ctx context.Context, task subnet.TaskID) (Problem, error) {
	var reject string
	for try := range maxTries {
		d := write(dice.New(ID, task, try))
		output, why, err := screen(ctx, e.runner, d)
		if err != nil {
			return Problem{}, fmt.Errorf("run the program: %w", err)
		}
		if why == "" {
			return Problem{Program: d.program, Output: output}, nil
		}
		reject = why
	}
	return Problem{}, fmt.Errorf("no task in %d drafts, the last: %s", maxTries, reject)
}
