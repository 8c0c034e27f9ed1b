package abd

import (
	"fmt"
	"slices"
	"strings"
)

// maxOutput bounds the output that a task shows, in bytes.
const maxOutput = 1000

// trivial says why a drafted program makes no task, and is empty when it makes one.
// Outputs are what the harness wrote for the probes and, last, for the program fed
// with its own output.
func trivial(d draft, output string, outputs []string) string {
	switch last := len(outputs) - 1; {
	case strings.TrimSpace(output) == "":
		return "nothing is printed"
	case len(output) > maxOutput:
		return "the output is too long"
	case sameResult(outputs[last], output):
		return "the output is an answer itself"
	case showsInput(output, d.planted):
		return "the output shows the input"
	default:
		return guessable(output, outputs[:last])
	}
}

// failed is what the harness writes for an input on which the program failed.
const failed = "-"

// sameResult reports whether the harness wrote that the program printed the output.
func sameResult(result, output string) bool {
	got, ok := strings.CutPrefix(result, "+")
	return ok && sameOutput(got, output)
}

// guessable rejects a program for which some other input than the planted one gives
// the same output: one that ignores its input or a part of it, or that maps many
// inputs to one output.
func guessable(output string, probes []string) string {
	distinct := map[string]bool{}
	for i, got := range probes {
		if got == failed {
			return fmt.Sprintf("probe %d makes the program fail", i)
		}
		if sameResult(got, output) {
			return fmt.Sprintf("probe %d gives the same output", i)
		}
		distinct[got] = true
	}
	if 2*len(distinct) < len(probes) {
		return fmt.Sprintf("only %d different outputs to %d inputs", len(distinct), len(probes))
	}
	return ""
}

// showsInput reports whether every word of the input stands as a word in the output,
// so that it could be copied from there.
func showsInput(output, input string) bool {
	words := strings.FieldsFunc(output, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9')
	})
	for word := range strings.FieldsSeq(input) {
		if !slices.Contains(words, word) {
			return false
		}
	}
	return true
}
