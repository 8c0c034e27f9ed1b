package chain

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/affine-go/affine/shared/subnet"
)

// Committing is what decides whether a hotkey may commit, at one finalized block.
type Committing struct {
	Head       Head
	Now        time.Time // of that block, by the chain's clock
	BlockTime  time.Duration
	Registered bool

	Committed              // UID only when registered
	Last      subnet.Block // that included the last set_commitment, even one that was dropped; 0 for none

	Space     uint64       // bytes that a hotkey may commit in an epoch of the subnet
	Used      uint64       // of which it has used this many
	FreshFrom subnet.Block // block from which on all of Space is free again; 0 when never

}

// Nonces are an account's next nonces at a finalized block, at the newest one, and with
// what waits in the node's pool.
type Nonces struct{ Final, Best, Pooled uint32 }

// Settled reports whether all that the account has signed is final, as far as the node
// knows.
func (n Nonces) Settled() bool { return n.Final == n.Best && n.Best == n.Pooled }

// leastSpace is what the shortest commitment counts for, in bytes (MIN_USED_SPACE of the
// pallet Commitments).
const leastSpace = 100

// Room reports whether a commitment with that many bytes of fields fits into this epoch.
func (c Committing) Room(size int) bool { return c.Used+max(leastSpace, uint64(size)) <= c.Space }

// Committing reads how a hotkey stands with its commitments to a subnet, registered or not.
func (c *Client) Committing(ctx context.Context, netuid subnet.Netuid, hotkey subnet.Hotkey) (Committing, error) {
	s, err := c.snapshot(ctx)
	if err != nil {
		return Committing{}, err
	}
	out := Committing{Head: s.head, Committed: Committed{Hotkey: hotkey}}
	if out.BlockTime, err = s.blockTime(); err != nil {
		return Committing{}, err
	}
	return out, s.committing(ctx, netuid, &out)
}

// committing reads what storage says.
func (s *snapshot) committing(ctx context.Context, netuid subnet.Netuid, out *Committing) error {
	account, err := accountOf(out.Hotkey)
	if err != nil {
		return err
	}
	p := s.planOf(netuid)
	var now uint64
	var usage any
	at := []any{uint16(netuid), account[:]}
	of := func(entry string, into func(any) error) item {
		return item{pallet: "Commitments", entry: entry, keys: at, optional: true, into: into}
	}
	own, err := out.items(netuid)
	if err != nil {
		return err
	}
	items := append(own, p.items()...)
	err = s.read(ctx, append(items,
		item{pallet: "Timestamp", entry: "Now", into: number(&now)},
		item{pallet: "SubtensorModule", entry: "Uids", keys: at, into: func(v any) error {
			out.Registered = v != nil
			return number(&out.UID)(v)
		}},
		of("LastCommitment", number(&out.Last)),
		of("UsedSpaceOf", func(v any) error { usage = v; return nil }),
		item{pallet: "Commitments", entry: "MaxSpace", optional: true, into: number(&out.Space)},
	))
	if err != nil {
		return err
	}
	out.Now = time.UnixMilli(int64(now)).UTC()
	return out.readUsage(p, usage)
}

// readUsage says how much of the epoch's space is taken. What was used counts in the
// epoch in which it was used.
func (c *Committing) readUsage(p plan, usage any) error {
	if c.Space == 0 { // a runtime without the limit
		c.Space = 1 << 62
	}
	if usage == nil || p.Tempo == 0 {
		return nil
	}
	r := record{fields: usage}
	last, used := r.number("last_epoch"), r.number("used_space")
	if r.err != nil {
		return fmt.Errorf("chain: Commitments.UsedSpaceOf: %w", r.err)
	}
	if last != p.calendar().CommitEpoch() {
		return nil
	}
	c.Used = used
	var err error
	if c.FreshFrom, err = p.calendar().NextEpoch(); err != nil {
		return fmt.Errorf("chain: the subnet's epochs: %w: %w", ErrAnswer, err)
	}
	return nil
}

// Nonces reads a hotkey's nonces, the first of them at the finalized block that is given.
func (c *Client) Nonces(ctx context.Context, hotkey subnet.Hotkey, final Head) (out Nonces, err error) {
	if out.Final, err = c.nonce(ctx, hotkey, final.Hash); err != nil {
		return out, err
	}
	if out.Best, err = c.nonce(ctx, hotkey); err != nil {
		return out, err
	}
	err = c.call(ctx, &out.Pooled, "system_accountNextIndex", hotkey)
	if refused := (*RPCError)(nil); errors.As(err, &refused) {
		out.Pooled, err = out.Best, nil // the node does not tell
	}
	return out, err
}
