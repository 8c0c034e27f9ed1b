package validator_test

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/affine-go/affine/shared/env"
	"github.com/affine-go/affine/shared/queue"
	"github.com/affine-go/affine/shared/queue/local"
	"github.com/affine-go/affine/shared/subnet"
	"github.com/affine-go/affine/shared/validator"
)

func openQueue(t *testing.T, maxReceives int) *local.Queue {
	t.Helper()
	q, err := local.Open(filepath.Join(t.TempDir(), "queue.db"), queue.Config{Visibility: 30 * time.Second, MaxReceives: maxReceives})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { q.Close() })
	return q
}

func enqueue(t *testing.T, q queue.Queue, tasks ...subnet.Task) {
	t.Helper()
	var msgs []queue.Message
	for _, task := range tasks {
		body, err := json.Marshal(task)
		if err != nil {
			t.Fatal(err)
		}
		msgs = append(msgs, queue.Message{Group: string(task.Hotkey), Body: body})
	}
	if err := q.Send(t.Context(), msgs); err != nil {
		t.Fatal(err)
	}
}

func depth(t *testing.T, q queue.Queue) queue.Depth {
	t.Helper()
	d, err := q.Depth(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// runFor runs a runner for d of (fake) time and returns Run's error.
func runFor(t *testing.T, r *validator.Runner, d time.Duration) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	return r.Run(ctx)
}

func TestRunnerStoresEverySample(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1, 0)
		q := openQueue(t, 5)
		for i := range uint32(45) {
			enqueue(t, q, taskFor(subnet.Hotkey(fmt.Sprintf("hk%d", i%3)), i))
		}
		seen := 0
		r, _ := newRunner(w, "a", q, modelFunc(right), neverDead)
		r.Observe = func(subnet.Sample) { seen++ }
		if err := runFor(t, r, time.Minute); err != nil {
			t.Fatal(err)
		}
		if len(w.rows) != 45 || seen != 45 {
			t.Fatalf("%d rows, %d observed; want 45", len(w.rows), seen)
		}
		for _, s := range w.rows {
			if s.Score != subnet.ScoreScale || s.Outcome != subnet.OK || s.Complete != 1 {
				t.Fatalf("row %+v", s)
			}
		}
		if d := depth(t, q); d.Visible+d.InFlight+d.Dead != 0 {
			t.Fatalf("messages are left: %+v", d)
		}
	})
}

// Which outcomes become a row at once, which are tried again first, and which score.
func TestRunnerOutcomes(t *testing.T) {
	for _, c := range []struct {
		outcome  subnet.Outcome
		attempts int32 // until the row stands
		score    int
	}{
		{subnet.ModelFault, 1, 0},
		{subnet.TaskTimeout, 1, 0},
		{subnet.MinerUnfunded, 1, 0},
		{subnet.NotFound, 1, 0},
		{subnet.Capacity, 3, 0},
		{subnet.Cold, 3, 0},
		{subnet.Upstream5xx, 3, 0},
		{subnet.Transport, 3, 0},
		{subnet.Truncated, 3, 0},
	} {
		t.Run(string(c.outcome), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, 1, 0)
				q := openQueue(t, 5)
				enqueue(t, q, taskFor("hk", 1))
				var calls atomic.Int32
				r, _ := newRunner(w, "a", q, modelFunc(func(context.Context, subnet.Task, string) (subnet.Completion, error) {
					calls.Add(1)
					return subnet.Completion{}, fault(c.outcome)
				}), neverDead)
				r.GiveUp = 3
				if err := runFor(t, r, 2*time.Minute); err != nil {
					t.Fatal(err)
				}
				if calls.Load() != c.attempts || len(w.rows) != 1 {
					t.Fatalf("%d attempts and %d rows, want %d and 1", calls.Load(), len(w.rows), c.attempts)
				}
				for _, s := range w.rows {
					if s.Outcome != c.outcome || s.Score != c.score || s.Reason == "" {
						t.Fatalf("row %+v", s)
					}
				}
			})
		})
	}
}

