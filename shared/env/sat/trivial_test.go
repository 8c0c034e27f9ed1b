package sat_test

import (
	"crypto/sha256"
	"flag"
	"math/rand/v2"
	"testing"

	"github.com/affine-go/affine/shared/env/sat"
)

// -tasks widens the survey of trivial strategies; the documented rates are of
// 100,000 tasks.
var surveyTasks = flag.Int("tasks", 2000, "hardened SAT tasks to survey for trivial solutions and duplicates")

// No answer that takes no search solves more than 1 % of the hardened tasks, and
// no more than 0.1 % of them are duplicates.
func TestHardResistsTrivialStrategies(t *testing.T) {
	e, n := sat.Hard(), *surveyTasks
	random := rand.New(rand.NewPCG(1, 2))
	solved, seen := map[string]int{}, map[[32]byte]bool{}
	for task := range n {
		f := e.Formula(taskID(task))
		seen[sha256.Sum256([]byte(f.String()))] = true
		for name, guess := range guesses(f, random) {
			if f.Broken(guess) < 0 {
				solved[name]++
			}
		}
		if task < 500 && echoScores(t, e, task) {
			solved["echo"]++
		}
	}
	t.Logf("of %d tasks, solved by trivial strategies: %v; duplicates: %d", n, solved, n-len(seen))
	for name, count := range solved {
		if count*100 > n {
			t.Errorf("%s solves %d of %d tasks", name, count, n)
		}
	}
	if duplicates := n - len(seen); duplicates*1000 > n {
		t.Errorf("%d duplicates in %d tasks", duplicates, n)
	}
}

func guesses(f sat.Formula, random *rand.Rand) map[string]sat.Assignment {
	all := map[string]sat.Assignment{"true": {}, "false": {}, "alternating": {}, "majority": {}, "random": {}}
	lead := map[int]int{}
	for _, clause := range f.Clauses {
		for _, literal := range clause {
			lead[literal.Var()] += int(literal) / literal.Var()
		}
	}
	for v := 1; v <= f.Vars; v++ {
		all["true"][v], all["false"][v] = true, false
		all["alternating"][v], all["majority"][v] = v%2 == 1, lead[v] > 0
		all["random"][v] = random.IntN(2) == 1
	}
	return all
}

func echoScores(t *testing.T, e *sat.Env, task int) bool {
	t.Helper()
	c, err := e.Challenge(t.Context(), taskID(task))
	if err != nil {
		t.Fatal(err)
	}
	g, err := e.Grade(t.Context(), c, c.Prompt)
	if err != nil {
		t.Fatal(err)
	}
	return g.Score > 0
}
