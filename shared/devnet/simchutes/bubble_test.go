package simchutes

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// echo answers with the prompt.
type echo struct{}

func (echo) Answer(_ context.Context, prompt string) (string, error) { return prompt, nil }

// ask sends one request to s without a network and tells how long it took.
func ask(t *testing.T, s *Server, body string) (*httptest.ResponseRecorder, time.Duration) {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/m/v1/chat/completions", strings.NewReader(body))
	r.Header.Set("Authorization", s.key)
	w := httptest.NewRecorder()
	began := time.Now()
	s.http.Handler.ServeHTTP(w, r)
	return w, time.Since(began)
}

const seven = `"messages":[{"role":"user","content":"one two three four five six seven"}]`

// The duration that was drawn passes, stretched by the scale.
func TestLatencyPasses(t *testing.T) {
	for _, scale := range []float64{1, 0.02} {
		for _, body := range []string{"{" + seven + "}", `{"stream":true,` + seven + "}"} {
			synctest.Test(t, func(t *testing.T) {
				latency := Latency{Median: 10 * time.Second, Sigma: 0.6}
				s, err := newServer(Config{Seed: 3, TimeScale: scale, Miners: []Miner{{
					Slug: "m", ChuteID: "c", Name: "n/affine", Hot: true, Brain: echo{}, Latency: latency,
				}}})
				if err != nil {
					t.Fatal(err)
				}
				for number := uint64(1); number <= 50; number++ {
					w, took := ask(t, s, body)
					want := time.Duration(scale * float64(latency.Draw(3, "m", number)))
					// A stream's pauses are whole nanoseconds.
					if w.Code != http.StatusOK || took > want || want-took > time.Microsecond {
						t.Fatalf("status %d after %v, want %v", w.Code, took, want)
					}
				}
			})
		}
	}
}

// Whoever leaves is not waited for, nor counted as answered.
func TestAClientThatLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, err := newServer(Config{Miners: []Miner{{
			Slug: "m", ChuteID: "c", Name: "n/affine", Hot: true, Brain: echo{}, Latency: Latency{Median: time.Hour},
		}}})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		for _, body := range []string{"{" + seven + "}", `{"stream":true,` + seven + "}"} {
			r := httptest.NewRequestWithContext(ctx, http.MethodPost, "/m/v1/chat/completions", strings.NewReader(body))
			r.Header.Set("Authorization", s.key)
			s.http.Handler.ServeHTTP(httptest.NewRecorder(), r)
		}
		if got := s.Stats("m"); got.Requests != 2 || got.Answered != 0 {
			t.Errorf("stats %+v", got)
		}
	})
}

// A miner makes no more replies at once than it has room for.
func TestCapacity(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, err := newServer(Config{Miners: []Miner{{
			Slug: "m", ChuteID: "c", Name: "n/affine", Hot: true, Brain: echo{}, Latency: Latency{Median: time.Second}, Capacity: 3,
		}}})
		if err != nil {
			t.Fatal(err)
		}
		for range 2 { // room comes back
			var busy atomic.Int32
			var wg sync.WaitGroup
			for range 5 {
				wg.Go(func() {
					w, took := ask(t, s, "{"+seven+"}")
					if w.Code == http.StatusTooManyRequests && took == 0 && strings.Contains(w.Body.String(), "maximum capacity") {
						busy.Add(1)
					}
				})
			}
			wg.Wait()
			if busy.Load() != 2 {
				t.Errorf("%d of 5 were refused, want 2", busy.Load())
			}
		}
		if got := s.Stats("m"); got.Full != 4 || got.Answered != 6 {
			t.Errorf("stats %+v", got)
		}
	})
}

func TestInputsBesideAnother(t *testing.T) {
	for _, c := range []struct {
		input string
		step  int
		want  string
	}{
		{"7 8\n", 1, "8 8\n"}, {"7\n", 3, "10\n"}, {"-1\nab\n", 1, "0\nab\n"}, {"xyz\n1\n", 1, "bbb\n1\n"}, {"xyz\n", 2, "ccc\n"}, {"7", 1, "8"},
	} {
		if got := beside(c.input, c.step); got != c.want {
			t.Errorf("beside %q by %d: %q, want %q", c.input, c.step, got, c.want)
		}
	}
}

// What is remembered is bounded.
func TestKnownProgramsAreBounded(t *testing.T) {
	p := NewPrograms(nil)
	for i := range maxKnown + 1 {
		p.keep(strconv.Itoa(i), inputs{})
	}
	if _, ok := p.lookup(strconv.Itoa(maxKnown)); !ok || len(p.known) > maxKnown {
		t.Errorf("%d remembered, the newest %v", len(p.known), ok)
	}
}

// Whatever is asked, the answer is a reply or a refusal that says why.
func FuzzRequest(f *testing.F) {
	for _, seed := range []string{
		"", "{}", "[]", "{" + seven + "}", `{"stream":true,` + seven + "}", `{"messages":[{"role":"user","content":[{"type":"text","text":"(x1)"}]}]}`,
		`{"messages":[{"role":"user","content":null}]}`, `{"messages":[null]}`, `{"messages":[{"role":"system","content":"x"}],"seed":-1}`, "\xff", `{"stream":"x"}`,
	} {
		f.Add(seed)
	}
	s, err := newServer(Config{Miners: []Miner{{Slug: "m", ChuteID: "c", Name: "n/affine", Hot: true, Brain: echo{}}}})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, body string) {
		w, _ := ask(t, s, body)
		switch {
		case w.Code == http.StatusOK && strings.Contains(w.Body.String(), `"choices"`):
		case w.Code == http.StatusBadRequest && strings.HasPrefix(w.Body.String(), `{"detail":"`):
		default:
			t.Errorf("request %q: status %d, %s", body, w.Code, w.Body)
		}
	})
}
