package devnet

import (
	"context"
	"crypto/rand"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/affine-go/affine/shared/archive/batch"
	archivelocal "github.com/affine-go/affine/shared/archive/local"
	"github.com/affine-go/affine/shared/chain"
	"github.com/affine-go/affine/shared/chutes"
	"github.com/affine-go/affine/shared/dominance"
	"github.com/affine-go/affine/shared/env"
	"github.com/affine-go/affine/shared/queue"
	signerlocal "github.com/affine-go/affine/shared/signer/local"
	"github.com/affine-go/affine/shared/subnet"
	"github.com/affine-go/affine/shared/validator"
)

// owner names every process that works in the folder: since only one can, a lease
// that a killed one left behind is the next one's own.
const owner = "dev"

// wire constructs the use cases.
func (n *Net) wire(context.Context) error {
	archive, err := archivelocal.Open(filepath.Join(n.cfg.Dir, "archive"))
	if err != nil {
		return err
	}
	ledger, err := signerlocal.Open(filepath.Join(n.cfg.Dir, "signer.jsonl"))
	if err != nil {
		return err
	}
	n.onClose(ledger.Close)
	pair, err := ownKey()
	if err != nil {
		return err
	}
	run := "dev-" + time.Now().UTC().Format("20060102t150405") + "-" + strings.ToLower(rand.Text()[:8])
	client := chutes.New(chutes.Config{API: n.Provider.API(), Inference: n.Provider.Inference(), Key: n.Provider.Key()})
	n.onClose(func() error { client.CloseIdle(); return nil })

	n.Enumerator = &validator.Enumerator{
		Netuid: n.Netuid, Chain: n.Chain, Chutes: client, Store: n.store, Queues: make(map[subnet.EnvID]queue.Queue), Archive: archive,
		Window: subnet.WindowBlocks, Grace: 10 * time.Minute, Owner: owner, Random: rand.Reader, Clock: time.Now, Log: n.cfg.Log,
		Pace: validator.Pace{UpTo: n.cfg.Samples, GiveUp: n.cfg.Samples + n.cfg.Samples/4 + 20, Burst: 40, MaxDepth: 20_000},
	}
	n.Runner = &validator.Runner{
		Envs: make(map[subnet.EnvID]env.Env), Model: n.model(client), Batch: batch.New(archive, run), Store: n.store,
		InFlight: n.cfg.InFlight, PerMiner: max(1, n.cfg.InFlight/6), Visibility: visibility, GiveUp: maxReceives - 2,
		Backoff: 200 * time.Millisecond, MaxBackoff: 5 * time.Second, Rest: 10 * time.Second,
		Flush: validator.Flush{Count: 500, Bytes: 8 << 20, Every: 300 * time.Millisecond},
		Drain: 5 * time.Second, PollWait: time.Second, Clock: time.Now, Log: n.cfg.Log, Observe: n.cfg.Observe,
	}
	n.Setter = &validator.WeightSetter{
		Netuid: n.Netuid, Hotkey: subnet.Hotkey(pair.Address()), Chain: n.Chain, Store: n.store, Archive: archive,
		Signer: chain.NewSigner(n.Chain, pair, chain.SignerConfig{Netuid: n.Netuid, Genesis: n.Node.Genesis(), Ledger: ledger, Beacon: n.Node.Beacon()}),
		Rule:   dominance.Seed, Mode: "seed", Window: subnet.WindowBlocks, Owner: owner, Clock: time.Now, Log: n.cfg.Log,
	}
	for _, e := range n.Envs {
		lo, hi := e.Range()
		n.Enumerator.Envs = append(n.Enumerator.Envs, validator.EnvRange{ID: e.ID(), Lo: lo, Hi: hi})
		n.Enumerator.Queues[e.ID()] = n.queues[e.ID()]
		n.Runner.Queues = append(n.Runner.Queues, n.queues[e.ID()])
		n.Runner.Envs[e.ID()] = e
		n.Setter.Envs = append(n.Setter.Envs, e.ID())
	}
	return nil
}

// elsewhere is a miner's own OpenAI-compatible server.
type elsewhere struct {
	validator.Model
	name string // the model's name there
}

// byURL sends the tasks of miners with a server of their own there, and all others
// to the simulation.
type byURL struct {
	own map[string]elsewhere // by slug
	validator.Model
}

func (n *Net) model(simulated validator.Model) validator.Model {
	m := byURL{own: make(map[string]elsewhere), Model: simulated}
	for _, x := range n.Members {
		if x.URL != "" {
			client := chutes.New(chutes.Config{Inference: x.URL, Key: os.Getenv("OPENAI_API_KEY")})
			m.own[x.Name] = elsewhere{client, x.ServedAs}
		}
	}
	return m
}

// Complete implements validator.Model.
func (m byURL) Complete(ctx context.Context, t subnet.Task, prompt string, seed uint32) (subnet.Completion, error) {
	own, ok := m.own[t.Slug]
	if !ok {
		return m.Model.Complete(ctx, t, prompt, seed)
	}
	t.Model = own.name
	return own.Complete(ctx, t, prompt, seed)
}
