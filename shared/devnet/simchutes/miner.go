package simchutes

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"sync/atomic"
	"time"
)

// miner is a Miner at work.
type miner struct {
	Miner
	hot     atomic.Bool
	asked   atomic.Uint64
	running atomic.Int64
	stats   counters
}

func newMiner(cfg Miner) *miner {
	m := &miner{Miner: cfg}
	m.hot.Store(cfg.Hot)
	m.stats.Faults = make(map[Fault]int)
	return m
}

// completions answers a chat completion. The order of the checks is Chutes': who
// asks, whether the chute is theirs to call, whose money, what is asked, and only
// then whether an instance is up.
func (s *Server) completions(w http.ResponseWriter, r *http.Request, slug string) {
	if c := s.credential(r); c != accepted {
		unauthorized(w, c)
		return
	}
	m := s.bySlug[slug]
	if m == nil || m.Private {
		refuse(w, http.StatusNotFound, "No matching chute found!")
		return
	}
	number := m.asked.Add(1)
	m.stats.count(func(c *Stats) { c.Requests++ })
	w.Header().Set("X-Chutes-InvocationID", fmt.Sprintf("%016x-%d", hash(s.seed, slug), number))
	if m.Unfunded {
		m.stats.count(func(c *Stats) { c.Unfunded++ })
		refuse(w, http.StatusPaymentRequired, unfunded)
		return
	}
	req, err := readRequest(r)
	if err != nil {
		m.stats.count(func(c *Stats) { c.Refused++ })
		refuse(w, http.StatusBadRequest, err.Error())
		return
	}
	if !m.hot.Load() {
		m.stats.count(func(c *Stats) { c.Cold++ })
		refuse(w, http.StatusServiceUnavailable, m.cold())
		return
	}
	defer m.running.Add(-1)
	if n := m.running.Add(1); m.Capacity > 0 && n > int64(m.Capacity) {
		m.stats.count(func(c *Stats) { c.Full++ })
		refuse(w, http.StatusTooManyRequests, full)
		return
	}
	fault := drawFault(m.Faults, share(s.seed, slug, number, "fault"))
	if fault != "" {
		m.stats.count(func(c *Stats) { c.Faults[fault]++ })
	}
	if m.failEarly(w, fault) {
		return
	}
	s.answer(w, r, m, req, fault, number)
}

// unfunded is Chutes' text to the letter: its braces were never filled in.
const unfunded = "Chute unavailable because the creator of this chute {chute.user_id=} has zero balance."

const full = "Infrastructure is at maximum capacity, try again later"

func (m *miner) cold() string {
	return fmt.Sprintf("No instances available (yet) for chute_id='%s'", m.ChuteID)
}

// failEarly answers with a fault of the gateway, if it is one.
func (m *miner) failEarly(w http.ResponseWriter, fault Fault) bool {
	switch fault {
	case Busy:
		refuse(w, http.StatusTooManyRequests, full)
	case Exhausted:
		refuse(w, http.StatusInternalServerError, "exhausted all available targets to no avail")
	case Flap:
		refuse(w, http.StatusServiceUnavailable, m.cold())
	case BadGateway:
		w.Header().Set("Content-Type", "text/html; charset=UTF-8")
		w.WriteHeader(http.StatusBadGateway)
		_, _ = fmt.Fprint(w, "<!DOCTYPE html><html><head><title>502 Bad gateway</title></head><body>Error code 502</body></html>")
	case NoBalance:
		refuse(w, http.StatusPaymentRequired, unfunded)
	case NoQuota:
		refuse(w, http.StatusPaymentRequired, map[string]any{
			"message": "Quota exceeded and account balance is $0.0", "quota_reset_timestamp": "2026-01-01T00:00:00Z",
		})
	case TooLong:
		refuse(w, http.StatusBadRequest, "Invalid request: The input (40960 tokens) is longer than the model's context length (32768 tokens).")
	case Reset:
		reset(w)
	case Unreachable:
		panic(http.ErrAbortHandler)
	default:
		return false
	}
	return true
}

// reset drops the connection with a TCP reset.
func reset(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}

// answer has the brain answer and sends what it says, or what the fault makes of it.
func (s *Server) answer(w http.ResponseWriter, r *http.Request, m *miner, req request, fault Fault, number uint64) {
	ctx := r.Context()
	text, err := m.Brain.Answer(ctx, req.prompt())
	if err != nil {
		refuse(w, http.StatusInternalServerError, fmt.Sprintf("Unhandled error generating response: %v", err))
		return
	}
	out := &generation{
		w: w, ctx: ctx, model: m.Name, prompt: len(req.prompt()), fault: fault, abrupt: number%2 == 1,
		pause: time.Duration(s.scale * float64(m.Latency.Draw(s.seed, m.Slug, number))),
	}
	if out.send(text, req.Stream) {
		m.stats.count(func(c *Stats) { c.Answered++ })
	}
}

// wait lets time pass; false when the client went away.
func wait(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
