// Package chaintest is a node of a chain of our own that speaks Subtensor's JSON-RPC:
// what `af dev` runs against, and what the chain client is tested against.
//
// It is strict. Every extrinsic is decoded by the metadata that the node serves, and its
// signature, nonce, era and tip are checked as the chain checks them; weights pass the
// pallet's rules in the pallet's order and fail with the pallet's error names; results
// are SCALE events in System.Events. Sealed weights and commitments are opened by the
// signatures of a beacon of the node's own, in the epochs and under the rules of the
// runtime that is played: with epochs by number or in storage, with failures that are
// dropped or kept. State is real: storage keys and values, readable at every block that
// is still kept. State roots and consensus are stand-ins, since there is one node only,
// but every header hashes to its block's hash and every block names its parent.
//
// What a block holds follows from the blocks before it, its extrinsics and what was done
// to the beacon by hand, never from the clock: the same inputs give the same hashes.
//
// Faults are switched on with Node.Inject and the Node's other methods.
package chaintest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/affine-go/affine/shared/chain/extrinsic"
	"github.com/affine-go/affine/shared/chain/rpcserver"
	"github.com/affine-go/affine/shared/chain/timelock"
	"github.com/affine-go/affine/shared/subnet"
)

// ErrOtherChain is wrapped by Start when the state file was begun with another genesis
// than the Config's.
var ErrOtherChain = errors.New("it holds another chain")

// Config is the chain at its genesis and how the node runs it. Zero fields take the
// defaults named with them.
type Config struct {
	Listen string // address; a free port of 127.0.0.1
	Name   string // the chain's name, part of its genesis; "Affine development"

	Netuid  subnet.Netuid // 120
	Neurons []Neuron      // uid by position
	Owner   subnet.Hotkey // of the subnet: sets weights without a permit; nobody when empty

	// Rules are taken as they are; MaxWeight 65535, BlockTime 12 s, RevealPeriod 1,
	// CommitVersion 4 and Mechanisms 1 when 0.
	Rules subnet.WeightRules

	First       subnet.Block // number of the block after genesis, where the chain takes up; 1
	SpecVersion uint32       // 446; before 425 and 446 runtimes lack what these brought
	FinalityLag int          // blocks between the newest and the newest finalized one
	KeepState   int          // blocks whose state can be read; 256
	Sealing     Sealing      // what makes blocks; the clock

	// Code is what the state holds under ":code"; nil for nothing. It is never run.
	Code []byte

	// Metadata takes the place of the node's own description of its runtime: that of a
	// real one, bare ("meta" first), of spec 343 or later. The node plays what it knows
	// under those types, numbers and extensions. SpecVersion and Rules.BlockTime should
	// agree with it.
	Metadata []byte

	// StateFile keeps the chain over restarts, kill -9 included: a block that holds
	// extrinsics is on disk before anybody can see it, and the height never goes back.
	// Empty means memory only.
	StateFile string
}

// Sealing says when a block is made.
type Sealing int

// The ways to make blocks.
const (
	ByClock  Sealing = iota // one every BlockTime
	ByHand                  // by Mine only
	OnSubmit                // when an extrinsic comes in, and as many more as make it final
)

// Neuron is a registered hotkey.
type Neuron struct {
	Hotkey     subnet.Hotkey
	Stake      uint64       // rao
	Permit     bool         // may set weights on others
	Registered subnet.Block // from which its first rate limit counts; none does from 0
	Revealed   []Commitment
	Plain      []byte // a CommitmentOf record of this text, at block 0; nil for none
}

// Commitment is one entry of RevealedCommitments, stored as it is: upstream's SDK puts
// a SCALE length before the text.
type Commitment struct {
	Text  []byte
	Block subnet.Block
}

