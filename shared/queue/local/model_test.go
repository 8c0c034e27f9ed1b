package local_test

import (
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/affine-go/affine/shared/queue"
	"github.com/affine-go/affine/shared/queue/local"
)

// held is what the model knows of a message.
type held struct {
	group    string
	order    int // of sending
	receives int
	receipt  string // of the running delivery
	until    time.Time
	dead     bool
}

// model is the queue in thirty lines: no file, no transactions, no counts that could
// go out of step.
type model struct {
	now  time.Time
	held map[string]*held // by body
	turn map[string]int   // when a group was last served
	last int
}

const (
	modelVisibility = 10 * time.Second
	modelReceives   = 3
)

func (m *model) ready(h *held) bool { return !h.dead && (h.receipt == "" || !h.until.After(m.now)) }

// next is the body that must be delivered now, burying what is due on the way.
func (m *model) next() (string, bool) {
	for {
		inFlight := map[string]int{}
		oldest := map[string]string{}
		for _, body := range slices.Sorted(maps.Keys(m.held)) {
			h := m.held[body]
			if !h.dead && !m.ready(h) {
				inFlight[h.group]++
			}
			if at, ok := oldest[h.group]; m.ready(h) && (!ok || h.order < m.held[at].order) {
				oldest[h.group] = body
			}
		}
		if len(oldest) == 0 {
			return "", false
		}
		group := slices.MinFunc(slices.Sorted(maps.Keys(oldest)), func(a, b string) int {
			if inFlight[a] != inFlight[b] {
				return inFlight[a] - inFlight[b]
			}
			return m.turn[a] - m.turn[b]
		})
		h := m.held[oldest[group]]
		if h.receives < modelReceives {
			return oldest[group], true
		}
		h.dead, h.receipt = true, ""
	}
}

// TestAgainstModel runs random calls on the queue and on the model and wants the
// same deliveries in the same order, the same stale receipts and the same depth.
func TestAgainstModel(t *testing.T) {
	dir := t.TempDir()
	files := 0
	rapid.Check(t, func(t *rapid.T) {
		files++
		m := &model{now: time.Unix(1_800_000_000, 0), held: map[string]*held{}, turn: map[string]int{}}
		q, err := local.Open(filepath.Join(dir, fmt.Sprint(files, ".db")), queue.Config{
			Visibility: modelVisibility, MaxReceives: modelReceives, Clock: func() time.Time { return m.now },
		})
		if err != nil {
			t.Fatal(err)
		}
		defer q.Close()
		sent, receipts := 0, []string{"none"}
		t.Repeat(map[string]func(*rapid.T){
			"send": func(t *rapid.T) {
				group := rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "group")
				for range rapid.IntRange(1, 4).Draw(t, "messages") {
					body := fmt.Sprintf("%06d", sent)
					sent++
					if err := q.Send(t.Context(), []queue.Message{{Group: group, Body: []byte(body)}}); err != nil {
						t.Fatal(err)
					}
					m.held[body] = &held{group: group, order: sent}
				}
			},
			"receive": func(t *rapid.T) {
				max := rapid.IntRange(1, 5).Draw(t, "max")
				got, err := q.Receive(t.Context(), max, 0)
				if err != nil {
					t.Fatal(err)
				}
				for i := range max {
					body, any := m.next()
					if any != (i < len(got)) || any && string(got[i].Body) != body {
						t.Fatalf("delivery %d of %d: want %q (%v), got %v", i, max, body, any, got)
					}
					if !any {
						break
					}
					h := m.held[body]
					h.receives++
					h.receipt, h.until = got[i].Receipt, m.now.Add(modelVisibility)
					m.last++
					m.turn[h.group] = m.last
					if got[i].Receives != h.receives || got[i].Group != h.group {
						t.Fatalf("delivery %+v, want group %s for the %d. time", got[i], h.group, h.receives)
					}
					receipts = append(receipts, h.receipt)
				}
			},
			"extend or delete": func(t *rapid.T) {
				receipt := rapid.SampledFrom(receipts).Draw(t, "receipt")
				d := rapid.SampledFrom([]time.Duration{-1, 0, 5 * time.Second, time.Minute}).Draw(t, "by (-1: delete)")
				body, good := m.holder(receipt)
				var err error
				if d < 0 {
					err = q.Delete(t.Context(), []string{receipt})
				} else {
					err = q.Extend(t.Context(), []string{receipt}, d)
				}
				if good != (err == nil) || err != nil && !errors.Is(err, queue.ErrStale) {
					t.Fatalf("by %v: error %v, receipt good: %v", d, err, good)
				}
				switch {
				case good && d < 0:
					delete(m.held, body)
				case good:
					m.held[body].until = m.now.Add(d)
				}
			},
			"pass": func(t *rapid.T) {
				m.now = m.now.Add(rapid.SampledFrom([]time.Duration{time.Nanosecond, 3 * time.Second, modelVisibility}).Draw(t, "d"))
			},
			"redrive": func(t *rapid.T) {
				n, err := q.Redrive(t.Context())
				if want := m.redrive(); err != nil || n != want {
					t.Fatalf("redrove %d, %v; want %d", n, err, want)
				}
			},
			"": func(t *rapid.T) { // after each
				got, err := q.Depth(t.Context())
				if want := m.depth(); err != nil || got.Visible != want.Visible || got.InFlight != want.InFlight || got.Dead != want.Dead {
					t.Fatalf("depth %+v, %v; want %+v", got, err, want)
				}
			},
		})
	})
}

// holder is the message that a receipt is good for.
func (m *model) holder(receipt string) (string, bool) {
	for body, h := range m.held {
		if h.receipt == receipt && !m.ready(h) && !h.dead {
			return body, true
		}
	}
	return "", false
}

func (m *model) redrive() int {
	n := 0
	for _, h := range m.held {
		if h.dead {
			h.dead, h.receives = false, 0
			n++
		}
	}
	return n
}

func (m *model) depth() queue.Depth {
	var d queue.Depth
	for _, h := range m.held {
		switch {
		case h.dead:
			d.Dead++
		case m.ready(h):
			d.Visible++
		default:
			d.InFlight++
		}
	}
	return d
}
