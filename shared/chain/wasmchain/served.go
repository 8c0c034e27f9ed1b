package wasmchain

import (
	"context"
	"fmt"

	"github.com/affine-go/affine/shared/chain/rpcserver"
)

// served is the node as package rpcserver wants it.
type served struct{ *Node }

func (s served) Name() string { return s.cfg.Name }

func (s served) Heads() (newest, finalized *rpcserver.Block, news <-chan struct{}) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.chain.head().Block, s.chain.at(s.chain.finalized).Block, s.news
}

func (s served) At(number uint64) *rpcserver.Block {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return blockOf(s.chain.at(number))
}

func (s served) ByHash(hash [32]byte) *rpcserver.Block {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return blockOf(s.chain.byHash[hash])
}

func blockOf(e *entry) *rpcserver.Block {
	if e == nil {
		return nil
	}
	return e.Block
}

// kept is a block whose state is still there.
func (s served) kept(b *rpcserver.Block) (*entry, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	e := s.chain.byHash[b.Hash]
	if e == nil || !e.kept {
		return nil, fmt.Errorf("block %d: %w", b.Number, rpcserver.ErrDiscarded)
	}
	copied := *e // the state of the original may be let go meanwhile
	return &copied, nil
}

func (s served) State(b *rpcserver.Block) (rpcserver.State, error) {
	e, err := s.kept(b)
	if err != nil {
		return nil, err
	}
	return e.state, nil
}

func (s served) Version(b *rpcserver.Block) (rpcserver.Version, error) {
	e, err := s.kept(b)
	if err != nil {
		return rpcserver.Version{}, err
	}
	v := e.runtime.Version()
	out := rpcserver.Version{
		SpecName: v.SpecName, ImplName: v.ImplName, Authoring: v.Authoring, Spec: v.Spec, Impl: v.Impl,
		Transaction: v.Transaction, StateVersion: uint32(v.State),
	}
	for _, api := range v.APIs {
		out.APIs = append(out.APIs, rpcserver.API(api))
	}
	return out, nil
}

func (s served) Call(ctx context.Context, b *rpcserver.Block, method string, args []byte) ([]byte, error) {
	e, err := s.kept(b)
	if err != nil {
		return nil, err
	}
	return s.call(ctx, e, method, args)
}

// call runs a method on a block's state and keeps nothing of what it changes.
func (n *Node) call(ctx context.Context, on *entry, method string, args []byte) ([]byte, error) {
	select {
	case n.calls <- struct{}{}:
		defer func() { <-n.calls }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	answer, _, err := on.runtime.Call(ctx, on.state, method, args)
	return answer, err
}

func (s served) Submit(ctx context.Context, raw []byte) ([32]byte, error) { return s.submit(ctx, raw) }

func (s served) Pending() [][]byte {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var list [][]byte
	for _, w := range s.pool.waiting {
		list = append(list, w.raw)
	}
	return list
}

func (s served) Find(hash [32]byte) (in *rpcserver.Block, waiting bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return blockOf(s.chain.holders[hash]), s.pool.has(hash)
}

func (s served) NextNonce(ctx context.Context, account [32]byte) (uint64, error) {
	return s.nextNonce(ctx, account)
}