func (c Config) withDefaults() Config {
	c.Listen = cmp.Or(c.Listen, "127.0.0.1:0")
	c.Name = cmp.Or(c.Name, "Affine development")
	c.Netuid = cmp.Or(c.Netuid, 120)
	c.Rules.MaxWeight = cmp.Or(c.Rules.MaxWeight, 65535)
	c.Rules.BlockTime = cmp.Or(c.Rules.BlockTime, 12*time.Second)
	c.Rules.RevealPeriod = cmp.Or(c.Rules.RevealPeriod, 1)
	c.Rules.CommitVersion = cmp.Or(c.Rules.CommitVersion, 4)
	c.Rules.Mechanisms = cmp.Or(c.Rules.Mechanisms, 1)
	c.First = cmp.Or(c.First, 1)
	c.SpecVersion = cmp.Or(c.SpecVersion, 446)
	c.KeepState = cmp.Or(c.KeepState, 256)
	return c
}

// name tells the chain from others by what its blocks follow from.
func (c Config) name() string {
	return fmt.Sprintf("%s, first block %d, every %s", c.Name, c.First, c.Rules.BlockTime)
}

// Node is a running node.
type Node struct {
	cfg     Config
	faults  faults
	server  *rpcserver.Server
	alive   context.Context
	stop    context.CancelFunc
	running sync.WaitGroup

	authority timelock.Authority
	beacon    timelock.Beacon

	mu      sync.Mutex
	current *runtime          // in force
	runtime extrinsic.Context // its versions and metadata, and the genesis
	state   *state
	chain   chain
	pool    []*pooled
	journal *journal      // nil without a state file
	failed  error         // why no further block can be made
	news    chan struct{} // closed and replaced when a block is added or finalized

	served   map[string]int // requests executed, by method
	held     bool           // HoldFinality
	switches switches
	handed   []pulse // Pulse, for the next block

	migration bool // the next block takes the epochs over from an older runtime
}

// Start runs a node until ctx ends or Close is called.
func Start(ctx context.Context, cfg Config) (*Node, error) {
	n := &Node{cfg: cfg.withDefaults(), news: make(chan struct{}), served: make(map[string]int)}
	n.state = newState(n.sign)
	n.alive, n.stop = context.WithCancel(ctx)
	if err := n.open(); err != nil {
		n.stop()
		return nil, fmt.Errorf("chaintest: %w", err)
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", n.cfg.Listen)
	if err != nil {
		return nil, fmt.Errorf("chaintest: %w", n.shut(err))
	}
	n.serve(l)
	if n.cfg.Sealing == ByClock {
		n.running.Go(n.tick)
	}
	return n, nil
}

// open makes the genesis block and takes up the chain from the state file.
func (n *Node) open() error {
	if err := n.light(); err != nil {
		return err
	}
	if err := n.genesis(); err != nil {
		return fmt.Errorf("genesis: %w", err)
	}
	if n.cfg.StateFile == "" {
		return nil
	}
	j, err := openJournal(n.cfg.StateFile, n.cfg.name(), n.runtime.Genesis)
	if err != nil {
		return err
	}
	n.journal = j
	if err := n.replay(); err != nil {
		return n.shut(fmt.Errorf("%s: %w", n.cfg.StateFile, err))
	}
	return nil
}

func (n *Node) shut(cause error) error {
	n.stop()
	if n.journal != nil {
		_ = n.journal.close() // cause is what the caller has to know
	}
	return cause
}

// Close stops the node and waits until it has.
func (n *Node) Close() error {
	n.stop()
	n.server.Close()
	n.running.Wait()
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.journal == nil {
		return nil
	}
	return n.journal.close()
}

// tick adds a block every BlockTime.
func (n *Node) tick() {
	for n.sleep(n.cfg.Rules.BlockTime) {
		if err := n.Mine(1); err != nil {
			return // kept in n.failed, which every submission reports
		}
	}
}

// sleep waits, and reports false when the node is stopped meanwhile.
func (n *Node) sleep(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-n.alive.Done():
		return false
	}
}

// Endpoint is the node's WebSocket URL. HTTP POST works there as well.
func (n *Node) Endpoint() string { return n.server.Endpoint() }
