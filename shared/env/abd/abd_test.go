package abd

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/affine-go/affine/shared/env"
	"github.com/affine-go/affine/shared/env/dice"
	"github.com/affine-go/affine/shared/sandbox"
	"github.com/affine-go/affine/shared/subnet"
)

func TestMain(m *testing.M) {
	sandbox.Main()
	os.Exit(m.Run())
}

var shared = sync.OnceValues(func() (*sandbox.Sandbox, error) { return sandbox.New(sandbox.Config{}) })

func box(t testing.TB) *sandbox.Sandbox {
	t.Helper()
	s, err := shared()
	if errors.Is(err, sandbox.ErrUnsupported) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// What a task id means must never change: the first 200 drafts.
func TestDraftsAreStable(t *testing.T) {
	sum := sha256.New()
	for task := range subnet.TaskID(200) {
		d := write(dice.New(ID, task, 0))
		sum.Write([]byte(d.program + "\x00" + d.planted + "\x00" + strings.Join(d.probes, "\x00")))
	}
	if got, want := hex.EncodeToString(sum.Sum(nil)), "b9879c23ccdb4abaa78a425557277b1112239b1b79764f18582f05d381672539"; got != want {
		t.Errorf("digest %s, want %s", got, want)
	}
}

func TestChallengeAndGrade(t *testing.T) {
	e := New(box(t))
	for task := range subnet.TaskID(8) {
		c, err := e.Challenge(t.Context(), task*1_000_003)
		if err != nil {
			t.Fatal(err)
		}
		p, err := ReadPrompt(c.Prompt)
		if err != nil || c.Env != ID || c.Task != task*1_000_003 {
			t.Fatalf("%+v, %v", c, err)
		}
		stdin, ok, err := Invert(t.Context(), box(t), p)
		if err != nil || !ok {
			t.Fatalf("no input found: %v, %v\n%s", ok, err, c.Prompt)
		}
		g, err := e.Grade(t.Context(), c, "It is <INPUT>\n"+stdin+"</INPUT>.")
		if err != nil || g.Score != subnet.ScoreScale || g.Answer != stdin {
			t.Errorf("the input %q that was found: %+v, %v\n%s", stdin, g, err, c.Prompt)
		}
		if g, err := e.Grade(t.Context(), c, "<INPUT>"+strings.Repeat("1\n", 9)+"</INPUT>"); err != nil || g.Score != 0 || g.Answer == "" {
			t.Errorf("ones: %+v, %v", g, err)
		}
	}
}

// The harness in which drafts are screened shows what the program really prints.
func TestHarnessAgreesWithAProcess(t *testing.T) {
	for task := range subnet.TaskID(25) {
		d := write(dice.New(ID, task, 0))
		output, _, err := screen(t.Context(), box(t), d)
		if err != nil {
			t.Fatal(err)
		}
		r, err := box(t).Run(t.Context(), sandbox.Program{Source: d.program, Stdin: []byte(d.planted)})
		if err != nil || string(r.Stdout) != output || !r.Clean() {
			t.Errorf("task %d: harness %q, process %q, %v: %s", task, output, r.Stdout, err, r.Stderr)
		}
	}
}

func TestChallengeKeepsToItsRange(t *testing.T) {
	e := New(broken{})
	_, hi := e.Range()
	if _, err := e.Challenge(t.Context(), hi); err == nil || errors.Is(err, errRunner) {
		t.Errorf("task %d: %v, want an error about the range", hi, err)
	}
}

var errRunner = errors.New("no sandbox today")

// broken is a runner that cannot run anything.
type broken struct{}

func (broken) Run(context.Context, sandbox.Program) (sandbox.Result, error) {
	return sandbox.Result{}, errRunner
}

// fixed is a runner whose programs all end the same way; it counts them.
type fixed struct {
	result sandbox.Result
	runs   atomic.Int32
}

func (f *fixed) Run(context.Context, sandbox.Program) (sandbox.Result, error) {
	f.runs.Add(1)
	return f.result, nil
}

// A fault of the sandbox is an error and never a grade.
func TestRunnerFaultIsNotTheMinersFault(t *testing.T) {
	e := New(broken{})
	if c, err := e.Challenge(t.Context(), 1); !errors.Is(err, errRunner) {
		t.Errorf("challenge: %+v, %v", c, err)
	}
	c := env.Challenge{Env: ID, Hidden: Problem{Program: "print(1)", Output: "1\n"}}
	if g, err := e.Grade(t.Context(), c, "<INPUT>1</INPUT>"); !errors.Is(err, errRunner) {
		t.Errorf("grade: %+v, %v", g, err)
	}
	if _, _, err := Invert(t.Context(), broken{}, Problem{Program: "# line 1: an integer from 0 to 9\n"}); !errors.Is(err, errRunner) {
		t.Errorf("invert: %v", err)
	}
	busy := New(&fixed{result: sandbox.Result{Limit: sandbox.LimitWall}})
	if g, err := busy.Grade(t.Context(), c, "<INPUT>1</INPUT>"); err == nil {
		t.Errorf("a program that found no time to run was graded %+v", g)
	}
	recorded := NewRecorded(broken{}, []Record{{ID: "a"}})
	if _, err := recorded.Challenge(t.Context(), 0); !errors.Is(err, errRunner) {
		t.Errorf("recorded challenge: %v", err)
	}
}

// What the harness must not write is an error too, not a task.
func TestScreenRefusesAHarnessGoneWrong(t *testing.T) {
	d := write(dice.New(ID, 1, 0))
	for name, r := range map[string]sandbox.Result{
		"status":   {ExitCode: 1},
		"limit":    {Limit: sandbox.LimitCPU, ExitCode: -1},
		"stderr":   {Stderr: []byte("warning")},
		"nothing":  {},
		"too few":  {Stdout: []byte("+1\x00+2\x00")},
		"too many": {Stdout: []byte(strings.Repeat("+1\x00", 1000))},
	} {
		if output, why, err := screen(t.Context(), &fixed{result: r}, d); err == nil {
			t.Errorf("%s: output %q, reject %q", name, output, why)
		}
	}
}

func TestGradeOfARun(t *testing.T) {
	c := env.Challenge{Env: ID, Hidden: Problem{Program: "print(1)", Output: "1\n"}}
	for name, k := range map[string]struct {
		result sandbox.Result
		reason string
		pass   bool
	}{
		"right":                 {sandbox.Result{Stdout: []byte("1\n")}, "prints the output", true},
		"right but for space":   {sandbox.Result{Stdout: []byte(" 1 \r\n\n")}, "prints the output", true},
		"wrong":                 {sandbox.Result{Stdout: []byte("2\n")}, "something else", false},
		"nothing":               {sandbox.Result{}, "something else", false},
		"right, then a warning": {sandbox.Result{Stdout: []byte("1\n"), Stderr: []byte("W\nX: y\n")}, "X: y", false},
		"right, then status 3":  {sandbox.Result{Stdout: []byte("1\n"), ExitCode: 3}, "status 3", false},
		"right, then CPU limit": {sandbox.Result{Stdout: []byte("1\n"), ExitCode: -1, Limit: sandbox.LimitCPU}, "cpu limit", false},
		"right, then too much":  {sandbox.Result{Stdout: []byte("1\n"), Limit: sandbox.LimitOutput}, "output limit", false},
		"not UTF-8":             {sandbox.Result{Stdout: []byte("\xff\n")}, "something else", false},
	} {
		g, err := New(&fixed{result: k.result}).Grade(t.Context(), c, "<INPUT>7</INPUT>")
		if err != nil || (g.Score == subnet.ScoreScale) != k.pass || !strings.Contains(g.Reason, k.reason) || g.Answer != "7\n" {
			t.Errorf("%s: %+v, %v", name, g, err)
		}
	}
}

func TestGradeRefusesBeforeRunning(t *testing.T) {
	r := &fixed{}
	c := env.Challenge{Env: ID, Hidden: Problem{Program: "print(1)", Output: "1\n"}}
	for name, reply := range map[string]string{
		"empty":         "",
		"no tags":       "5",
		"10 MB":         strings.Repeat("<INPUT>1</INPUT>", 10<<20/16),
		"not UTF-8":     "<INPUT>\xc3</INPUT>",
		"huge input":    "<INPUT>" + strings.Repeat("1", 1<<20) + "</INPUT>",
		"only thinking": "<think><INPUT>1</INPUT>",
	} {
		g, err := New(r).Grade(t.Context(), c, reply)
		if err != nil || g.Score != 0 || g.Reason == "" || g.Answer != "" {
			t.Errorf("%s: %+v, %v", name, g, err)
		}
	}
	for name, foreign := range map[string]env.Challenge{
		"another environment": {Env: RecordedID, Hidden: c.Hidden},
		"nothing hidden":      {Env: ID},
	} {
		if g, err := New(r).Grade(t.Context(), foreign, "<INPUT>1</INPUT>"); err == nil {
			t.Errorf("%s: graded %+v", name, g)
		}
	}
	if n := r.runs.Load(); n != 0 {
		t.Errorf("%d programs were run", n)
	}
}
