package chain

import (
	"context"
	"fmt"
	"strings"

	"github.com/affine-go/affine/shared/subnet"
)

// inclusion reads from the block's events how the dispatch of its extrinsic ended.
func (c *Client) inclusion(ctx context.Context, at Head, index int) (subnet.Inclusion, error) {
	inc := subnet.Inclusion{Block: at.Number, BlockHash: at.Hash}
	rt, err := c.Runtime(ctx, at.Hash)
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

func trim0x(text string) string { return strings.TrimPrefix(text, "0x") }
