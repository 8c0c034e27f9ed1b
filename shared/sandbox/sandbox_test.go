package sandbox_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/affine-go/affine/shared/sandbox"
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

func run(t testing.TB, p sandbox.Program) sandbox.Result {
	t.Helper()
	r, err := box(t).Run(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestRunGivesBackWhatTheProgramDid(t *testing.T) {
	for name, c := range map[string]struct {
		source, stdin, stdout, stderr string
		code                          int
	}{
		"output":           {"print('a')\nprint('b')", "", "a\nb\n", "", 0},
		"input":            {"print(int(input()) + int(input()))", "2\n3\n", "5\n", "", 0},
		"no input":         {"input()", "", "", "EOFError", 1},
		"exit status":      {"import sys; sys.exit(7)", "", "", "", 7},
		"exit builtin":     {"print(1); exit()", "", "1\n", "", 0},
		"exception":        {"1/0", "", "", "ZeroDivisionError", 1},
		"syntax error":     {"print(", "", "", "SyntaxError", 1},
		"NUL in source":    {"print(1)\x00", "", "", "null bytes", 1},
		"bad UTF-8":        {"print('\xff')", "", "", "SyntaxError", 1},
		"declared coding":  {"# coding: latin-1\nprint('\xe9')", "", "é\n", "", 0},
		"empty program":    {"", "ignored", "", "", 0},
		"long source":      {"x = '" + strings.Repeat("a", 300_000) + "'\nprint(len(x))", "", "300000\n", "", 0},
		"threads":          {"import threading\nt = threading.Thread(target=print, args=(1,))\nt.start(); t.join()", "", "1\n", "", 0},
		"standard library": {"import json, re, collections, heapq, math, itertools, decimal, datetime, dataclasses, ctypes\nprint(1)", "", "1\n", "", 0},
		"main guard":       {"import sys\nif __name__ == '__main__': print(sys.argv)", "", "['main.py']\n", "", 0},
		"partial line":     {"import sys\nsys.stdout.write('ab')", "", "ab", "", 0},
		"own namespace":    {"print([n for n in dir() if not n.startswith('__')])", "", "[]\n", "", 0},
		"closed streams":   {"import os\nos.close(1); os.close(2)", "", "", "", 0},
		"type hints":       {"import typing\nclass A:\n  b: 'A'\nprint(typing.get_type_hints(A)['b'] is A)", "", "True\n", "", 0},
	} {
		t.Run(name, func(t *testing.T) {
			r := run(t, sandbox.Program{Source: c.source, Stdin: []byte(c.stdin)})
			if string(r.Stdout) != c.stdout || r.ExitCode != c.code || r.Limit != sandbox.NoLimit || r.Signal != "" {
				t.Errorf("got %+v: %s", r, r.Stderr)
			}
			if !strings.Contains(string(r.Stderr), c.stderr) || c.stderr == "" && len(r.Stderr) > 0 {
				t.Errorf("stderr %q, want %q in it", r.Stderr, c.stderr)
			}
			if r.Clean() != (c.code == 0) {
				t.Errorf("Clean() = %v with status %d", r.Clean(), r.ExitCode)
			}
		})
	}
}

func TestSameProgramSameOutput(t *testing.T) {
	p := sandbox.Program{Source: "print(set('abcdefgh'), hash('x'), list({'q', 'w', 'e'}))"}
	first := run(t, p)
	if second := run(t, p); !bytes.Equal(first.Stdout, second.Stdout) || len(first.Stdout) == 0 {
		t.Errorf("%q, then %q", first.Stdout, second.Stdout)
	}
}

// Input and output are both larger than any pipe; neither side may wait for the
// other.
func TestLargeInputAndOutputDoNotDeadlock(t *testing.T) {
	input := bytes.Repeat([]byte("0123456789abcde\n"), 1<<16)
	echo := sandbox.Program{
		Source: "import sys\nfor line in sys.stdin: sys.stdout.write(line)",
		Stdin:  input, Limits: sandbox.Limits{Output: 2 << 20},
	}
	if r := run(t, echo); !bytes.Equal(r.Stdout, input) {
		t.Errorf("%d bytes came back of %d: %s", len(r.Stdout), len(input), r.Stderr)
	}
	if r := run(t, sandbox.Program{Source: "print('unread')", Stdin: input}); string(r.Stdout) != "unread\n" {
		t.Errorf("program that reads nothing: %+v", r)
	}
}

func TestSlotsRunInParallelAndGoRound(t *testing.T) {
	s, err := sandbox.New(sandbox.Config{Slots: 2})
	if err != nil {
		t.Skip(err)
	}
	var wg sync.WaitGroup
	for i := range 12 {
		wg.Go(func() {
			r, err := s.Run(t.Context(), sandbox.Program{Source: fmt.Sprintf("print(%d)", i)})
			if err != nil || string(r.Stdout) != fmt.Sprintf("%d\n", i) {
				t.Errorf("run %d: %+v, %v", i, r, err)
			}
		})
	}
	wg.Wait()
}

func TestCancelEndsTheRun(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	timer := time.AfterFunc(100*time.Millisecond, cancel)
	defer timer.Stop()
	start := time.Now()
	_, err := box(t).Run(ctx, sandbox.Program{Source: "while True: pass"})
	if !errors.Is(err, context.Canceled) || time.Since(start) > 3*time.Second {
		t.Errorf("error %v after %v", err, time.Since(start))
	}
	if _, err := box(t).Run(ctx, sandbox.Program{Source: "print(1)"}); !errors.Is(err, context.Canceled) {
		t.Errorf("run under an ended context: %v", err)
	}
}

// Each run removes its directory, whatever the program did.
func TestNothingIsLeftBehind(t *testing.T) {
	box(t)
	parent := t.TempDir()
	for _, dir := range []string{parent, filepath.Dir(parent)} { // the slots' users must get there
		if err := os.Chmod(dir, 0o711); err != nil {
			t.Fatal(err)
		}
	}
	s, err := sandbox.New(sandbox.Config{TempDir: parent})
	if err != nil {
		t.Fatal(err)
	}
	for _, source := range []string{"print(1)", "1/0", "import os; os._exit(3)", "import os; os.abort()"} {
		if _, err := s.Run(t.Context(), sandbox.Program{Source: source}); err != nil {
			t.Errorf("%s: %v", source, err)
		}
	}
	left, err := os.ReadDir(parent)
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestNewFailsClosed(t *testing.T) {
	box(t)
	for name, c := range map[string]sandbox.Config{
		"no such interpreter": {Python: "/nonexistent/python3"},
		"not an interpreter":  {Python: "/bin/true"},
		"no directory":        {TempDir: "/nonexistent"},
		"negative slots":      {Slots: -1},
	} {
		if s, err := sandbox.New(c); err == nil {
			t.Errorf("%s: made %s", name, s.Describe())
		} else if !strings.HasPrefix(err.Error(), "sandbox: ") {
			t.Errorf("%s: error without a subject: %v", name, err)
		}
	}
}
