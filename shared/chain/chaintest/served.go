package chaintest

import (
	"context"
	"fmt"
	"iter"
	"slices"

	"github.com/affine-go/affine/shared/chain/rpcserver"
	"github.com/affine-go/affine/shared/chain/scale"
)

// served is the node as package rpcserver wants it, which locks it.
type served struct{ *Node }

func (s served) Name() string { return s.cfg.Name }

func (s served) Heads() (newest, finalized *rpcserver.Block, news <-chan struct{}) {
	return s.chain.at(s.chain.head).told(), s.chain.at(s.chain.finalized).told(), s.news
}

func (s served) At(number uint64) *rpcserver.Block { return s.chain.at(number).told() }

func (s served) ByHash(hash [32]byte) *rpcserver.Block { return s.chain.byHash[hash].told() }

// told is the block as clients see it; nil when there is none.
func (b *block) told() *rpcserver.Block {
	if b == nil {
		return nil
	}
	return &rpcserver.Block{
		Number: b.number, Hash: b.hash, Parent: b.parent, StateRoot: b.stateRoot, ExtrinsicsRoot: b.extrinsicsRoot,
		Digest: b.digest, Extrinsics: b.extrinsics,
	}
}

// kept finds a block whose state is still there.
func (s served) kept(b *rpcserver.Block) (*block, error) {
	own := s.chain.byHash[b.Hash]
	if own == nil || own.number+uint64(s.cfg.KeepState) < s.chain.head || own.number < s.state.oldest {
		return nil, fmt.Errorf("block %d: %w", b.Number, rpcserver.ErrDiscarded)
	}
	return own, nil
}

func (s served) State(b *rpcserver.Block) (rpcserver.State, error) {
	own, err := s.kept(b)
	if err != nil {
		return nil, err
	}
	return stateAt{s.state, own.number}, nil
}

// stateAt is the state as a block left it.
type stateAt struct {
	*state
	block uint64
}

func (s stateAt) Get(key []byte) []byte { return s.get(s.block, key) }

func (s stateAt) Keys(prefix, after []byte) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for _, key := range s.keys(s.block, prefix, after) {
			if !yield([]byte(key)) {
				return
			}
		}
	}
}

func (s served) Version(b *rpcserver.Block) (rpcserver.Version, error) {
	own, err := s.kept(b)
	if err != nil {
		return rpcserver.Version{}, err
	}
	v := rpcserver.Version{
		SpecName: "node-subtensor", ImplName: "node-subtensor", Authoring: 1, Spec: own.runtime.spec, Impl: 1, Transaction: 1, StateVersion: 1,
	}
	for _, api := range apis() {
		v.APIs = append(v.APIs, rpcserver.API{ID: apiID(api.Name), Version: api.Version})
	}
	return v, nil
}

// Call runs what the node plays of the runtime APIs.
func (s served) Call(_ context.Context, b *rpcserver.Block, method string, args []byte) ([]byte, error) {
	own, err := s.kept(b)
	if err != nil {
		return nil, err
	}
	run, known := runtimeCalls[method]
	if !known {
		return nil, fmt.Errorf("Other: Exported method %s is not found", method) //nolint:staticcheck // a node's words
	}
	return run(s.Node, own, scale.NewDecoder(args))
}

func (s served) Submit(_ context.Context, raw []byte) ([32]byte, error) { return s.submit(raw) }

func (s served) Pending() [][]byte {
	list := make([][]byte, len(s.pool))
	for i, p := range s.pool {
		list[i] = p.raw
	}
	return list
}

func (s served) Find(hash [32]byte) (in *rpcserver.Block, waiting bool) {
	waiting = slices.ContainsFunc(s.pool, func(p *pooled) bool { return p.hash == hash })
	return s.chain.holders[hash].told(), waiting
}

func (s served) NextNonce(_ context.Context, account [32]byte) (uint64, error) {
	nonce, err := s.nonce(s.chain.head, account)
	if err != nil {
		return 0, err
	}
	for slices.ContainsFunc(s.pool, func(w *pooled) bool { return w.signed.Signer == account && w.signed.Nonce == nonce }) {
		nonce++
	}
	return nonce, nil
}
