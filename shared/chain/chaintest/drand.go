package chaintest

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"github.com/affine-go/affine/shared/chain/metadata"
	"github.com/affine-go/affine/shared/chain/scale"
	"github.com/affine-go/affine/shared/chain/timelock"
)

// How many rounds of the beacon come in with one block at most, and for how many the
// chain keeps the signatures.
const (
	pulsesPerBlock = 50
	keepRounds     = 8192
)

// pulse is a beacon's signature of a round.
type pulse struct {
	round     uint64
	signature []byte
}

// beaconPeriod is how often the node's own beacon signs a round: once a block, or a
// second where blocks come faster, as a beacon counts in whole seconds.
func beaconPeriod(blockTime time.Duration) time.Duration {
	return max(blockTime.Truncate(time.Second), time.Second)
}

// light makes the beacon, which follows from what the chain is.
func (n *Node) light() (err error) {
	if n.authority, err = timelock.NewAuthority([]byte(n.cfg.name())); err == nil {
		n.beacon = n.authority.Beacon(genesisTime, beaconPeriod(n.cfg.Rules.BlockTime))
	}
	return err
}

// Beacon is the node's own, in place of drand's quicknet: the chain receives its rounds
// by itself as the time of its blocks reaches them.
func (n *Node) Beacon() timelock.Beacon { return n.beacon }

// quicknetConfig is the BeaconConfig that the chain takes where none is stored: drand's
// quicknet, with the hashes of its chain and of its group.
func quicknetConfig() []byte {
	const (
		chain = "\x52\xdb\x9b\xa7\x0e\x0c\xc0\xf6\xea\xf7\x80\x3d\xd0\x74\x47\xa1\xf5\x47\x77\x35\xfd\x3f\x66\x17\x92\xba\x94\x60\x0c\x84\xe9\x71"
		group = "\xf4\x77\xd5\xc8\x9f\x21\xa1\x7c\x86\x3a\x7f\x93\x7c\x6a\x6d\x15\x85\x94\x14\xd2\xbe\x09\xcd\x44\x8d\x42\x79\xaf\x33\x1c\x5d\x3e"
	)
	b := timelock.Quicknet()
	var e scale.Encoder
	e.Bytes(b.PublicKey[:])
	e.U32(uint32(b.Period / time.Second))
	e.U32(uint32(b.Genesis.Unix()))
	for _, text := range []string{chain, group, "bls-unchained-g1-rfc9380", "quicknet"} {
		e.Str(text)
	}
	return e.Data()
}

// genesisBeacon tells which beacon opens timelocks here.
func (x *execution) genesisBeacon() error {
	b := x.node.beacon
	err := x.put("Drand", "BeaconConfig", map[string]any{
		"public_key": b.PublicKey[:], "period": uint32(b.Period / time.Second), "genesis_time": uint32(b.Genesis.Unix()),
		"hash": make([]byte, 32), "group_hash": make([]byte, 32), "scheme_id": []byte("bls-unchained-g1-rfc9380"),
		"metadata": map[string]any{"beacon_id": []byte("affine-chaintest")},
	})
	if errors.Is(err, metadata.ErrUnknown) {
		return nil // a runtime from before there were timelocks
	}
	return err
}

// HoldPulses keeps the beacon's rounds away from the chain, or lets them come again: the
// missed ones first, 50 a block.
func (n *Node) HoldPulses(hold bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.switches.Withheld = hold
}

// Pulse brings a round in with the next block, be it one of the node's own beacon or of
// the real quicknet. As on the chain, no other signature gets in, and rounds only go up:
// the beacon's own wait until they have passed this one.
func (n *Node) Pulse(round uint64, signature []byte) error {
	err := n.beacon.VerifyPulse(round, signature)
	if err != nil {
		err = timelock.Quicknet().VerifyPulse(round, signature)
	}
	if err != nil {
		return fmt.Errorf("chaintest: %w", err)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.handed = append(n.handed, pulse{round, signature})
	return nil
}

// published is the newest round that the beacon has signed when a block is made.
func (n *Node) published(block uint64) uint64 {
	past := time.UnixMilli(int64(n.timeOf(block))).Sub(n.beacon.Genesis)
	return uint64(past/n.beacon.Period) + 1
}

// storePulses brings in what was handed to the node, and the beacon's rounds since the
// last one stored; the first time, only the newest. It comes at a block's end: what is
// sealed to a round can be opened from the next block on.
func (x *execution) storePulses(in inputs) error {
	last, err := get[uint64](x.node, x.number, "Drand", "LastStoredRound")
	if err != nil {
		return err
	}
	rounds := []any{}
	for _, p := range in.pulses {
		randomness := sha256.Sum256(p.signature)
		value := map[string]any{"round": p.round, "randomness": randomness[:], "signature": p.signature}
		if err := x.put("Drand", "Pulses", value, p.round); err != nil {
			return err
		}
		rounds, last = append(rounds, p.round), max(last, p.round)
	}
	newest := x.node.published(x.number)
	next := last + 1
	if last == 0 {
		next = newest
	}
	for ; !in.switches.Withheld && next <= newest && len(rounds) < pulsesPerBlock; next++ {
		key, err := x.node.runtime.Metadata.StorageKey("Drand", "Pulses", next)
		if err != nil {
			return err
		}
		x.node.state.promise(x.number, key, next)
		rounds, last = append(rounds, next), next
	}
	if len(rounds) == 0 {
		return nil
	}
	x.record(atEnd, "Drand", "NewPulse", map[string]any{"rounds": rounds})
	return x.countPulses(rounds, last)
}

// sign is the stored pulse of a round of the node's own beacon.
func (n *Node) sign(round uint64) []byte {
	signature, err := n.authority.Sign(round)
	if err != nil {
		panic(err) // every number has a place on the curve
	}
	randomness := sha256.Sum256(signature)
	var e scale.Encoder
	e.U64(round)
	e.Bytes(randomness[:])
	e.Bytes(signature)
	return e.Data()
}

// countPulses notes which rounds are there, and forgets the oldest.
func (x *execution) countPulses(rounds []any, last uint64) error {
	if err := x.put("Drand", "LastStoredRound", last); err != nil {
		return err
	}
	oldest, err := get[uint64](x.node, x.number, "Drand", "OldestStoredRound")
	if err != nil {
		return err
	}
	if oldest == 0 {
		return x.put("Drand", "OldestStoredRound", rounds[0])
	}
	return x.forgetPulses(oldest, last)
}

// forgetPulses removes rounds that lie too far behind, a few in a block.
func (x *execution) forgetPulses(oldest, last uint64) error {
	first := oldest
	for ; last-oldest >= keepRounds && oldest-first < 2*pulsesPerBlock; oldest++ {
		if err := x.remove("Drand", "Pulses", oldest); err != nil {
			return err
		}
	}
	if oldest == first {
		return nil
	}
	return x.put("Drand", "OldestStoredRound", oldest)
}

// pulse is the stored signature of a round; nil when there is none.
func (x *execution) pulse(round uint64) ([]byte, error) {
	value, err := x.read("Drand", "Pulses", round)
	if err != nil || value == nil {
		return nil, err
	}
	a := arguments{}
	a.of, _ = value.(map[string]any)
	return a.bytes("signature"), a.err
}
