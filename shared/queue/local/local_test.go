package local_test

import (
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/affine-go/affine/shared/queue"
	"github.com/affine-go/affine/shared/queue/local"
	"github.com/affine-go/affine/shared/queue/queuetest"
)

// clock is a clock that moves only when told to.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func open(t testing.TB, path string, c queue.Config) *local.Queue {
	t.Helper()
	q, err := local.Open(path, c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = q.Close() }) // a second Close is a test's own business
	return q
}

func file(t testing.TB) string { return filepath.Join(t.TempDir(), "queue.db") }

func TestContract(t *testing.T) {
	queuetest.Run(t, func(t *testing.T) queuetest.Harness {
		c := newClock()
		config := queue.Config{Visibility: time.Minute, MaxReceives: 3, Clock: c.Now}
		return queuetest.Harness{Queue: open(t, file(t), config), Config: config, Now: c.Now, Pass: c.Pass}
	})
}