// A fault of the operator's account stops the polling, blames nobody and is over
// once an attempt gets through.
func TestRunnerRestsOnOperatorFaults(t *testing.T) {
	for _, o := range []subnet.Outcome{subnet.OperatorAuth, subnet.OperatorFunds} {
		t.Run(string(o), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, 1, 0)
				q := openQueue(t, 5)
				for i := range uint32(60) {
					enqueue(t, q, taskFor(subnet.Hotkey(fmt.Sprintf("hk%d", i%2)), i))
				}
				mended := time.Now().Add(5 * time.Minute)
				var refused atomic.Int32
				r, _ := newRunner(w, "a", q, modelFunc(func(ctx context.Context, task subnet.Task, prompt string) (subnet.Completion, error) {
					if time.Now().Before(mended) {
						refused.Add(1)
						return subnet.Completion{}, fault(o)
					}
					return right(ctx, task, prompt)
				}), neverDead)
				if err := runFor(t, r, time.Hour); err != nil {
					t.Fatal(err)
				}
				if len(w.rows) != 60 {
					t.Fatalf("%d rows, want 60", len(w.rows))
				}
				// A poll brings ten at once, and more may have been under way; without the rest it would be hundreds.
				if n := refused.Load(); n > 40 {
					t.Errorf("the refusing provider was asked %d times in five minutes", n)
				}
				if d := depth(t, q); d.Dead != 0 {
					t.Errorf("%d messages went to the dead-letter queue", d.Dead)
				}
			})
		})
	}
}

// One miner alone, such as one that has taken its chute away, cannot make it look as
// if the operator's key were refused: the others go on, its tasks end unscored.
func TestRunnerIsNotStoppedByOneMiner(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1, 0)
		q := openQueue(t, 10)
		for i := range uint32(40) {
			enqueue(t, q, taskFor("gone", i), taskFor("there", i))
		}
		r, _ := newRunner(w, "a", q, modelFunc(func(ctx context.Context, task subnet.Task, prompt string) (subnet.Completion, error) {
			if task.Hotkey == "gone" {
				return subnet.Completion{}, fault(subnet.OperatorAuth)
			}
			return right(ctx, task, prompt)
		}), neverDead)
		r.GiveUp = 4
		if err := runFor(t, r, 2*time.Minute); err != nil {
			t.Fatal(err)
		}
		counts := make(map[subnet.Outcome]int)
		for _, s := range w.rows {
			counts[s.Outcome]++
			if s.Outcome.Operator() && (s.Hotkey != "gone" || s.Score != 0) {
				t.Errorf("row %+v", s)
			}
		}
		if counts[subnet.OK] != 40 || counts[subnet.OperatorAuth] != 40 {
			t.Errorf("rows by outcome: %v, want 40 ok and 40 operator_auth", counts)
		}
	})
}

// Nor can two that make common cause: once an attempt has got through, they are not
// believed again before one of their own has.
func TestRunnerIsNotStoppedByTwoMinersForLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1, 0)
		q := openQueue(t, 50)
		for i := range uint32(60) {
			enqueue(t, q, taskFor("there", i))
			if i%3 == 0 {
				enqueue(t, q, taskFor("liar1", i), taskFor("liar2", i))
			}
		}
		r, _ := newRunner(w, "a", q, modelFunc(func(ctx context.Context, task subnet.Task, prompt string) (subnet.Completion, error) {
			time.Sleep(time.Second)
			if task.Hotkey != "there" {
				return subnet.Completion{}, fault(subnet.OperatorAuth)
			}
			return right(ctx, task, prompt)
		}), neverDead)
		r.GiveUp = 10
		// Which of the three is asked first when the gate opens again is chance.
		if err := runFor(t, r, 20*time.Minute); err != nil {
			t.Fatal(err)
		}
		done := 0
		for _, s := range w.rows {
			if s.Hotkey == "there" {
				done++
			}
		}
		if done != 60 {
			t.Errorf("%d of the honest miner's 60 tasks were done", done)
		}
	})
}

