// Package wasmchain is a chain of one node around a real runtime: blocks, pool and state
// are made by a Subtensor runtime's own WebAssembly (package wasmhost), so that what this
// project's client does is judged by the code that judges it on finney. `af dev --runtime`
// runs on it, and so does a test for whoever has a runtime at hand.
//
// State roots and block hashes are real. There is no consensus, since there is nobody
// else: blocks follow one another at the runtime's slots from a fixed date on, whatever
// the clock says, and the same extrinsics give the same chain. Pulses of the randomness
// beacon are those of a beacon of the chain's own.
package wasmchain

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/affine-go/affine/shared/chain/metadata"
	"github.com/affine-go/affine/shared/chain/rpcserver"
	"github.com/affine-go/affine/shared/chain/timelock"
	"github.com/affine-go/affine/shared/chain/wasmhost"
	"github.com/affine-go/affine/shared/subnet"
)

// Config says what chain to run and how. Zero fields take the defaults named with them.
type Config struct {
	Code   []byte // the runtime, as stored under ":code"
	Name   string // the chain's; "Affine development, real runtime"
	Listen string // address; a free port of 127.0.0.1

	// Genesis is merged into the runtime's own default configuration (a JSON merge patch,
	// RFC 7396); Development() when nil.
	Genesis map[string]any

	// Every is how long to wait between blocks. Zero makes blocks by Mine and, with
	// OnSubmit, when an extrinsic comes in.
	Every    time.Duration
	OnSubmit bool // make a block of an extrinsic at once, and as many more as make it final

	FinalityLag int             // blocks between the newest and the newest finalized one
	KeepState   int             // blocks whose state can be read; 512
	Host        wasmhost.Config // limits of the runtime, and where its compiled code is kept
}

// Node is a running chain.
type Node struct {
	cfg    Config
	server *rpcserver.Server
	alive  context.Context
	stop   context.CancelFunc
	ticker sync.WaitGroup
	calls  chan struct{} // a token for each call of the runtime that may run at once

	authority timelock.Authority
	beacon    timelock.Beacon
	slot      time.Duration

	building sync.Mutex // held while a block is made or an extrinsic judged

	mu     sync.RWMutex
	chain  ledger
	pool   pool
	held   bool          // HoldPulses
	added  []pulse       // put in by hand, for the next block
	told   uint64        // newest round that the beacon has put in
	failed error         // why no further block can be made
	news   chan struct{} // closed and replaced when a head has moved
}

// Start makes the genesis block and serves the chain until Close is called or ctx ends.
// Errors wrap wasmhost.ErrCode when the code is no runtime that can be run.
func Start(ctx context.Context, cfg Config) (*Node, error) {
	cfg.Name = cmp.Or(cfg.Name, "Affine development, real runtime")
	cfg.Listen = cmp.Or(cfg.Listen, "127.0.0.1:0")
	cfg.KeepState = cmp.Or(cfg.KeepState, 512)
	if cfg.Genesis == nil {
		cfg.Genesis = Development()
	}
	n := &Node{cfg: cfg, news: make(chan struct{}), calls: make(chan struct{}, maxCalls)}
	n.alive, n.stop = context.WithCancel(ctx)
	if err := n.open(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("wasmchain: %w", err), n.Close())
	}
	if cfg.Every > 0 {
		n.ticker.Go(n.tick)
	}
	return n, nil
}

// maxCalls bounds how many calls of the runtime run at once, each with memory of its own.
const maxCalls = 4

func (n *Node) open(ctx context.Context) error {
	rt, err := wasmhost.Load(ctx, n.cfg.Code, n.cfg.Host)
	if err != nil {
		return err
	}
	n.chain.runtimes = append(n.chain.runtimes, rt)
	if n.authority, err = timelock.NewAuthority(beaconSeed()); err != nil {
		return err
	}
	if err := n.genesis(ctx, rt); err != nil {
		return fmt.Errorf("genesis: %w", err)
	}
	n.server, err = rpcserver.Start(ctx, n.cfg.Listen, "affine-wasmchain", served{n})
	return err
}

// beaconSeed is the secret of the chain's own beacon. Everybody can derive it.
func beaconSeed() []byte {
	seed := sha256.Sum256([]byte("affine development beacon"))
	return seed[:]
}

// Close stops the chain and waits until it has stopped.
func (n *Node) Close() error {
	n.stop()
	if n.server != nil {
		n.server.Close()
	}
	n.ticker.Wait()
	n.building.Lock() // a block under way ends, because alive has ended
	defer n.building.Unlock()
	var errs []error
	for _, rt := range n.chain.runtimes {
		errs = append(errs, rt.Close())
	}
	n.chain.runtimes = nil
	return errors.Join(errs...)
}

// tick makes a block each time Every has passed.
func (n *Node) tick() {
	clock := time.NewTicker(n.cfg.Every)
	defer clock.Stop()
	for {
		select {
		case <-n.alive.Done():
			return
		case <-clock.C:
		}
		if err := n.Mine(n.alive, 1); err != nil {
			return // kept in n.failed, which every submission reports
		}
	}
}

// Endpoint is the node's WebSocket URL. HTTP POST works there as well.
func (n *Node) Endpoint() string { return n.server.Endpoint() }

// Genesis is the hash of block 0, 0x-prefixed hex.
func (n *Node) Genesis() string { return fmt.Sprintf("%#x", n.chain.at(0).Hash) }

// Head is the number of the newest block.
func (n *Node) Head() subnet.Block { return subnet.Block(n.head().Number) }

// Version is what the runtime of the newest block says of itself.
func (n *Node) Version() wasmhost.Version { return n.head().runtime.Version() }

// Metadata describes the runtime of the newest block.
func (n *Node) Metadata() *metadata.Metadata { return n.head().described }

// BlockTime is how far apart blocks are by the chain's own clock.
func (n *Node) BlockTime() time.Duration { return n.slot }

// Beacon is the randomness beacon whose rounds the chain receives by itself, each in the
// first block whose time has reached it.
func (n *Node) Beacon() timelock.Beacon { return n.beacon }

// HoldPulses keeps the beacon's rounds away from the chain, or lets them come again.
func (n *Node) HoldPulses(hold bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.held = hold
}

// Pulse puts a beacon's signature of a round into the chain, at its next block and as it
// is.
func (n *Node) Pulse(round uint64, signature []byte) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.added = append(n.added, pulse{round, signature})
}
