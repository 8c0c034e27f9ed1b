package abd

import (
	"crypto/sha256"
	"flag"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/affine-go/affine/shared/env/dice"
	"github.com/affine-go/affine/shared/subnet"
)

// Programs by hand that must not become tasks, and one that may.
func TestTrivialProgramsAreRejected(t *testing.T) {
	s := space{field{Kind: integer, Count: 1, Lo: 10, Hi: 999}, field{Kind: integer, Count: 1, Lo: 10, Hi: 99}}
	const read = "a = int(input())\nb = int(input())\n"
	for name, c := range map[string]struct{ program, want string }{
		"a task":            {read + "print(a * 131 + b)", ""},
		"constant":          {read + "print(7)", "same output"},
		"ignores a line":    {read + "print(a * 131)", "same output"},
		"mostly one output": {read + "print(a * 131 + b if a == 500 else b % 3)", "different outputs"},
		"few outcomes":      {read + "print((a + b) % 5)", "same output"},
		"prints nothing":    {read, "nothing is printed"},
		"prints blanks":     {read + "print('  ')", "nothing is printed"},
		"echo":              {read + "print(a)\nprint(b)", "an answer itself"},
		"shows its input":   {read + "print('read', [a, b], a * b)", "shows the input"},
		"prints too much":   {read + "print(a * 131 + b, 'x' * 1000)", "too long"},
		"fails":             {read + "print(1 // 0)", "planted input makes the program fail"},
		"fails on a probe":  {read + "print(1 // (a - 10), a * 131 + b)", "makes the program fail"},
		"exits":             {read + "exit()", "planted input makes the program fail"},
		"lossy, not enough": {read + "print(a * 131 // 700, b // 50)", "same output"},
	} {
		d := dice.New("test", 4, 0)
		in := draft{program: c.program, space: s, planted: "500\n50\n", probes: []string{s.first(), s.last(), "500\n51\n", "501\n50\n"}}
		for range probeCount {
			in.probes = append(in.probes, s.draw(d))
		}
		output, why, err := screen(t.Context(), box(t), in)
		if err != nil || !strings.Contains(why, c.want) || (why == "") != (c.want == "") {
			t.Errorf("%s: output %q rejected with %q, %v; want %q", name, output, why, err, c.want)
		}
	}
}

// -tasks widens the survey; the documented rates are of 300 tasks.
var surveyTasks = flag.Int("tasks", 24, "generated ABD tasks to survey for trivial solutions")

// tally counts guesses by strategy, and those that were right.
type tally struct {
	mu            sync.Mutex
	tried, solved map[string]int
}

// No answer that takes no thought solves more than 1 % of the tasks; the inversion
// solves at least 99 %.
func TestGeneratedTasksResistTrivialStrategies(t *testing.T) {
	count := tally{tried: map[string]int{}, solved: map[string]int{}}
	workers := make(chan struct{}, runtime.NumCPU())
	var wg sync.WaitGroup
	for i := range *surveyTasks {
		workers <- struct{}{}
		wg.Go(func() {
			defer func() { <-workers }()
			survey(t, &count, subnet.TaskID(i)*89_478_485) // spread over the range
		})
	}
	wg.Wait()
	t.Logf("of %d tasks: tried %v, solved %v", *surveyTasks, count.tried, count.solved)
	for strategy, tried := range count.tried {
		solved := count.solved[strategy]
		switch {
		case strategy == "inversion" && solved*100 < tried*99:
			t.Errorf("the inversion solves only %d of %d", solved, tried)
		case strategy != "inversion" && solved*100 > tried:
			t.Errorf("%s solves %d of %d", strategy, solved, tried)
		}
	}
}

func survey(t *testing.T, count *tally, task subnet.TaskID) {
	p, err := New(box(t)).problem(t.Context(), task%tasks)
	if err != nil {
		t.Error(err)
		return
	}
	names, inputs := strategies(p, dice.New("survey", task, 0))
	outputs, err := inHarness(t.Context(), box(t), screenLimits, append([]string{"outputs", p.Program}, inputs...)...)
	if err != nil {
		t.Error(err)
		return
	}
	_, found, err := Invert(t.Context(), box(t), p)
	if err != nil {
		t.Error(err)
	}
	count.mu.Lock()
	defer count.mu.Unlock()
	for i, name := range names {
		count.add(name, sameResult(outputs[i], p.Output))
	}
	count.add("inversion", found)
}

func (c *tally) add(strategy string, solved bool) {
	c.tried[strategy]++
	if solved {
		c.solved[strategy]++
	}
}

// strategies are stdins that take no thought, with their names.
func strategies(p Problem, d *dice.Dice) (names, inputs []string) {
	add := func(name, input string) { names, inputs = append(names, name), append(inputs, input) }
	s := readSpace(p.Program)
	echo, _ := readReply(p.Prompt())
	add("empty", "")
	add("zeros", strings.Repeat("0\n", len(s)))
	add("ones", strings.Repeat("1\n", len(s)))
	add("least", s.first())
	add("greatest", s.last())
	add("output", p.Output)
	add("prompt", echo)
	for range 50 {
		add("random", s.draw(d))
	}
	return names, inputs
}

// -drafts widens the search for duplicates; the documented figure is of 100,000.
var surveyDrafts = flag.Int("drafts", 10_000, "ABD drafts to survey for duplicates")

// Different task ids give different programs.
func TestDraftsHardlyRepeat(t *testing.T) {
	n := *surveyDrafts
	seen := make(map[[32]byte]bool, n)
	for task := range subnet.TaskID(n) {
		w := dice.New(ID, task, 0)
		seen[sha256.Sum256([]byte(compose(w, dice.Pick(w, shapes...)(w))))] = true
	}
	if duplicates := n - len(seen); duplicates*1000 > n {
		t.Errorf("%d duplicates among %d programs", duplicates, n)
	}
}
