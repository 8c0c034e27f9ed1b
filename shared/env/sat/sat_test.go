package sat_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"testing"
	"time"

	"github.com/affine-go/affine/shared/env"
	"github.com/affine-go/affine/shared/env/sat"
	"github.com/affine-go/affine/shared/subnet"
)

func taskID(n int) subnet.TaskID { return subnet.TaskID(n) }

func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// The digests are of upstream's own formulas for task ids 0 to 499.
func TestLegacyFormulasAreUpstreams(t *testing.T) {
	var all []string
	for task := range 500 {
		all = append(all, sat.Legacy().Formula(taskID(task)).String())
	}
	if got, want := digest(all[0]), "06a8119afa50d0637e973419f14f22a5b4495924eb265908de4938cd6ec28c4c"; got != want {
		t.Errorf("formula 0 has digest %s, want %s: %s", got, want, all[0])
	}
	if got, want := digest(strings.Join(all, "\n")), "7daee930e3339086c8fe8d41ec9ad940e67a3742baf5813465a3aa4c004bad33"; got != want {
		t.Errorf("the 500 formulas have digest %s, want %s", got, want)
	}
}

// What a task id means must never change: the first 100 hardened formulas.
func TestHardFormulasAreStable(t *testing.T) {
	var all []string
	for task := range 100 {
		all = append(all, sat.Hard().Formula(taskID(task)).String())
	}
	if got, want := digest(strings.Join(all, "\n")), "bed456ab1b858d4598c5c7a87a8f3957914996c1145b67f8898db2f1fc0ac6d5"; got != want {
		t.Errorf("digest %s, want %s", got, want)
	}
}

func TestChallengeKeepsToItsRange(t *testing.T) {
	for _, e := range []*sat.Env{sat.Legacy(), sat.Hard()} {
		lo, hi := e.Range()
		for _, task := range []subnet.TaskID{lo, hi - 1} {
			c, err := e.Challenge(t.Context(), task)
			if err != nil || c.Env != e.ID() || c.Task != task || !strings.Contains(c.Prompt, e.Formula(task).String()) {
				t.Errorf("%s %d: %+v, %v", e.ID(), task, c, err)
			}
		}
		if _, err := e.Challenge(t.Context(), hi); err == nil {
			t.Errorf("%s: task %d is outside the range and gave no error", e.ID(), hi)
		}
	}
}

// challenge is over (x1 ∨ x2) ∧ (¬x1 ∨ x12): small enough to reason about by hand.
func challenge(t testing.TB) env.Challenge {
	t.Helper()
	f, err := sat.Parse("(x1 ∨ x2) ∧ (¬x1 ∨ x12)")
	if err != nil {
		t.Fatal(err)
	}
	return env.Challenge{Env: sat.LegacyID, Hidden: f}
}

func TestGradeReadsRepliesAsUpstreamDoes(t *testing.T) {
	for name, c := range map[string]struct {
		reply, answer string
		pass          bool
	}{
		"plain":                    {"x1=True, x2=False, x12=True", "x1=True, x2=False, x12=True", true},
		"digits for truth":         {"x1=1 x12=1 x2=0", "x1=True, x2=False, x12=True", true},
		"wrong":                    {"x1=True, x12=False", "x1=True, x12=False", false},
		"unassigned satisfies not": {"x1=True", "x1=True", false},
		"enough is enough":         {"x1=False x2=True", "x1=False, x2=True", true},
		"later overwrites":         {"x1=True x1=False x2=True", "x1=False, x2=True", true},
		"thinking counts too":      {"<think>x2=True</think> x1=False", "x1=False, x2=True", true},
		"space before the sign":    {"x1 =False x2= True", "", false},
		"lower case":               {"x1=false x2=true", "", false},
		"upper case name":          {"X1=False X2=True", "", false},
		"tail ignored":             {"x1=10 x12=Truest", "x1=True, x12=True", true},
		"glued":                    {"xx1=Falsex2=True", "x1=False, x2=True", true},
		"leading zeros":            {"x01=False x002=True", "x1=False, x2=True", true},
		"unknown variable":         {"x0=True x13=True x99999999999999999999999=True", "", false},
		"UNSAT never scores":       {"UNSAT", "", false},
		"empty":                    {"", "", false},
		"cut":                      {"x1=False x2=Tru", "x1=False", false},
		"invalid UTF-8":            {"\xff\xfex1=False\x00x2=True\xc3", "x1=False, x2=True", true},
		"other digits":             {"x١=False x2=True", "x2=True", false},
	} {
		t.Run(name, func(t *testing.T) {
			g, err := sat.Legacy().Grade(t.Context(), challenge(t), c.reply)
			if err != nil || g.Answer != c.answer || (g.Score == subnet.ScoreScale) != c.pass || g.Reason == "" {
				t.Errorf("%q: %+v, %v; want pass %v with answer %q", c.reply, g, err, c.pass, c.answer)
			}
		})
	}
}

func TestGradeRefusesForeignChallenges(t *testing.T) {
	hard, err := sat.Hard().Challenge(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]env.Challenge{
		"another environment": hard,
		"nothing hidden":      {Env: sat.LegacyID},
	} {
		if g, err := sat.Legacy().Grade(t.Context(), c, "x1=True"); err == nil {
			t.Errorf("%s: graded %+v", name, g)
		}
	}
}

func TestGradeBoundsReplyBombs(t *testing.T) {
	for name, reply := range map[string]string{
		"10 MB":           strings.Repeat("x1=False x2=True ", 10<<20/17),
		"just too long":   strings.Repeat(" ", env.MaxReply) + "x",
		"digits":          "x" + strings.Repeat("9", env.MaxReply-1),
		"a million names": strings.Repeat("x1=", 1_000_000),
		"all x":           strings.Repeat("x", env.MaxReply),
	} {
		start := time.Now()
		g, err := sat.Legacy().Grade(t.Context(), challenge(t), reply)
		if err != nil || g.Score != 0 || g.Reason == "" {
			t.Errorf("%s: %+v, %v", name, g, err)
		}
		if took := time.Since(start); took > 2*time.Second {
			t.Errorf("%s: took %v", name, took)
		}
	}
}

func FuzzGrade(f *testing.F) {
	for _, seed := range []string{"x1=True", "x1=1x2=0", "<think>x1=", "x\xff1=True", "x01=False x2=True", "x12=1"} {
		f.Add(seed)
	}
	c := challenge(f)
	f.Fuzz(func(t *testing.T, reply string) {
		g, err := sat.Legacy().Grade(context.Background(), c, reply)
		if err != nil || g.Reason == "" || g.Score != 0 && g.Score != subnet.ScoreScale {
			t.Fatalf("%q: %+v, %v", reply, g, err)
		}
		again, err := sat.Legacy().Grade(context.Background(), c, g.Answer)
		if err != nil || again.Score != g.Score || again.Answer != g.Answer {
			t.Fatalf("the answer %q read out of %q grades as %+v, not as %+v", g.Answer, reply, again, g)
		}
	})
}
