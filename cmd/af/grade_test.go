package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/affine-go/affine/shared/env"
	"github.com/affine-go/affine/shared/env/abd"
	"github.com/affine-go/affine/shared/env/sat"
	"github.com/affine-go/affine/shared/sharedtest"
	"github.com/affine-go/affine/shared/subnet"
)

// gradeOf grades one reply and returns the verdict on it.
func gradeOf(t *testing.T, name, challenge, reply string) graded {
	t.Helper()
	text, err := json.Marshal(reply)
	if err != nil {
		t.Fatal(err)
	}
	out, err := inProcess(t, fmt.Sprintf(`{"challenge":%s,"reply":%s}`, challenge, text), "grade", "--env", name)
	if err != nil {
		t.Fatalf("%s %.200s: %v", name, challenge, err)
	}
	var g graded
	d := json.NewDecoder(strings.NewReader(out))
	d.DisallowUnknownFields()
	if err := d.Decode(&g); err != nil {
		t.Fatalf("%v in %s", err, out)
	}
	return g
}

func quoted(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// The right answer to a task scores 1 and its opposite 0, however the challenge is put.
func TestGradeSATInAllForms(t *testing.T) {
	t.Parallel()
	for _, e := range []*sat.Env{sat.Legacy(), sat.Hard()} {
		const task = 7
		formula := e.Formula(task)
		solution, ok := sat.Solve(formula)
		if !ok {
			t.Fatal("no solution")
		}
		c, err := e.Challenge(t.Context(), task)
		if err != nil {
			t.Fatal(err)
		}
		broken := sat.Assignment{}
		for _, literal := range formula.Clauses[5] {
			broken[literal.Var()] = literal < 0
		}
		for _, challenge := range []string{
			`7`, `{"task_id":7}`, ` {"task_id":7,"seed":1}`,
			`{"formula":` + quoted(t, formula.String()) + `}`,
			`{"task_id":8,"formula":` + quoted(t, formula.Clauses) + `}`,
			`{"prompt":` + quoted(t, c.Prompt) + `}`,
		} {
			right := gradeOf(t, string(e.ID()), challenge, solution.Text(formula.Vars))
			if right.Score != 1 || right.Answer != solution.Text(formula.Vars) {
				t.Errorf("%s %.60s: the solution gets %+v", e.ID(), challenge, right)
			}
			wrong := gradeOf(t, string(e.ID()), challenge, broken.Text(formula.Vars))
			if wrong.Score != 0 || !strings.Contains(wrong.Reason, "not satisfied") {
				t.Errorf("%s %.60s: a wrong answer gets %+v", e.ID(), challenge, wrong)
			}
		}
	}
}

func TestGradeABDInAllForms(t *testing.T) {
	t.Parallel()
	reverse := abd.Problem{Program: "print(input()[::-1])\n", Output: "abc\n"}
	for _, challenge := range []string{
		quoted(t, reverse),
		`{"program":"print(input()[::-1])","output":"abc"}`,
		`{"task_id":1,"program":"` + "```python\\nprint(input()[::-1])\\n```" + `","output":"abc","inputs":"cba"}`,
		`{"prompt":` + quoted(t, reverse.Prompt()) + `}`,
	} {
		if g := gradeOf(t, "affine:abd", challenge, "<think>abc</think> <INPUT>\ncba\n</INPUT>"); g.Score != 1 || g.Answer != "cba\n" {
			t.Errorf("%s: the right input gets %+v", challenge, g)
		}
		if g := gradeOf(t, "affine:abd", challenge, "<INPUT>abc</INPUT>"); g.Score != 0 || g.Reason != "the program prints something else on this input" {
			t.Errorf("%s: another input gets %+v", challenge, g)
		}
	}
	if g := gradeOf(t, "affine:abd", `3`, "I do not know"); g.Score != 0 || !strings.Contains(g.Reason, "no <INPUT>") || g.Answer != "" {
		t.Errorf("a task by number, no answer: %+v", g)
	}
}

// Verdicts on a real model's answers are those that were published: by the row, and
// with the program spelled out.
func TestGradeAgreesWithPublishedVerdicts(t *testing.T) {
	t.Parallel()
	dir := sharedtest.Dir(t, "data", "cruxeval")
	records, err := abd.LoadCruxEval(dir)
	if err != nil {
		t.Fatal(err)
	}
	var byRow, spelledOut strings.Builder
	var want []bool
	for row, r := range records[:12] {
		if len(r.Verdicts) != len(r.Generations) {
			continue
		}
		for i, generation := range r.Generations {
			reply := quoted(t, abd.ReplyFromGeneration(generation))
			fmt.Fprintf(&byRow, `{"challenge":{"task_id":%d},"reply":%s}`+"\n", row, reply)
			fmt.Fprintf(&spelledOut, `{"challenge":%s,"reply":%s}`+"\n", quoted(t, abd.Problem{Program: r.Program(), Output: r.Output}), reply)
			want = append(want, r.Verdicts[i])
		}
	}
	for name, in := range map[string]string{string(abd.RecordedID): byRow.String(), string(abd.ID): spelledOut.String()} {
		out, err := inProcess(t, in, "grade", "--env", name, "--cruxeval", dir)
		lines := strings.Split(strings.TrimSpace(out), "\n")
		if err != nil || len(lines) != len(want) {
			t.Fatalf("%s: %d lines for %d: %v", name, len(lines), len(want), err)
		}
		for i, line := range lines {
			if got := strings.HasPrefix(line, `{"score":1,`); got != want[i] {
				t.Errorf("%s: answer %d: %s, published: %v", name, i, line, want[i])
			}
		}
	}
}

func TestGradeRefusesBadLines(t *testing.T) {
	t.Parallel()
	good := `{"challenge":1,"reply":"x"}`
	for line, want := range map[string]string{
		`x`:                                               "not JSON at byte 1",
		`[]`:                                              "JSON array where an object belongs",
		`{"challenge":1}`:                                 "reply is missing",
		`{"challenge":1,"reply":null}`:                    "reply is missing",
		`{"challenge":1,"reply":5}`:                       "reply: JSON number where text belongs",
		`{"reply":""}`:                                    "challenge: want task_id, or formula",
		`{"challenge":null,"reply":""}`:                   "challenge: want task_id, or formula",
		`{"challenge":{},"reply":""}`:                     "challenge: want task_id, or formula",
		`{"challenge":500,"reply":""}`:                    "task 500 is outside [0, 500)",
		`{"challenge":-1,"reply":""}`:                     "challenge: -1: want a task's number or an object",
		`{"challenge":1.5,"reply":""}`:                    "challenge: 1.5: want a task's number or an object",
		`{"challenge":"1","reply":""}`:                    `challenge: "1": want a task's number or an object`,
		`{"challenge":[1],"reply":""}`:                    "challenge: [1]: want a task's number or an object",
		`{"challenge":{"task_id":"1"},"reply":""}`:        "challenge: task_id: JSON string where a ",
		`{"challenge":{"formula":"x1"},"reply":""}`:       "no formula in the text",
		`{"challenge":{"formula":"(x1 ∨ y)"},"reply":""}`: "is not a literal",
		`{"challenge":{"formula":""},"reply":""}`:         "no formula in the text",
		`{"challenge":{"formula":[]},"reply":""}`:         "formula: no clauses",
		`{"challenge":{"formula":[[0]]},"reply":""}`:      "formula: clause 1: literal 0",
		`{"challenge":{"formula":[[1],[-9223372036854775808]]},"reply":""}`:   "formula: clause 2: literal -9223372036854775808",
		`{"challenge":{"formula":[[65537]]},"reply":""}`:                      "formula: clause 1: literal 65537",
		`{"challenge":{"formula":[1]},"reply":""}`:                            "formula: want text, or lists of whole numbers",
		`{"challenge":{"formula":[[1.5]]},"reply":""}`:                        "formula: want text, or lists of whole numbers",
		`{"challenge":{"prompt":"What is 1+1?"},"reply":""}`:                  "no formula in the text",
		`{"challenge":{"program":"","output":""},"reply":""}`:                 "challenge: want task_id, or formula",
		`{"challenge":1,"reply":"` + strings.Repeat("x", maxGradeLine) + `"}`: "longer than 26214400 bytes",
	} {
		out, err := inProcess(t, good+"\n"+line+"\n"+good, "grade", "--env", "affine:sat")
		if err == nil || !strings.HasPrefix(err.Error(), "grade: line 2: ") || !strings.Contains(err.Error(), want) || len(err.Error()) > 300 {
			t.Errorf("%.100s: error %.300v, want %q", line, err, want)
		}
		if strings.Count(out, "\n") != 1 {
			t.Errorf("%.100s: printed\n%s", line, out)
		}
	}
	for line, want := range map[string]string{
		`{"challenge":{"program":"p"},"reply":""}`:    "program and output belong together",
		`{"challenge":{"output":"o"},"reply":""}`:     "program and output belong together",
		`{"challenge":{"prompt":"p"},"reply":""}`:     "not a prompt with a program and its output",
		`{"challenge":{"formula":"(x1)"},"reply":""}`: "want task_id, or program and output",
	} {
		if _, err := inProcess(t, line, "grade", "--env", "affine:abd"); err == nil || !strings.Contains(err.Error(), "line 1: challenge: ") || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %q", line, err, want)
		}
	}
}

