package simchutes_test

import (
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/affine-go/affine/shared/devnet/simchutes"
	"github.com/affine-go/affine/shared/env/abd"
	"github.com/affine-go/affine/shared/env/sat"
	"github.com/affine-go/affine/shared/sharedtest"
	"github.com/affine-go/affine/shared/subnet"
)

func TestReplayRepeatsWhatWasRecorded(t *testing.T) {
	records := []abd.Record{
		{ID: "a", Code: "def f(x):\n    return x * 2", Input: "2", Output: "4", Generations: []string{"f(2)", "f(2)"}},
		{ID: "b", Code: "def f(x):\n    return x + 2", Input: "2", Output: "4", Generations: []string{"f(3)"}},
		{ID: "c", Code: "def f(x):\n    return x", Input: "2", Output: "2"},
	}
	e := abd.NewRecorded(openSandbox(t), records)
	brain := simchutes.NewReplay(records)
	for id, want := range []int{subnet.ScoreScale, 0, 0} {
		if got := score(t, e, brain, subnet.TaskID(id)); got != want {
			t.Errorf("record %d: score %d, want %d", id, got, want)
		}
	}
	for _, prompt := range []string{"", "hi", challenge(t, sat.Legacy(), 1).Prompt, abd.Problem{Program: "print(1)\n", Output: "1\n"}.Prompt()} {
		if got, err := brain.Answer(t.Context(), prompt); err != nil || strings.Contains(got, "=") || strings.Contains(got, "<INPUT>") {
			t.Errorf("a prompt that was not recorded: %q, %v", got, err)
		}
	}
}

// CodeLlama-7B's recorded answers are graded as the benchmark published.
func TestReplayIsGradedAsPublished(t *testing.T) {
	records, err := abd.LoadCruxEval(sharedtest.Dir(t, "data", "cruxeval"))
	if err != nil {
		t.Fatal(err)
	}
	records = slices.DeleteFunc(records, func(r abd.Record) bool { return len(r.Verdicts) != len(r.Generations) })
	records = records[:min(len(records), 60)]
	e := abd.NewRecorded(openSandbox(t), records)
	brain := simchutes.NewReplay(records)
	var passed atomic.Int32
	var g errgroup.Group
	g.SetLimit(4)
	for i, record := range records {
		g.Go(func() error {
			c, err := e.Challenge(t.Context(), subnet.TaskID(i))
			if err != nil {
				return err
			}
			reply, err := brain.Answer(t.Context(), c.Prompt)
			if err != nil {
				return err
			}
			which := slices.IndexFunc(record.Generations, func(gen string) bool { return abd.ReplyFromGeneration(gen) == reply })
			if which < 0 {
				t.Errorf("record %s: %q is none of its answers", record.ID, reply)
				return nil
			}
			grade, err := e.Grade(t.Context(), c, reply)
			if err != nil {
				return err
			}
			solved := grade.Score == subnet.ScoreScale
			if solved {
				passed.Add(1)
			}
			if solved != record.Verdicts[which] {
				t.Errorf("record %s: published %v, graded %v (%s): %q", record.ID, record.Verdicts[which], solved, grade.Reason, reply)
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	if n := int(passed.Load()); n == 0 || n == len(records) {
		t.Errorf("%d of %d passed", n, len(records))
	}
}
