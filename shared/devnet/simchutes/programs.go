package simchutes

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/affine-go/affine/shared/env/abd"
	"github.com/affine-go/affine/shared/sandbox"
)

// Programs inverts the programs of "affine:abd" by running them: on every input that
// their head allows, until one prints what was printed. All miners get the same
// tasks, so each search is made once.
type Programs struct {
	runner abd.Runner
	flight singleflight.Group

	mu    sync.Mutex
	known map[string]inputs // by prompt
}

var _ Inverter = (*Programs)(nil)

// inputs are a right and a wrong one for a program.
type inputs struct{ right, wrong string }

// maxKnown bounds the searches that are remembered; the memory of a window's tasks
// is emptied all at once.
const maxKnown = 1 << 14

// NewPrograms returns an Inverter that runs programs in r.
func NewPrograms(r abd.Runner) *Programs {
	return &Programs{runner: r, known: make(map[string]inputs)}
}

// Invert finds the inputs for the prompt's program. A search outlives the caller
// who started it, since others may wait for it.
func (p *Programs) Invert(ctx context.Context, prompt string) (right, wrong string, err error) {
	problem, err := abd.ReadPrompt(prompt)
	if err != nil {
		return "", "", ErrNotMine
	}
	if in, ok := p.lookup(prompt); ok {
		return in.right, in.wrong, nil
	}
	done := p.flight.DoChan(prompt, func() (any, error) {
		in, err := p.search(context.WithoutCancel(ctx), problem)
		if err == nil {
			p.keep(prompt, in)
		}
		return in, err
	})
	select {
	case result := <-done:
		in, _ := result.Val.(inputs)
		return in.right, in.wrong, result.Err
	case <-ctx.Done():
		return "", "", fmt.Errorf("simchutes: wait for the search of an input: %w", context.Cause(ctx))
	}
}

func (p *Programs) lookup(prompt string) (inputs, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	in, ok := p.known[prompt]
	return in, ok
}

func (p *Programs) keep(prompt string, in inputs) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.known) >= maxKnown {
		clear(p.known)
	}
	p.known[prompt] = in
}

func (p *Programs) search(ctx context.Context, problem abd.Problem) (inputs, error) {
	right, ok, err := abd.Invert(ctx, p.runner, problem)
	if err != nil {
		return inputs{}, err
	}
	if !ok {
		return inputs{}, ErrNotMine
	}
	wrong, err := p.mistake(ctx, problem, right)
	return inputs{right, wrong}, err
}

// mistake is an input beside the right one under which the program does not print
// the output, as running it shows.
func (p *Programs) mistake(ctx context.Context, problem abd.Problem, right string) (string, error) {
	for step := 1; step <= 5; step++ {
		candidate := beside(right, step)
		result, err := p.runner.Run(ctx, sandbox.Program{Source: problem.Program, Stdin: []byte(candidate), Limits: sandbox.Limits{Wall: 30 * time.Second}})
		if err != nil {
			return "", fmt.Errorf("simchutes: try a wrong input: %w", err)
		}
		if !result.Clean() || strings.TrimSpace(string(result.Stdout)) != strings.TrimSpace(problem.Output) {
			return candidate, nil
		}
	}
	return "", nil // a generated program reads at least a line, and fails on nothing
}

// beside changes the input's first word: a number by step, letters to as many of
// another.
func beside(input string, step int) string {
	end := strings.IndexAny(input, " \n")
	if end < 0 {
		end = len(input)
	}
	word, rest := input[:end], input[end:]
	if n, err := strconv.Atoi(word); err == nil {
		return strconv.Itoa(n+step) + rest
	}
	return strings.Repeat(string(rune('a'+step)), len(word)) + rest
}
