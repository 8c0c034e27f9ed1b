package abd

import (
	"errors"
	"strings"
	"testing"

	"github.com/affine-go/affine/shared/env/dice"
	"github.com/affine-go/affine/shared/subnet"
)

func TestReadPromptReadsBack(t *testing.T) {
	for _, p := range []Problem{
		{"print(input())\n", "5\n"},
		{"a = 1\n\n\nprint(a)\n", "\n1\n\n 2\n"},
		{"print('```')\n", "```\n"},
		{"print('````python\\n')\n", "The program:\n"},
		{"# Its output:\n\nprint()\n", " \n"},
	} {
		got, err := ReadPrompt(p.Prompt())
		if err != nil || got != p {
			t.Errorf("%+v reads back as %+v, %v", p, got, err)
		}
	}
}

func TestReadPromptRefuses(t *testing.T) {
	whole := Problem{"print(1)\n", "1\n"}.Prompt()
	for _, prompt := range []string{"", "text", whole[:40], whole[:strings.Index(whole, "Its output")+20], strings.ReplaceAll(whole, "```", "``")} {
		if p, err := ReadPrompt(prompt); !errors.Is(err, ErrNoProblem) {
			t.Errorf("%q reads as %+v, %v", prompt, p, err)
		}
	}
}

func FuzzReadPrompt(f *testing.F) {
	f.Add("print(1)", "1")
	f.Add("```\nThe program:\n\n", "``")
	f.Fuzz(func(t *testing.T, program, output string) {
		if strings.Contains(program+output, "Its output:\n\n") || strings.Contains(program+output, "The program:\n\n") {
			return
		}
		p := Problem{strings.TrimRight(program, "\n") + "\n", strings.TrimRight(output, "\n") + "\n"}
		if got, err := ReadPrompt(p.Prompt()); err != nil || got != p {
			t.Fatalf("%+v reads back as %+v, %v", p, got, err)
		}
	})
}

func TestReadSpaceReadsBack(t *testing.T) {
	for task := range subnet.TaskID(300) {
		d := write(dice.New(ID, task, 0))
		got := readSpace(d.program)
		if len(got) != len(d.space) {
			t.Fatalf("task %d: %+v reads back as %+v", task, d.space, got)
		}
		for i := range got {
			if got[i] != d.space[i] {
				t.Errorf("task %d line %d: %+v reads back as %+v", task, i, d.space[i], got[i])
			}
		}
		if n := got.size(maxSearch); n < 1000 || n > 7000 {
			t.Errorf("task %d has %d inputs", task, n)
		}
	}
}

func TestSpaceListsWhatItDraws(t *testing.T) {
	for task := range subnet.TaskID(50) {
		d := dice.New(ID, task, 0)
		s := write(d).space
		choices := make([]map[string]bool, len(s))
		total := 1
		for i, f := range s {
			choices[i] = map[string]bool{}
			for _, v := range f.values() {
				choices[i][v] = true
			}
			total *= len(choices[i])
		}
		if total != s.size(maxSearch) {
			t.Errorf("task %d: %d inputs listed, size %d", task, total, s.size(maxSearch))
		}
		for _, input := range []string{s.draw(d), s.first(), s.last()} {
			for i, line := range strings.Split(strings.TrimSuffix(input, "\n"), "\n") {
				if !choices[i][line] {
					t.Errorf("task %d: line %d of %q is not listed", task, i+1, input)
				}
			}
		}
	}
}

func TestSpaceSizeStopsCounting(t *testing.T) {
	for name, c := range map[string]struct {
		head string
		want int
	}{
		"none":     {"print(1)", 0},
		"one":      {"# line 1: an integer from 3 to 3\n", 1},
		"reversed": {"# line 1: an integer from 9 to 3\n", 0},
		"huge":     {"# line 1: 9 integers from 0 to 999999, separated by spaces\n# line 2: an integer from 0 to 999999\n", 101},
		"no count": {"# line 1: 0 integers from 0 to 5, separated by spaces\n", 1},
		"too late": {"x = 1\n# line 1: an integer from 3 to 3\n", 0},
	} {
		if got := readSpace(c.head).size(100); got != c.want {
			t.Errorf("%s: size %d, want %d", name, got, c.want)
		}
	}
}
