package chain

import (
	"fmt"

	"github.com/affine-go/affine/shared/chain/keys"
	"github.com/affine-go/affine/shared/chain/scale"
	"github.com/affine-go/affine/shared/subnet"
)

// commitments gathers what the miners of a subnet wrote: revealed, which is how miners
// have committed since 2025, and the record of their last set_commitment, which counts
// where nothing was revealed.
//
// What cannot be read of one miner is that miner's problem and nobody else's.
type commitments struct {
	netuid   subnet.Netuid
	neurons  []subnet.Neuron
	revealed map[subnet.Hotkey]subnet.RawCommitment
	written  map[subnet.Hotkey]subnet.RawCommitment
	read     int   // values that were there and could be read
	faults   int   // values that could not
	fault    error // the first of them
}

func newCommitments(netuid subnet.Netuid, neurons []subnet.Neuron) *commitments {
	return &commitments{
		netuid: netuid, neurons: neurons,
		revealed: make(map[subnet.Hotkey]subnet.RawCommitment),
		written:  make(map[subnet.Hotkey]subnet.RawCommitment),
	}
}

// items are the storage items of all neurons' commitments. Their keys follow from the
// hotkeys, so no page of keys has to be asked for, and what hotkeys wrote that are not
// registered, of which there may be any number, costs nothing.
func (c *commitments) items() []item {
	out := make([]item, 0, 2*len(c.neurons))
	for _, n := range c.neurons {
		account, _, err := keys.ParseAddress(string(n.Hotkey))
		if err != nil {
			continue // cannot be: the address was made from an account
		}
		at := []any{uint16(c.netuid), account[:]}
		out = append(out,
			c.item("RevealedCommitments", at, n.Hotkey, c.revealed, newestRevealed),
			c.item("CommitmentOf", at, n.Hotkey, c.written, lastWritten))
	}
	return out
}

// item reads one value into the miner's place.
func (c *commitments) item(entry string, at []any, h subnet.Hotkey, to map[subnet.Hotkey]subnet.RawCommitment,
	read func(any) (subnet.RawCommitment, bool, error)) item {
	return item{
		pallet: "Commitments", entry: entry, keys: at,
		into: func(value any) error {
			if value == nil {
				return nil
			}
			raw, found, err := read(value)
			if err == nil {
				c.read++
			}
			if err == nil && found {
				to[h] = raw
			}
			return err
		},
		fault: func(err error) {
			if c.faults++; c.faults == 1 {
				c.fault = fmt.Errorf("hotkey %s, Commitments.%s: %w", h, entry, err)
			}
			to[h] = subnet.RawCommitment{Problem: "what the chain holds under " + entry + " cannot be read"}
		},
	}
}

// newest is what counts of each miner. When nothing at all could be read of several, it
// is not they who are at fault.
func (c *commitments) newest() (map[subnet.Hotkey]subnet.RawCommitment, error) {
	if c.read == 0 && c.faults > 1 {
		return nil, fmt.Errorf("chain: commitments: %w: none of %d can be read: %w", ErrAnswer, c.faults, c.fault)
	}
	out := c.written
	for hotkey, raw := range c.revealed {
		out[hotkey] = raw
	}
	return out, nil
}

// newestRevealed reads a RevealedCommitments value: (text, block) pairs, newest last.
func newestRevealed(value any) (raw subnet.RawCommitment, found bool, err error) {
	list, ok := value.([]any)
	if !ok {
		return raw, false, fmt.Errorf("a %T instead of a list", value)
	}
	if len(list) == 0 {
		return raw, false, nil
	}
	pair, ok := list[len(list)-1].([]any)
	if !ok || len(pair) != 2 {
		return raw, false, fmt.Errorf("an entry of another shape: %T", list[len(list)-1])
	}
	text, isText := pair[0].([]byte)
	at, isBlock := pair[1].(uint64)
	if !isText || !isBlock {
		return raw, false, fmt.Errorf("an entry of %T and %T", pair[0], pair[1])
	}
	return subnet.RawCommitment{Text: innerText(text), Block: subnet.Block(at)}, true, nil
}

// lastWritten reads a CommitmentOf value: text in the open or, where the record has
// none, why it has none. A record of hashes and flags is no commitment.
func lastWritten(value any) (subnet.RawCommitment, bool, error) {
	r, err := commitRecord(value)
	if err != nil {
		return subnet.RawCommitment{}, false, err
	}
	raw := subnet.RawCommitment{Block: r.Block}
	switch {
	case r.Plain != nil:
		raw.Text = r.Plain
	case r.Failed:
		raw.Problem = "the chain could not open it"
	case r.Sealed != nil:
		raw.Problem = fmt.Sprintf("sealed until drand round %d", r.Round)
	default:
		return subnet.RawCommitment{}, false, nil
	}
	return raw, true, nil
}

// innerText strips the length that upstream's SDK writes before a revealed text (a
// SCALE string). Text that does not begin with exactly its own length is the text.
func innerText(b []byte) []byte {
	d := scale.NewDecoder(b)
	text := d.Bytes()
	if d.End() != nil || len(b) == 0 {
		return b
	}
	return text
}
