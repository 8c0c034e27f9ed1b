package validator

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"time"

	"github.com/affine-go/affine/shared/archive"
	"github.com/affine-go/affine/shared/queue"
	"github.com/affine-go/affine/shared/store"
	"github.com/affine-go/affine/shared/subnet"
)

// EnvRange is what the planner needs to know of an environment.
type EnvRange struct {
	ID     subnet.EnvID
	Lo, Hi subnet.TaskID // task ids [Lo, Hi)
}

// Enumerator looks at the miners of a subnet and puts their due tasks on the queues.
type Enumerator struct {
	Netuid    subnet.Netuid
	Chain     Chain
	Chutes    Chutes
	Store     store.Store
	Queues    map[subnet.EnvID]queue.Queue // one per environment in Envs
	Archive   archive.Archive              // takes the secrets of closed windows
	Envs      []EnvRange
	Window    subnet.Block // span of a window, in blocks
	Pace      Pace
	Grace     time.Duration // how long a valid miner survives looks that fail
	Blacklist map[subnet.Hotkey]bool
	Owner     string    // names this process in the lease
	Random    io.Reader // source of window secrets: crypto/rand.Reader
	Clock     Clock
	Log       *slog.Logger
}

// Enumeration is what one run found and did.
type Enumeration struct {
	Skipped bool // another run holds the lease
	Block   subnet.Block
	Window  uint64
	Miners  []subnet.Miner
	Planned map[subnet.EnvID]Planned // by environment that had room on its queue
}

// Planned is what one run did for one environment.
type Planned struct {
	Tasks   int // put on the queue
	Lacking int // miners that still lack samples, when Pace.UpTo is set
}

const enumerateLease = "enumerate"

// Run looks once and plans once. A run that finds the lease taken does nothing. It
// may be repeated or cut off anywhere: tasks are sent before the progress that
// counts them is written, so a crash repeats messages and never loses one.
func (e *Enumerator) Run(ctx context.Context) (Enumeration, error) {
	err := e.Store.Acquire(ctx, enumerateLease, e.Owner, e.Clock(), time.Minute)
	if errors.Is(err, store.ErrHeld) {
		return Enumeration{Skipped: true}, nil
	}
	if err != nil {
		return Enumeration{}, fmt.Errorf("enumerate: take the lease: %w", err)
	}
	out, err := e.run(ctx)
	// A lease that cannot be given back runs out by itself.
	if rerr := e.Store.Release(context.WithoutCancel(ctx), enumerateLease, e.Owner); rerr != nil {
		e.Log.WarnContext(ctx, "lease not given back", "err", rerr)
	}
	if err != nil {
		return out, fmt.Errorf("enumerate: %w", err)
	}
	return out, nil
}

func (e *Enumerator) run(ctx context.Context) (Enumeration, error) {
	mg, err := e.Chain.Metagraph(ctx, e.Netuid)
	if err != nil {
		return Enumeration{}, fmt.Errorf("read the metagraph: %w", err)
	}
	standing, err := e.standing(ctx)
	if err != nil {
		return Enumeration{}, err
	}
	miners, err := e.look(ctx, mg, standing)
	if err != nil {
		return Enumeration{}, err
	}
	plan, err := e.openWindow(ctx, mg.Block)
	if err != nil {
		return Enumeration{}, err
	}
	closeErr := e.closeWindows(ctx, plan.Window)
	planned, sendErr := e.plan(ctx, plan, mg.Block, miners)
	// What is on the queues by now is counted even when the run's time is up.
	putErr := e.putMiners(context.WithoutCancel(ctx), mg.Block, standing, miners)
	out := Enumeration{Block: mg.Block, Window: plan.Window, Miners: miners, Planned: planned}
	return out, errors.Join(closeErr, sendErr, putErr)
}

// putMiners writes the rows that changed. One that is refused keeps no other from
// being written: tasks whose progress is not counted are given again.
func (e *Enumerator) putMiners(ctx context.Context, at subnet.Block, standing map[subnet.Hotkey]subnet.Miner, miners []subnet.Miner) error {
	var errs []error
	for i, m := range miners {
		if !changed(standing[m.Hotkey], m, e.Grace) {
			continue
		}
		m.SeenAt = at
		written, err := e.Store.PutMiner(ctx, m)
		if err != nil {
			errs = append(errs, fmt.Errorf("write miner %s: %w", m.Hotkey, err))
			continue
		}
		miners[i] = written
	}
	return errors.Join(errs...)
}

