package simchutes_test

import (
	"context"
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/affine-go/affine/shared/chutes"
	"github.com/affine-go/affine/shared/devnet/simchutes"
	"github.com/affine-go/affine/shared/env"
	"github.com/affine-go/affine/shared/env/sat"
	"github.com/affine-go/affine/shared/subnet"
)

// echo answers with the prompt.
type echo struct{}

func (echo) Answer(_ context.Context, prompt string) (string, error) { return prompt, nil }

// Skill is what is measured: the share of tasks that graders call solved, within
// four standard deviations of the set share.
func TestMeasuredSkillIsSetSkill(t *testing.T) {
	const tasks = 400
	for _, e := range []env.Env{sat.Legacy(), sat.Hard()} {
		for _, skill := range []float64{0, 0.25, 0.7, 0.95, 1} {
			t.Run(fmt.Sprintf("%s at %v", e.ID(), skill), func(t *testing.T) {
				t.Parallel()
				brain := simchutes.NewSolver(5, map[subnet.EnvID]float64{e.ID(): skill}, nil)
				solved := 0
				for id := range subnet.TaskID(tasks) {
					if score(t, e, brain, id) == subnet.ScoreScale {
						solved++
					}
				}
				slack := 4 * math.Sqrt(skill*(1-skill)/tasks)
				if got := float64(solved) / tasks; math.Abs(got-skill) > slack {
					t.Errorf("measured %v, set %v ± %v", got, skill, slack)
				}
			})
		}
	}
}

func score(t *testing.T, e env.Env, brain simchutes.Brain, id subnet.TaskID) int {
	t.Helper()
	c := challenge(t, e, id)
	reply, err := brain.Answer(t.Context(), c.Prompt)
	if err != nil {
		t.Fatal(err)
	}
	g, err := e.Grade(t.Context(), c, reply)
	if err != nil {
		t.Fatal(err)
	}
	return g.Score
}

// Which tasks a miner solves is its own: the same again, the same for its copy,
// others for another.
func TestWhichTasksAreSolved(t *testing.T) {
	skill := map[subnet.EnvID]float64{sat.LegacyID: 0.5}
	solved := func(seed uint64) []int {
		var out []int
		for id := range subnet.TaskID(100) {
			out = append(out, score(t, sat.Legacy(), simchutes.NewSolver(seed, skill, nil), id))
		}
		return out
	}
	if !slices.Equal(solved(1), solved(1)) {
		t.Error("another run solves other tasks")
	}
	if slices.Equal(solved(1), solved(2)) {
		t.Error("another miner solves the same tasks")
	}
}

func TestAPromptOfNoKnownKind(t *testing.T) {
	brain := simchutes.NewSolver(1, map[subnet.EnvID]float64{sat.LegacyID: 1}, nil)
	for _, prompt := range []string{"", "hi", "(", "(x0)", "(x1 ∨ x2", "\xff"} {
		if got, err := brain.Answer(t.Context(), prompt); err != nil || got == "" {
			t.Errorf("prompt %q: %q, %v", prompt, got, err)
		}
	}
	if got, _ := brain.Answer(t.Context(), "(x1) ∧ (¬x1)"); got != "The formula is unsatisfiable: UNSAT." {
		t.Errorf("unsatisfiable: %q", got)
	}
	dull := simchutes.NewSolver(1, nil, nil)
	if got, err := dull.Answer(t.Context(), "(x1 ∨ ¬x1)"); err != nil || got == "" {
		t.Errorf("a formula that nothing falsifies: %q, %v", got, err)
	}
}

// Many at once through the whole way, with faults: nothing is scored that was not
// said, and counts agree on both sides.
func TestManyAtOnce(t *testing.T) {
	m := alice()
	m.Skill = map[subnet.EnvID]float64{sat.LegacyID: 0.6}
	m.Faults = map[simchutes.Fault]float64{simchutes.Busy: 0.05, simchutes.Cut: 0.05, simchutes.ErrorLine: 0.05, simchutes.Reset: 0.02}
	copied := m
	copied.Slug, copied.ChuteID, copied.Faults = "bob-affine-copy", "chute-bob", nil
	s := start(t, simchutes.Config{Miners: []simchutes.Miner{m, copied}})
	c := dial(t, s, chutes.Config{})
	const tasks = 160
	replies := make([][2]string, tasks)
	var g errgroup.Group
	g.SetLimit(16)
	for id := range tasks {
		g.Go(func() error {
			ch, err := sat.Legacy().Challenge(t.Context(), subnet.TaskID(id))
			if err != nil {
				return err
			}
			for i, miner := range []simchutes.Miner{m, copied} {
				if got, err := c.Complete(t.Context(), task(miner), ch.Prompt, 1); err == nil {
					replies[id][i] = got.Text
				}
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	answered := 0
	for id, r := range replies {
		if r[0] == "" {
			continue
		}
		answered++
		if r[0] != r[1] {
			t.Errorf("task %d: the copy said %q, the original %q", id, r[1], r[0])
		}
	}
	stats := s.Stats(m.Slug)
	lost := stats.Faults[simchutes.Busy] + stats.Faults[simchutes.Cut] + stats.Faults[simchutes.ErrorLine] + stats.Faults[simchutes.Reset]
	if stats.Requests != tasks || stats.Answered != answered || lost != tasks-answered || lost == 0 {
		t.Errorf("%d answered, stats %+v", answered, stats)
	}
}

func TestLatencyIsDrawnAsSet(t *testing.T) {
	l := simchutes.Latency{Median: time.Second, Sigma: 0.6}
	const draws = 2000
	var logs []float64
	for i := range draws {
		logs = append(logs, math.Log(l.Draw(1, "alice", uint64(i)).Seconds()))
	}
	slices.Sort(logs)
	if median := logs[draws/2]; math.Abs(median) > 0.06 {
		t.Errorf("median %v s, want 1", math.Exp(median))
	}
	if spread := (logs[draws*84/100] - logs[draws*16/100]) / 2; math.Abs(spread-0.6) > 0.06 {
		t.Errorf("sigma %v, want 0.6", spread)
	}
	if a, b := l.Draw(1, "alice", 9), l.Draw(1, "alice", 9); a != b {
		t.Errorf("the same request took %v and %v", a, b)
	}
	if (simchutes.Latency{}).Draw(1, "alice", 9) != 0 {
		t.Error("the zero latency takes time")
	}
}
