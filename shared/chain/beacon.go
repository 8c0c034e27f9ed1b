package chain

import (
	"context"
	"fmt"
	"time"

	"github.com/affine-go/affine/shared/chain/timelock"
)

// Beacon is what the chain opens timelocks with, as its storage says (Drand.BeaconConfig):
// drand's quicknet on every public chain, another on chains for development. Runtimes
// that do not say take quicknet.
//
// A beacon that is not quicknet can be somebody's who opens what is sealed to it at once.
// Who seals on a public chain holds the answer against timelock.Quicknet.
func (c *Client) Beacon(ctx context.Context) (timelock.Beacon, error) {
	s, err := c.snapshot(ctx)
	if err != nil {
		return timelock.Beacon{}, err
	}
	var out timelock.Beacon
	err = s.read(ctx, []item{beaconItem(&out)})
	return out, err
}

// beaconItem is the storage item that says which beacon opens timelocks.
func beaconItem(out *timelock.Beacon) item {
	*out = timelock.Quicknet()
	return item{pallet: "Drand", entry: "BeaconConfig", optional: true, into: func(v any) error {
		if v == nil {
			return nil
		}
		r := record{fields: v}
		key, period, start := field[[]byte](&r, "public_key"), r.number("period"), r.number("genesis_time")
		switch {
		case r.err != nil:
			return r.err
		case len(key) != len(out.PublicKey) || period == 0 || period > 3600:
			return fmt.Errorf("a beacon with a key of %d bytes and a period of %d s", len(key), period)
		}
		*out = timelock.Beacon{PublicKey: [96]byte(key), Genesis: time.Unix(int64(start), 0).UTC(), Period: time.Duration(period) * time.Second}
		return nil
	}}
}
