package main

import (
	"context"
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/affine-go/affine/shared/sandbox"
)

func TestMain(m *testing.M) {
	sandbox.Main() // a test binary that runs task programs is started again as their child
	testscript.Main(m, map[string]func(){"af": main})
}

// The command line as a person uses it: what it prints, where, and how it exits.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(e *testscript.Env) error {
			e.Setenv("AFFINE_CRUXEVAL", "")
			// The script's own temporary folder is closed to the user that task programs run as.
			e.Setenv("TMPDIR", os.TempDir())
			return nil
		},
	})
}

func TestExitCodes(t *testing.T) {
	for _, c := range []struct {
		args []string
		want int
	}{
		{[]string{"--version"}, 0},
		{[]string{"--help"}, 0},
		{[]string{"nonsense"}, 2},
		{[]string{"dev", "--nonsense"}, 2},
		{[]string{"dev", "--samples", "0"}, 2},
		{[]string{"weights", "--input", "no-such-file"}, 1},
	} {
		if got := runQuietly(t, c.args); got != c.want {
			t.Errorf("af %v exits with %d, want %d", c.args, got, c.want)
		}
	}
}

func runQuietly(t *testing.T, args []string) int {
	t.Helper()
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	stdout, stderr := os.Stdout, os.Stderr
	os.Stdout, os.Stderr = null, null
	defer func() { os.Stdout, os.Stderr = stdout, stderr }()
	return run(context.Background(), args)
}