// A reply may be anything: it gets a score.
func TestGradeTakesAnyReply(t *testing.T) {
	t.Parallel()
	for name, reply := range map[string]string{
		"empty":     "",
		"control":   "\x00\x1b[2J\x7f",
		"too long":  strings.Repeat("x1=1 ", env.MaxReply/5+1),
		"escaped":   strings.Repeat("\x01", env.MaxReply), // each takes six bytes as JSON
		"no number": "x=True x-1=True x999999999999999999999=True",
	} {
		for _, id := range []string{"affine:sat", "affine:abd"} {
			if g := gradeOf(t, id, `1`, reply); g.Score != 0 || g.Reason == "" || len(g.Reason) > 200 {
				t.Errorf("%s, %s: %.300v", id, name, g)
			}
		}
	}
}

func TestGradeRefusesItsFlags(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{
		{"grade"}, {"grade", "--env", "affine:nope"}, {"grade", "--env", "affine:sat", "--parallel", "0"}, {"grade", "--env", "affine:sat", "--parallel", "65"},
	} {
		if _, err := inProcess(t, "", args...); !errors.Is(err, errUsage) {
			t.Errorf("%v: error %v is not one of the command line", args, err)
		}
	}
	if _, err := inProcess(t, "", "grade", "--env", "affine:abd-crux", "--cruxeval", ""); err == nil || !strings.Contains(err.Error(), "AFFINE_CRUXEVAL") {
		t.Errorf("recorded tasks without records: %v", err)
	}
}

