package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/affine-go/affine/shared/env"
	"github.com/affine-go/affine/shared/env/abd"
	"github.com/affine-go/affine/shared/env/sat"
	"github.com/affine-go/affine/shared/subnet"
)

// challengeLine is a challenge in the forms that af grade reads; what is not given
// is nil.
type challengeLine struct {
	Task    *subnet.TaskID `json:"task_id"`
	Formula *formulaLine   `json:"formula"`
	Program *string        `json:"program"`
	Output  *string        `json:"output"`
	Prompt  *string        `json:"prompt"`
}

// UnmarshalJSON reads a task's number, or an object of the fields.
func (c *challengeLine) UnmarshalJSON(text []byte) error {
	if text[0] != '{' {
		if err := json.Unmarshal(text, &c.Task); err != nil {
			return fmt.Errorf("challenge: %.24s: want a task's number or an object", text)
		}
		return nil
	}
	type fields challengeLine // without this method
	if err := parseLine(text, (*fields)(c)); err != nil {
		return fmt.Errorf("challenge: %w", err)
	}
	return nil
}

// formulaLine is a formula as text or as clauses of DIMACS literals.
type formulaLine sat.Formula

// UnmarshalJSON reads either form.
func (f *formulaLine) UnmarshalJSON(text []byte) error {
	if text[0] != '"' {
		return f.readClauses(text)
	}
	var words string
	if err := json.Unmarshal(text, &words); err != nil {
		return err
	}
	formula, err := sat.Parse(words)
	*f = formulaLine(formula)
	return err
}

func (f *formulaLine) readClauses(text []byte) error {
	if err := json.Unmarshal(text, &f.Clauses); err != nil {
		return errors.New("formula: want text, or lists of whole numbers")
	}
	if len(f.Clauses) == 0 {
		return errors.New("formula: no clauses")
	}
	for i, clause := range f.Clauses {
		for _, literal := range clause {
			if literal == 0 || literal.Var() < 0 || literal.Var() > sat.MaxVar {
				return fmt.Errorf("formula: clause %d: literal %d: want 1 to %d or the negative", i+1, literal, sat.MaxVar)
			}
			f.Vars = max(f.Vars, literal.Var())
		}
	}
	return nil
}

// challenge is the challenge that is meant, of the environment e: the one that the
// line spells out, else the task's.
func (c challengeLine) challenge(ctx context.Context, e env.Env) (env.Challenge, error) {
	hidden, err := c.hidden(e.ID())
	if err != nil {
		return env.Challenge{}, err
	}
	if hidden != nil {
		return env.Challenge{Env: e.ID(), Hidden: hidden}, nil
	}
	if c.Task == nil {
		return env.Challenge{}, errors.New("want task_id, or " + spelledOut(e.ID()))
	}
	return e.Challenge(ctx, *c.Task)
}

// isSAT tells the two kinds of environments apart, by what their challenges hide: a
// sat.Formula or an abd.Problem.
func isSAT(id subnet.EnvID) bool { return id == sat.LegacyID || id == sat.HardID }

func spelledOut(id subnet.EnvID) string {
	if isSAT(id) {
		return "formula"
	}
	return "program and output"
}

// hidden is what the environment's grader needs, as far as the line spells it out;
// nil when it does not.
func (c challengeLine) hidden(id subnet.EnvID) (any, error) {
	switch {
	case isSAT(id) && c.Formula != nil:
		return sat.Formula(*c.Formula), nil
	case isSAT(id) && c.Prompt != nil:
		return orNil(sat.Parse(*c.Prompt))
	case isSAT(id):
		return nil, nil
	case c.Program != nil && c.Output != nil:
		return abd.Problem{Program: unfenced(*c.Program), Output: *c.Output}, nil
	case c.Program != nil || c.Output != nil:
		return nil, errors.New("program and output belong together: one is missing")
	case c.Prompt != nil:
		return orNil(abd.ReadPrompt(*c.Prompt))
	}
	return nil, nil
}

// orNil is v, or no value at all beside an error.
func orNil[T any](v T, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	return v, nil
}

// unfenced takes off the code fence around a program that consists of one, as
// recorded programs may.
func unfenced(program string) string {
	const fence = "```"
	inner, ok := strings.CutPrefix(strings.TrimSpace(program), fence)
	body, closed := strings.CutSuffix(inner, fence)
	language, code, found := strings.Cut(body, "\n")
	if !ok || !closed || !found || strings.ContainsAny(language, "` ") || strings.Contains(code, "\n"+fence) {
		return program
	}
	return code
}
