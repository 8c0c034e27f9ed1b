// Function enumerate looks at the miners and puts their due tasks on the queues. A
// schedule calls it every minute.
package main

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/affine-go/affine/shared/awsstack"
	"github.com/affine-go/affine/shared/chain"
	"github.com/affine-go/affine/shared/chutes"
	"github.com/affine-go/affine/shared/config"
	"github.com/affine-go/affine/shared/dominance"
	"github.com/affine-go/affine/shared/env/catalogue"
	"github.com/affine-go/affine/shared/subnet"
	"github.com/affine-go/affine/shared/validator"
)

func main() {
	f, err := newFunction(context.Background(), os.LookupEnv)
	if err != nil {
		slog.Error("enumerate cannot start", "err", err)
		os.Exit(1)
	}
	lambda.Start(f.handle)
}

type function struct {
	chain      chain.Config
	enumerator validator.Enumerator
}

// blockTime is finney's; it only turns the window's span into a sampling rate.
const blockTime = 12 * time.Second

func newFunction(ctx context.Context, lookup config.Lookup) (*function, error) {
	s, err := config.ForEnumerate(lookup)
	if err != nil {
		return nil, err
	}
	cfg, err := awsstack.Load(ctx)
	if err != nil {
		return nil, err
	}
	ranges, err := rangesOf(s.Envs)
	if err != nil {
		return nil, err
	}
	log := awsstack.Logger("enumerate", s, os.Environ())
	archive := awsstack.Archive(cfg, s)
	return &function{
		chain: awsstack.Chain(s, archive),
		enumerator: validator.Enumerator{
			Netuid:  s.Netuid,
			Chutes:  chutes.New(chutes.Config{API: s.Chutes.API, Key: s.Chutes.Key.Reveal()}),
			Store:   awsstack.Store(cfg, s),
			Queues:  awsstack.Queues(cfg, s),
			Archive: archive,
			Envs:    ranges,
			Window:  s.WindowBlocks,
			Pace: validator.Pace{
				PerDay: s.DailyRate, Need: dominance.MinSamples, Span: time.Duration(s.WindowBlocks) * blockTime,
				Burst: 10, MaxDepth: s.MaxDepth,
			},
			Grace: 10 * time.Minute, Blacklist: s.Blacklist, Owner: rand.Text(), Random: rand.Reader, Clock: time.Now, Log: log,
		},
	}, nil
}

// rangesOf looks up the task ids of the environments. It runs no task, so it needs
// no sandbox.
func rangesOf(ids []subnet.EnvID) ([]validator.EnvRange, error) {
	envs, err := catalogue.Open(ids, nil, nil)
	if err != nil {
		return nil, err
	}
	var out []validator.EnvRange
	for _, e := range envs {
		lo, hi := e.Range()
		out = append(out, validator.EnvRange{ID: e.ID(), Lo: lo, Hi: hi})
	}
	return out, nil
}

// summary is what an invocation returns, for whoever looks at the log.
type summary struct {
	Skipped bool                               `json:"skipped,omitempty"` // another run was under way
	Block   subnet.Block                       `json:"block"`
	Miners  map[subnet.MinerState]int          `json:"miners"`
	Planned map[subnet.EnvID]validator.Planned `json:"planned"`
}

// handle runs once. The socket to the chain lasts for one invocation.
func (f *function) handle(ctx context.Context) (out summary, err error) {
	ctx, done := awsstack.Invocation(ctx)
	defer done()
	client, err := chain.Dial(ctx, f.chain)
	if err != nil {
		return out, err
	}
	defer func() { err = errors.Join(err, client.Close()) }()
	e := f.enumerator
	e.Chain = client
	found, err := e.Run(ctx)
	if err != nil {
		return out, err
	}
	out = summary{Skipped: found.Skipped, Block: found.Block, Miners: make(map[subnet.MinerState]int), Planned: found.Planned}
	for _, m := range found.Miners {
		out.Miners[m.State]++
	}
	e.Log.InfoContext(ctx, "enumerated", "block", found.Block, "miners", out.Miners, "planned", out.Planned)
	return out, nil
}
