package abd

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/affine-go/affine/shared/subnet"
)

// maker makes a problem in a second and counts how often it was asked per task.
type maker struct {
	mu    sync.Mutex
	calls map[subnet.TaskID]int
	fail  error
}

func (m *maker) make(_ context.Context, task subnet.TaskID) (Problem, error) {
	m.mu.Lock()
	m.calls[task]++
	m.mu.Unlock()
	time.Sleep(time.Second)
	return Problem{Program: strconv.FormatUint(uint64(task), 10)}, m.fail
}

func newMaker() *maker { return &maker{calls: map[subnet.TaskID]int{}} }

func TestCacheMakesEachTaskOnceForAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, m := newCache(10), newMaker()
		var wg sync.WaitGroup
		for i := range 100 {
			wg.Go(func() {
				task := subnet.TaskID(i % 4)
				p, err := c.get(t.Context(), task, m.make)
				if err != nil || p.Program != strconv.Itoa(i%4) {
					t.Errorf("task %d: %+v, %v", task, p, err)
				}
			})
		}
		wg.Wait()
		for task, n := range m.calls {
			if n != 1 {
				t.Errorf("task %d was made %d times", task, n)
			}
		}
	})
}

func TestCacheDropsTheLeastRecentlyUsed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, m := newCache(2), newMaker()
		for _, task := range []subnet.TaskID{1, 2, 1, 3, 1, 2} {
			if _, err := c.get(t.Context(), task, m.make); err != nil {
				t.Fatal(err)
			}
		}
		if m.calls[1] != 1 || m.calls[2] != 2 || m.calls[3] != 1 || len(c.byID) != 2 || c.order.Len() != 2 {
			t.Errorf("made %v, kept %d", m.calls, len(c.byID))
		}
	})
}

func TestCacheKeepsNoFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, m := newCache(2), newMaker()
		m.fail = errors.New("no")
		if _, err := c.get(t.Context(), 1, m.make); !errors.Is(err, m.fail) {
			t.Errorf("error %v", err)
		}
		m.fail = nil
		if _, err := c.get(t.Context(), 1, m.make); err != nil || m.calls[1] != 2 {
			t.Errorf("second try: %v after %d calls", err, m.calls[1])
		}
	})
}

// One caller giving up does not take the problem from the others.
func TestCacheOutlivesTheFirstCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, m := newCache(2), newMaker()
		first, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		gone := make(chan error)
		go func() {
			_, err := c.get(first, 1, m.make)
			gone <- err
		}()
		synctest.Wait()
		p, err := c.get(t.Context(), 1, m.make)
		if err != nil || p.Program != "1" || m.calls[1] != 1 {
			t.Errorf("second caller: %+v, %v after %d calls", p, err, m.calls[1])
		}
		if err := <-gone; !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("first caller: %v", err)
		}
	})
}
