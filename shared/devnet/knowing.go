package devnet

import (
	"context"
	"strings"

	"github.com/affine-go/affine/shared/devnet/simchutes"
	"github.com/affine-go/affine/shared/env/abd"
)

// knowing answers recorded programs, whose inputs no search finds, with the input
// that the record holds: the simulated models have seen the collection. All other
// programs it leaves to the search.
type knowing struct {
	simchutes.Inverter
	inputs map[string]string // by program
}

func newKnowing(search simchutes.Inverter, records []abd.Record) knowing {
	k := knowing{Inverter: search, inputs: make(map[string]string, len(records))}
	for _, r := range records {
		k.inputs[trimmed(r.Program())] = r.Input
	}
	return k
}

func trimmed(program string) string { return strings.TrimRight(program, "\n") }

// mistaken is an argument list of the wrong kind and number for nearly every program.
const mistaken = "None, None, None"

// Invert implements simchutes.Inverter.
func (k knowing) Invert(ctx context.Context, prompt string) (right, wrong string, err error) {
	if problem, err := abd.ReadPrompt(prompt); err == nil {
		if input, ok := k.inputs[trimmed(problem.Program)]; ok {
			return input + "\n", mistaken + "\n", nil
		}
	}
	return k.Inverter.Invert(ctx, prompt)
}
