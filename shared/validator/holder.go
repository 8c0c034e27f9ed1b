package validator

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/affine-go/affine/shared/queue"
)

// batchSize is the most receipts that one queue call carries (SQS).
const batchSize = 10

// holder keeps messages invisible while the runner works on them or waits to store
// what came of them.
type holder struct {
	visibility time.Duration
	log        *slog.Logger

	calling chan struct{} // holds a token while a batch is being extended; remove waits for it

	mu   sync.Mutex
	jobs map[*job]struct{}
}

func newHolder(visibility time.Duration, log *slog.Logger) *holder {
	return &holder{visibility: visibility, log: log, calling: make(chan struct{}, 1), jobs: make(map[*job]struct{})}
}

func (h *holder) add(j *job) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.jobs[j] = struct{}{}
}

// remove lets go of a job. Once it returns no heartbeat can touch the message any
// more: one that came after the message was given back would hide it again.
func (h *holder) remove(j *job) {
	h.calling <- struct{}{}
	defer func() { <-h.calling }()
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.jobs, j)
}

// beat extends all held messages every third of the visibility timeout until ctx ends.
func (h *holder) beat(ctx context.Context) {
	tick := time.NewTicker(h.visibility / 3)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			h.extendAll(ctx)
		}
	}
}

func (h *holder) extendAll(ctx context.Context) {
	for q, jobs := range byQueue(h.all()) {
		for len(jobs) > 0 {
			n := min(batchSize, len(jobs))
			h.extend(ctx, q, jobs[:n])
			jobs = jobs[n:]
		}
	}
}

func (h *holder) all() []*job {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Collect(maps.Keys(h.jobs))
}

func byQueue(jobs []*job) map[queue.Queue][]*job {
	by := make(map[queue.Queue][]*job)
	for _, j := range jobs {
		by[j.queue] = append(by[j.queue], j)
	}
	return by
}

// extend renews one batch. A message that has gone to another receiver is let go;
// any other failure is tried again at the next beat, well before the timeout.
func (h *holder) extend(ctx context.Context, q queue.Queue, jobs []*job) {
	h.calling <- struct{}{}
	defer func() { <-h.calling }()
	if jobs = h.still(jobs); len(jobs) == 0 {
		return
	}
	call, cancel := context.WithTimeout(ctx, min(callLimit, h.visibility/3))
	defer cancel()
	err := q.Extend(call, receipts(jobs), h.visibility)
	partial, ok := errors.AsType[*queue.PartialError](err)
	if !ok {
		if err != nil && ctx.Err() == nil {
			h.log.WarnContext(ctx, "heartbeat failed", "err", err)
		}
		return
	}
	for i, err := range partial.Failed {
		if errors.Is(err, queue.ErrStale) {
			jobs[i].cancel(errLost)
		}
	}
}

// still is the jobs that have not been let go of since they were collected.
func (h *holder) still(jobs []*job) []*job {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(jobs), func(j *job) bool {
		_, held := h.jobs[j]
		return !held
	})
}

func receipts(jobs []*job) []string {
	out := make([]string, len(jobs))
	for i, j := range jobs {
		out[i] = j.delivery.Receipt
	}
	return out
}
