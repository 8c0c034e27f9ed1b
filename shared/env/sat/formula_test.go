package sat_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/affine-go/affine/shared/env/sat"
	"github.com/google/go-cmp/cmp"
)

func TestParseReadsBackEveryChallenge(t *testing.T) {
	for _, e := range []*sat.Env{sat.Legacy(), sat.Hard()} {
		for task := range 50 {
			c, err := e.Challenge(t.Context(), taskID(task))
			if err != nil {
				t.Fatal(err)
			}
			f, err := sat.Parse(c.Prompt)
			if diff := cmp.Diff(e.Formula(taskID(task)), f); err != nil || diff != "" {
				t.Errorf("%s %d: %v %s", e.ID(), task, err, diff)
			}
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for _, text := range []string{
		"(", "()", "(x1", "(x0)", "(x)", "(x01)", "(¬¬x1)", "(x1 ∨)", "(x1 ∨  x2)", "(x1) ∧", "(x1) ∧ x2",
		"(x-1)", "(x+1)", "(y1)", "(x65537)", "(x99999999999999999999)", "(x1 ∧ x2)", "(x1))", "(\x00)", "(x1\xff)",
	} {
		if f, err := sat.Parse(text); err == nil {
			t.Errorf("%q gives %v", text, f)
		}
	}
	for _, text := range []string{"", "no formula here", "x1=True"} {
		if _, err := sat.Parse(text); !errors.Is(err, sat.ErrNoFormula) {
			t.Errorf("%q: error %v, want ErrNoFormula", text, err)
		}
	}
}

func TestBroken(t *testing.T) {
	f, err := sat.Parse("(x1 ∨ ¬x2) ∧ (x2 ∨ x3)")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		a    sat.Assignment
		want int
	}{
		{nil, 0},
		{sat.Assignment{1: true}, 1},
		{sat.Assignment{1: true, 3: true}, -1},
		{sat.Assignment{2: false}, 1},
		{sat.Assignment{1: false, 2: true, 3: true}, 0},
		{sat.Assignment{2: false, 3: true}, -1},
	} {
		if got := f.Broken(c.a); got != c.want {
			t.Errorf("Broken(%v) = %d, want %d", c.a, got, c.want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("(x1 ∨ ¬x2) ∧ (x2)")
	f.Add("text\n (x3)\r\n(x4)")
	f.Add("((((")
	f.Add("(x1 ∨ x2) ∧ (¬x65536)")
	f.Fuzz(func(t *testing.T, text string) {
		formula, err := sat.Parse(text)
		if err != nil {
			return
		}
		again, err := sat.Parse(formula.String())
		if err != nil || !cmp.Equal(formula, again) {
			t.Fatalf("%q reads as %v, then as %v (%v)", text, formula, again, err)
		}
		if !slices.ContainsFunc(strings.Split(text, "\n"), func(line string) bool {
			return strings.TrimSpace(line) == formula.String()
		}) {
			t.Fatalf("%q holds no line %q", text, formula)
		}
	})
}
