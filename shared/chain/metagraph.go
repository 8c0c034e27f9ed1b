package chain

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/affine-go/affine/shared/chain/keys"
	"github.com/affine-go/affine/shared/chain/metadata"
	"github.com/affine-go/affine/shared/subnet"
)

// Metagraph reads neurons, commitments and rules at one finalized block, in five
// requests for a full subnet once the metadata is known. A commitment's text is handed
// on as the miner wrote it; nothing that a miner writes makes the read fail.
func (c *Client) Metagraph(ctx context.Context, netuid subnet.Netuid) (subnet.Metagraph, error) {
	s, err := c.snapshot(ctx)
	if err != nil {
		return subnet.Metagraph{}, err
	}
	mg := subnet.Metagraph{Netuid: netuid, Block: s.head.Number, BlockHash: s.head.Hash}
	if mg.Neurons, err = s.neurons(ctx, netuid); err != nil {
		return subnet.Metagraph{}, err
	}
	commitments := newCommitments(netuid, mg.Neurons)
	items := append(rulesItems(netuid, &mg.Rules), commitments.items()...)
	items = append(items, item{pallet: "SubtensorModule", entry: "SubnetworkN", keys: []any{uint16(netuid)}, into: func(v any) error {
		if v != uint64(len(mg.Neurons)) {
			return fmt.Errorf("%v neurons, get_neurons_lite told %d", v, len(mg.Neurons))
		}
		return nil
	}})
	if err := s.read(ctx, items); err != nil {
		return subnet.Metagraph{}, err
	}
	if mg.Rules.BlockTime, err = s.blockTime(); err != nil {
		return subnet.Metagraph{}, err
	}
	mg.Commitments = commitments.newest()
	return mg, nil
}

// neurons asks the runtime for the subnet's neurons.
func (s *snapshot) neurons(ctx context.Context, netuid subnet.Netuid) ([]subnet.Neuron, error) {
	const api, method = "NeuronInfoRuntimeApi", "get_neurons_lite"
	args, err := s.Metadata.EncodeAPIArgs(api, method, uint16(netuid))
	if err != nil {
		return nil, fmt.Errorf("chain: %s: %w", method, err)
	}
	answer, err := s.client.stateCall(ctx, api+"_"+method, args, s.head.Hash)
	if err != nil {
		return nil, err
	}
	value, err := s.Metadata.DecodeAPIResult(api, method, answer)
	if err != nil {
		return nil, fmt.Errorf("chain: %s: %w: %w", method, ErrAnswer, err)
	}
	rows, ok := value.([]any)
	if !ok {
		return nil, fmt.Errorf("chain: %s: %w: a %T", method, ErrAnswer, value)
	}
	neurons := make([]subnet.Neuron, len(rows))
	for i, row := range rows {
		if neurons[i], err = neuron(row, netuid, i); err != nil {
			return nil, fmt.Errorf("chain: %s: neuron %d: %w", method, i, err)
		}
	}
	return neurons, nil
}

// neuron reads one row; place is the uid it must have.
func neuron(row any, netuid subnet.Netuid, place int) (subnet.Neuron, error) {
	r := record{fields: row}
	n := subnet.Neuron{
		UID:        subnet.UID(r.number("uid")),
		Hotkey:     subnet.Hotkey(keys.Address(r.account("hotkey"), keys.Prefix)),
		Permit:     r.flag("validator_permit"),
		LastUpdate: subnet.Block(r.number("last_update")),
	}
	for _, part := range r.list("stake") {
		pair, ok := part.([]any)
		if !ok || len(pair) != 2 {
			return n, fmt.Errorf("%w: stake of another shape", ErrAnswer)
		}
		rao, ok := pair[1].(uint64)
		if !ok {
			return n, fmt.Errorf("%w: stake is a %T", ErrAnswer, pair[1])
		}
		n.Stake += rao
	}
	if of := r.number("netuid"); r.err == nil && (of != uint64(netuid) || int(n.UID) != place) {
		return n, fmt.Errorf("%w: it says uid %d of subnet %d", ErrAnswer, n.UID, of)
	}
	return n, r.err
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
