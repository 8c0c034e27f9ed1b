// Package devnet starts a whole subnet on this machine: a data folder with queues,
// table and archive, a strict stub chain node, a simulated Chutes with miners that
// really solve their tasks, and the validator's use cases wired to them.
//
// It serves `af dev` and tests. Nothing in it is fit for a real chain: its keys are
// derived from public names.
package devnet

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/affine-go/affine/shared/chain"
	"github.com/affine-go/affine/shared/chain/chaintest"
	"github.com/affine-go/affine/shared/chain/timelock"
	"github.com/affine-go/affine/shared/devnet/simchutes"
	"github.com/affine-go/affine/shared/env"
	"github.com/affine-go/affine/shared/env/abd"
	"github.com/affine-go/affine/shared/env/catalogue"
	"github.com/affine-go/affine/shared/queue"
	queuelocal "github.com/affine-go/affine/shared/queue/local"
	"github.com/affine-go/affine/shared/sandbox"
	storelocal "github.com/affine-go/affine/shared/store/local"
	"github.com/affine-go/affine/shared/subnet"
	"github.com/affine-go/affine/shared/validator"
)

// Netuid is the development subnet's number on the stub chain, Affine's own.
const Netuid subnet.Netuid = 120

// Config says what to start. Zero fields take the defaults named with them.
type Config struct {
	Dir       string        // data folder
	Samples   int           // scored samples wanted per miner and environment; 200
	BlockTime time.Duration // between blocks; 250 ms
	Latency   float64       // factor on the simulated models' latency (a median of 2 s); 0.02
	InFlight  int           // attempts at once; 64
	CruxEval  string        // folder with CRUXEval's tasks and CodeLlama-7B's answers; empty for none
	External  []Member      // miners with a URL of their own
	Runtime   string        // file with a Subtensor runtime to run the chain with; empty for the stub chain

	CommitReveal bool // the chain takes weights under a timelock only, and opens them after an epoch

	Log     *slog.Logger
	Observe func(subnet.Sample) // called for every row stored
}

func (c Config) withDefaults() Config {
	c.Samples = cmp.Or(c.Samples, 200)
	c.BlockTime = cmp.Or(c.BlockTime, 250*time.Millisecond)
	c.Latency = cmp.Or(c.Latency, 0.02)
	c.InFlight = cmp.Or(c.InFlight, 64)
	c.Log = cmp.Or(c.Log, slog.Default())
	return c
}

// Node is the chain that the subnet is on.
type Node interface {
	Endpoint() string
	Genesis() string
	Head() subnet.Block
	Beacon() timelock.Beacon
}

// Net is a running development subnet.
type Net struct {
	Enumerator *validator.Enumerator
	Runner     *validator.Runner
	Setter     *validator.WeightSetter
	Chain      *chain.Client
	Node       Node
	Stub       *chaintest.Node // the same where it is the stub chain, whose faults can be switched on; else nil
	Netuid     subnet.Netuid
	Provider   *simchutes.Server
	Own        subnet.UID // the validator's own uid
	Envs       []env.Env
	Members    []Member // the miners, uid by position

	cfg     Config
	closes  []func() error
	records []abd.Record
	queues  map[subnet.EnvID]*queuelocal.Queue
	store   *storelocal.Store
}

// Start opens the data folder and starts everything. What an earlier process left
// half done in the folder is taken up again.
func Start(ctx context.Context, cfg Config) (*Net, error) {
	n := &Net{cfg: cfg.withDefaults(), queues: make(map[subnet.EnvID]*queuelocal.Queue)}
	for _, step := range []func(context.Context) error{
		n.openFolder, n.openEnvs, n.startProvider, n.startNode, n.wire,
	} {
		if err := step(ctx); err != nil {
			return nil, errors.Join(err, n.Close())
		}
	}
	return n, nil
}

// Close stops what Start started, in reverse order.
func (n *Net) Close() error {
	var errs []error
	for i := len(n.closes) - 1; i >= 0; i-- {
		errs = append(errs, n.closes[i]())
	}
	n.closes = nil
	return errors.Join(errs...)
}

func (n *Net) onClose(f func() error) { n.closes = append(n.closes, f) }

func (n *Net) openFolder(ctx context.Context) error {
	f, err := openFolder(ctx, n.cfg.Dir)
	if err != nil {
		return err
	}
	n.onClose(f.close)
	if err := n.checkFresh(f); err != nil {
		return err
	}
	if n.store, err = storelocal.Open(f.path("store.db")); err != nil {
		return err
	}
	n.onClose(n.store.Close)
	return nil
}

// openEnvs makes the environments and a queue for each.
func (n *Net) openEnvs(ctx context.Context) error {
	box, err := sandbox.New(sandbox.Config{})
	if err != nil {
		return err
	}
	n.Members = append(roster(), n.cfg.External...)
	ids := append([]subnet.EnvID(nil), skillEnvs[:]...)
	if n.cfg.CruxEval != "" {
		if n.records, err = abd.LoadCruxEval(n.cfg.CruxEval); err != nil {
			return err
		}
		ids = append(ids, abd.RecordedID)
		n.Members = append(n.Members, replayMember(simchutes.NewReplay(n.records)))
	}
	if n.Envs, err = catalogue.Open(ids, box, n.records); err != nil {
		return err
	}
	for _, e := range n.Envs {
		q, err := queuelocal.Open(filepath.Join(n.cfg.Dir, "queue-"+e.ID().Key()+".db"), queue.Config{Visibility: visibility, MaxReceives: maxReceives})
		if err != nil {
			return err
		}
		n.onClose(q.Close)
		n.queues[e.ID()] = q
		// The folder is held by this process alone, so nobody works on these any more.
		if _, err := q.ReclaimAll(ctx); err != nil {
			return fmt.Errorf("reclaim messages of %s: %w", e.ID(), err)
		}
	}
	return nil
}

const (
	visibility  = 30 * time.Second
	maxReceives = 10
)

func (n *Net) startProvider(context.Context) error {
	cfg := simchutes.Config{Seed: 1, TimeScale: n.cfg.Latency}
	for _, m := range n.Members {
		if miner, ok := m.miner(); ok {
			cfg.Miners = append(cfg.Miners, miner)
		}
	}
	var err error
	if cfg.Programs, err = n.programs(); err != nil {
		return err
	}
	if n.Provider, err = simchutes.Start(cfg); err != nil {
		return err
	}
	n.onClose(n.Provider.Close)
	return nil
}

// programs gives the simulated models a sandbox of their own to search inputs in.
func (n *Net) programs() (simchutes.Inverter, error) {
	box, err := sandbox.New(sandbox.Config{Slots: 2, FirstUID: 60700})
	if err != nil {
		return nil, err
	}
	return newKnowing(simchutes.NewPrograms(box), n.records), nil
}

func (n *Net) startNode(ctx context.Context) error {
	start := n.startStub
	if n.cfg.Runtime != "" {
		start = n.startReal
	}
	if err := errors.Join(n.writeNewcomer(), start(ctx)); err != nil {
		return err
	}
	var err error
	if n.Chain, err = chain.Dial(ctx, chain.Config{Endpoints: []string{n.Node.Endpoint()}, Poll: n.cfg.BlockTime}); err != nil {
		return err
	}
	n.onClose(n.Chain.Close)
	return nil
}

// BlockTime is the time between blocks, by the clock on the wall.
func (n *Net) BlockTime() time.Duration { return n.cfg.BlockTime }
