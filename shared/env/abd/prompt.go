package abd

import (
	"errors"
	"fmt"
	"strings"
)

// Problem is what a challenge asks: which stdin makes the program print the output.
type Problem struct {
	Program string `json:"program"` // Python source
	Output  string `json:"output"`  // what it has to print
}

// Prompt puts the problem into words.
func (p Problem) Prompt() string {
	fence := fenceFor(p.Program + p.Output)
	return fmt.Sprintf(`A Python program read something from its standard input and printed the output below. Find an input that makes it print exactly this.

The program:

%[1]spython
%[2]s
%[1]s

Its output:

%[1]s
%[3]s
%[1]s

Several inputs may be right; any one is accepted. Give the whole input, as it would be typed, between the tags <INPUT> and </INPUT>, one line of input per line.
`, fence, strings.TrimRight(p.Program, "\n"), strings.TrimRight(p.Output, "\n"))
}

// fenceFor is a code fence that the text does not contain.
func fenceFor(text string) string {
	fence := "```"
	for strings.Contains(text, fence) {
		fence += "`"
	}
	return fence
}

// ErrNoProblem means that a text is not a prompt of this package.
var ErrNoProblem = errors.New("abd: not a prompt with a program and its output")

// ReadPrompt reads the problem back out of a prompt, up to line breaks at the ends
// of program and output. It serves those who answer challenges.
func ReadPrompt(prompt string) (Problem, error) {
	program, rest, ok := cutFenced(prompt, "The program:\n\n", "python\n")
	output, _, ok2 := cutFenced(rest, "Its output:\n\n", "\n")
	if !ok || !ok2 {
		return Problem{}, ErrNoProblem
	}
	return Problem{Program: program + "\n", Output: output + "\n"}, nil
}

// cutFenced reads the fenced text after a heading; opening ends the fence's line.
func cutFenced(s, heading, opening string) (content, rest string, ok bool) {
	_, s, found := strings.Cut(s, heading)
	fence, s, opened := strings.Cut(s, opening)
	if !found || !opened || len(fence) < 3 || strings.Trim(fence, "`") != "" {
		return "", "", false
	}
	return strings.Cut(s, "\n"+fence+"\n")
}
