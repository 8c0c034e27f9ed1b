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
// sent again because the chain accepts them once.
package chain

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/affine-go/affine/shared/chain/metadata"
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

	DialTimeout    time.Duration // for one endpoint's handshake; 10 s
	RequestTimeout time.Duration // for one answer; 30 s
	Attempts       int           // how often a request is sent at most; 3
	Backoff        time.Duration // before the third attempt, doubling from there; 1 s
	Poll           time.Duration // between looks at the finalized head; 3 s
	Patience       time.Duration // how long the finalized head may stand still; 3 min
	MaxMessage     int64         // bytes of the longest message accepted; 32 MiB
	PerSecond      float64       // requests per second at most; 0 means no limit
}

func (c Config) withDefaults() Config {
	setDefault(&c.DialTimeout, 10*time.Second)
	setDefault(&c.RequestTimeout, 30*time.Second)
	setDefault(&c.Attempts, 3)
	setDefault(&c.Backoff, time.Second)
	setDefault(&c.Poll, 3*time.Second)
	setDefault(&c.Patience, 3*time.Minute)
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
	pace    *rate.Limiter
	dials   chan struct{} // holds a token while one goroutine connects
	archive *Client       // nil without archive endpoints; connects when first asked

	mu       sync.Mutex
	link     *link // nil or dead when a new one is needed
	endpoint int   // index of the endpoint to try first
	genesis  string
	closed   bool
	runtimes map[uint32]*metadata.Metadata // by spec version
}

// Dial connects to the first endpoint that answers. The error names every endpoint
// that was tried and wraps ErrUnreachable or ErrWrongChain.
func Dial(ctx context.Context, cfg Config) (*Client, error) {
	if len(cfg.Endpoints) == 0 {
		return nil, errors.New("chain: no endpoint given")
	}
	c := newClient(cfg)
	if _, err := c.connect(ctx); err != nil {
		return nil, fmt.Errorf("chain: %w", err)
	}
	if len(cfg.Archive) > 0 {
		cfg.Endpoints, cfg.Archive, cfg.Genesis = cfg.Archive, nil, c.Genesis()
		c.archive = newClient(cfg)
	}
	return c, nil
}

func newClient(cfg Config) *Client {
	c := &Client{
		cfg:      cfg.withDefaults(),
		pace:     rate.NewLimiter(rate.Inf, 1),
		dials:    make(chan struct{}, 1),
		genesis:  strings.ToLower(cfg.Genesis),
		runtimes: make(map[uint32]*metadata.Metadata),
	}
	if cfg.PerSecond > 0 {
		c.pace.SetLimit(rate.Limit(cfg.PerSecond))
	}
	return c
}

// Close ends the socket. Requests under way fail.
func (c *Client) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	if c.link != nil {
		c.link.end(errClosed)
	}
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

// connect returns the live link, or dials the endpoints in order, once each, starting
// with the one that comes after the last that failed.
func (c *Client) connect(ctx context.Context) (*link, error) {
	select {
	case c.dials <- struct{}{}:
		defer func() { <-c.dials }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if l, err := c.live(); l != nil || err != nil {
		return l, err
	}
	var failures []error
	for range c.cfg.Endpoints {
		l, err := c.dial(ctx, c.cfg.Endpoints[c.endpoint])
		if err == nil {
			return l, c.adopt(l)
		}
		failures = append(failures, err)
		c.endpoint = (c.endpoint + 1) % len(c.cfg.Endpoints)
		if ctx.Err() != nil {
			break
		}
	}
	return nil, inOneLine(failures)
}

// live returns the link when it is usable, and moves on to the next endpoint when it
// has died.
func (c *Client) live() (*link, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, errClosed
	}
	if c.link == nil {
		return nil, nil
	}
	if c.link.cause() == nil {
		return c.link, nil
	}
	c.link = nil
	c.endpoint = (c.endpoint + 1) % len(c.cfg.Endpoints)
	return nil, nil
}

func (c *Client) adopt(l *link) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		l.end(errClosed)
		return errClosed
	}
	c.link = l
	return nil
}

// dial opens a link and makes sure that the chain behind it is the right one.
func (c *Client) dial(ctx context.Context, endpoint string) (*link, error) {
	ctx, cancel := context.WithTimeout(ctx, c.cfg.DialTimeout)
	defer cancel()
	l, err := openLink(ctx, endpoint, c.cfg.MaxMessage)
	if err != nil {
		return nil, err
	}
	var genesis string
	if err := l.ask(ctx, &genesis, "chain_getBlockHash", 0); err != nil {
		l.end(errClosed)
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.genesis == "" {
		c.genesis = strings.ToLower(genesis)
	}
	if !strings.EqualFold(genesis, c.genesis) {
		l.end(errClosed)
		return nil, &CallError{Endpoint: endpoint, Method: "chain_getBlockHash",
			Err: fmt.Errorf("%w: genesis %s, want %s", ErrWrongChain, genesis, c.genesis)}
	}
	return l, nil
}
