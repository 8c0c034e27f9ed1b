// Package chain reads Subtensor and sends weights to it: a JSON-RPC client over
// WebSocket, and the signer that holds the validator's hotkey.
//
// Every read of a run is pinned to one finalized block hash, so that neurons,
// commitments and rules belong together. Blocks are believed only when their header
// hashes to the hash they were asked for. What the chain stores is decoded by its
// own metadata (package metadata); names, never numbers, say which storage item,
// call or error is meant.
//
// The client keeps one socket. A request that fails in transport is repeated, at the
// next endpoint, a bounded number of times; the signed bytes of a submission may be
// sent again because the chain accepts them once. An endpoint that turns the client away
// is left alone for as long as it asks to be, and a public one is asked once a second.
package chain

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/affine-go/affine/shared/subnet"
)

// ErrUnreachable is wrapped when no endpoint answered: refused, silent, cut off, or
// answering what is not JSON-RPC. What was asked may or may not have been done.
var ErrUnreachable = errors.New("chain unreachable")

// ErrWrongChain is wrapped when an endpoint serves another chain than the pinned one,
// or than the one the client began with.
var ErrWrongChain = errors.New("wrong chain")

// ErrAnswer is wrapped when a node's answer cannot be what was asked for.
var ErrAnswer = errors.New("unusable answer")

// Config says where the chain is and how long to wait for it. Zero fields take the
// defaults named with them.
type Config struct {
	// Endpoints are WebSocket URLs in order of preference; at least one.
	Endpoints []string

	// Archive are endpoints that keep the state of all blocks. They are asked when an
	// endpoint has discarded what a read needs; without any the read fails with ErrDiscarded.
	Archive []string

	// Genesis pins the chain: the hash of block 0, 0x-prefixed hex. When empty, the
	// first endpoint that answers decides, and later ones must agree with it.
	Genesis string

	// Metadata are the runtimes' descriptions, which clients that follow one another in a
	// process should share; nil gives the client its own.
	Metadata *Descriptions

	DialTimeout    time.Duration // for one endpoint's handshake; 10 s
	RequestTimeout time.Duration // for one answer; 30 s
	Attempts       int           // how often a request is sent at most; 3
	Backoff        time.Duration // before the third attempt, doubling from there; 1 s
	Poll           time.Duration // between looks at the finalized head; 3 s
	Patience       time.Duration // how long the finalized head may stand still; 3 min
	MaxWait        time.Duration // how long endpoints that ask to be left alone are waited for; 30 s
	MaxMessage     int64         // bytes of the longest message accepted; 32 MiB

	// PerSecond is how many requests an endpoint gets in a second at most. When 0, the
	// well-known public nodes get one, which is about what they allow, and others have no
	// limit; below 0 none has.
	PerSecond float64
}

func (c Config) withDefaults() Config {
	if c.Metadata == nil {
		c.Metadata = NewDescriptions(nil)
	}
	setDefault(&c.DialTimeout, 10*time.Second)
	setDefault(&c.RequestTimeout, 30*time.Second)
	setDefault(&c.Attempts, 3)
	setDefault(&c.Backoff, time.Second)
	setDefault(&c.Poll, 3*time.Second)
	setDefault(&c.Patience, 3*time.Minute)
	setDefault(&c.MaxWait, 30*time.Second)
	setDefault(&c.MaxMessage, 32<<20)
	return c
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// Client talks to one chain through the first of its endpoints that answers. It is
// safe for use by several goroutines.
type Client struct {
	cfg     Config
	dials   chan struct{}  // holds a token while one goroutine connects
	archive *Client        // nil without archive endpoints; connects when first asked
	readers sync.WaitGroup // one for each link

	mu       sync.Mutex
	link     *link                    // nil or dead when a new one is needed
	seen     subnet.Block             // newest finalized block that an endpoint told of
	behind   time.Time                // since when all that answered are far behind it; zero when none is
	endpoint int                      // index of the endpoint to try first
	away     map[string]*PolicyError  // by endpoint: how it turned the client away
	back     map[string]time.Time     // when it may be dialled again
	paces    map[string]*rate.Limiter // by endpoint
	genesis  string
	closed   bool
}

// Dial connects to the first endpoint that answers. The error names every endpoint
// that was tried and wraps ErrUnreachable or ErrWrongChain.
func Dial(ctx context.Context, cfg Config) (*Client, error) {
	if len(cfg.Endpoints) == 0 {
		return nil, errors.New("chain: no endpoint given")
	}
	c := newClient(cfg)
	if err := c.persuade(ctx); err != nil {
		return nil, fmt.Errorf("chain: %w", err)
	}
	if len(cfg.Archive) > 0 {
		cfg.Endpoints, cfg.Archive, cfg.Genesis, cfg.Metadata = cfg.Archive, nil, c.Genesis(), c.cfg.Metadata
		c.archive = newClient(cfg)
	}
	return c, nil
}

func newClient(cfg Config) *Client {
	return &Client{
		cfg:     cfg.withDefaults(),
		dials:   make(chan struct{}, 1),
		away:    make(map[string]*PolicyError),
		back:    make(map[string]time.Time),
		paces:   make(map[string]*rate.Limiter),
		genesis: strings.ToLower(cfg.Genesis),
	}
}

// Close ends the socket and waits until nothing reads from it any more. Requests under
// way fail.
func (c *Client) Close() error {
	c.mu.Lock()
	c.closed = true
	if c.link != nil {
		c.link.end(errClosed)
	}
	c.mu.Unlock()
	c.readers.Wait()
	if c.archive != nil {
		return c.archive.Close()
	}
	return nil
}

var errClosed = errors.New("client closed")

// Genesis is the hash of block 0 of the chain this client is bound to.
func (c *Client) Genesis() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.genesis
}
