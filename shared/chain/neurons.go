package chain

import (
	"context"
	"errors"
	"fmt"

	"github.com/affine-go/affine/shared/chain/keys"
	"github.com/affine-go/affine/shared/chain/metadata"
	"github.com/affine-go/affine/shared/subnet"
)

// ErrNoNeurons is wrapped when the runtime describes no way to ask for a subnet's
// neurons: metadata of version 14, which describes no runtime APIs at all, is the usual
// cause.
var ErrNoNeurons = errors.New("the runtime describes no API that tells a subnet's neurons")

// errNoColumns: the runtime does not answer in columns what a roster needs.
var errNoColumns = errors.New("no selective metagraph")

// neurons asks the runtime for the subnet's neurons, none for a subnet that is not.
func (s *snapshot) neurons(ctx context.Context, netuid subnet.Netuid) ([]subnet.Neuron, error) {
	found, _, err := s.roster(ctx, netuid)
	return found, err
}

// roster asks for the columns that matter and, where the runtime does not answer in
// columns, for all rows. The chain's rules weigh a neuron by its own stake together with
// what others' shares and the root subnet add; rows tell only its own, so whole is false.
func (s *snapshot) roster(ctx context.Context, netuid subnet.Netuid) (neurons []subnet.Neuron, whole bool, err error) {
	neurons, err = s.columns(ctx, netuid)
	if !errors.Is(err, errNoColumns) {
		return neurons, true, err
	}
	rows, fallback := s.rowsOfNeurons(ctx, netuid)
	if errors.Is(fallback, metadata.ErrUnknown) {
		return nil, false, fmt.Errorf("chain: neurons of subnet %d: %w: %w; %w", netuid, ErrNoNeurons, err, fallback)
	}
	return rows, false, fallback
}

// ask runs a method of a runtime API at the snapshot's block.
func (s *snapshot) ask(ctx context.Context, api, method string, args ...any) (any, error) {
	encoded, err := s.Metadata.EncodeAPIArgs(api, method, args...)
	if err != nil {
		return nil, fmt.Errorf("chain: %s: %w", method, err)
	}
	answer, err := s.client.stateCall(ctx, api+"_"+method, encoded, s.head.Hash)
	if err != nil {
		return nil, err
	}
	value, err := s.Metadata.DecodeAPIResult(api, method, answer)
	if err != nil {
		return nil, fmt.Errorf("chain: %s: %w: %w", method, ErrAnswer, err)
	}
	return value, nil
}

const (
	subnetAPI       = "SubnetInfoRuntimeApi"
	selectiveMethod = "get_selective_metagraph"
)

// rosterFields are the fields of a selective metagraph that make a roster: two numbers,
// and columns. A runtime leaves netuid at 0 when it is not asked for, like the rest.
var rosterFields = []string{"netuid", "num_uids", "hotkeys", "validator_permit", "last_update", "total_stake"}

// columns asks for the fields of a roster, each of which is a column over the uids. A
// runtime that does not know the method, or whose metagraph lacks a field, is
// errNoColumns.
func (s *snapshot) columns(ctx context.Context, netuid subnet.Netuid) ([]subnet.Neuron, error) {
	indexes, err := selected(s.Metadata, rosterFields)
	if err != nil {
		return nil, err
	}
	value, err := s.ask(ctx, subnetAPI, selectiveMethod, uint16(netuid), indexes)
	if refused := (*RPCError)(nil); errors.As(err, &refused) && !errors.Is(err, ErrDiscarded) {
		return nil, fmt.Errorf("%w: %w", errNoColumns, err)
	}
	if err != nil {
		return nil, err
	}
	if value == nil {
		return nil, nil // no such subnet
	}
	neurons, err := roster(value, netuid)
	if err != nil {
		return nil, fmt.Errorf("chain: %s: %w", selectiveMethod, err)
	}
	return neurons, nil
}

// selected are the numbers by which a selective metagraph's fields are asked for: the
// runtime numbers them in the order in which its metadata lists them.
func selected(m *metadata.Metadata, names []string) ([]uint16, error) {
	fields, err := metagraphFields(m)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errNoColumns, err)
	}
	places := make(map[string]uint16, len(fields))
	for i, f := range fields {
		places[f.Name] = uint16(i)
	}
	indexes := make([]uint16, len(names))
	for i, name := range names {
		place, found := places[name]
		if !found {
			return nil, fmt.Errorf("%w: it has no field %s", errNoColumns, name)
		}
		indexes[i] = place
	}
	return indexes, nil
}

// metagraphFields are the fields of what get_selective_metagraph returns.
func metagraphFields(m *metadata.Metadata) ([]metadata.Field, error) {
	method, err := m.RuntimeAPI(subnetAPI, selectiveMethod)
	if err != nil {
		return nil, err
	}
	option, err := m.Type(method.Output)
	if err != nil {
		return nil, err
	}
	for _, v := range option.Variants {
		if v.Name == "Some" && len(v.Fields) == 1 {
			t, err := m.Type(v.Fields[0].Type)
			if err != nil {
				return nil, err
			}
			return t.Fields, nil
		}
	}
	return nil, fmt.Errorf("%w: %s.%s does not return an Option", metadata.ErrValue, subnetAPI, selectiveMethod)
}

// roster turns columns into neurons. A column that was asked for and is missing is
// errNoColumns; columns of unequal lengths are ErrAnswer.
func roster(value any, netuid subnet.Netuid) ([]subnet.Neuron, error) {
	fields, _ := value.(map[string]any)
	for _, name := range rosterFields {
		if fields != nil && fields[name] == nil {
			return nil, fmt.Errorf("%w: field %s was asked for and not told", errNoColumns, name)
		}
	}
	r := record{fields: value}
	count := int(r.number("num_uids"))
	if of := r.number("netuid"); r.err == nil && of != uint64(netuid) {
		return nil, fmt.Errorf("%w: it tells subnet %d", ErrAnswer, of)
	}
	columns := make(map[string][]any, len(rosterFields))
	for _, name := range rosterFields[2:] {
		columns[name] = r.list(name)
		if r.err == nil && len(columns[name]) != count {
			return nil, fmt.Errorf("%w: %d neurons, and %s of %d", ErrAnswer, count, name, len(columns[name]))
		}
	}
	if r.err != nil {
		return nil, r.err
	}
	neurons := make([]subnet.Neuron, count)
	for uid := range neurons {
		cells := make(map[string]any, len(columns))
		for name, column := range columns {
			cells[name] = column[uid]
		}
		var err error
		if neurons[uid], err = neuronOf(cells, uid); err != nil {
			return nil, fmt.Errorf("neuron %d: %w", uid, err)
		}
	}
	return neurons, nil
}

// neuronOf reads one place of all columns.
func neuronOf(cells map[string]any, uid int) (subnet.Neuron, error) {
	r := record{fields: cells}
	return subnet.Neuron{
		UID:        subnet.UID(uid),
		Hotkey:     subnet.Hotkey(keys.Address(r.account("hotkeys"), keys.Prefix)),
		Permit:     r.flag("validator_permit"),
		Stake:      r.number("total_stake"),
		LastUpdate: subnet.Block(r.number("last_update")),
	}, r.err
}

// rowsOfNeurons asks for every neuron as a record, without what fills most of it.
func (s *snapshot) rowsOfNeurons(ctx context.Context, netuid subnet.Netuid) ([]subnet.Neuron, error) {
	const method = "get_neurons_lite"
	value, err := s.ask(ctx, "NeuronInfoRuntimeApi", method, uint16(netuid))
	if err != nil {
		return nil, err
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