func TestUnfenced(t *testing.T) {
	t.Parallel()
	for program, want := range map[string]string{
		"print(1)":                       "print(1)",
		"```python\nprint(1)\n```":       "print(1)\n",
		"\n```\nprint(1)\n```\n":         "print(1)\n",
		"```py\n```":                     "",
		"```python\nprint(1)":            "```python\nprint(1)",
		"```a b\nprint(1)\n```":          "```a b\nprint(1)\n```",
		"```python\na\n```\n```\nb\n```": "```python\na\n```\n```\nb\n```",
		"```python print(1)```":          "```python print(1)```",
		"```":                            "```",
		"":                               "",
	} {
		if got := unfenced(program); got != want {
			t.Errorf("%q became %q, want %q", program, got, want)
		}
	}
}

func TestEnvsListsTheCatalogue(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	record := `{"id":"a","code":"def f(x):\n return x","input":"1","output":"1"}` + "\n"
	if err := os.WriteFile(filepath.Join(dir, "codellama-7b-input.jsonl"), []byte(record+record), 0o600); err != nil {
		t.Fatal(err)
	}
	for records, want := range map[string]string{"": "null", dir: "[0,2]"} {
		out, err := inProcess(t, "", "envs", "--json", "--cruxeval", records)
		var compact bytes.Buffer
		if err := errors.Join(err, json.Compact(&compact, []byte(out))); err != nil {
			t.Fatal(err)
		}
		whole := `[{"id":"affine:sat","kind":"native","id_range":[0,500]},{"id":"affine:sat-v2","kind":"native","id_range":[0,2147483648]},` +
			`{"id":"affine:abd","kind":"native","id_range":[0,2147483648]},{"id":"affine:abd-crux","kind":"native","id_range":` + want + `}]`
		if compact.String() != whole {
			t.Errorf("got  %s\nwant %s", compact.String(), whole)
		}
	}
	if out, err := inProcess(t, "", "envs", "--cruxeval", ""); err != nil || !strings.Contains(out, "affine:sat-v2    native  [0, 2147483648)\n") || !strings.Contains(out, "set AFFINE_CRUXEVAL\n") {
		t.Errorf("%v:\n%s", err, out)
	}
	if _, err := inProcess(t, "", "envs", "--cruxeval", filepath.Join(dir, "absent")); err == nil || !strings.Contains(err.Error(), "absent") {
		t.Errorf("a folder that is not there: %v", err)
	}
}

