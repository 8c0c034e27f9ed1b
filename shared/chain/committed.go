package chain

import (
	"context"
	"fmt"
	"strings"

	"github.com/affine-go/affine/shared/chain/metadata"
	"github.com/affine-go/affine/shared/chain/timelock"
	"github.com/affine-go/affine/shared/subnet"
)

// Committed is all that the chain keeps of what one hotkey committed.
type Committed struct {
	UID      subnet.UID
	Hotkey   subnet.Hotkey
	Revealed []subnet.RawCommitment // what timelocks have opened, oldest first; the chain keeps ten
	Record   *CommitRecord          // the last set_commitment as far as it has not been opened; nil for none
	Problem  string                 // what the chain holds that cannot be read; empty when all could
}

// CommitRecord is a CommitmentOf value.
type CommitRecord struct {
	Block  subnet.Block // that included it
	Plain  []byte       // text in the open; nil for none
	Sealed []byte       // ciphertext under a timelock; nil for none
	Round  uint64       // drand round that opens Sealed
	Failed bool         // the chain tried to open it and could not (Data.TimelockRevealFailed, since spec 446)
}

// Commitments are what a subnet's miners have committed, at one finalized block.
type Commitments struct {
	Head   Head
	Beacon timelock.Beacon // that opens what is sealed
	Miners []Committed     // by uid; those that committed nothing are left out
}

// Commitments reads what every registered hotkey of the subnet has committed. The texts
// are as the miners wrote them. The error wraps ErrNoSubnet when there is no such subnet.
func (c *Client) Commitments(ctx context.Context, netuid subnet.Netuid) (Commitments, error) {
	s, err := c.snapshot(ctx)
	if err != nil {
		return Commitments{}, err
	}
	neurons, err := s.neurons(ctx, netuid)
	if err != nil {
		return Commitments{}, err
	}
	if len(neurons) == 0 {
		return Commitments{}, fmt.Errorf("chain: subnet %d at block %d: %w", netuid, s.head.Number, ErrNoSubnet)
	}
	out := Commitments{Head: s.head}
	all := make([]Committed, len(neurons))
	items := []item{beaconItem(&out.Beacon)}
	for i, n := range neurons {
		all[i] = Committed{UID: n.UID, Hotkey: n.Hotkey}
		own, err := all[i].items(netuid)
		if err != nil {
			return Commitments{}, err
		}
		items = append(items, own...)
	}
	if err := s.read(ctx, items); err != nil {
		return Commitments{}, err
	}
	for _, one := range all {
		if len(one.Revealed) > 0 || one.Record != nil || one.Problem != "" {
			out.Miners = append(out.Miners, one)
		}
	}
	return out, nil
}

// items are the storage items that hold a hotkey's commitments.
func (c *Committed) items(netuid subnet.Netuid) ([]item, error) {
	account, err := accountOf(c.Hotkey)
	if err != nil {
		return nil, err
	}
	of := func(entry string, into func(any) error) item {
		return item{pallet: "Commitments", entry: entry, keys: []any{uint16(netuid), account[:]}, into: into, fault: func(error) {
			c.Problem = "what the chain holds under " + entry + " cannot be read"
		}}
	}
	return []item{
		of("RevealedCommitments", func(v any) (err error) {
			c.Revealed, err = allRevealed(v)
			return err
		}),
		of("CommitmentOf", func(v any) (err error) {
			c.Record, err = commitRecord(v)
			return err
		}),
	}, nil
}

// allRevealed reads a RevealedCommitments value, of which newestRevealed reads the end.
func allRevealed(value any) ([]subnet.RawCommitment, error) {
	if value == nil {
		return nil, nil
	}
	list, ok := value.([]any)
	if !ok {
		return nil, fmt.Errorf("a %T instead of a list", value)
	}
	out := make([]subnet.RawCommitment, len(list))
	for i := range list {
		raw, _, err := newestRevealed(list[:i+1])
		if err != nil {
			return nil, err
		}
		out[i] = raw
	}
	return out, nil
}

// commitRecord reads a CommitmentOf value; of several fields of one kind the first counts.
func commitRecord(value any) (*CommitRecord, error) {
	if value == nil {
		return nil, nil
	}
	r := record{fields: value}
	out := &CommitRecord{Block: subnet.Block(r.number("block"))}
	info := record{fields: field[any](&r, "info"), err: r.err}
	for _, f := range info.list("fields") {
		v, ok := f.(metadata.Variant)
		if !ok {
			return nil, fmt.Errorf("a field that is a %T", f)
		}
		if err := out.take(v); err != nil {
			return nil, fmt.Errorf("%s: %w", v.Name, err)
		}
	}
	return out, info.err
}

// take keeps what one field holds; hashes and flags hold no text.
func (c *CommitRecord) take(v metadata.Variant) error {
	switch {
	case v.Name == "TimelockRevealFailed":
		c.Failed = true
	case v.Name == "TimelockEncrypted" && c.Sealed == nil:
		r := record{fields: v.Value}
		c.Sealed, c.Round = field[[]byte](&r, "encrypted"), r.number("reveal_round")
		return r.err
	case (strings.HasPrefix(v.Name, "Raw") || v.Name == "BigRaw") && c.Plain == nil:
		text, _ := v.Value.([]byte)
		c.Plain = append([]byte{}, innerText(text)...)
	}
	return nil
}
