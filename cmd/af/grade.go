package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"

	"github.com/spf13/cobra"

	"github.com/affine-go/affine/shared/env"
	"github.com/affine-go/affine/shared/env/abd"
	"github.com/affine-go/affine/shared/env/catalogue"
	"github.com/affine-go/affine/shared/sandbox"
	"github.com/affine-go/affine/shared/subnet"
)

// maxGradeLine has room for a reply of env.MaxReply bytes of which JSON writes each
// in six, beside its challenge.
const maxGradeLine = 6*env.MaxReply + 1<<20

func newGradeCmd() *cobra.Command {
	var name, cruxEval string
	var parallel int
	cmd := &cobra.Command{
		Use:   "grade --env NAME < LINES",
		Short: "Grade replies to challenges of an environment",
		Long: `Read one JSON object a line from standard input,

  {"challenge": {"task_id": 7}, "reply": "x1=True, x2=False …"}

and print {"score", "reason", "answer"} for each: the score from 0 to 1, why, and what
was read out of the reply. af envs lists the environments.

A challenge is a task's number, alone or as task_id; or it says itself what it asks,
and then task_id is not looked at:

  affine:sat, affine:sat-v2   formula: "(x1 ∨ ¬x2) ∧ (x2 ∨ x3)", or its clauses as
                              in DIMACS, [[1, -2], [2, 3]]
  affine:abd, affine:abd-crux program (Python, may be fenced) and output
  all                         prompt: the message that af sends for a task

Programs run in a sandbox: without network, files or any right of the caller.

The reply may be anything, and a bad one scores 0. A bad line ends the command with
exit code 1; the lines before it are answered by then. A line has at most 25 MiB.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if parallel < 1 || parallel > maxParallel {
				return fmt.Errorf("grade: --parallel %d: want 1 to %d: %w", parallel, maxParallel, errUsage)
			}
			g, err := newGrader(name, cruxEval)
			if err == nil {
				err = lineByLine{limit: maxGradeLine, parallel: parallel}.run(cmd.Context(), cmd.InOrStdin(), cmd.OutOrStdout(),
					func(ctx context.Context, line []byte) (any, error) { return g.line(ctx, line) })
			}
			if err != nil {
				return fmt.Errorf("grade: %w", err)
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&name, "env", "", "environment, such as affine:sat")
	cmd.Flags().IntVar(&parallel, "parallel", runtime.NumCPU(), "replies graded at once")
	cruxEvalFlag(cmd, &cruxEval)
	return cmd
}

// maxParallel bounds --parallel, and with it the lines that are in memory at once.
const maxParallel = 64

// cruxEvalFlag adds --cruxeval.
func cruxEvalFlag(cmd *cobra.Command, dir *string) {
	cmd.Flags().StringVar(dir, "cruxeval", os.Getenv("AFFINE_CRUXEVAL"), "folder with CRUXEval's tasks, for affine:abd-crux")
}

// grader grades replies to challenges of one environment.
type grader struct {
	env env.Env
}

func newGrader(name, cruxEval string) (grader, error) {
	if name == "" {
		return grader{}, fmt.Errorf("--env NAME is missing: %w", errUsage)
	}
	id := subnet.EnvID(name)
	records, err := recordsFor(id, cruxEval)
	if err != nil {
		return grader{}, err
	}
	e, err := open(id, nil, records)
	if errors.Is(err, catalogue.ErrUnknown) {
		return grader{}, fmt.Errorf("--env: %w: %w", err, errUsage)
	}
	if err != nil || isSAT(id) {
		return grader{e}, err
	}
	box, err := sandbox.New(sandbox.Config{Slots: maxParallel})
	if err != nil {
		return grader{}, err
	}
	e, err = open(id, box, records)
	return grader{e}, err
}

// open makes one environment; without a runner it can tell its name and range.
func open(id subnet.EnvID, runner abd.Runner, records []abd.Record) (env.Env, error) {
	envs, err := catalogue.Open([]subnet.EnvID{id}, runner, records)
	if err != nil {
		return nil, err
	}
	return envs[0], nil
}

// recordsFor reads the recorded tasks if the environment has such and they are there.
func recordsFor(id subnet.EnvID, dir string) ([]abd.Record, error) {
	if id != abd.RecordedID || dir == "" {
		return nil, nil
	}
	return abd.LoadCruxEval(dir)
}

// gradeLine is a reply and what it replies to.
type gradeLine struct {
	Challenge challengeLine `json:"challenge"`
	Reply     *string       `json:"reply"`
}

// graded is the answer to a gradeLine.
type graded struct {
	Score  float64 `json:"score"`
	Reason string  `json:"reason"`
	Answer string  `json:"answer"`
}

func (g grader) line(ctx context.Context, line []byte) (graded, error) {
	var in gradeLine
	if err := parseLine(line, &in); err != nil {
		return graded{}, err
	}
	if in.Reply == nil {
		return graded{}, errors.New("reply is missing")
	}
	c, err := in.Challenge.challenge(ctx, g.env)
	if err != nil {
		return graded{}, fmt.Errorf("challenge: %w", err)
	}
	verdict, err := g.env.Grade(ctx, c, *in.Reply)
	if err != nil {
		return graded{}, err
	}
	return graded{Score: float64(verdict.Score) / subnet.ScoreScale, Reason: verdict.Reason, Answer: verdict.Answer}, nil
}
