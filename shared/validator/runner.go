package validator

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/affine-go/affine/shared/env"
	"github.com/affine-go/affine/shared/queue"
	"github.com/affine-go/affine/shared/store"
	"github.com/affine-go/affine/shared/subnet"
)

// Batch writes transcripts and samples to the archive as one group: the pack
// first, then the Parquet part that points into it. It returns the samples with
// their Ref set. After an error the same samples may be given again.
type Batch interface {
	Write(ctx context.Context, at time.Time, samples []subnet.Sample, transcripts []subnet.Transcript) ([]subnet.Sample, error)
}

// Runner attempts the tasks of its queues: it asks the miner's model, grades the
// reply and stores the sample. The order of writes is what keeps a sample from
// being lost or counted twice: archive, then row, then the message is deleted.
type Runner struct {
	Queues []queue.Queue
	Envs   map[subnet.EnvID]env.Env
	Model  Model
	Batch  Batch
	Store  store.Samples

	InFlight   int           // attempts at once, in all
	PerMiner   int           // attempts at once, per miner
	Visibility time.Duration // the queues' visibility timeout
	GiveUp     int           // receives after which a retryable failure becomes a row, unscored
	Backoff    time.Duration // first pause before a retry; doubles
	MaxBackoff time.Duration
	Flush      Flush
	Drain      time.Duration // how long attempts may go on after Run's context has ended
	PollWait   time.Duration // long-poll wait
	Rest       time.Duration // pause after a fault of the operator's account; doubles

	Clock   Clock
	Log     *slog.Logger
	Observe func(subnet.Sample) // called for every row stored; may be nil

	gate *gate
	room *semaphore.Weighted // messages received and not yet settled
}

// Flush bounds a group commit: whichever is reached first.
type Flush struct {
	Count int           // samples
	Bytes int           // of transcript text
	Every time.Duration // since the first sample of the group
}

// maxRest bounds the doubling of Runner.Rest.
const maxRest = 15 * time.Minute

// What a call to queue, archive or store may take before it is given up and made
// again. Without it a connection that has died unnoticed would stop the runner for as
// long as the kernel believes in it.
const (
	callLimit  = 30 * time.Second // one batch of messages
	flushLimit = 2 * time.Minute  // a group commit
)

// Run polls until ctx ends, then drains: it receives nothing more, gives waiting
// messages back, lets attempts under way finish for at most Drain, stores what
// there is and returns. The error is nil after a clean drain.
func (r *Runner) Run(ctx context.Context) error {
	r.gate = &gate{clock: r.Clock, first: r.Rest, most: maxRest}
	r.room = semaphore.NewWeighted(int64(2*r.InFlight + 2*r.Flush.Count))
	work, stop := context.WithCancelCause(context.WithoutCancel(ctx))
	defer stop(nil)

	held := newHolder(r.Visibility, r.Log)
	arrivals := make(chan *job)
	results := make(chan result, 2*r.InFlight)
	var polls, beats sync.WaitGroup
	beats.Go(func() { held.beat(work) })
	for _, q := range r.Queues {
		polls.Go(func() { r.poll(ctx, work, q, held, arrivals) })
	}
	context.AfterFunc(ctx, func() {
		time.AfterFunc(r.Drain, func() { stop(errDrained) })
	})
	go func() {
		polls.Wait()
		close(arrivals)
	}()
	go func() {
		r.dispatch(ctx, work, held, arrivals, results)
		close(results)
	}()
	err := r.commit(work, held, results)
	stop(nil)
	beats.Wait()
	if err != nil {
		return fmt.Errorf("run: %w", err)
	}
	return nil
}

