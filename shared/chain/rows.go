package chain

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/affine-go/affine/shared/chain/keys"
	"github.com/affine-go/affine/shared/chain/timelock"
	"github.com/affine-go/affine/shared/subnet"
)

// Rows are the weights that a subnet's neurons have set for one mechanism, at one
// finalized block.
type Rows struct {
	Head    Head
	Beacon  timelock.Beacon // that opens what is sealed
	Neurons []NeuronRow     // all of the subnet's, by uid
	Sealed  []SealedRow     // commits that the chain has yet to open, by epoch and block
}

// NeuronRow is what one neuron has set.
type NeuronRow struct {
	Hotkey     subnet.Hotkey
	LastUpdate subnet.Block          // of weights or of a commit; registering counts as well
	Values     map[subnet.UID]uint16 // empty when it has set none
}

// SealedRow is one neuron's weights under a timelock.
type SealedRow struct {
	Hotkey subnet.Hotkey
	Epoch  uint64       // to which the commit belongs
	Block  subnet.Block // that included it
	Round  uint64       // drand round that opens it
	Bytes  int          // of ciphertext
}

// Rows reads all rows of a mechanism and the timelocked commits that wait. The error
// wraps ErrNoSubnet when there is no such subnet.
func (c *Client) Rows(ctx context.Context, netuid subnet.Netuid, mechanism subnet.Mechanism) (Rows, error) {
	s, err := c.snapshot(ctx)
	if err != nil {
		return Rows{}, err
	}
	out := Rows{Head: s.head}
	if out.Neurons, err = s.updates(ctx, netuid, mechanism); err != nil {
		return Rows{}, err
	}
	if err := s.rows(ctx, mechanism.Index(netuid), netuid, &out); err != nil {
		return Rows{}, err
	}
	out.Sealed, err = s.sealed(ctx, mechanism.Index(netuid))
	return out, err
}

// updates makes a row for every neuron of the subnet, and says when it was updated.
func (s *snapshot) updates(ctx context.Context, netuid subnet.Netuid, mechanism subnet.Mechanism) ([]NeuronRow, error) {
	var count uint16
	var last []any
	mechanisms := uint8(1)
	err := s.read(ctx, []item{
		{pallet: "SubtensorModule", entry: "SubnetworkN", keys: []any{uint16(netuid)}, into: number(&count)},
		{pallet: "SubtensorModule", entry: "MechanismCountCurrent", keys: []any{uint16(netuid)}, optional: true, into: number(&mechanisms)},
		{pallet: "SubtensorModule", entry: "LastUpdate", keys: []any{mechanism.Index(netuid)}, into: func(v any) (err error) {
			last, err = slots(v)
			return err
		}},
	})
	switch {
	case err != nil:
		return nil, err
	case count == 0:
		return nil, fmt.Errorf("chain: subnet %d at block %d: %w", netuid, s.head.Number, ErrNoSubnet)
	case uint8(mechanism) >= mechanisms:
		return nil, fmt.Errorf("chain: subnet %d has %d mechanisms: %w", netuid, mechanisms, ErrNoMechanism)
	}
	rows := make([]NeuronRow, count)
	for i := range min(len(rows), len(last)) {
		if err := number(&rows[i].LastUpdate)(last[i]); err != nil {
			return nil, fmt.Errorf("chain: SubtensorModule.LastUpdate: %w: %w", ErrAnswer, err)
		}
	}
	return rows, nil
}

// rows reads who the neurons are and what they have set.
func (s *snapshot) rows(ctx context.Context, index uint16, netuid subnet.Netuid, out *Rows) error {
	items := []item{beaconItem(&out.Beacon)}
	for uid := range out.Neurons {
		row := &out.Neurons[uid]
		row.Values = make(map[subnet.UID]uint16)
		items = append(items,
			item{pallet: "SubtensorModule", entry: "Keys", keys: []any{uint16(netuid), uint16(uid)}, into: func(v any) error {
				account, err := account32(v)
				row.Hotkey = subnet.Hotkey(keys.Address(account, keys.Prefix))
				return err
			}},
			item{pallet: "SubtensorModule", entry: "Weights", keys: []any{index, uint16(uid)}, into: func(v any) error {
				return weightsRow(v, row.Values)
			}})
	}
	return s.read(ctx, items)
}

// sealed reads the timelocked commits of all epochs; none where the runtime has no such
// item.
func (s *snapshot) sealed(ctx context.Context, index uint16) ([]SealedRow, error) {
	const pallet, entry = "SubtensorModule", "TimelockedWeightCommits"
	if _, err := s.Metadata.StorageEntry(pallet, entry); err != nil {
		return nil, nil //nolint:nilerr // a runtime that cannot hold such commits holds none
	}
	prefix, err := s.Metadata.StoragePrefix(pallet, entry, index)
	if err != nil {
		return nil, fmt.Errorf("chain: key of %s.%s: %w", pallet, entry, err)
	}
	names, err := s.keysUnder(ctx, toHex(prefix), maxEpochs)
	if err != nil {
		return nil, err
	}
	values, err := s.query(ctx, names)
	if err != nil {
		return nil, err
	}
	var out []SealedRow
	for _, name := range names {
		rows, err := s.sealedOf(name, values[strings.TrimPrefix(name, "0x")])
		if err != nil {
			return nil, fmt.Errorf("chain: %s.%s at block %d: %w: %w", pallet, entry, s.head.Number, ErrAnswer, err)
		}
		out = append(out, rows...)
	}
	slices.SortStableFunc(out, func(a, b SealedRow) int {
		return cmp.Or(cmp.Compare(a.Epoch, b.Epoch), cmp.Compare(a.Block, b.Block))
	})
	return out, nil
}

// sealedOf reads one epoch's commits: (account, block, ciphertext, round) each.
func (s *snapshot) sealedOf(name string, value []byte) ([]SealedRow, error) {
	const pallet, entry = "SubtensorModule", "TimelockedWeightCommits"
	raw, err := fromHex(name)
	if err != nil {
		return nil, err
	}
	at, err := s.Metadata.DecodeStorageKey(pallet, entry, raw)
	if err != nil {
		return nil, err
	}
	decoded, err := s.Metadata.DecodeStorage(pallet, entry, value)
	if err != nil {
		return nil, err
	}
	commits, err := slots(decoded)
	if err != nil {
		return nil, err
	}
	rows := make([]SealedRow, len(commits))
	for i, commit := range commits {
		if err := rows[i].read(at[len(at)-1], commit); err != nil {
			return nil, fmt.Errorf("commit %d: %w", i, err)
		}
	}
	return rows, nil
}

func (r *SealedRow) read(epoch, commit any) error {
	parts, err := slots(commit)
	if err != nil {
		return err
	}
	if len(parts) != 4 {
		return fmt.Errorf("%d parts, 4 wanted", len(parts))
	}
	account, err := account32(parts[0])
	if err != nil {
		return err
	}
	sealed, ok := parts[2].([]byte)
	if !ok {
		return fmt.Errorf("a ciphertext that is a %T", parts[2])
	}
	r.Hotkey, r.Bytes = subnet.Hotkey(keys.Address(account, keys.Prefix)), len(sealed)
	return cmp.Or(number(&r.Epoch)(epoch), number(&r.Block)(parts[1]), number(&r.Round)(parts[3]))
}