func (e *Enumerator) standing(ctx context.Context) (map[subnet.Hotkey]subnet.Miner, error) {
	rows, err := e.Store.Miners(ctx, e.Netuid)
	if err != nil {
		return nil, fmt.Errorf("read the miners: %w", err)
	}
	by := make(map[subnet.Hotkey]subnet.Miner, len(rows))
	for _, r := range rows {
		by[r.Hotkey] = r
	}
	return by, nil
}

// changed reports whether a row must be written. The times of looks alone are
// worth a write only when the grace would otherwise run out on stale ones.
func changed(old, now subnet.Miner, grace time.Duration) bool {
	if now.LastGood.Sub(old.LastGood) > grace/2 {
		return true
	}
	return old.State != now.State || old.Reason != now.Reason || old.UID != now.UID || old.Slug != now.Slug ||
		old.CommitBlock != now.CommitBlock || old.Model != now.Model || old.Revision != now.Revision ||
		old.ChuteID != now.ChuteID || !sameProgress(old.Progress, now.Progress)
}

func sameProgress(a, b map[subnet.EnvID]subnet.EnvProgress) bool {
	if len(a) != len(b) {
		return false
	}
	for id, p := range a {
		if q, ok := b[id]; !ok || p != q {
			return false
		}
	}
	return true
}

// openWindow returns the plan of the window that block lies in, drawing its secret
// when nobody has yet.
func (e *Enumerator) openWindow(ctx context.Context, block subnet.Block) (subnet.WindowPlan, error) {
	number := subnet.WindowOf(block, e.Window)
	plan, err := e.Store.Plan(ctx, e.Netuid, number)
	if err == nil {
		return plan, nil
	}
	if !errors.Is(err, store.ErrNotFound) {
		return plan, fmt.Errorf("read the plan of window %d: %w", number, err)
	}
	secret := make([]byte, 32)
	if _, err := io.ReadFull(e.Random, secret); err != nil {
		return plan, fmt.Errorf("draw the secret of window %d: %w", number, err)
	}
	plan, err = e.Store.PutPlan(ctx, subnet.WindowPlan{Netuid: e.Netuid, Window: number, Secret: secret, Opened: block})
	if errors.Is(err, store.ErrConflict) {
		return e.Store.Plan(ctx, e.Netuid, number) // another run drew first; its secret counts
	}
	if err != nil {
		return plan, fmt.Errorf("write the plan of window %d: %w", number, err)
	}
	return plan, nil
}

// lateWindows is how many windows back every run makes sure of their secrets: a run
// that was to publish one may have been cut off, or not have taken place.
const lateWindows = 4

// closeWindows publishes the secrets of the windows before the current one, those
// that are not out yet.
func (e *Enumerator) closeWindows(ctx context.Context, current uint64) error {
	var errs []error
	for back := uint64(1); back <= min(lateWindows, current); back++ {
		errs = append(errs, e.closeWindow(ctx, current-back))
	}
	return errors.Join(errs...)
}

// closeWindow publishes a window's secret, so that its tasks can be audited.
func (e *Enumerator) closeWindow(ctx context.Context, number uint64) error {
	plan, err := e.Store.Plan(ctx, e.Netuid, number)
	if errors.Is(err, store.ErrNotFound) || (err == nil && plan.Closed) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read the plan of window %d: %w", number, err)
	}
	doc, err := windowDocument(plan, e.Envs)
	if err != nil {
		return err
	}
	// What stands there already was written by a run that could not mark the plan. It
	// tells the same secret, if perhaps the environments as they were then.
	if err := e.Archive.Put(ctx, archive.WindowKey(e.Netuid, number), doc); err != nil && !errors.Is(err, archive.ErrExists) {
		return fmt.Errorf("publish the secret of window %d: %w", number, err)
	}
	plan.Closed = true
	if _, err := e.Store.PutPlan(ctx, plan); err != nil && !errors.Is(err, store.ErrConflict) {
		return fmt.Errorf("close window %d: %w", number, err)
	}
	return nil
}

// queueable lists the environments that have room on their queue, in Envs' order.
func (e *Enumerator) queueable(ctx context.Context) ([]EnvRange, error) {
	var open []EnvRange
	for _, r := range e.Envs {
		depth, err := e.Queues[r.ID].Depth(ctx)
		if err != nil {
			return nil, fmt.Errorf("depth of the queue of %s: %w", r.ID, err)
		}
		if depth.Visible+depth.InFlight < e.Pace.MaxDepth {
			open = append(open, r)
		}
	}
	return slices.Clip(open), nil
}
