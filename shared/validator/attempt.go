package validator

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"time"

	"github.com/affine-go/affine/shared/env"
	"github.com/affine-go/affine/shared/queue"
	"github.com/affine-go/affine/shared/subnet"
)

// job is a received message on its way through the runner.
type job struct {
	queue    queue.Queue
	delivery queue.Delivery
	task     subnet.Task
	ctx      context.Context // ends when the message is lost to another receiver or the drain runs out
	cancel   context.CancelCauseFunc
}

// result is what came of a job's attempt.
type result struct {
	job        *job
	sample     subnet.Sample
	transcript subnet.Transcript
	fate       fate
	delay      time.Duration // for fateRetry: how long the message stays invisible
}

// fate says what is to happen to a job's message.
type fate int

const (
	fateKeep   fate = iota // store the sample, then delete the message
	fateRetry              // give the message back after a delay
	fateRefuse             // poison: give it back at once, so that it reaches the dead-letter queue
	fateDrop               // somebody else holds it now: leave it alone
)

// errLost cancels the attempt of a message that another receiver has been given.
var errLost = errors.New("the message was given to another receiver")

// errDrained cancels the attempts that outlast the drain.
var errDrained = errors.New("the runner is stopping")

// parse reads a delivery's task. An error means the message is poison.
func (r *Runner) parse(d queue.Delivery) (subnet.Task, error) {
	var t subnet.Task
	if err := json.Unmarshal(d.Body, &t); err != nil {
		return t, fmt.Errorf("message %s is not a task: %w", d.ID, err)
	}
	if err := t.Check(); err != nil {
		return t, fmt.Errorf("message %s: %w", d.ID, err)
	}
	if r.Envs[t.Env] == nil {
		return t, fmt.Errorf("message %s: this runner has no environment %q", d.ID, t.Env)
	}
	return t, nil
}

// attempt makes one attempt at a job's task and decides its fate.
func (r *Runner) attempt(j *job) result {
	began := r.Clock()
	sample, transcript := r.try(j.ctx, j.task)
	sample.Latency = r.Clock().Sub(began).Milliseconds()
	sample.At = r.Clock().UTC().Truncate(time.Millisecond)
	res := result{job: j, sample: sample, transcript: transcript}
	switch {
	case errors.Is(context.Cause(j.ctx), errLost):
		res.fate = fateDrop
	case j.ctx.Err() != nil:
		res.fate = fateRetry
	default:
		res.fate, res.delay = r.judge(j, sample)
	}
	return res
}

// judge decides between a row and another attempt.
func (r *Runner) judge(j *job, s subnet.Sample) (fate, time.Duration) {
	again := s.Outcome.Retryable()
	if s.Outcome.Operator() {
		if rest := r.gate.fault(s.Hotkey, s.Reason); rest > 0 {
			return fateRetry, rest
		}
		again = true
	} else if !again {
		r.gate.good(s.Hotkey)
	}
	if again && j.delivery.Receives < r.GiveUp {
		return fateRetry, r.backoff(j.delivery)
	}
	return fateKeep, 0
}

// try asks the model and grades its reply.
func (r *Runner) try(ctx context.Context, t subnet.Task) (subnet.Sample, subnet.Transcript) {
	s := subnet.Sample{Task: t, ID: t.SampleID()}
	tr := subnet.Transcript{ID: s.ID}
	fail := func(o subnet.Outcome, err error) (subnet.Sample, subnet.Transcript) {
		s.Outcome, s.Reason, tr.Error = o, clip(err.Error()), err.Error()
		return s, tr
	}
	e := r.Envs[t.Env]
	challenge, err := e.Challenge(ctx, t.TaskID)
	if err != nil {
		return fail(subnet.EnvFault, fmt.Errorf("challenge: %w", err))
	}
	tr.Prompt = challenge.Prompt
	reply, err := r.Model.Complete(ctx, t, challenge.Prompt, subnet.GenerationSeed(t.Env, t.TaskID))
	if err != nil {
		return fail(outcomeOf(err), err)
	}
	tr.Reply, s.Prompt, s.Complete = reply.Text, reply.PromptTokens, reply.Tokens
	if len(reply.Text) > env.MaxReply {
		tr.Reply = reply.Text[:env.MaxReply]
		return fail(subnet.ModelFault, fmt.Errorf("reply of %d bytes, at most %d are graded", len(reply.Text), env.MaxReply))
	}
	grade, err := e.Grade(ctx, challenge, reply.Text)
	if err != nil {
		return fail(subnet.EnvFault, fmt.Errorf("grade: %w", err))
	}
	if grade.Score < 0 || grade.Score > subnet.ScoreScale {
		return fail(subnet.EnvFault, fmt.Errorf("grade: score %d outside 0..%d", grade.Score, subnet.ScoreScale))
	}
	s.Outcome, s.Score, s.Reason, tr.Answer = subnet.OK, grade.Score, clip(grade.Reason), grade.Answer
	return s, tr
}

// outcomeOf reads the outcome from a typed error.
func outcomeOf(err error) subnet.Outcome {
	if f, ok := errors.AsType[interface {
		error
		Outcome() subnet.Outcome
	}](err); ok {
		return f.Outcome()
	}
	return subnet.Transport
}

// backoff doubles with each receive and is spread over half to all of its length,
// by a hash of the message's id rather than by chance.
func (r *Runner) backoff(d queue.Delivery) time.Duration {
	full := r.Backoff << min(d.Receives-1, 10)
	if full > r.MaxBackoff || full <= 0 {
		full = r.MaxBackoff
	}
	h := fnv.New32a()
	fmt.Fprintf(h, "%s/%d", d.ID, d.Receives)
	return full/2 + time.Duration(float64(full/2)*float64(h.Sum32())/(1<<32))
}
