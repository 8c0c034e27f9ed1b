package validator_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/affine-go/affine/shared/env"
	"github.com/affine-go/affine/shared/queue"
	"github.com/affine-go/affine/shared/store"
	"github.com/affine-go/affine/shared/subnet"
	"github.com/affine-go/affine/shared/validator"
)

// world is what outlives a process in these tests: rows, archived samples and the
// faults that strike whoever touches them. It polices the contract: a row whose
// transcript is not archived, or a second row for one identity, fails the test.
type world struct {
	t       *testing.T
	mu      sync.Mutex
	random  *rand.Rand
	rate    float64 // share of calls that fail, half refused and half with their reply lost
	rows    map[string]subnet.Sample
	packs   map[string]map[subnet.SampleID]bool
	refused int
	lost    int
}

func newWorld(t *testing.T, seed uint64, rate float64) *world {
	return &world{
		t: t, rate: rate, random: rand.New(rand.NewPCG(seed, 1)),
		rows: make(map[string]subnet.Sample), packs: make(map[string]map[subnet.SampleID]bool),
	}
}

var (
	errRefused = errors.New("refused")
	errReply   = errors.New("reply lost")
	errDead    = errors.New("the process is dead")
)

// strike runs do under the world's faults: refused (not run), lost (run, error) or
// neither.
func (w *world) strike(do func() error) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch x := w.random.Float64(); {
	case x < w.rate/2:
		w.refused++
		return errRefused
	case x < w.rate:
		w.lost++
		if err := do(); err != nil {
			return err
		}
		return errReply
	}
	return do()
}

func rowKey(s subnet.Sample) string {
	return fmt.Sprintf("%s|%s|%s|%d|%06d|%d", s.Hotkey, s.Revision, s.Env, s.Window, s.Index, s.Attempt)
}

// process is one run of a program against the world; once killed, nothing it does
// has an effect any more.
type process struct {
	*world
	name string
	dead func() bool
	seq  int
}

func (p *process) Write(_ context.Context, _ time.Time, samples []subnet.Sample, transcripts []subnet.Transcript) ([]subnet.Sample, error) {
	if p.dead() {
		return nil, errDead
	}
	p.seq++
	pack := fmt.Sprintf("%s-%06d", p.name, p.seq)
	out := slices.Clone(samples)
	err := p.strike(func() error {
		ids := make(map[subnet.SampleID]bool)
		for i, tr := range transcripts {
			if tr.ID != samples[i].ID {
				p.t.Errorf("sample %s has the transcript of %s", samples[i].ID, tr.ID)
			}
			ids[tr.ID] = true
			out[i].Ref = subnet.PackRef{Pack: pack, Offset: int64(i), Length: 1}
		}
		p.packs[pack] = ids
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

func (p *process) PutSamples(_ context.Context, samples []subnet.Sample) ([]store.PutResult, error) {
	if p.dead() {
		return nil, errDead
	}
	results := make([]store.PutResult, len(samples))
	for i, s := range samples {
		results[i].Err = p.strike(func() error {
			if err := s.Check(); err != nil {
				p.t.Errorf("put of %+v: %v", s, err)
			}
			if !p.packs[s.Ref.Pack][s.ID] {
				p.t.Errorf("row %s points into pack %q, which does not hold it", s.ID, s.Ref.Pack)
			}
			if _, stands := p.rows[rowKey(s)]; stands {
				results[i].Duplicate = true
				return nil
			}
			p.rows[rowKey(s)] = s
			return nil
		})
	}
	return results, nil
}

func (p *process) Samples(context.Context, store.Shelf, uint64, uint64) ([]subnet.Sample, error) {
	return nil, errors.New("a runner reads no samples")
}

// mortal passes calls to a queue until its process is killed.
type mortal struct {
	queue.Queue
	*process
}

func (m mortal) Receive(ctx context.Context, n int, wait time.Duration) ([]queue.Delivery, error) {
	if m.dead() {
		return nil, errDead
	}
	return m.Queue.Receive(ctx, n, wait)
}

func (m mortal) Extend(ctx context.Context, receipts []string, d time.Duration) error {
	if m.dead() {
		return errDead
	}
	return m.strike(func() error { return m.Queue.Extend(ctx, receipts, d) })
}

func (m mortal) Delete(ctx context.Context, receipts []string) error {
	if m.dead() {
		return errDead
	}
	return m.strike(func() error { return m.Queue.Delete(ctx, receipts) })
}

// echo is an environment whose right answer is the task id in decimal.
type echo struct{ id subnet.EnvID }

func (e echo) ID() subnet.EnvID                    { return e.id }
func (echo) Range() (subnet.TaskID, subnet.TaskID) { return 0, 1 << 30 }
func (e echo) Challenge(_ context.Context, id subnet.TaskID) (env.Challenge, error) {
	return env.Challenge{Env: e.id, Task: id, Prompt: fmt.Sprint(id)}, nil
}

func (echo) Grade(_ context.Context, c env.Challenge, reply string) (env.Grade, error) {
	if reply == fmt.Sprint(c.Task) {
		return env.Grade{Score: subnet.ScoreScale, Reason: "right", Answer: reply}, nil
	}
	return env.Grade{Reason: "wrong", Answer: reply}, nil
}

// fault is a typed failure of a model call.
type fault subnet.Outcome

func (f fault) Error() string           { return string(f) }
func (f fault) Outcome() subnet.Outcome { return subnet.Outcome(f) }

// modelFunc answers as a function.
type modelFunc func(ctx context.Context, t subnet.Task, prompt string) (subnet.Completion, error)

func (f modelFunc) Complete(ctx context.Context, t subnet.Task, prompt string, _ uint32) (subnet.Completion, error) {
	return f(ctx, t, prompt)
}

func right(_ context.Context, _ subnet.Task, prompt string) (subnet.Completion, error) {
	return subnet.Completion{Text: prompt, Tokens: 1}, nil
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

const echoEnv subnet.EnvID = "test:echo"

// newRunner is a runner over the world as process name sees it.
func newRunner(w *world, name string, q queue.Queue, m validator.Model, dead func() bool) (*validator.Runner, *process) {
	p := &process{world: w, name: name, dead: dead}
	return &validator.Runner{
		Queues: []queue.Queue{mortal{q, p}}, Envs: map[subnet.EnvID]env.Env{echoEnv: echo{echoEnv}},
		Model: m, Batch: p, Store: p,
		InFlight: 8, PerMiner: 4, Visibility: 30 * time.Second, GiveUp: 50,
		Backoff: time.Second, MaxBackoff: 10 * time.Second,
		Flush: validator.Flush{Count: 20, Bytes: 1 << 20, Every: 2 * time.Second},
		Drain: 20 * time.Second, PollWait: time.Second, Rest: time.Minute,
		Clock: time.Now, Log: quiet(),
	}, p
}

func neverDead() bool { return false }

func taskFor(hotkey subnet.Hotkey, index uint32) subnet.Task {
	return subnet.Task{
		Schema: subnet.TaskSchema, Netuid: 120, Hotkey: hotkey, Model: "a/Affine-x", Revision: "r", Slug: "s",
		Env: echoEnv, Window: 1, Index: index, TaskID: subnet.TaskID(index) + 1000,
	}
}
