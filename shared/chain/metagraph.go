package chain

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/affine-go/affine/shared/chain/keys"
	"github.com/affine-go/affine/shared/chain/metadata"
	"github.com/affine-go/affine/shared/subnet"
)

// Metagraph reads neurons, commitments and rules at one finalized block, in five
// requests for a full subnet once the metadata is known. A commitment's text is handed
// on as the miner wrote it; nothing that a miner writes makes the read fail.
//
// A neuron's stake is what the chain's rules weigh it by. Where the runtime tells only a
// part of it, the rules' StakeThreshold is 0, for lack of anything to compare it with.
func (c *Client) Metagraph(ctx context.Context, netuid subnet.Netuid) (subnet.Metagraph, error) {
	s, err := c.snapshot(ctx)
	if err != nil {
		return subnet.Metagraph{}, err
	}
	neurons, whole, err := s.roster(ctx, netuid)
	if err != nil {
		return subnet.Metagraph{}, err
	}
	mg := subnet.Metagraph{Netuid: netuid, Block: s.head.Number, BlockHash: s.head.Hash, Neurons: neurons}
	commitments := newCommitments(netuid, neurons)
	items := append(rulesItems(netuid, &mg.Rules), commitments.items()...)
	if err := s.read(ctx, append(items, countItem(netuid, len(neurons)), ownerItem(netuid, &mg.Owner))); err != nil {
		return subnet.Metagraph{}, err
	}
	if !whole {
		mg.Rules.StakeThreshold = 0
	}
	if mg.Rules.BlockTime, err = s.blockTime(); err != nil {
		return subnet.Metagraph{}, err
	}
	if mg.Commitments, err = commitments.newest(); err != nil {
		return subnet.Metagraph{}, err
	}
	return mg, nil
}

// ownerItem is the hotkey of the subnet's owner.
func ownerItem(netuid subnet.Netuid, to *subnet.Hotkey) item {
	return item{pallet: "SubtensorModule", entry: "SubnetOwnerHotkey", keys: []any{uint16(netuid)}, optional: true, into: func(v any) error {
		account, _ := v.([]byte)
		if v != nil && len(account) != 32 {
			return fmt.Errorf("a %T of %d bytes is no account", v, len(account))
		}
		if slices.ContainsFunc(account, func(b byte) bool { return b != 0 }) { // a subnet without one has the default
			*to = subnet.Hotkey(keys.Address([32]byte(account), keys.Prefix))
		}
		return nil
	}}
}

// countItem holds the number of neurons that the runtime told against the storage's.
func countItem(netuid subnet.Netuid, told int) item {
	return item{pallet: "SubtensorModule", entry: "SubnetworkN", keys: []any{uint16(netuid)}, into: func(v any) error {
		if v != uint64(told) {
			return fmt.Errorf("%v neurons, the runtime told of %d", v, told)
		}
		return nil
	}}
}

// record reads fields of a decoded composite; its error is sticky.
type record struct {
	fields any
	err    error
}

func field[T any](r *record, name string) (out T) {
	if r.err != nil {
		return out
	}
	fields, ok := r.fields.(map[string]any)
	if !ok {
		r.err = fmt.Errorf("%w: a %T instead of a record", ErrAnswer, r.fields)
		return out
	}
	if out, ok = fields[name].(T); !ok {
		r.err = fmt.Errorf("%w: field %s is a %T", ErrAnswer, name, fields[name])
	}
	return out
}

func (r *record) number(name string) uint64 { return field[uint64](r, name) }
func (r *record) flag(name string) bool     { return field[bool](r, name) }
func (r *record) list(name string) []any    { return field[[]any](r, name) }

func (r *record) account(name string) (out [32]byte) {
	b := field[[]byte](r, name)
	if r.err == nil && len(b) != len(out) {
		r.err = fmt.Errorf("%w: field %s has %d bytes", ErrAnswer, name, len(b))
	}
	copy(out[:], b)
	return out
}

// number stores a decoded unsigned integer; nothing when the runtime lacks the item.
func number[T ~uint8 | ~uint16 | ~uint32 | ~uint64](to *T) func(any) error {
	return func(value any) error {
		if value == nil {
			return nil
		}
		n, ok := value.(uint64)
		if !ok || uint64(T(n)) != n {
			return fmt.Errorf("%v (%T) is not a number of that size", value, value)
		}
		*to = T(n)
		return nil
	}
}

func truth(to *bool) func(any) error {
	return func(value any) error {
		b, ok := value.(bool)
		if !ok {
			return fmt.Errorf("%v (%T) is not a boolean", value, value)
		}
		*to = b
		return nil
	}
}

// blockTime is the Aura slot, which fast local chains shorten.
func (s *snapshot) blockTime() (time.Duration, error) {
	const usual = 12 * time.Second
	value, err := s.Metadata.Constant("Aura", "SlotDuration")
	if errors.Is(err, metadata.ErrUnknown) {
		return usual, nil
	}
	if err != nil {
		return 0, fmt.Errorf("chain: Aura.SlotDuration: %w: %w", ErrAnswer, err)
	}
	ms, ok := value.(uint64)
	if !ok || ms == 0 || ms > uint64(time.Hour/time.Millisecond) {
		return 0, fmt.Errorf("chain: Aura.SlotDuration: %w: %v ms", ErrAnswer, value)
	}
	return time.Duration(ms) * time.Millisecond, nil
}
