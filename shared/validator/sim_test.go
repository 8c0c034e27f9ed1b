package validator_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/affine-go/affine/shared/queue/local"
	"github.com/affine-go/affine/shared/subnet"
)

// Runners come and go, are killed at any moment, every call to queue, archive and
// store may be refused or lose its reply, model calls fail in every way: in the end
// each task has exactly one row, and that row's transcript is archived. The world
// fails the test at once for a second row or a row without transcript.
func TestNothingIsLostOrDoubled(t *testing.T) {
	seeds := uint64(12)
	if testing.Short() {
		seeds = 2
	}
	for seed := range seeds {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { simulate(t, seed, 300) })
		})
	}
}

func simulate(t *testing.T, seed uint64, tasks int) {
	w := newWorld(t, seed, 0.08)
	q := openQueue(t, 1000)
	for i := range tasks {
		enqueue(t, q, taskFor(subnet.Hotkey(fmt.Sprintf("hk%d", i%7)), uint32(i)))
		if i%50 == 0 { // delivered twice from the start
			enqueue(t, q, taskFor(subnet.Hotkey(fmt.Sprintf("hk%d", i%7)), uint32(i)))
		}
	}
	random := rand.New(rand.NewPCG(seed, 2))
	killed := 0
	for life := range 200 {
		kill := random.Float64() < 0.6
		if kill {
			killed++
		}
		liveOnce(t, w, q, seed, life, kill, time.Duration(1+random.IntN(40))*time.Second)
		if d := depth(t, q); d.Visible+d.InFlight+d.Delayed == 0 {
			break
		}
		time.Sleep(time.Duration(random.IntN(20)) * time.Second)
	}
	if len(w.rows) != tasks {
		t.Fatalf("%d rows, want %d", len(w.rows), tasks)
	}
	for _, s := range w.rows {
		if s.Outcome == subnet.OK && s.Score != subnet.ScoreScale {
			t.Errorf("row %+v: a right answer did not score", s)
		}
	}
	if killed == 0 || w.refused == 0 || w.lost == 0 {
		t.Errorf("the simulation did not bite: %d killed, %d refused, %d lost replies", killed, w.refused, w.lost)
	}
}

// liveOnce runs two runners side by side for d; then they drain, or are killed: from
// that moment nothing they do has an effect.
func liveOnce(t *testing.T, w *world, q *local.Queue, seed uint64, life int, kill bool, d time.Duration) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var dead atomic.Bool
	var running sync.WaitGroup
	for k := range 2 {
		model := flaky(seed, life, k)
		r, _ := newRunner(w, fmt.Sprintf("run-%d-%d", life, k), q, model, dead.Load)
		running.Go(func() {
			// A drain that runs out under faults gives the messages back and says so.
			if err := r.Run(ctx); err != nil && !dead.Load() {
				t.Logf("life %d: %v", life, err)
			}
		})
	}
	time.Sleep(d)
	if kill {
		dead.Store(true)
	}
	cancel()
	running.Wait()
}

// flaky answers right after a while, or fails in one of the ways that are retried.
func flaky(seed uint64, life, k int) modelFunc {
	random := rand.New(rand.NewPCG(seed, uint64(life*2+k+10)))
	var mu sync.Mutex
	return func(ctx context.Context, task subnet.Task, prompt string) (subnet.Completion, error) {
		mu.Lock()
		x, pause := random.Float64(), time.Duration(random.IntN(3000))*time.Millisecond
		mu.Unlock()
		if x < 0.03 {
			pause = time.Hour // hangs until it is cut off
		}
		select {
		case <-ctx.Done():
			return subnet.Completion{}, ctx.Err()
		case <-time.After(pause):
		}
		if x < 0.15 {
			return subnet.Completion{}, fault([]subnet.Outcome{subnet.Capacity, subnet.Upstream5xx, subnet.Truncated}[int(x*1000)%3])
		}
		return right(ctx, task, prompt)
	}
}