func TestRunnerLeavesPoisonToTheDeadLetterQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1, 0)
		q := openQueue(t, 3)
		unknown, newer, whole := taskFor("hk", 1), taskFor("hk", 2), taskFor("hk", 3)
		unknown.Env, newer.Schema = "test:unknown", subnet.TaskSchema+1
		enqueue(t, q, unknown, newer, whole)
		for _, body := range []string{"not JSON", "{}", `{"schema":1}`, `[]`, strings.Repeat("[", 1000)} {
			if err := q.Send(t.Context(), []queue.Message{{Group: "x", Body: []byte(body)}}); err != nil {
				t.Fatal(err)
			}
		}
		r, _ := newRunner(w, "a", q, modelFunc(right), neverDead)
		if err := runFor(t, r, time.Minute); err != nil {
			t.Fatal(err)
		}
		if len(w.rows) != 1 {
			t.Errorf("%d rows, want the one sound task's", len(w.rows))
		}
		if d := depth(t, q); d.Dead != 7 || d.Visible+d.InFlight != 0 {
			t.Errorf("depth %+v, want all 7 poison messages dead", d)
		}
	})
}

// A reply that is graded by a broken environment, or too long to be graded, still
// ends in one row that says so.
func TestRunnerBadReplies(t *testing.T) {
	for _, c := range []struct {
		name  string
		env   env.Env
		reply string
		want  subnet.Outcome
	}{
		{"10 MB", echo{echoEnv}, strings.Repeat("x", 10<<20), subnet.ModelFault},
		{"empty", echo{echoEnv}, "", subnet.OK},
		{"invalid UTF-8", echo{echoEnv}, "\xff\xfe\x00", subnet.OK},
		{"score above the scale", brokenEnv{echo{echoEnv}, env.Grade{Score: subnet.ScoreScale + 1}, nil}, "", subnet.EnvFault},
		{"negative score", brokenEnv{echo{echoEnv}, env.Grade{Score: -1}, nil}, "", subnet.EnvFault},
		{"grader fails", brokenEnv{echo{echoEnv}, env.Grade{}, errRefused}, "", subnet.EnvFault},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, 1, 0)
				q := openQueue(t, 5)
				enqueue(t, q, taskFor("hk", 1))
				r, _ := newRunner(w, "a", q, modelFunc(func(context.Context, subnet.Task, string) (subnet.Completion, error) {
					return subnet.Completion{Text: c.reply}, nil
				}), neverDead)
				r.Envs[echoEnv], r.GiveUp = c.env, 2
				if err := runFor(t, r, time.Minute); err != nil {
					t.Fatal(err)
				}
				if len(w.rows) != 1 {
					t.Fatalf("%d rows, want 1", len(w.rows))
				}
				for _, s := range w.rows {
					if s.Outcome != c.want || s.Score != 0 {
						t.Errorf("outcome %s, score %d; want %s, 0", s.Outcome, s.Score, c.want)
					}
				}
			})
		})
	}
}

type brokenEnv struct {
	echo
	grade env.Grade
	err   error
}

func (b brokenEnv) Grade(context.Context, env.Challenge, string) (env.Grade, error) {
	return b.grade, b.err
}

// A miner that never answers holds up its own tasks only.
func TestRunnerKeepsOneMinerFromStarvingOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1, 0)
		q := openQueue(t, 100)
		for i := range uint32(30) {
			enqueue(t, q, taskFor("hanging", i))
		}
		for i := range uint32(30) {
			enqueue(t, q, taskFor("prompt", i))
		}
		r, _ := newRunner(w, "a", q, modelFunc(func(ctx context.Context, task subnet.Task, prompt string) (subnet.Completion, error) {
			if task.Hotkey == "hanging" {
				<-ctx.Done()
				return subnet.Completion{}, ctx.Err()
			}
			return right(ctx, task, prompt)
		}), neverDead)
		r.Drain = time.Second
		if err := runFor(t, r, 30*time.Second); err != nil {
			t.Fatal(err)
		}
		done := 0
		for _, s := range w.rows {
			if s.Hotkey == "prompt" {
				done++
			}
		}
		if done != 30 {
			t.Errorf("%d of the prompt miner's 30 tasks were done", done)
		}
	})
}

