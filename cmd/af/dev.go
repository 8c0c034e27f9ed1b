package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/affine-go/affine/shared/devnet"
	"github.com/affine-go/affine/shared/dominance"
	"github.com/affine-go/affine/shared/leaderboard"
	"github.com/affine-go/affine/shared/subnet"
	"github.com/affine-go/affine/shared/validator"
)

// devOptions are the flags of af dev.
type devOptions struct {
	devnet.Config
	serve   bool
	asJSON  bool
	miners  []string
	timeout time.Duration
}

func newDevCmd() *cobra.Command {
	var o devOptions
	cmd := &cobra.Command{
		Use:   "dev",
		Short: "Run the whole system on this machine, from an empty folder to weights on a stub chain",
		Long: `Run the whole system in one process: a stub chain node, a simulated Chutes with
miners that really solve their tasks, queues, table and archive in the data folder.
The run samples every valid miner, prints the leaderboard, sets weights on the stub
chain and reads them back. A later run over the same folder goes on where it ended.
With --commit-reveal the weights are sealed, and the run waits until the chain opens
them.

With --runtime the chain is made by a real Subtensor runtime, which judges what the
validator sends as finney does: the subnet is founded by the calls that its owner and
miners would make. That chain is kept in memory, so every run begins in a new folder.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return dev(cmd.Context(), cmd.OutOrStdout(), o)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.Dir, "data", "af-data", "data folder")
	f.IntVar(&o.Samples, "samples", 200, "scored samples wanted per miner and environment (below 200 nobody is eligible)")
	f.IntVar(&o.InFlight, "in-flight", 64, "attempts at once")
	f.DurationVar(&o.BlockTime, "block-time", 250*time.Millisecond, "time between blocks of the chain")
	f.Float64Var(&o.Latency, "latency", 0.02, "factor on the simulated models' latency, whose median is 2 s")
	f.StringVar(&o.CruxEval, "cruxeval", os.Getenv("AFFINE_CRUXEVAL"), "folder with CRUXEval's tasks and recorded answers, a second source of programs")
	f.StringArrayVar(&o.miners, "miner", nil, "add a miner served elsewhere, as MODEL=BASE_URL of any OpenAI-compatible server, such as tiny=http://127.0.0.1:8000/v1 (its key in OPENAI_API_KEY)")
	f.StringVar(&o.Runtime, "runtime", "", "file with a Subtensor runtime (WebAssembly, as af chain fetch-runtime saves it) to run the chain with instead of the stub; needs a new data folder")
	f.BoolVar(&o.CommitReveal, "commit-reveal", false, "have the chain take weights only under a timelock, and wait until it opens them")
	f.BoolVar(&o.serve, "serve", false, "keep running and set weights every epoch, until interrupted")
	f.BoolVar(&o.asJSON, "json", false, "print the verdict as JSON instead of the table")
	f.DurationVar(&o.timeout, "timeout", 30*time.Minute, "give up sampling after this long")
	return cmd
}

func (o *devOptions) check() error {
	if o.Samples < 1 || o.Samples > 100_000 {
		return fmt.Errorf("--samples %d: want 1 to 100000", o.Samples)
	}
	if o.InFlight < 1 || o.InFlight > 10_000 {
		return fmt.Errorf("--in-flight %d: want 1 to 10000", o.InFlight)
	}
	if o.BlockTime < 10*time.Millisecond || o.BlockTime > time.Minute {
		return fmt.Errorf("--block-time %v: want 10ms to 1m", o.BlockTime)
	}
	if !(o.Latency >= 0 && o.Latency <= 100) {
		return fmt.Errorf("--latency %v: want 0 to 100", o.Latency)
	}
	for i, text := range o.miners {
		model, url, ok := strings.Cut(text, "=")
		if !ok || model == "" || !strings.Contains(url, "://") {
			return fmt.Errorf("--miner %q: want MODEL=BASE_URL", text)
		}
		o.External = append(o.External, devnet.ExternalMember(i, model, url))
	}
	return nil
}

// dev runs until the leaderboard stands, or with --serve until ctx ends.
func dev(ctx context.Context, out io.Writer, o devOptions) error {
	if err := o.check(); err != nil {
		return fmt.Errorf("%w: %w", err, errUsage)
	}
	show := newProgress(os.Stderr, o.Samples)
	o.Log, o.Observe = slog.Default(), show.observe
	net, err := devnet.Start(ctx, o.Config)
	if err != nil {
		return fmt.Errorf("dev: %w", err)
	}
	defer net.Close()
	show.started(net)
	if o.CruxEval == "" {
		fmt.Fprintln(os.Stderr, "without recorded answers: set AFFINE_CRUXEVAL to CRUXEval's folder to add the miner that replays CodeLlama-7B")
	}
	if err := sampleAll(ctx, net, show, o); err != nil {
		return fmt.Errorf("dev: %w", err)
	}
	if err := finish(ctx, out, net, o); err != nil || !o.serve {
		return err
	}
	return serve(ctx, out, net, show, o)
}

// sampleAll plans and attempts tasks until no valid miner lacks samples.
func sampleAll(ctx context.Context, net *devnet.Net, show *progress, o devOptions) error {
	ctx, cancel := context.WithTimeoutCause(ctx, o.timeout, fmt.Errorf("sampling took longer than --timeout %v; run again to go on", o.timeout))
	defer cancel()
	runCtx, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- net.Runner.Run(runCtx) }()
	err := planAll(ctx, net, show)
	stop()
	if rerr := <-ended; err == nil {
		err = rerr
	}
	show.finished()
	return err
}

// tick is how often the enumerator runs; on AWS it is every minute.
const tick = 400 * time.Millisecond

func planAll(ctx context.Context, net *devnet.Net, show *progress) error {
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	for {
		found, err := net.Enumerator.Run(ctx)
		if err != nil {
			return cmpCause(ctx, err)
		}
		if show.planned(found); done(found, len(net.Envs)) {
			return nil
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-ticker.C:
		}
	}
}

// cmpCause prefers the reason why ctx ended to the error that this led to.
func cmpCause(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

func done(found validator.Enumeration, envs int) bool {
	if found.Skipped || len(found.Planned) < envs {
		return false
	}
	for _, p := range found.Planned {
		if p.Lacking > 0 {
			return false
		}
	}
	return true
}

// finish sets weights and prints the leaderboard, who won and why, and the weights
// as they are read back from the chain.
func finish(ctx context.Context, out io.Writer, net *devnet.Net, o devOptions) error {
	rec, err := setWeights(ctx, net)
	if err == nil && rec.Sealed() {
		rec, err = awaitReveal(ctx, net, rec)
	}
	if err != nil {
		return fmt.Errorf("dev: %w", err)
	}
	mg, err := net.Chain.Metagraph(ctx, net.Netuid)
	if err != nil {
		return fmt.Errorf("dev: %w", err)
	}
	verdict, err := net.Setter.Score(ctx, mg)
	if err != nil {
		return fmt.Errorf("dev: %w", err)
	}
	if err := nameTheUnsampled(ctx, net, verdict); err != nil {
		return fmt.Errorf("dev: %w", err)
	}
	row, err := net.Chain.Weights(ctx, net.Netuid, 0, net.Own)
	if err != nil {
		return fmt.Errorf("dev: %w", err)
	}
	if o.asJSON {
		return printReport(out, verdict)
	}
	return report(out, net, verdict, rec, row)
}

// nameTheUnsampled gives miners without a record the model that they committed.
func nameTheUnsampled(ctx context.Context, net *devnet.Net, v dominance.Verdict) error {
	miners, err := net.Setter.Store.Miners(ctx, net.Netuid)
	if err != nil {
		return err
	}
	for _, m := range miners {
		if int(m.UID) < len(v.Miners) {
			if s := &v.Miners[m.UID]; s.Hotkey == m.Hotkey && s.Model == "" {
				s.Model, s.Revision = m.Model, m.Revision
			}
		}
	}
	return nil
}

func report(out io.Writer, net *devnet.Net, v dominance.Verdict, rec subnet.WeightsRecord, row subnet.WeightsRow) error {
	fmt.Fprintln(out)
	if err := leaderboard.Render(out, v); err != nil {
		return err
	}
	fmt.Fprintf(out, "\nWeights of epoch %d, decided at block %d: %s in block %d (extrinsic %s)%s\n", rec.Epoch, rec.Block, rec.State, rec.At, short(rec.Hash), sealOf(rec))
	fmt.Fprintf(out, "Read back from the chain at block %d, last set at block %d:\n", row.At, row.LastUpdate)
	total := 0
	for _, value := range row.Values {
		total += int(value)
	}
	for uid, m := range net.Members {
		if value := row.Values[subnet.UID(uid)]; value > 0 {
			fmt.Fprintf(out, "  uid %-3d %-28s %5d  %6.2f %%\n", uid, m.Model, value, 100*float64(value)/float64(total))
		}
	}
	return nil
}

func short(hash string) string {
	if len(hash) <= 14 {
		return hash
	}
	return hash[:14] + "…"
}
