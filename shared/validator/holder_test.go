package validator

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/affine-go/affine/shared/queue"
)

// slowQueue takes a while to extend, and notes the last word on one message.
type slowQueue struct {
	queue.Queue
	mu   sync.Mutex
	last time.Duration
}

func (q *slowQueue) Extend(_ context.Context, receipts []string, d time.Duration) error {
	time.Sleep(100 * time.Millisecond)
	q.mu.Lock()
	defer q.mu.Unlock()
	if slices.Contains(receipts, "given back") {
		q.last = d
	}
	return nil
}

// A message that is given back while a heartbeat is under way stays given back: the
// last word is the giver's, whether its batch is under way or still to come.
func TestAHeartbeatDoesNotHideWhatWasGivenBack(t *testing.T) {
	for _, place := range []int{0, batchSize} {
		synctest.Test(t, func(t *testing.T) {
			q := &slowQueue{}
			h := newHolder(30*time.Second, slog.New(slog.DiscardHandler))
			for range batchSize + 1 {
				h.add(&job{queue: q, cancel: func(error) {}})
			}
			jobs := h.all()
			var beating sync.WaitGroup
			beating.Go(func() {
				h.extend(t.Context(), q, jobs[:batchSize])
				h.extend(t.Context(), q, jobs[batchSize:])
			})
			synctest.Wait()
			jobs[place].delivery.Receipt = "given back"
			h.remove(jobs[place])
			_ = q.Extend(t.Context(), []string{"given back"}, 0)
			beating.Wait()
			if q.last != 0 {
				t.Errorf("job %d: hidden for %v after it had been given back", place, q.last)
			}
		})
	}
}
