// Package env is the contract of a reinforcement-learning environment: a task id
// becomes a challenge, a model's reply becomes a score with a reason.
//
// A challenge is a pure function of the task id, and a grade a pure function of
// challenge and reply, but for the sandbox in which some environments run programs.
// Sub-packages sat and abd are the native environments.
package env

import (
	"context"

	"github.com/affine-go/affine/shared/subnet"
)

// MaxReply is the longest reply that is graded, in bytes; a longer one is the
// model's fault and scores 0 unread.
const MaxReply = 4 << 20

// Challenge is a task put into words for a model.
type Challenge struct {
	Env    subnet.EnvID
	Task   subnet.TaskID
	Prompt string // the one user message that the model gets

	// Hidden is what the grader needs and the model must not see. Only the
	// environment that made the challenge reads it.
	Hidden any
}

// Grade is the verdict on a reply.
type Grade struct {
	Score  int    // 0..subnet.ScoreScale
	Reason string // one line: why this score
	Answer string // what was read out of the reply; empty when nothing was found
}

// Env is one environment. All methods may be called concurrently.
type Env interface {
	// ID is the environment's name, such as "affine:sat".
	ID() subnet.EnvID

	// Range is the half-open range of task ids, [lo, hi).
	Range() (lo, hi subnet.TaskID)

	// Challenge builds the task. The same id gives the same challenge, always. An
	// error is a fault of the environment, never of a miner.
	Challenge(ctx context.Context, task subnet.TaskID) (Challenge, error)

	// Grade scores a reply to a challenge that this environment made. Any reply
	// whatsoever, hostile ones included, gets a grade within bounded time and
	// memory; an error is a fault of the environment, never of a miner.
	Grade(ctx context.Context, c Challenge, reply string) (Grade, error)
}
