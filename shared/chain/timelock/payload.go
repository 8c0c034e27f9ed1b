package timelock

import (
	"errors"
	"fmt"

	"github.com/affine-go/affine/shared/chain/scale"
	"github.com/affine-go/affine/shared/subnet"
)

// ErrPayload is wrapped when bytes are not sealed weights, or weights cannot be sealed.
var ErrPayload = errors.New("timelock: malformed weights payload")

// WeightsPayload is what a validator seals under commit-reveal and what the chain sets at
// the reveal (pallet SubtensorModule, WeightsTlockPayload).
type WeightsPayload struct {
	Hotkey     [32]byte     // public key of the committing hotkey; the chain silently drops the commit of another
	UIDs       []subnet.UID // no UID twice
	Values     []uint16     // weight of the UID at the same place, 65,535 for the heaviest
	VersionKey uint64       // the subnet's weights version, at least the chain's
}

// Encode writes the payload as SCALE: hotkey (bytes), uids and values (lists of u16),
// version_key (u64). It refuses lists of different lengths, which the chain would refuse
// at the reveal, when it is too late.
func (p WeightsPayload) Encode() ([]byte, error) {
	if len(p.UIDs) != len(p.Values) {
		return nil, fmt.Errorf("%w: %d uids and %d values", ErrPayload, len(p.UIDs), len(p.Values))
	}
	var e scale.Encoder
	e.Bytes(p.Hotkey[:])
	e.Compact(uint64(len(p.UIDs)))
	for _, uid := range p.UIDs {
		e.U16(uint16(uid))
	}
	e.Compact(uint64(len(p.Values)))
	for _, value := range p.Values {
		e.U16(value)
	}
	e.U64(p.VersionKey)
	return e.Data(), nil
}

// ParseWeightsPayload reads an opened payload. It is stricter than the chain, which also
// takes a payload without a hotkey (an older form) and ignores bytes left over.
func ParseWeightsPayload(opened []byte) (WeightsPayload, error) {
	d := scale.NewDecoder(opened)
	hotkey := d.Bytes()
	uids, values := list[subnet.UID](d), list[uint16](d)
	p := WeightsPayload{UIDs: uids, Values: values, VersionKey: d.U64()}
	if err := d.End(); err != nil {
		return WeightsPayload{}, fmt.Errorf("%w: %w", ErrPayload, err)
	}
	if len(hotkey) != len(p.Hotkey) {
		return WeightsPayload{}, fmt.Errorf("%w: a hotkey of %d bytes", ErrPayload, len(hotkey))
	}
	if len(uids) != len(values) {
		return WeightsPayload{}, fmt.Errorf("%w: %d uids and %d values", ErrPayload, len(uids), len(values))
	}
	p.Hotkey = [32]byte(hotkey)
	return p, nil
}

func list[T ~uint16](d *scale.Decoder) []T {
	out := make([]T, d.Len(2))
	for i := range out {
		out[i] = T(d.U16())
	}
	return out
}
