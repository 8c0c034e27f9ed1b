package chain

import (
	"context"
	"fmt"

	"github.com/affine-go/affine/shared/subnet"
)

// Weights reads a neuron's weights row for a mechanism and when it was last updated, at
// the newest finalized block.
func (c *Client) Weights(ctx context.Context, netuid subnet.Netuid, mechanism subnet.Mechanism, uid subnet.UID) (subnet.WeightsRow, error) {
	s, err := c.snapshot(ctx)
	if err != nil {
		return subnet.WeightsRow{}, err
	}
	return s.weights(ctx, mechanism.Index(netuid), uid)
}

// weights reads the row of a mechanism, named by its storage index.
func (s *snapshot) weights(ctx context.Context, index uint16, uid subnet.UID) (subnet.WeightsRow, error) {
	out := subnet.WeightsRow{At: s.head.Number, Values: make(map[subnet.UID]uint16)}
	err := s.read(ctx, []item{
		{pallet: "SubtensorModule", entry: "Weights", keys: []any{index, uint16(uid)}, into: func(v any) error {
			return weightsRow(v, out.Values)
		}},
		{pallet: "SubtensorModule", entry: "LastUpdate", keys: []any{index}, into: func(v any) error {
			list, ok := v.([]any)
			if !ok || int(uid) >= len(list) {
				return fmt.Errorf("no entry for uid %d", uid)
			}
			return number(&out.LastUpdate)(list[uid])
		}},
	})
	if err != nil {
		return subnet.WeightsRow{}, err
	}
	return out, nil
}

func weightsRow(value any, into map[subnet.UID]uint16) error {
	list, ok := value.([]any)
	if !ok {
		return fmt.Errorf("a %T instead of a list", value)
	}
	for _, entry := range list {
		pair, ok := entry.([]any)
		if !ok || len(pair) != 2 {
			return fmt.Errorf("an entry of another shape: %T", entry)
		}
		var uid subnet.UID
		var weight uint16
		if err := number(&uid)(pair[0]); err != nil {
			return err
		}
		if err := number(&weight)(pair[1]); err != nil {
			return err
		}
		into[uid] = weight
	}
	return nil
}
