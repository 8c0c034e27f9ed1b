package simchutes

import (
	"context"
	"strings"

	"github.com/affine-go/affine/shared/env/abd"
)

// Replay is a brain that answers recorded problems with what a real model answered
// when they were recorded, and knows nothing else. It finds the record by the
// program in the prompt.
type Replay struct {
	answers map[string][]string // by program
}

var _ Brain = (*Replay)(nil)

// NewReplay returns a brain that repeats the records' generations. Of a record's
// several generations it gives one that the prompt draws, always the same.
func NewReplay(records []abd.Record) *Replay {
	r := &Replay{answers: make(map[string][]string, len(records))}
	for _, record := range records {
		if len(record.Generations) > 0 {
			r.answers[programKey(record.Program())] = record.Generations
		}
	}
	return r
}

// programKey leaves out what a prompt does not keep of a program.
func programKey(program string) string { return strings.TrimRight(program, "\n") }

// Answer repeats the recorded answer.
func (r *Replay) Answer(_ context.Context, prompt string) (string, error) {
	problem, err := abd.ReadPrompt(prompt)
	if err != nil {
		return noIdea, nil //nolint:nilerr // a prompt of another kind is no failure of a model
	}
	answers := r.answers[programKey(problem.Program)]
	if len(answers) == 0 {
		return noIdea, nil
	}
	drawn := hash("replay", prompt) % uint64(len(answers))
	return abd.ReplyFromGeneration(answers[drawn]), nil
}