// Whatever a line holds, it is refused, or gets a score from 0 to 1 that says why.
func FuzzGradeLine(f *testing.F) {
	f.Add([]byte(`{"challenge":{"formula":[[1,-2],[2]]},"reply":"x1=1 x2=True"}`))
	f.Add([]byte(`{"challenge":{"formula":"(x1 ∨ ¬x2)"},"reply":"x2=0"}`))
	f.Add([]byte(`{"challenge":{"prompt":"\n(x1)\n"},"reply":""}`))
	f.Add([]byte(`{"challenge":499,"reply":"x15=0"}`))
	f.Add([]byte(`{"challenge":{"formula":null,"task_id":null},"reply":"\ud800"}`))
	g := grader{sat.Legacy()}
	f.Fuzz(func(t *testing.T, line []byte) {
		got, err := g.line(t.Context(), line)
		if err == nil && (got.Score != 0 && got.Score != 1 || got.Reason == "") {
			t.Errorf("%s: %+v", line, got)
		}
		if _, err := json.Marshal(got); err != nil || math.IsNaN(got.Score) {
			t.Errorf("%s: cannot be printed: %v", line, err)
		}
	})
}

// A challenge that is read is one that its environment grades.
func FuzzChallengeLine(f *testing.F) {
	f.Add([]byte(`{"program":"print(1)","output":"1"}`), true)
	f.Add([]byte(`{"program":"`+"```\\n1\\n```"+`","output":""}`), true)
	f.Add([]byte(`{"formula":[[1]]}`), false)
	f.Add([]byte(`7`), false)
	f.Fuzz(func(t *testing.T, text []byte, programs bool) {
		var c challengeLine
		if json.Unmarshal(text, &c) != nil {
			return
		}
		id := sat.LegacyID
		if programs {
			id = abd.ID
		}
		hidden, err := c.hidden(id)
		if err != nil || hidden == nil {
			return
		}
		checkHidden(t, id, hidden)
	})
}

func checkHidden(t *testing.T, id subnet.EnvID, hidden any) {
	t.Helper()
	switch h := hidden.(type) {
	case sat.Formula:
		if id != sat.LegacyID || len(h.Clauses) == 0 || h.Vars > sat.MaxVar {
			t.Errorf("%s: a formula of %d clauses over %d variables", id, len(h.Clauses), h.Vars)
		}
	case abd.Problem:
		if id != abd.ID {
			t.Errorf("%s: a program", id)
		}
	default:
		t.Errorf("%s: %T", id, hidden)
	}
}
