package abd

import (
	"context"
	"fmt"
	"strings"
	"time"
	"unicode"

	"github.com/affine-go/affine/shared/env"
	"github.com/affine-go/affine/shared/sandbox"
	"github.com/affine-go/affine/shared/subnet"
)

// gradeLimits bound a program on a proposed input. The wall limit is far above the
// CPU limit: a program here only computes, so if it still runs by then the machine
// is at fault and not the answer.
var gradeLimits = sandbox.Limits{CPU: 3 * time.Second, Wall: time.Minute}

// Grade scores a reply to a problem: 1000 when the program, run on the proposed
// stdin, prints the output, ends with status 0 and writes nothing to stderr; else
// 0. An error is a fault of the runner.
//
// Upstream ignored the exit status and let a program pass that was killed after
// printing; here it fails.
func (p Problem) Grade(ctx context.Context, r Runner, reply string) (env.Grade, error) {
	if len(reply) > env.MaxReply {
		return env.Grade{Reason: fmt.Sprintf("reply of %d bytes is longer than %d", len(reply), env.MaxReply)}, nil
	}
	stdin, problem := readReply(reply)
	if problem != "" {
		return env.Grade{Reason: problem}, nil
	}
	result, err := r.Run(ctx, sandbox.Program{Source: p.Program, Stdin: []byte(stdin), Limits: gradeLimits})
	if err != nil {
		return env.Grade{}, fmt.Errorf("run the program on the proposed input: %w", err)
	}
	if result.Limit == sandbox.LimitWall {
		return env.Grade{}, fmt.Errorf("run the program on the proposed input: %v CPU after %v: the machine is too busy", result.CPU, result.Wall)
	}
	g := env.Grade{Reason: verdict(result, p.Output), Answer: stdin}
	if g.Reason == "" {
		g.Score, g.Reason = subnet.ScoreScale, "the program prints the output"
	}
	return g, nil
}

// verdict says why a run does not pass; it is empty when it passes.
func verdict(r sandbox.Result, want string) string {
	switch {
	case r.Limit != sandbox.NoLimit:
		return fmt.Sprintf("the program reached its %s limit on this input", r.Limit)
	case len(r.Stderr) > 0:
		return "the program fails on this input: " + lastLine(string(r.Stderr))
	case r.ExitCode != 0:
		return fmt.Sprintf("the program ends with status %d on this input", r.ExitCode)
	case !sameOutput(string(r.Stdout), want):
		return "the program prints something else on this input"
	default:
		return ""
	}
}

// lastLine is the last line of a traceback, cut and made printable: it may quote
// what the model proposed.
func lastLine(s string) string {
	s = strings.TrimSpace(s[max(0, len(s)-1000):])
	s = strings.ToValidUTF8(s[strings.LastIndexByte(s, '\n')+1:], "?")
	s = strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '?'
	}, s)
	if runes := []rune(s); len(runes) > 100 {
		s = string(runes[:100]) + "…"
	}
	return s
}
