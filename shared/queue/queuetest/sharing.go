package queuetest

import (
	"errors"
	"fmt"
	"maps"
	"sync"
	"testing"
	"time"

	"github.com/affine-go/affine/shared/faultplan"
	"github.com/affine-go/affine/shared/queue"
)

// noStarvation puts a large backlog of one group before single messages of others.
// Whether the work is done at once or is slow, the others come up soon.
func noStarvation(t *testing.T, h Harness) {
	lacking(t, h.Caps.NoFairness)
	send(t, h, messages("busy", 60)...)
	send(t, h, message("a", 0), message("b", 0), message("c", 0))
	seen := map[string]int{}
	for range 4 { // one at a time, done at once: nothing is ever in flight
		d := receive(t, h, 1)[0]
		seen[d.Group]++
		remove(t, h, d)
	}
	if want := map[string]int{"busy": 1, "a": 1, "b": 1, "c": 1}; !maps.Equal(seen, want) {
		t.Errorf("the first four were %v, want %v", seen, want)
	}
	slow := receive(t, h, 10) // kept in flight
	send(t, h, messages("d", 30)...)
	for _, d := range receive(t, h, 10) {
		if d.Group != "d" {
			t.Errorf("group %q came before d had as many in flight as busy (%d)", d.Group, len(slow))
		}
	}
	shared := map[string]int{}
	for _, d := range receive(t, h, 10) {
		shared[d.Group]++
	}
	if want := map[string]int{"busy": 5, "d": 5}; !maps.Equal(shared, want) {
		t.Errorf("level groups got %v, want %v", shared, want)
	}
}

// noSharing lets many receivers drain the queue at once, none deleting before all
// are done.
func noSharing(t *testing.T, h Harness) {
	const n, receivers = 60, 6
	send(t, h, messages("g", n)...)
	var mu sync.Mutex
	seen := map[string]int{}
	var wg sync.WaitGroup
	for range receivers {
		wg.Go(func() {
			for {
				got, err := h.Queue.Receive(t.Context(), 3, 0)
				if err != nil {
					t.Errorf("receive: %v", err)
				}
				if len(got) == 0 {
					return
				}
				// Beyond the queue's own visibility, should the service be slow.
				if err := h.Queue.Extend(t.Context(), receipts(got), time.Hour); err != nil {
					t.Errorf("extend: %v", err)
				}
				mu.Lock()
				for _, d := range got {
					seen[d.ID]++
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if len(seen) != n {
		t.Errorf("%d messages were received, want %d", len(seen), n)
	}
	for id, times := range seen {
		if times != 1 {
			t.Errorf("message %s was delivered %d times while invisible", id, times)
		}
	}
}

func depth(t *testing.T, h Harness) {
	send(t, h, messages("g", 5)...)
	waitDepth(t, h, func(d queue.Depth) bool { return d.Visible == 5 && d.InFlight == 0 && d.Dead == 0 })
	ds := receive(t, h, 2)
	waitDepth(t, h, func(d queue.Depth) bool { return d.Visible == 3 && d.InFlight == 2 })
	remove(t, h, ds[0])
	waitDepth(t, h, func(d queue.Depth) bool { return d.Visible == 3 && d.InFlight == 1 })
	extend(t, h, 0, ds[1])
	waitDepth(t, h, func(d queue.Depth) bool { return d.Visible == 4 && d.InFlight == 0 && d.Delayed == 0 })
}

// waitDepth looks until the depth is as wanted: services count behind.
func waitDepth(t *testing.T, h Harness, want func(queue.Depth) bool) {
	t.Helper()
	var d queue.Depth
	for deadline := time.Now().Add(settle); time.Now().Before(deadline); {
		var err error
		if d, err = h.Queue.Depth(t.Context()); err != nil {
			t.Fatalf("depth: %v", err)
		}
		if want(d) {
			return
		}
	}
	t.Errorf("depth is %+v", d)
}

// faults sends and deletes under refusals and lost replies, repeating what failed:
// at least one copy of everything arrives, and in the end nothing is left.
func faults(t *testing.T, h Harness) {
	plain := h
	const refuse, lose = faultplan.Refuse, faultplan.LoseReply
	h.Queue = Faulty(plain.Queue, faultplan.Calls(map[string][]faultplan.Fault{
		"Send":    {refuse, lose, refuse},
		"Receive": {refuse, lose},
		"Delete":  {refuse, lose},
	}))
	repeat(t, "send", 4, func() error { return h.Queue.Send(t.Context(), messages("g", 2)) })
	var got []queue.Delivery
	repeat(t, "receive", 3, func() (err error) {
		got, err = h.Queue.Receive(t.Context(), 2, time.Second)
		return err
	})
	// Four copies: two were taken by the lost receive, two are at hand.
	if len(got) != 2 {
		t.Fatalf("received %d messages, want 2", len(got))
	}
	nothingVisible(t, plain, "with two at hand and two lost with their reply")
	deletes := 0
	repeat(t, "delete", 3, func() error {
		deletes++
		err := h.Queue.Delete(t.Context(), receipts(got))
		if partial := (*queue.PartialError)(nil); errors.As(err, &partial) && deletes == 3 {
			return onlyStale(partial)
		}
		return err
	})
	plain.Pass(plain.Config.Visibility + margin)
	lost := receive(t, plain, 2)
	for _, d := range lost {
		if d.Receives != 2 {
			t.Errorf("message %s is received for the %d. time, want the 2.", d.ID, d.Receives)
		}
	}
	remove(t, plain, lost...)
	nothingVisible(t, plain, "in the end")
}

func onlyStale(e *queue.PartialError) error {
	for i, err := range e.Failed {
		if !errors.Is(err, queue.ErrStale) {
			return fmt.Errorf("number %d: %w", i, err)
		}
	}
	return nil
}

// repeat calls until success and wants exactly the given number of calls, all but
// the last failing by injection.
func repeat(t *testing.T, what string, calls int, call func() error) {
	t.Helper()
	for n := 1; ; n++ {
		err := call()
		if err == nil && n == calls {
			return
		}
		if err == nil || n == calls || !errors.Is(err, faultplan.ErrInjected) {
			t.Fatalf("%s number %d gave %v, want success at number %d", what, n, err, calls)
		}
	}
}