// After SIGTERM nothing new is started, what is under way is finished and stored,
// and the rest is given back at once.
func TestRunnerDrains(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1, 0)
		q := openQueue(t, 5)
		for i := range uint32(20) {
			enqueue(t, q, taskFor("hk", i))
		}
		r, _ := newRunner(w, "a", q, modelFunc(func(ctx context.Context, task subnet.Task, prompt string) (subnet.Completion, error) {
			d := 10 * time.Second
			if task.Index == 1 {
				d = time.Hour // outlasts the drain
			}
			select {
			case <-ctx.Done():
				return subnet.Completion{}, ctx.Err()
			case <-time.After(d):
			}
			return right(ctx, task, prompt)
		}), neverDead)
		began := time.Now()
		if err := runFor(t, r, 2*time.Second); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took > 2*time.Second+r.Drain+time.Second {
			t.Errorf("the drain took %v", took)
		}
		if len(w.rows) != r.PerMiner-1 {
			t.Errorf("%d rows, want the %d attempts that were under way and ended", len(w.rows), r.PerMiner-1)
		}
		if d := depth(t, q); d.Visible != 20-len(w.rows) || d.InFlight != 0 {
			t.Errorf("depth %+v, want the other %d visible again", d, 20-len(w.rows))
		}
	})
}

// A store that refuses for a while delays samples and loses none; one that refuses
// for good makes Run say so, and the messages come back.
func TestRunnerOutlivesARefusingStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1, 1) // every call fails
		q := openQueue(t, 50)
		for i := range uint32(10) {
			enqueue(t, q, taskFor("hk", i))
		}
		r, _ := newRunner(w, "a", q, modelFunc(right), neverDead)
		err := runFor(t, r, time.Minute)
		if err == nil || !strings.Contains(err.Error(), "could not be stored") {
			t.Fatalf("error %v, want one that says samples were not stored", err)
		}
		w.rate = 0
		time.Sleep(31 * time.Second) // fake time: the visibility timeout
		r, _ = newRunner(w, "b", q, modelFunc(right), neverDead)
		if err := runFor(t, r, time.Minute); err != nil {
			t.Fatal(err)
		}
		if len(w.rows) != 10 {
			t.Errorf("%d rows, want 10", len(w.rows))
		}
	})
}

// A long attempt keeps its message by heartbeats: nobody else is given it.
func TestRunnerHeartbeat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1, 0)
		q := openQueue(t, 5)
		enqueue(t, q, taskFor("hk", 1))
		var calls atomic.Int32
		r, _ := newRunner(w, "a", q, modelFunc(func(ctx context.Context, task subnet.Task, prompt string) (subnet.Completion, error) {
			calls.Add(1)
			time.Sleep(10 * r30)
			return right(ctx, task, prompt)
		}), neverDead)
		r.Drain = 10 * time.Minute
		if err := runFor(t, r, 6*time.Minute); err != nil {
			t.Fatal(err)
		}
		if calls.Load() != 1 || len(w.rows) != 1 {
			t.Errorf("%d attempts, %d rows; want 1 and 1", calls.Load(), len(w.rows))
		}
	})
}

const r30 = 30 * time.Second

// While the archive refuses, samples wait in memory; the more text they hold, the
// sooner the runner stops taking in more. None is lost.
func TestRunnerBoundsWhatWaitsForARefusingArchive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1, 0)
		q := openQueue(t, 50)
		for i := range uint32(120) {
			enqueue(t, q, taskFor(subnet.Hotkey(fmt.Sprintf("hk%d", i%5)), i))
		}
		var asked atomic.Int32
		r, p := newRunner(w, "a", q, modelFunc(func(context.Context, subnet.Task, string) (subnet.Completion, error) {
			asked.Add(1)
			time.Sleep(time.Second)
			return subnet.Completion{Text: strings.Repeat("x", 1000)}, nil
		}), neverDead)
		r.Flush = validator.Flush{Count: 1000, Bytes: 5_000, Every: time.Second}
		mended := time.Now().Add(time.Minute)
		r.Batch = refusedUntil{p, mended}
		go func() {
			time.Sleep(50 * time.Second)
			// Eight groups of five, and what is under way or has just ended.
			if n := int(asked.Load()); n > 8*5+4*r.InFlight {
				t.Errorf("%d replies of 1 KB were taken in, at 5 KB a group", n)
			}
		}()
		if err := runFor(t, r, 2*time.Minute); err != nil {
			t.Fatal(err)
		}
		if len(w.rows) != 120 {
			t.Errorf("%d rows, want 120", len(w.rows))
		}
	})
}

