// Command af is the validator's and the developer's tool: it runs the whole system
// on one machine and recomputes weights from recorded samples.
package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/affine-go/affine/shared/leaderboard"
	"github.com/affine-go/affine/shared/sandbox"
)

// version is set when a release is built.
var version = "dev"

func main() {
	sandbox.Main() // takes over when this process was started as a sandbox child
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:])
	stop()
	os.Exit(code)
}

// run executes one command line and returns the exit code: 0 when it did what was
// asked, 1 when it failed, 2 when the command line was wrong, 130 when interrupted.
func run(ctx context.Context, args []string) int {
	root := newRootCmd()
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	switch {
	case err == nil:
		return 0
	case errors.Is(err, context.Canceled) && ctx.Err() != nil:
		fmt.Fprintln(os.Stderr, "af: interrupted")
		return 130
	}
	fmt.Fprintln(os.Stderr, "af:", oneLine(err))
	if errors.Is(err, errUsage) || strings.HasPrefix(err.Error(), "unknown command") {
		return 2
	}
	return 1
}

// oneLine folds an error of several lines, so that a person gets one clear line, and
// lets nothing that others wrote steer the terminal.
func oneLine(err error) string {
	return leaderboard.Printable(strings.Join(strings.FieldsFunc(err.Error(), func(r rune) bool { return r == '\n' }), "; "))
}

// errUsage marks an error of the command line.
var errUsage = errors.New("see --help")

func newRootCmd() *cobra.Command {
	var verbose int
	root := &cobra.Command{
		Use:           "af",
		Short:         "Affine: sample the miners of subnet 120 and set weights",
		Version:       version,
		SilenceErrors: true,
		SilenceUsage:  true,
		PersistentPreRun: func(*cobra.Command, []string) {
			var h slog.Handler = slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level(verbose)})
			if verbose == 0 {
				h = newSparing(h, 5*time.Second)
			}
			slog.SetDefault(slog.New(h))
		},
	}
	root.PersistentFlags().CountVarP(&verbose, "verbose", "v", "log more: -v info, -vv debug")
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return fmt.Errorf("%w: %w", err, errUsage) })
	root.AddCommand(newDevCmd(), newWeightsCmd())
	root.AddCommand(newChainCmd(), newCommitCmd())
	root.AddCommand(newGradeCmd(), newEnvsCmd())
	return root
}

func level(verbose int) slog.Level {
	switch verbose {
	case 0:
		return slog.LevelWarn
	case 1:
		return slog.LevelInfo
	default:
		return slog.LevelDebug
	}
}
