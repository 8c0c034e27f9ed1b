// Command envrunner attempts tasks: it takes them off the queues, asks the miners'
// models, grades the replies and stores the samples. It runs as a container with any
// number of others beside it and ends when told to, after what is under way is stored.
package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/affine-go/affine/shared/archive/batch"
	"github.com/affine-go/affine/shared/awsstack"
	"github.com/affine-go/affine/shared/chutes"
	"github.com/affine-go/affine/shared/config"
	"github.com/affine-go/affine/shared/env"
	"github.com/affine-go/affine/shared/env/abd"
	"github.com/affine-go/affine/shared/env/catalogue"
	"github.com/affine-go/affine/shared/queue"
	"github.com/affine-go/affine/shared/sandbox"
	"github.com/affine-go/affine/shared/subnet"
	"github.com/affine-go/affine/shared/validator"
)

func main() {
	sandbox.Main() // takes over when this process was started as a sandbox child
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	if err := run(ctx, os.LookupEnv); err != nil {
		slog.Error("envrunner ended", "err", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, lookup config.Lookup) error {
	s, err := config.ForEnvRunner(lookup)
	if err != nil {
		return err
	}
	log := awsstack.Logger("envrunner", s, os.Environ())
	cfg, err := awsstack.Load(ctx)
	if err != nil {
		return err
	}
	box, err := sandbox.New(sandbox.Config{})
	if err != nil {
		return err
	}
	envs, err := openEnvs(s, box)
	if err != nil {
		return err
	}
	r := &validator.Runner{
		Envs:  envs,
		Model: chutes.New(chutes.Config{API: s.Chutes.API, Inference: s.Chutes.Inference, Key: s.Chutes.Key.Reveal()}),
		Batch: batch.New(awsstack.Archive(cfg, s), runID(time.Now())), Store: awsstack.Store(cfg, s),
		InFlight: s.Runner.InFlight, PerMiner: s.Runner.PerMiner, Visibility: s.Runner.Visibility, GiveUp: s.Runner.GiveUp,
		Backoff: 5 * time.Second, MaxBackoff: 10 * time.Minute, Rest: time.Minute,
		Flush: validator.Flush{Count: s.Runner.FlushCount, Bytes: s.Runner.FlushBytes, Every: s.Runner.FlushEvery},
		Drain: s.Runner.Drain, PollWait: 20 * time.Second, Clock: time.Now, Log: log,
	}
	r.Queues = queuesOf(s, awsstack.Queues(cfg, s))
	log.InfoContext(ctx, "envrunner started", "settings", s)
	if err := r.Run(ctx); err != nil {
		return err
	}
	log.InfoContext(context.WithoutCancel(ctx), "envrunner drained")
	return nil
}

func openEnvs(s config.Settings, box *sandbox.Sandbox) (map[subnet.EnvID]env.Env, error) {
	var records []abd.Record
	if s.CruxEval != "" {
		var err error
		if records, err = abd.LoadCruxEval(s.CruxEval); err != nil {
			return nil, err
		}
	}
	opened, err := catalogue.Open(s.Envs, box, records)
	if err != nil {
		return nil, err
	}
	byID := make(map[subnet.EnvID]env.Env, len(opened))
	for _, e := range opened {
		byID[e.ID()] = e
	}
	return byID, nil
}

// queuesOf lists the queues in the order of the environments.
func queuesOf(s config.Settings, by map[subnet.EnvID]queue.Queue) []queue.Queue {
	var out []queue.Queue
	for _, id := range s.Envs {
		out = append(out, by[id])
	}
	return out
}

// runID names this process in the archive's keys.
func runID(now time.Time) string {
	return fmt.Sprintf("%s-%s", now.UTC().Format("20060102t150405"), strings.ToLower(rand.Text()[:8]))
}
