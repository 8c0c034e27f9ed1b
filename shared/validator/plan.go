package validator

import (
	"context"
	"errors"
	"fmt"
	"maps"

	"github.com/affine-go/affine/shared/queue"
	"github.com/affine-go/affine/shared/store"
	"github.com/affine-go/affine/shared/subnet"
)

// plan puts the due tasks of all valid miners on the queues, the miners
// interleaved, and moves the progress in miners forward where all of a miner's tasks
// were accepted.
func (e *Enumerator) plan(ctx context.Context, plan subnet.WindowPlan, block subnet.Block, miners []subnet.Miner) (map[subnet.EnvID]Planned, error) {
	open, err := e.queueable(ctx)
	if err != nil {
		return nil, err
	}
	moves := make(map[subnet.EnvID][]move, len(open))
	for _, env := range open {
		if moves[env.ID], err = e.dueIn(ctx, plan, env, miners); err != nil {
			return nil, err
		}
	}
	if plan, err = e.moveCursor(ctx, plan, moves); err != nil {
		return nil, err
	}
	sent := make(map[subnet.EnvID]Planned)
	var errs []error
	for _, env := range open {
		tasks, err := tasksOf(plan, env, block, miners, moves[env.ID])
		if err == nil {
			err = send(ctx, e.Queues[env.ID], tasks)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("enqueue tasks of %s: %w", env.ID, err))
		}
		refused, partial := errors.AsType[*queue.PartialError](err)
		if err != nil && !partial {
			continue // nothing is known of any: all are repeated, and who was to join does so at the moved cursor
		}
		n := len(tasks)
		if partial {
			n -= len(refused.Failed)
			holdBack(moves[env.ID], miners, tasks, refused.Failed)
		}
		sent[env.ID] = Planned{Tasks: n, Lacking: lacking(moves[env.ID])}
		advance(miners, env.ID, moves[env.ID])
	}
	return sent, errors.Join(errs...)
}

// holdBack takes back the moves of miners whose tasks, by index, were refused. They
// are given again, and what was accepted of them meets its own row.
func holdBack(moves []move, miners []subnet.Miner, tasks []subnet.Task, refused map[int]error) {
	held := make(map[subnet.Hotkey]bool)
	for k := range refused {
		held[tasks[k].Hotkey] = true
	}
	for i := range moves {
		if held[miners[i].Hotkey] {
			moves[i].moved = false
		}
	}
}

func lacking(moves []move) int {
	n := 0
	for _, m := range moves {
		if m.lacking {
			n++
		}
	}
	return n
}

// advance writes an environment's moves into the miners' progress.
func advance(miners []subnet.Miner, env subnet.EnvID, moves []move) {
	for i, m := range moves {
		if !m.moved {
			continue
		}
		progress := maps.Clone(miners[i].Progress)
		if progress == nil {
			progress = make(map[subnet.EnvID]subnet.EnvProgress)
		}
		progress[env] = m.to
		miners[i].Progress = progress
	}
}

// move is one miner's step in one environment: tasks again, then [from, to.Next).
type move struct {
	again []uint32 // indexes planned before that have neither row nor message
	from  uint32
	to    subnet.EnvProgress
	moved bool
	// lacking is set, in the mode that runs to an end, while samples are still to come.
	lacking bool
}

// dueIn decides each miner's step; the result has one entry per miner.
func (e *Enumerator) dueIn(ctx context.Context, plan subnet.WindowPlan, env EnvRange, miners []subnet.Miner) ([]move, error) {
	idle, err := e.idle(ctx, env.ID)
	if err != nil {
		return nil, err
	}
	moves := make([]move, len(miners))
	for i, m := range miners {
		if m.State != subnet.Valid || e.Clock().Before(m.PausedUntil) {
			continue
		}
		if moves[i], err = e.step(ctx, plan, env, m, idle); err != nil {
			return nil, err
		}
	}
	return moves, nil
}

// step decides one valid miner's step; idle says that the queue holds nothing.
func (e *Enumerator) step(ctx context.Context, plan subnet.WindowPlan, env EnvRange, m subnet.Miner, idle bool) (move, error) {
	p, joined := m.Progress[env.ID], true
	if p.Window != plan.Window || p.Revision != m.Revision {
		// A task that anyone was shown before this miner joined never counts for it.
		start := plan.Cursor[env.ID]
		p, joined = subnet.EnvProgress{Window: plan.Window, Revision: m.Revision, Start: start, Next: start}, false
	}
	s := move{from: p.Next}
	n := e.Pace.due(p, e.Clock())
	if e.Pace.UpTo > 0 {
		rows, err := e.rows(ctx, plan.Window, env.ID, m)
		if err != nil {
			return s, err
		}
		outstanding := missing(p, rows)
		if idle && joined {
			s.again = outstanding
		}
		n = e.Pace.upTo(p, scored(rows), len(outstanding))
		s.lacking = n > 0 || len(outstanding) > 0
	}
	if n > 0 || len(s.again) > 0 {
		p.Planned = e.Pace.planned(p, e.Clock(), n)
		p.Next = min(p.Next+uint32(n), subnet.MaxIndex)
		s.to, s.moved = p, true
	}
	return s, nil
}

// idle reports whether the environment's queue holds nothing at all, so that an
// index without a row has no message either.
func (e *Enumerator) idle(ctx context.Context, env subnet.EnvID) (bool, error) {
	d, err := e.Queues[env].Depth(ctx)
	if err != nil {
		return false, fmt.Errorf("depth of the queue of %s: %w", env, err)
	}
	return d.Visible+d.InFlight+d.Delayed == 0, nil
}

func (e *Enumerator) rows(ctx context.Context, window uint64, env subnet.EnvID, m subnet.Miner) ([]subnet.Sample, error) {
	rows, err := e.Store.Samples(ctx, store.Shelf{Hotkey: m.Hotkey, Revision: m.Revision, Env: env}, window, window)
	if err != nil {
		return nil, fmt.Errorf("read the samples of %s in %s: %w", m.Hotkey, env, err)
	}
	return rows, nil
}

func scored(rows []subnet.Sample) int {
	n := 0
	for _, r := range rows {
		if r.Outcome.Scored() {
			n++
		}
	}
	return n
}

// missing lists the indexes in [Start, Next) that have no row.
func missing(p subnet.EnvProgress, rows []subnet.Sample) []uint32 {
	have := make(map[uint32]bool, len(rows))
	for _, r := range rows {
		have[r.Index] = true
	}
	var out []uint32
	for i := p.Start; i < p.Next; i++ {
		if !have[i] {
			out = append(out, i)
		}
	}
	return out
}

// moveCursor records how far any miner is about to be given tasks. It stands before
// the first message is sent: a miner that joins after a crash must not start at a
// task that another has been shown.
func (e *Enumerator) moveCursor(ctx context.Context, plan subnet.WindowPlan, moves map[subnet.EnvID][]move) (subnet.WindowPlan, error) {
	next := maps.Clone(plan.Cursor)
	if next == nil {
		next = make(map[subnet.EnvID]uint32)
	}
	for id, steps := range moves {
		for _, m := range steps {
			if m.moved {
				next[id] = max(next[id], m.to.Next)
			}
		}
	}
	if maps.Equal(next, plan.Cursor) {
		return plan, nil
	}
	plan.Cursor = next
	moved, err := e.Store.PutPlan(ctx, plan)
	if err != nil {
		return plan, fmt.Errorf("move the cursor of window %d: %w", plan.Window, err)
	}
	return moved, nil
}
