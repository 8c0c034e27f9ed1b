// Package rpcserver serves a chain as a Substrate node does: JSON-RPC over WebSocket,
// with subscriptions, and over HTTP POST. Whoever has a Chain gets the methods that a
// validator's client, btcli and @polkadot/api use.
//
// It trusts its chain and mistrusts its clients: what they send is bounded and answered
// with JSON-RPC's errors.
package rpcserver

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net"
	"net/http"
	"sync"
	"time"
)

// Chain is what is served. Unless Hooks.Lock is set, its methods may be called at once by
// many goroutines; blocks never change. An error that is a *RefusalError is answered as it is; any other is the
// chain's own fault.
type Chain interface {
	// Name is the chain's name as people know it.
	Name() string

	// Heads are the newest block and the newest finalized one, and a channel that is
	// closed when either has changed.
	Heads() (newest, finalized *Block, news <-chan struct{})

	// At is the block with that number, ByHash the one with that hash; nil when unknown.
	At(number uint64) *Block
	ByHash(hash [32]byte) *Block

	// State is what the block left behind, and Version that of the runtime which reads
	// it. Both wrap ErrDiscarded when that is no longer kept.
	State(b *Block) (State, error)
	Version(b *Block) (Version, error)

	// Call runs a method of a runtime API on a block's state and keeps nothing of what it
	// changes.
	Call(ctx context.Context, b *Block, method string, args []byte) ([]byte, error)

	// Submit takes an extrinsic, with its length in front, into the pool. Pending lists
	// those that wait there.
	Submit(ctx context.Context, extrinsic []byte) (hash [32]byte, err error)
	Pending() [][]byte

	// Find says where an extrinsic is: in a block (nil for none known), or in the pool.
	Find(hash [32]byte) (in *Block, waiting bool)

	// NextNonce is the account's nonce behind everything of its that waits in the pool.
	NextNonce(ctx context.Context, account [32]byte) (uint64, error)
}

// ErrDiscarded is wrapped when the state of a block is no longer kept.
var ErrDiscarded = errors.New("State already discarded")

// State is a chain's storage after a block.
type State interface {
	// Get is the value of a key; nil when it has none.
	Get(key []byte) []byte
	// Keys yields in order those that begin with prefix and come after after (all when
	// nil).
	Keys(prefix, after []byte) iter.Seq[[]byte]
}

// Block is a block without its state.
type Block struct {
	Number         uint64
	Hash           [32]byte // of the header
	Parent         [32]byte
	StateRoot      [32]byte
	ExtrinsicsRoot [32]byte
	Digest         [][]byte // encoded items
	Extrinsics     [][]byte // with their lengths in front
}

// Version is what a runtime says of itself.
type Version struct {
	SpecName, ImplName                               string
	Authoring, Spec, Impl, Transaction, StateVersion uint32
	APIs                                             []API
}

// API names a runtime API by the first eight bytes of its name's BLAKE2b hash.
type API struct {
	ID      [8]byte
	Version uint32
}

// RefusalError is an error as JSON-RPC tells it.
type RefusalError struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
	Data    any    `json:"data,omitempty"`
}

func (r *RefusalError) Error() string {
	if r.Data == nil {
		return r.Message
	}
	return fmt.Sprintf("%s: %v", r.Message, r.Data)
}

// Server answers on one address.
type Server struct {
	chain    Chain
	software string
	hooks    Hooks
	http     *http.Server
	endpoint string
	alive    context.Context
	stop     context.CancelFunc
	running  sync.WaitGroup
}

// Start serves the chain on an address ("127.0.0.1:0" for a free port) until Close is
// called or ctx ends. software is how the node names itself.
func Start(ctx context.Context, address, software string, chain Chain) (*Server, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("rpcserver: %w", err)
	}
	return Serve(ctx, l, software, chain, Hooks{}), nil
}

// Serve is Start on a listener, with hooks. The listener is closed at the end.
func Serve(ctx context.Context, l net.Listener, software string, chain Chain, hooks Hooks) *Server {
	s := &Server{chain: chain, software: software, hooks: hooks, endpoint: "ws://" + l.Addr().String()}
	s.alive, s.stop = context.WithCancel(ctx)
	s.http = &http.Server{
		Handler:           http.HandlerFunc(s.handle),
		ReadHeaderTimeout: 10 * time.Second,
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			return context.WithValue(ctx, connKey{}, c)
		},
	}
	s.running.Go(func() { _ = s.http.Serve(l) }) // ends with ErrServerClosed
	context.AfterFunc(s.alive, func() { _ = s.http.Close() })
	return s
}

// Endpoint is the WebSocket URL. HTTP POST works there as well.
func (s *Server) Endpoint() string { return s.endpoint }

// Close ends all sessions and waits until they have ended.
func (s *Server) Close() {
	s.stop()
	s.running.Wait()
}