// poll receives from one queue for as long as there is room.
func (r *Runner) poll(ctx, work context.Context, q queue.Queue, held *holder, arrivals chan<- *job) {
	fails := 0
	for ctx.Err() == nil {
		n := r.makeRoom(ctx)
		if n == 0 {
			return
		}
		got, err := r.receive(ctx, q, n)
		r.room.Release(int64(n - len(got)))
		if err != nil && ctx.Err() == nil {
			fails++
			r.Log.WarnContext(ctx, "receive failed", "err", err)
			wait(ctx, min(r.Backoff<<min(fails, 6), r.MaxBackoff))
			continue
		}
		fails = 0
		for _, d := range got {
			r.admit(work, q, d, held, arrivals)
		}
	}
}

func (r *Runner) receive(ctx context.Context, q queue.Queue, n int) ([]queue.Delivery, error) {
	ctx, cancel := context.WithTimeout(ctx, r.PollWait+callLimit)
	defer cancel()
	return q.Receive(ctx, n, r.PollWait)
}

// makeRoom waits until the gate is open and takes room for up to ten deliveries, or
// for one while the gate is on probation. It returns 0 when ctx ends.
func (r *Runner) makeRoom(ctx context.Context) int {
	for {
		rest, probation, reason := r.gate.state()
		if rest == 0 && !probation {
			break
		}
		if rest == 0 {
			wait(ctx, r.Backoff)
			if r.room.Acquire(ctx, 1) != nil {
				return 0
			}
			return 1
		}
		r.Log.ErrorContext(ctx, "sampling stopped: the operator's account was refused", "reason", reason, "rest", rest)
		if wait(ctx, rest); ctx.Err() != nil {
			return 0
		}
	}
	if r.room.Acquire(ctx, 1) != nil {
		return 0
	}
	n := 1
	for n < batchSize && r.room.TryAcquire(1) {
		n++
	}
	return n
}

// admit turns a delivery into a job, or refuses it as poison.
func (r *Runner) admit(work context.Context, q queue.Queue, d queue.Delivery, held *holder, arrivals chan<- *job) {
	task, err := r.parse(d)
	if err != nil {
		r.Log.ErrorContext(work, "poison message left to the dead-letter queue", "msg_id", d.ID, "err", err)
		r.giveBack(work, q, []string{d.Receipt}, 0)
		r.room.Release(1)
		return
	}
	j := &job{queue: q, delivery: d, task: task}
	j.ctx, j.cancel = context.WithCancelCause(work)
	held.add(j)
	arrivals <- j
}

// dispatch starts waiting jobs as slots come free, until arrivals is closed and
// every attempt has ended. Once ctx ends, waiting jobs are given back.
func (r *Runner) dispatch(ctx, work context.Context, held *holder, arrivals <-chan *job, results chan<- result) {
	l := newLanes(r.InFlight, r.PerMiner)
	done := make(chan *job)
	stopping := ctx.Done()
	for arrivals != nil || l.running > 0 {
		select {
		case j, ok := <-arrivals:
			if !ok {
				arrivals = nil
			} else if ctx.Err() != nil {
				r.returnAll(work, held, []*job{j})
			} else {
				l.push(j)
			}
		case j := <-done:
			l.done(j)
		case <-stopping:
			stopping = nil
			r.returnAll(work, held, l.clear())
		}
		for j := l.next(); j != nil; j = l.next() {
			go func() {
				results <- r.attempt(j)
				done <- j
			}()
		}
	}
}

// returnAll gives jobs' messages back at once.
func (r *Runner) returnAll(ctx context.Context, held *holder, jobs []*job) {
	for _, j := range jobs {
		r.settle(held, j)
	}
	for q, of := range byQueue(jobs) {
		r.giveBack(ctx, q, receipts(of), 0)
	}
}

// giveBack makes messages visible again after d, also once ctx has ended. When it
// fails they come back by themselves after their visibility timeout.
func (r *Runner) giveBack(ctx context.Context, q queue.Queue, receipts []string, d time.Duration) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastWord)
	defer cancel()
	if err := q.Extend(ctx, receipts, d); err != nil && !errors.Is(err, queue.ErrStale) {
		r.Log.WarnContext(ctx, "messages not given back", "err", err)
	}
}

// wait sleeps for d or until ctx ends.
func wait(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}
