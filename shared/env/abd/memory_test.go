package abd_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/affine-go/affine/shared/env/abd"
	"github.com/affine-go/affine/shared/sandbox"
)

// counting is a runner that counts its runs and echoes stdin.
type counting struct {
	runs   atomic.Int32
	result func(p sandbox.Program) (sandbox.Result, error)
}

func (c *counting) Run(_ context.Context, p sandbox.Program) (sandbox.Result, error) {
	c.runs.Add(1)
	time.Sleep(time.Second) // fake time
	if c.result != nil {
		return c.result(p)
	}
	return sandbox.Result{Stdout: append([]byte(p.Source+":"), p.Stdin...)}, nil
}

func program(source, stdin string) sandbox.Program {
	return sandbox.Program{Source: source, Stdin: []byte(stdin)}
}

func TestMemoryRunsEachProgramOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &counting{}
		m := abd.NewMemory(c, 100)
		var all sync.WaitGroup
		for i := range 40 {
			all.Go(func() {
				stdin := fmt.Sprint(i % 2)
				if r, err := m.Run(t.Context(), program("p", stdin)); err != nil || string(r.Stdout) != "p:"+stdin {
					t.Errorf("stdout %q, %v", r.Stdout, err)
				}
			})
		}
		all.Wait()
		if n := c.runs.Load(); n != 2 {
			t.Errorf("%d runs of 2 programs", n)
		}
	})
}

// Source, input and limits all make a run another one, and cannot run into each other.
func TestMemoryTellsRunsApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &counting{}
		m := abd.NewMemory(c, 100)
		strict := program("ab", "c")
		strict.Limits.CPU = time.Second
		for _, p := range []sandbox.Program{program("ab", "c"), program("a", "bc"), program("abc", ""), strict} {
			if r, err := m.Run(t.Context(), p); err != nil || string(r.Stdout) != p.Source+":"+string(p.Stdin) {
				t.Errorf("%+v gave %q, %v", p, r.Stdout, err)
			}
		}
		if n := c.runs.Load(); n != 4 {
			t.Errorf("%d runs, want 4", n)
		}
	})
}

// What may end otherwise next time is not remembered: a fault of the runner, a run
// cut off by the wall limit.
func TestMemoryForgetsWhatMayEndOtherwise(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, result := range map[string]func(sandbox.Program) (sandbox.Result, error){
			"fault": func(sandbox.Program) (sandbox.Result, error) { return sandbox.Result{}, errors.New("fork") },
			"wall":  func(sandbox.Program) (sandbox.Result, error) { return sandbox.Result{Limit: sandbox.LimitWall}, nil },
			"huge":  func(sandbox.Program) (sandbox.Result, error) { return sandbox.Result{Stdout: make([]byte, 1<<20)}, nil },
		} {
			c := &counting{result: result}
			m := abd.NewMemory(c, 100)
			for range 2 {
				_, _ = m.Run(t.Context(), program("p", ""))
			}
			if n := c.runs.Load(); n != 2 {
				t.Errorf("%s: %d runs, want 2", name, n)
			}
		}
	})
}

func TestMemoryIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &counting{}
		m := abd.NewMemory(c, 3)
		for i := range 5 {
			_, _ = m.Run(t.Context(), program("p", fmt.Sprint(i)))
		}
		_, _ = m.Run(t.Context(), program("p", "4")) // kept
		_, _ = m.Run(t.Context(), program("p", "0")) // forgotten
		if n := c.runs.Load(); n != 6 {
			t.Errorf("%d runs, want 6", n)
		}
	})
}

// A caller who gives up does not take the run away from the others.
func TestMemoryOutlivesACaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &counting{}
		m := abd.NewMemory(c, 3)
		hasty, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		go func() {
			if _, err := m.Run(hasty, program("p", "")); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("the hasty caller got %v", err)
			}
		}()
		synctest.Wait()
		if r, err := m.Run(t.Context(), program("p", "")); err != nil || string(r.Stdout) != "p:" {
			t.Errorf("the patient caller got %q, %v", r.Stdout, err)
		}
		if n := c.runs.Load(); n != 1 {
			t.Errorf("%d runs, want 1", n)
		}
	})
}
