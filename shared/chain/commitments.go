package chain

import (
	"fmt"
	"strings"

	"github.com/affine-go/affine/shared/chain/keys"
	"github.com/affine-go/affine/shared/chain/metadata"
	"github.com/affine-go/affine/shared/chain/scale"
	"github.com/affine-go/affine/shared/subnet"
)

// commitments gathers what the miners of a subnet wrote: revealed, which is how miners
// have committed since 2025, and plain, which counts where nothing was revealed.
type commitments struct {
	netuid   subnet.Netuid
	neurons  []subnet.Neuron
	revealed map[subnet.Hotkey]subnet.RawCommitment
	plain    map[subnet.Hotkey]subnet.RawCommitment
}

func newCommitments(netuid subnet.Netuid, neurons []subnet.Neuron) *commitments {
	return &commitments{
		netuid: netuid, neurons: neurons,
		revealed: make(map[subnet.Hotkey]subnet.RawCommitment),
		plain:    make(map[subnet.Hotkey]subnet.RawCommitment),
	}
}

// items are the storage items of all neurons' commitments. Their keys follow from the
// hotkeys, so no page of keys has to be asked for.
func (c *commitments) items() []item {
	out := make([]item, 0, 2*len(c.neurons))
	for _, n := range c.neurons {
		account, _, err := keys.ParseAddress(string(n.Hotkey))
		if err != nil {
			continue // cannot be: the address was made from an account
		}
		at := []any{uint16(c.netuid), account[:]}
		out = append(out,
			item{pallet: "Commitments", entry: "RevealedCommitments", keys: at, into: func(v any) error {
				return keep(c.revealed, n.Hotkey, v, newestRevealed)
			}},
			item{pallet: "Commitments", entry: "CommitmentOf", keys: at, into: func(v any) error {
				return keep(c.plain, n.Hotkey, v, plainText)
			}})
	}
	return out
}

func (c *commitments) newest() map[subnet.Hotkey]subnet.RawCommitment {
	out := c.plain
	for hotkey, raw := range c.revealed {
		out[hotkey] = raw
	}
	return out
}

func keep(into map[subnet.Hotkey]subnet.RawCommitment, h subnet.Hotkey, value any,
	read func(any) (subnet.RawCommitment, bool, error)) error {
	if value == nil {
		return nil
	}
	raw, found, err := read(value)
	if err != nil {
		return fmt.Errorf("hotkey %s: %w", h, err)
	}
	if found {
		into[h] = raw
	}
	return nil
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

// plainText reads the first field of a CommitmentOf record that holds bytes in the
// open. A record that is still under a timelock has none.
func plainText(value any) (raw subnet.RawCommitment, found bool, err error) {
	r := record{fields: value}
	at := r.number("block")
	info := record{fields: field[any](&r, "info"), err: r.err}
	for _, f := range info.list("fields") {
		v, ok := f.(metadata.Variant)
		if !ok {
			return raw, false, fmt.Errorf("a field that is a %T", f)
		}
		if !strings.HasPrefix(v.Name, "Raw") && v.Name != "BigRaw" {
			continue
		}
		text, _ := v.Value.([]byte)
		return subnet.RawCommitment{Text: innerText(text), Block: subnet.Block(at)}, true, info.err
	}
	return raw, false, info.err
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