// A group that its first sample fills is tried again as well when its commit fails.
func TestRunnerRetriesAGroupOfOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1, 0)
		q := openQueue(t, 5)
		enqueue(t, q, taskFor("hk", 1))
		r, p := newRunner(w, "a", q, modelFunc(right), neverDead)
		r.Flush.Count = 1
		r.Batch = refusedUntil{p, time.Now().Add(time.Second)}
		stop := time.AfterFunc(2*time.Minute, func() {
			if len(w.rows) != 1 {
				t.Error("two minutes after the archive was mended the sample is not stored")
			}
		})
		defer stop.Stop()
		if err := runFor(t, r, 3*time.Minute); err != nil {
			t.Fatal(err)
		}
	})
}

// A drain ends in time although the archive still refuses and the group is full.
func TestRunnerDrainsAFullGroup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1, 0)
		q := openQueue(t, 50)
		for i := range uint32(100) {
			enqueue(t, q, taskFor(subnet.Hotkey(fmt.Sprintf("hk%d", i%5)), i))
		}
		r, p := newRunner(w, "a", q, modelFunc(right), neverDead)
		r.Flush.Bytes = 1
		r.Batch = refusedUntil{p, time.Now().Add(24 * time.Hour)}
		began := time.Now()
		if err := runFor(t, r, time.Minute); err == nil {
			t.Error("nobody was told of the samples that could not be stored")
		}
		if took := time.Since(began) - time.Minute; took > r.Drain+20*time.Second {
			t.Errorf("the drain took %v", took)
		}
		if d := depth(t, q); d.Visible != 100 {
			t.Errorf("depth %+v, want all 100 visible again", d)
		}
	})
}

type refusedUntil struct {
	validator.Batch
	mended time.Time
}

func (b refusedUntil) Write(ctx context.Context, at time.Time, samples []subnet.Sample, transcripts []subnet.Transcript) ([]subnet.Sample, error) {
	if time.Now().Before(b.mended) {
		return nil, errRefused
	}
	return b.Batch.Write(ctx, at, samples, transcripts)
}

// A call that never returns, as on a connection that a firewall has forgotten, is
// given up and made again: it stops neither the runner nor its drain.
func TestRunnerOutlivesCallsThatHang(t *testing.T) {
	for _, call := range []string{"receive", "extend", "delete", "write"} {
		t.Run(call, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, 1, 0)
				q := openQueue(t, 50)
				for i := range uint32(30) {
					enqueue(t, q, taskFor("hk", i))
				}
				r, p := newRunner(w, "a", q, modelFunc(func(ctx context.Context, task subnet.Task, prompt string) (subnet.Completion, error) {
					time.Sleep(15 * time.Second) // outlasts a heartbeat
					return right(ctx, task, prompt)
				}), neverDead)
				first := &hanging{Queue: r.Queues[0], Batch: p, call: call}
				r.Queues[0], r.Batch = first, first
				if err := runFor(t, r, 10*time.Minute); err != nil {
					t.Fatal(err)
				}
				if len(w.rows) != 30 || !first.hung.Load() {
					t.Errorf("%d rows, want 30", len(w.rows))
				}
			})
		})
	}
}

// hanging lets the first of one kind of calls hang until its context ends.
type hanging struct {
	queue.Queue
	validator.Batch
	call string
	hung atomic.Bool
}

func (h *hanging) hang(ctx context.Context, call string) error {
	if h.call != call || h.hung.Swap(true) {
		return nil
	}
	<-ctx.Done()
	return ctx.Err()
}

func (h *hanging) Receive(ctx context.Context, n int, wait time.Duration) ([]queue.Delivery, error) {
	if err := h.hang(ctx, "receive"); err != nil {
		return nil, err
	}
	return h.Queue.Receive(ctx, n, wait)
}

func (h *hanging) Extend(ctx context.Context, receipts []string, d time.Duration) error {
	if err := h.hang(ctx, "extend"); err != nil {
		return err
	}
	return h.Queue.Extend(ctx, receipts, d)
}

func (h *hanging) Delete(ctx context.Context, receipts []string) error {
	if err := h.hang(ctx, "delete"); err != nil {
		return err
	}
	return h.Queue.Delete(ctx, receipts)
}

func (h *hanging) Write(ctx context.Context, at time.Time, samples []subnet.Sample, transcripts []subnet.Transcript) ([]subnet.Sample, error) {
	if err := h.hang(ctx, "write"); err != nil {
		return nil, err
	}
	return h.Batch.Write(ctx, at, samples, transcripts)
}
