package validator

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/affine-go/affine/shared/queue"
	"github.com/affine-go/affine/shared/store"
	"github.com/affine-go/affine/shared/subnet"
)

// What may follow once the drain has run out: the final flush, and giving back what
// it could not store. With a drain of 80 s all is over before 100 s, and Fargate
// kills at 120.
const (
	lastFlush = 12 * time.Second
	lastWord  = 3 * time.Second // for each queue
)

// fullGroup is how many group commits' bytes may wait for an archive that refuses
// them before no more results are taken in, which leaves the attempts in their slots.
const fullGroup = 8

// group is the group commit under way. Results move from fresh to archived to
// gone; what fails stays where it is and is tried again.
type group struct {
	fresh    []result // neither archived nor in the table
	archived []result // in the archive, Ref set, not yet in the table
	bytes    int      // transcript text of fresh
	fails    int
}

func (g *group) empty() bool { return len(g.fresh)+len(g.archived) == 0 }

// commit settles every result until the channel is closed. It returns an error only
// when samples could not be stored before the drain ran out; their messages have
// then been given back.
func (r *Runner) commit(work context.Context, held *holder, results <-chan result) error {
	g := &group{}
	timer := time.NewTimer(r.Flush.Every)
	timer.Stop()
	for {
		in, drained := results, (<-chan struct{})(nil)
		if g.fails > 0 && g.bytes >= fullGroup*r.Flush.Bytes && work.Err() == nil {
			in, drained = nil, work.Done()
		}
		select {
		case <-drained: // what the attempts have can be given back
		case res, ok := <-in:
			if !ok {
				return r.commitRest(work, held, g)
			}
			was := g.empty()
			r.take(work, held, g, res)
			if was && !g.empty() {
				timer.Reset(r.Flush.Every)
			}
			full := len(g.fresh) >= r.Flush.Count || g.bytes >= r.Flush.Bytes
			if full && g.fails == 0 { // a failing store is retried by the timer alone
				r.flush(work, held, g)
			}
		case <-timer.C:
			r.flush(work, held, g)
			if !g.empty() {
				timer.Reset(min(r.Backoff<<min(g.fails, 6), r.MaxBackoff))
			}
		}
	}
}

// take adds a result to the group or settles its message at once.
func (r *Runner) take(work context.Context, held *holder, g *group, res result) {
	j := res.job
	if res.fate == fateKeep {
		if err := store.CheckSample(res.sample); err != nil {
			r.Log.ErrorContext(work, "sample refused", "sample_id", res.sample.ID.String(), "err", err)
			res.fate = fateRefuse
		}
	}
	if res.fate == fateKeep {
		g.fresh = append(g.fresh, res)
		g.bytes += len(res.transcript.Prompt) + len(res.transcript.Reply)
		return
	}
	r.settle(held, j)
	if res.fate != fateDrop {
		r.giveBack(work, j.queue, []string{j.delivery.Receipt}, res.delay)
		r.Log.DebugContext(work, "task given back", "hotkey", j.task.Hotkey, "env", j.task.Env, "task_id", j.task.TaskID,
			"outcome", res.sample.Outcome, "reason", res.sample.Reason, "delay", res.delay)
	}
}

// settle lets go of a job whose message needs nothing more.
func (r *Runner) settle(held *holder, j *job) {
	held.remove(j)
	j.cancel(nil)
	r.room.Release(1)
}

// commitRest flushes what is left once no more results can come.
func (r *Runner) commitRest(work context.Context, held *holder, g *group) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(work), lastFlush)
	defer cancel()
	for !g.empty() && ctx.Err() == nil {
		if r.flush(ctx, held, g); !g.empty() {
			wait(ctx, min(r.Backoff, time.Second))
		}
	}
	left := append(g.fresh, g.archived...)
	if len(left) == 0 {
		return nil
	}
	jobs := make([]*job, len(left))
	for i, res := range left {
		jobs[i] = res.job
	}
	r.returnAll(work, held, jobs)
	return fmt.Errorf("%d samples could not be stored before the drain ran out; their messages were given back and will be attempted again", len(left))
}

// flush takes the group one step on: archive, row, delete. It logs what fails.
func (r *Runner) flush(ctx context.Context, held *holder, g *group) {
	ctx, cancel := context.WithTimeout(ctx, flushLimit)
	defer cancel()
	err := errors.Join(r.archiveFresh(ctx, g), r.storeArchived(ctx, held, g))
	if err == nil {
		g.fails = 0
		return
	}
	g.fails++
	r.Log.ErrorContext(ctx, "group commit failed, samples are kept and tried again",
		"fresh", len(g.fresh), "archived", len(g.archived), "fails", g.fails, "err", err)
}

func (r *Runner) archiveFresh(ctx context.Context, g *group) error {
	if len(g.fresh) == 0 {
		return nil
	}
	samples := make([]subnet.Sample, len(g.fresh))
	transcripts := make([]subnet.Transcript, len(g.fresh))
	for i, res := range g.fresh {
		samples[i], transcripts[i] = res.sample, res.transcript
	}
	samples, err := r.Batch.Write(ctx, r.Clock().UTC(), samples, transcripts)
	if err != nil {
		return fmt.Errorf("archive %d samples: %w", len(g.fresh), err)
	}
	for i, res := range g.fresh {
		res.sample, res.transcript = samples[i], subnet.Transcript{}
		g.archived = append(g.archived, res)
	}
	g.fresh, g.bytes = nil, 0
	return nil
}

// storeArchived writes the rows and deletes the messages of those that stand.
func (r *Runner) storeArchived(ctx context.Context, held *holder, g *group) error {
	if len(g.archived) == 0 {
		return nil
	}
	samples := make([]subnet.Sample, len(g.archived))
	for i, res := range g.archived {
		samples[i] = res.sample
	}
	put, err := r.Store.PutSamples(ctx, samples)
	if err != nil {
		return fmt.Errorf("store %d rows: %w", len(samples), err)
	}
	var kept []result
	var refused error
	var stored []*job
	for i, res := range g.archived {
		if put[i].Err != nil {
			refused = fmt.Errorf("store row %s: %w", res.sample.ID, put[i].Err)
			kept = append(kept, res)
			continue
		}
		stored = append(stored, res.job)
		if r.Observe != nil && !put[i].Duplicate {
			r.Observe(res.sample)
		}
	}
	g.archived = kept
	for q, jobs := range byQueue(stored) {
		r.remove(ctx, held, q, jobs)
	}
	return refused
}

// remove deletes the messages of stored samples. A message that stays is delivered
// again, and its second sample then meets the first one's row.
func (r *Runner) remove(ctx context.Context, held *holder, q queue.Queue, jobs []*job) {
	if err := q.Delete(ctx, receipts(jobs)); err != nil && !errors.Is(err, queue.ErrStale) {
		r.Log.WarnContext(ctx, "messages not deleted", "count", len(jobs), "err", err)
	}
	for _, j := range jobs {
		r.settle(held, j)
	}
}
