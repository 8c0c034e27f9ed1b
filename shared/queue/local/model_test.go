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

// pair is a queue beside its model. Its exported methods, for rapid's sake, are the
// calls that are made on both.
type pair struct {
	*model
	queue    *local.Queue
	sent     int
	receipts []string
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
		p := &pair{model: m, queue: q, receipts: []string{"none"}}
		t.Repeat(rapid.StateMachineActions(p))
	})
}

func (p *pair) Send(t *rapid.T) {
	group := rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "group")
	for range rapid.IntRange(1, 4).Draw(t, "messages") {
		body := fmt.Sprintf("%06d", p.sent)
		p.sent++
		if err := p.queue.Send(t.Context(), []queue.Message{{Group: group, Body: []byte(body)}}); err != nil {
			t.Fatal(err)
		}
		p.held[body] = &held{group: group, order: p.sent}
	}
}

func (p *pair) Receive(t *rapid.T) {
	most := rapid.IntRange(1, 5).Draw(t, "max")
	got, err := p.queue.Receive(t.Context(), most, 0)
	if err != nil {
		t.Fatal(err)
	}
	for i := range most {
		body, due := p.next()
		if due != (i < len(got)) || due && string(got[i].Body) != body {
			t.Fatalf("delivery %d of %d: want %q (%v), got %v", i, most, body, due, got)
		}
		if !due {
			return
		}
		h := p.deliver(body, got[i].Receipt)
		if got[i].Receives != h.receives || got[i].Group != h.group {
			t.Fatalf("delivery %+v, want group %s for the %d. time", got[i], h.group, h.receives)
		}
		p.receipts = append(p.receipts, h.receipt)
	}
}

func (p *pair) Extend(t *rapid.T) {
	d := rapid.SampledFrom([]time.Duration{0, 5 * time.Second, time.Minute}).Draw(t, "by")
	receipt := rapid.SampledFrom(p.receipts).Draw(t, "receipt")
	body, good := p.holder(receipt)
	wantGood(t, good, p.queue.Extend(t.Context(), []string{receipt}, d))
	if good {
		p.held[body].until = p.now.Add(d)
	}
}

func (p *pair) Delete(t *rapid.T) {
	receipt := rapid.SampledFrom(p.receipts).Draw(t, "receipt")
	body, good := p.holder(receipt)
	wantGood(t, good, p.queue.Delete(t.Context(), []string{receipt}))
	delete(p.held, body)
}

func wantGood(t *rapid.T, good bool, err error) {
	if good != (err == nil) || err != nil && !errors.Is(err, queue.ErrStale) {
		t.Fatalf("error %v, receipt good: %v", err, good)
	}
}

func (p *pair) Pass(t *rapid.T) {
	p.now = p.now.Add(rapid.SampledFrom([]time.Duration{time.Nanosecond, 3 * time.Second, modelVisibility}).Draw(t, "d"))
}

func (p *pair) Redrive(t *rapid.T) {
	n, err := p.queue.Redrive(t.Context())
	if want := p.redrive(); err != nil || n != want {
		t.Fatalf("redrove %d, %v; want %d", n, err, want)
	}
}

// Check runs after each call.
func (p *pair) Check(t *rapid.T) {
	got, err := p.queue.Depth(t.Context())
	got.Oldest = 0 // TestDepthTellsTheOldest looks at it
	if want := p.depth(); err != nil || got != want {
		t.Fatalf("depth %+v, %v; want %+v", got, err, want)
	}
}

// deliver notes a delivery of the message.
func (m *model) deliver(body, receipt string) *held {
	h := m.held[body]
	h.receives++
	h.receipt, h.until = receipt, m.now.Add(modelVisibility)
	m.last++
	m.turn[h.group] = m.last
	return h
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
