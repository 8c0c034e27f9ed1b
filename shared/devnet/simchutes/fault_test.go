package simchutes_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/affine-go/affine/shared/chutes"
	"github.com/affine-go/affine/shared/devnet/simchutes"
	"github.com/affine-go/affine/shared/env"
	"github.com/affine-go/affine/shared/env/sat"
	"github.com/affine-go/affine/shared/subnet"
)

// Every fault reaches the client as what it is.
func TestEveryFaultHasItsOutcome(t *testing.T) {
	want := map[simchutes.Fault]subnet.Outcome{
		simchutes.Busy: subnet.Capacity, simchutes.Exhausted: subnet.Upstream5xx, simchutes.Flap: subnet.Cold,
		simchutes.BadGateway: subnet.Upstream5xx, simchutes.NoBalance: subnet.MinerUnfunded, simchutes.NoQuota: subnet.OperatorFunds,
		simchutes.TooLong: subnet.ModelFault, simchutes.Reset: subnet.Transport, simchutes.Unreachable: subnet.Transport,
		simchutes.Cut: subnet.Truncated, simchutes.ErrorLine: subnet.Upstream5xx, simchutes.Stall: subnet.TaskTimeout,
		simchutes.Empty: subnet.OK, simchutes.Huge: subnet.ModelFault, simchutes.BadUTF8: subnet.OK,
		simchutes.ReasoningOnly: subnet.OK, simchutes.NoUsage: subnet.OK,
	}
	if len(want) != len(simchutes.Faults) {
		t.Fatalf("%d faults here, %d in the package", len(want), len(simchutes.Faults))
	}
	for _, fault := range simchutes.Faults {
		t.Run(string(fault), func(t *testing.T) {
			t.Parallel()
			m := alice()
			m.Faults = map[simchutes.Fault]float64{fault: 1}
			s := start(t, simchutes.Config{Miners: []simchutes.Miner{m}})
			cfg := chutes.Config{}
			if fault == simchutes.Stall {
				cfg.Idle = 100 * time.Millisecond
			}
			c := dial(t, s, cfg)
			ch := challenge(t, sat.Legacy(), 3)
			const asked = 4 // both ways of cutting a stream are among them
			for range asked {
				got, err := c.Complete(t.Context(), task(m), ch.Prompt, 1)
				if o := outcomeOf(t, err); o != want[fault] {
					t.Fatalf("outcome %s, want %s: %v", o, want[fault], err)
				}
				checkFaultyReply(t, fault, ch, got)
			}
			if got := s.Stats(m.Slug); got.Requests != asked || got.Faults[fault] != asked {
				t.Errorf("stats %+v", got)
			}
		})
	}
}

func checkFaultyReply(t *testing.T, fault simchutes.Fault, ch env.Challenge, got subnet.Completion) {
	t.Helper()
	g, err := sat.Legacy().Grade(t.Context(), ch, got.Text)
	if err != nil {
		t.Fatal(err)
	}
	solved := g.Score == subnet.ScoreScale
	switch fault {
	case simchutes.Empty:
		if got.Text != "" || solved {
			t.Errorf("reply %+v", got)
		}
	case simchutes.BadUTF8:
		if !solved || !strings.Contains(got.Text, "\uFFFD") {
			t.Errorf("reply %+v, %s", got, g.Reason)
		}
	case simchutes.ReasoningOnly:
		if got.Text != "" || !strings.Contains(got.Reasoning, "x1=") || solved {
			t.Errorf("reply %+v", got)
		}
	case simchutes.NoUsage:
		if !solved || got.Tokens != 0 || got.PromptTokens != 0 {
			t.Errorf("reply %+v, %s", got, g.Reason)
		}
	}
}

// Replies that are not streamed have the same faults.
func TestFaultsOfWholeReplies(t *testing.T) {
	for _, c := range []struct {
		fault simchutes.Fault
		want  string // in the document; empty when it breaks off
	}{
		{"", `"content":"hi"`}, {simchutes.Empty, `"content":""`}, {simchutes.Huge, `"content":"x1=True, x1=True`},
		{simchutes.BadUTF8, "\xff\xfe"}, {simchutes.ReasoningOnly, `"reasoning_content":"hi"`}, {simchutes.NoUsage, `"usage":null`},
		{simchutes.Cut, ""}, {simchutes.ErrorLine, ""}, {simchutes.Stall, ""},
	} {
		t.Run(string(c.fault), func(t *testing.T) {
			m := alice()
			m.Brain = echo{}
			if c.fault != "" {
				m.Faults = map[simchutes.Fault]float64{c.fault: 1}
			}
			s := start(t, simchutes.Config{Miners: []simchutes.Miner{m}})
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.API()+"/"+m.Slug+"/v1/chat/completions", strings.NewReader(hi))
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Authorization", s.Key())
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = resp.Body.Close() }()
			if c.fault == simchutes.Stall {
				time.AfterFunc(50*time.Millisecond, cancel)
			}
			raw, err := io.ReadAll(resp.Body)
			if (err != nil) != (c.want == "") || !strings.Contains(string(raw), c.want) {
				t.Errorf("error %v, %.300q", err, raw)
			}
		})
	}
}

func TestFaultsComeAtTheirRates(t *testing.T) {
	m := alice()
	m.Brain = echo{}
	m.Faults = map[simchutes.Fault]float64{simchutes.Busy: 0.3, simchutes.Exhausted: 0.1}
	const asked = 1000
	count := func() simchutes.Stats {
		s := start(t, simchutes.Config{Seed: 7, Miners: []simchutes.Miner{m}})
		c := dial(t, s, chutes.Config{})
		for range asked {
			_, _ = c.Complete(t.Context(), task(m), "hi", 1)
		}
		return s.Stats(m.Slug)
	}
	got := count()
	// Four standard deviations of a binomial count.
	if busy := got.Faults[simchutes.Busy]; busy < 242 || busy > 358 {
		t.Errorf("%d of %d busy, rate 0.3", busy, asked)
	}
	if failed := got.Faults[simchutes.Exhausted]; failed < 62 || failed > 138 {
		t.Errorf("%d of %d exhausted, rate 0.1", failed, asked)
	}
	if sum := got.Answered + got.Faults[simchutes.Busy] + got.Faults[simchutes.Exhausted]; sum != asked || got.Requests != asked {
		t.Errorf("stats do not add up: %+v", got)
	}
	if diff := cmp.Diff(got, count()); diff != "" {
		t.Errorf("another run differs: %s", diff)
	}
}
