package validator

import (
	"context"
	"errors"
	"log/slog"
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

	mu   sync.Mutex
	jobs map[*job]struct{}
}

func newHolder(visibility time.Duration, log *slog.Logger) *holder {
	return &holder{visibility: visibility, log: log, jobs: make(map[*job]struct{})}
}

func (h *holder) add(j *job) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.jobs[j] = struct{}{}
}

func (h *holder) remove(j *job) {
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
	for q, jobs := range h.byQueue() {
		for len(jobs) > 0 {
			n := min(batchSize, len(jobs))
			h.extend(ctx, q, jobs[:n])
			jobs = jobs[n:]
		}
	}
}

func (h *holder) byQueue() map[queue.Queue][]*job {
	h.mu.Lock()
	defer h.mu.Unlock()
	by := make(map[queue.Queue][]*job)
	for j := range h.jobs {
		by[j.queue] = append(by[j.queue], j)
	}
	return by
}

// extend renews one batch. A message that has gone to another receiver is let go;
// any other failure is tried again at the next beat, well before the timeout.
func (h *holder) extend(ctx context.Context, q queue.Queue, jobs []*job) {
	err := q.Extend(ctx, receipts(jobs), h.visibility)
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

func receipts(jobs []*job) []string {
	out := make([]string, len(jobs))
	for i, j := range jobs {
		out[i] = j.delivery.Receipt
	}
	return out
}
