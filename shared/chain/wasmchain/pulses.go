package wasmchain

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"github.com/affine-go/affine/shared/chain/metadata"
	"github.com/affine-go/affine/shared/chain/scale"
	"github.com/affine-go/affine/shared/chain/wasmhost"
)

// beaconPeriod is how far apart the beacon's rounds are: quicknet's period.
const beaconPeriod = 3 * time.Second

// pulse is a beacon's signature of a round.
type pulse struct {
	round     uint64
	signature []byte
}

// light begins the chain's beacon with block 0, and has the state name it where that names
// one. Its rounds come in under its own key, and under no other are they verified.
func (n *Node) light(e *entry) error {
	n.beacon = n.authority.Beacon(genesisTime, beaconPeriod)
	const pallet, name = "Drand", "BeaconConfig"
	item, err := e.described.StorageEntry(pallet, name)
	if errors.Is(err, metadata.ErrUnknown) {
		return nil
	}
	if err != nil {
		return err
	}
	key, err := e.described.StorageKey(pallet, name)
	if err != nil {
		return err
	}
	value, err := e.described.DecodeStorage(pallet, name, e.state.Get(key))
	if err != nil {
		return fmt.Errorf("%s.%s: %w", pallet, name, err)
	}
	fields, ok := value.(map[string]any)
	if !ok {
		return fmt.Errorf("%s.%s is a %T", pallet, name, value)
	}
	fields["public_key"] = n.beacon.PublicKey[:]
	fields["period"] = uint64(n.beacon.Period / time.Second)
	fields["genesis_time"] = uint64(n.beacon.Genesis.Unix())
	var raw scale.Encoder
	if err := e.described.EncodeType(&raw, item.Value, fields); err != nil {
		return fmt.Errorf("%s.%s: %w", pallet, name, err)
	}
	e.state = e.state.With(key, raw.Data())
	return nil
}

// withPulses is the parent's state with the rounds that a block's time has reached, as
// offchain workers bring them on finney. A runtime without the pallet gets none.
func (n *Node) withPulses(parent *entry, number uint64) (wasmhost.State, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	due := n.added
	n.added = nil
	for !n.held && !n.beacon.RoundTime(n.told+1).After(n.timeOf(number)) {
		signature, err := n.authority.Sign(n.told + 1)
		if err != nil {
			return parent.state, err
		}
		n.told++
		due = append(due, pulse{n.told, signature})
	}
	state := parent.state
	for _, p := range due {
		var err error
		if state, err = withPulse(parent.described, state, p); errors.Is(err, metadata.ErrUnknown) {
			return parent.state, nil
		} else if err != nil {
			return state, fmt.Errorf("pulse %d: %w", p.round, err)
		}
	}
	return state, nil
}

// withPulse writes what the pallet Drand writes when it has verified a pulse.
func withPulse(m *metadata.Metadata, state wasmhost.State, p pulse) (wasmhost.State, error) {
	item, err := m.StorageEntry("Drand", "Pulses")
	if err != nil {
		return state, err
	}
	key, err := m.StorageKey("Drand", "Pulses", p.round)
	if err != nil {
		return state, err
	}
	randomness := sha256.Sum256(p.signature)
	var e scale.Encoder
	if err := m.EncodeType(&e, item.Value, map[string]any{"round": p.round, "randomness": randomness[:], "signature": p.signature}); err != nil {
		return state, err
	}
	state = state.With(key, e.Data())
	if key, err = m.StorageKey("Drand", "LastStoredRound"); err != nil {
		return state, err
	}
	var last scale.Encoder
	last.U64(p.round)
	return state.With(key, last.Data()), nil
}
