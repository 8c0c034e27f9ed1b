package chain

import (
	"context"
	"fmt"

	"github.com/affine-go/affine/shared/chain/extrinsic"
	"github.com/affine-go/affine/shared/subnet"
)

// Find looks for an extrinsic by hash (0x-prefixed hex) in the finalized blocks from..to,
// both included; false when it is in none of them. That not all of them are finalized
// here is an error, because an endpoint that lags behind would make what it has not seen
// look absent. The search runs backwards along the parents' hashes.
func (c *Client) Find(ctx context.Context, hash string, from, to subnet.Block) (subnet.Inclusion, bool, error) {
	want, err := hash32(hash)
	if err != nil {
		return subnet.Inclusion{}, false, fmt.Errorf("chain: find extrinsic %q: %w", hash, err)
	}
	head, err := c.Finalized(ctx)
	if err != nil {
		return subnet.Inclusion{}, false, err
	}
	if from <= to && to > head.Number {
		return subnet.Inclusion{}, false, fmt.Errorf("chain: find extrinsic %s: block %d is not finalized here, the newest that is, is %d", hash, to, head.Number)
	}
	return c.search(ctx, want, head, from, to)
}

// search is Find below a finalized head that is known already.
func (c *Client) search(ctx context.Context, hash [32]byte, head Head, from, to subnet.Block) (subnet.Inclusion, bool, error) {
	if from > to {
		return subnet.Inclusion{}, false, nil
	}
	at := head.Hash
	if to < head.Number {
		if err := c.call(ctx, &at, "chain_getBlockHash", to); err != nil {
			return subnet.Inclusion{}, false, err
		}
	}
	for number := to; ; number-- {
		b, err := c.block(ctx, at)
		if err != nil {
			return subnet.Inclusion{}, false, err
		}
		if b.Header.number != number {
			return subnet.Inclusion{}, false, fmt.Errorf("chain: chain_getBlock: %w: block %s is number %d, want %d", ErrAnswer, at, b.Header.number, number)
		}
		if index, found := b.index(hash); found {
			inc, err := c.inclusion(ctx, Head{Number: number, Hash: at}, b.Header.ParentHash, index)
			return inc, true, err
		}
		if number == from || number == 0 {
			return subnet.Inclusion{}, false, nil
		}
		at = b.Header.ParentHash
	}
}

// index is the place of the extrinsic with that hash in the block.
func (b block) index(hash [32]byte) (int, bool) {
	for i, text := range b.Extrinsics {
		raw, err := fromHex(text)
		if err == nil && extrinsic.Hash(raw) == hash {
			return i, true
		}
	}
	return 0, false
}

// inclusion reads from the block's events how the dispatch of its extrinsic ended. The
// runtime that the parent left wrote them: one that the block puts in force begins with
// the next.
func (c *Client) inclusion(ctx context.Context, at Head, parent string, index int) (subnet.Inclusion, error) {
	inc := subnet.Inclusion{Block: at.Number, BlockHash: at.Hash}
	rt, err := c.Runtime(ctx, parent)
	if err != nil {
		return inc, err
	}
	key, err := rt.Metadata.StorageKey("System", "Events")
	if err != nil {
		return inc, fmt.Errorf("chain: key of System.Events: %w", err)
	}
	var text string
	if err := c.call(ctx, &text, "state_getStorage", toHex(key), at.Hash); err != nil {
		return inc, fmt.Errorf("extrinsic %d of block %d, its events: %w", index, at.Number, err)
	}
	raw, err := fromHex(text)
	if err != nil {
		return inc, fmt.Errorf("chain: events of block %d: %w", at.Number, err)
	}
	events, err := rt.Metadata.DecodeEvents(raw)
	if err != nil {
		return inc, fmt.Errorf("chain: events of block %d: %w: %w", at.Number, ErrAnswer, err)
	}
	for _, e := range events {
		if e.ExtrinsicIndex != index || e.Pallet != "System" {
			continue
		}
		switch e.Name {
		case "ExtrinsicSuccess":
			return inc, nil
		case "ExtrinsicFailed":
			inc.Failure = rt.Metadata.DispatchError(dispatchError(e.Fields))
			return inc, nil
		}
	}
	return inc, fmt.Errorf("chain: events of block %d: %w: no result for extrinsic %d", at.Number, ErrAnswer, index)
}

// dispatchError is the error within the fields of System.ExtrinsicFailed.
func dispatchError(fields any) any {
	if named, ok := fields.(map[string]any); ok {
		return named["dispatch_error"]
	}
	return fields
}
