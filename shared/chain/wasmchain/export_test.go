package wasmchain

import (
	"context"

	"github.com/affine-go/affine/shared/chain/rpcserver"
	"github.com/affine-go/affine/shared/chain/scale"
)

// Execute has the runtime check a block of the chain as a node checks one that it is
// sent: by executing it on the state before it and comparing roots and digest with its
// header. change may spoil the block first. The beacon must have been held.
func (n *Node) Execute(ctx context.Context, number uint64, change func(*rpcserver.Block)) error {
	n.mu.RLock()
	defer n.mu.RUnlock()
	parent, b := n.chain.at(number-1), *n.chain.at(number).Block
	if change != nil {
		change(&b)
	}
	var e scale.Encoder
	e.Raw(header(&b))
	e.Compact(uint64(len(b.Extrinsics)))
	for _, raw := range b.Extrinsics {
		e.Raw(raw)
	}
	_, _, err := parent.runtime.Call(ctx, parent.state.Begin(), "Core_execute_block", e.Data())
	return err
}

// Sign is the chain's beacon's signature of a round.
func (n *Node) Sign(round uint64) ([]byte, error) { return n.authority.Sign(round) }
