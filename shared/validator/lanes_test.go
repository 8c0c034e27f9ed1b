package validator

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"github.com/affine-go/affine/shared/queue"
)

func waitingJob(group string) *job {
	return &job{delivery: queue.Delivery{Message: queue.Message{Group: group}}}
}

func TestLanesServeMinersInTurn(t *testing.T) {
	t.Parallel()
	l := newLanes(10, 10)
	for range 3 {
		l.push(waitingJob("slow"))
	}
	l.push(waitingJob("a"))
	l.push(waitingJob("b"))
	var order []string
	for j := l.next(); j != nil; j = l.next() {
		order = append(order, j.delivery.Group)
	}
	if got, want := fmt.Sprint(order), "[slow a b slow slow]"; got != want {
		t.Fatalf("order %s, want %s", got, want)
	}
}

func TestLanesKeepOneMinerFromTakingAllSlots(t *testing.T) {
	t.Parallel()
	l := newLanes(4, 2)
	for range 5 {
		l.push(waitingJob("hanging"))
	}
	for range 2 {
		l.next()
	}
	if j := l.next(); j != nil {
		t.Fatalf("a third task of %q was started", j.delivery.Group)
	}
	l.push(waitingJob("other"))
	if j := l.next(); j == nil || j.delivery.Group != "other" {
		t.Fatalf("the other miner's task was not started: %v", j)
	}
}

// Whatever the order of calls: the limits hold, every job comes out once, and no
// slot lies idle while a job may start.
func TestLanesKeepTheirLimits(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		total, per := rapid.IntRange(1, 6).Draw(t, "total"), rapid.IntRange(1, 4).Draw(t, "per")
		l := newLanes(total, per)
		var running []*job
		pushed, started := 0, make(map[*job]bool)
		busy := make(map[string]int)
		t.Repeat(map[string]func(*rapid.T){
			"push": func(t *rapid.T) {
				l.push(waitingJob(rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "group")))
				pushed++
			},
			"next": func(t *rapid.T) {
				j := l.next()
				if j == nil {
					for g := range l.waiting {
						if len(running) < total && busy[g] < per {
							t.Fatalf("group %s waits although %d of %d run and %d of its own", g, len(running), total, busy[g])
						}
					}
					return
				}
				if started[j] {
					t.Fatal("a job was started twice")
				}
				started[j] = true
				running = append(running, j)
				if busy[j.delivery.Group]++; busy[j.delivery.Group] > per || len(running) > total {
					t.Fatalf("%d running, %d of %s", len(running), busy[j.delivery.Group], j.delivery.Group)
				}
			},
			"done": func(t *rapid.T) {
				if len(running) == 0 {
					t.Skip("nothing runs")
				}
				j := running[0]
				running = running[1:]
				busy[j.delivery.Group]--
				l.done(j)
			},
		})
		if left := len(l.clear()); len(started)+left != pushed {
			t.Fatalf("%d pushed, %d started, %d left", pushed, len(started), left)
		}
	})
}
