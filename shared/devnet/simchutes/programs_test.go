package simchutes_test

import (
	"context"
	"errors"
	"math"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/affine-go/affine/shared/chutes"
	"github.com/affine-go/affine/shared/devnet/simchutes"
	"github.com/affine-go/affine/shared/env/abd"
	"github.com/affine-go/affine/shared/sandbox"
	"github.com/affine-go/affine/shared/subnet"
)

func TestMain(m *testing.M) {
	sandbox.Main()
	os.Exit(m.Run())
}

var sharedSandbox = sync.OnceValues(func() (*sandbox.Sandbox, error) { return sandbox.New(sandbox.Config{Slots: 4}) })

// openSandbox is the sandbox of all tests: making one takes starting interpreters.
func openSandbox(t *testing.T) *sandbox.Sandbox {
	t.Helper()
	box, err := sharedSandbox()
	if err != nil {
		t.Fatal(err)
	}
	return box
}

// counting counts the programs that were run, and fails while broken is set.
type counting struct {
	abd.Runner
	runs   atomic.Int32
	broken atomic.Bool
}

var errBroken = errors.New("no processes left")

func (c *counting) Run(ctx context.Context, p sandbox.Program) (sandbox.Result, error) {
	c.runs.Add(1)
	if c.broken.Load() {
		return sandbox.Result{}, errBroken
	}
	return c.Runner.Run(ctx, p)
}

// Inverted programs pass the grader and mistakes fail it, at the set rate.
func TestSkillInPrograms(t *testing.T) {
	box := openSandbox(t)
	e := abd.New(box)
	programs := simchutes.NewPrograms(box)
	const tasks = 30
	for _, skill := range []float64{1, 0.6, 0} {
		brain := simchutes.NewSolver(3, map[subnet.EnvID]float64{abd.ID: skill}, programs)
		var solved atomic.Int32
		var g errgroup.Group
		g.SetLimit(4)
		for id := range subnet.TaskID(tasks) {
			g.Go(func() error {
				if score(t, e, brain, id) == subnet.ScoreScale {
					solved.Add(1)
				}
				return nil
			})
		}
		_ = g.Wait()
		slack := 4 * math.Sqrt(skill*(1-skill)/tasks)
		if got := float64(solved.Load()) / tasks; math.Abs(got-skill) > slack {
			t.Errorf("measured %v, set %v ± %v", got, skill, slack)
		}
	}
}

// All miners get the same tasks; one search serves them all.
func TestASearchIsMadeOnce(t *testing.T) {
	box := openSandbox(t)
	prompt := challenge(t, abd.New(box), 1).Prompt
	runner := &counting{Runner: box}
	programs := simchutes.NewPrograms(runner)
	ask := func() int32 {
		var g errgroup.Group
		for seed := range uint64(16) {
			g.Go(func() error {
				_, err := simchutes.NewSolver(seed, nil, programs).Answer(t.Context(), prompt)
				return err
			})
		}
		if err := g.Wait(); err != nil {
			t.Fatal(err)
		}
		return runner.runs.Load()
	}
	first := ask()
	if first > 7 { // one search, and one to five mistakes that are tried
		t.Errorf("%d programs run for one task", first)
	}
	if again := ask(); again != first {
		t.Errorf("%d more programs run for a task that is known", again-first)
	}
}

// scripted answers every run of the program itself with an output or an error, and
// leaves the search to another runner.
type scripted struct {
	abd.Runner
	program string
	output  string
	err     error
	runs    *int
}

func (s scripted) Run(ctx context.Context, p sandbox.Program) (sandbox.Result, error) {
	if p.Source != s.program {
		return s.Runner.Run(ctx, p)
	}
	*s.runs++
	return sandbox.Result{Stdout: []byte(s.output)}, s.err
}

// A mistake is one only if the program, run on it, does not print the output.
func TestMistakesAreTried(t *testing.T) {
	box := openSandbox(t)
	prompt := challenge(t, abd.New(box), 1).Prompt
	p, err := abd.ReadPrompt(prompt)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, output string
		err          error
		runs         int
	}{
		{"the first is wrong", "something else", nil, 1},
		{"whatever is read, the same is printed", p.Output, nil, 5},
		{"the sandbox fails", "", errBroken, 1},
	} {
		runs := 0
		programs := simchutes.NewPrograms(scripted{box, p.Program, c.output, c.err, &runs})
		right, wrong, err := programs.Invert(t.Context(), prompt)
		if !errors.Is(err, c.err) || runs != c.runs {
			t.Errorf("%s: %v after %d runs, want %v after %d", c.name, err, runs, c.err, c.runs)
		}
		if err == nil && (right == "" || wrong == right || (wrong == "") != (c.runs == 5)) {
			t.Errorf("%s: right %q, wrong %q", c.name, right, wrong)
		}
	}
}

// A sandbox that fails is a failure of the endpoint, and is not remembered.
func TestASandboxThatFails(t *testing.T) {
	box := openSandbox(t)
	ch := challenge(t, abd.New(box), 2)
	runner := &counting{Runner: box}
	runner.broken.Store(true)
	m := alice()
	m.Skill = map[subnet.EnvID]float64{abd.ID: 1}
	s := start(t, simchutes.Config{Miners: []simchutes.Miner{m}, Programs: simchutes.NewPrograms(runner)})
	c := dial(t, s, chutes.Config{})
	_, err := c.Complete(t.Context(), task(m), ch.Prompt, 1)
	if got := outcomeOf(t, err); got != subnet.Upstream5xx || !strings.Contains(err.Error(), errBroken.Error()) {
		t.Errorf("outcome %s: %v", got, err)
	}
	runner.broken.Store(false)
	got, err := c.Complete(t.Context(), task(m), ch.Prompt, 1)
	if err != nil {
		t.Fatal(err)
	}
	if g, err := abd.New(box).Grade(t.Context(), ch, got.Text); err != nil || g.Score != subnet.ScoreScale {
		t.Errorf("after it was repaired: %+v, %v", g, err)
	}
}

// A program that states no inputs is beyond a search; the answer says so.
func TestAProgramThatStatesNoInputs(t *testing.T) {
	p := abd.Problem{Program: "print(int(input()) * 2)\n", Output: "42\n"}
	programs := simchutes.NewPrograms(openSandbox(t))
	if _, _, err := programs.Invert(t.Context(), p.Prompt()); !errors.Is(err, simchutes.ErrNotMine) {
		t.Errorf("error %v", err)
	}
	brain := simchutes.NewSolver(1, map[subnet.EnvID]float64{abd.ID: 1}, programs)
	if got, err := brain.Answer(t.Context(), p.Prompt()); err != nil || strings.Contains(got, "<INPUT>") {
		t.Errorf("%q, %v", got, err)
	}
}

func TestWhoeverLeavesDoesNotWait(t *testing.T) {
	box := openSandbox(t)
	prompt := challenge(t, abd.New(box), 4).Prompt
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	programs := simchutes.NewPrograms(box)
	if _, _, err := programs.Invert(ctx, prompt); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	if _, _, err := programs.Invert(t.Context(), prompt); err != nil {
		t.Errorf("whoever stays: %v", err)
	}
}
