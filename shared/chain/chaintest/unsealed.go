package chaintest

import (
	"bytes"

	"github.com/affine-go/affine/shared/chain/scale"
	"github.com/affine-go/affine/shared/chain/timelock"
	"github.com/affine-go/affine/shared/subnet"
)

// revealWeights opens, at the beginning of a block, what was sealed a reveal period ago.
// It comes before the epochs of the block.
func (x *execution) revealWeights() error {
	netuid := x.node.cfg.Netuid
	s, err := x.schedule(uint16(netuid))
	if err != nil {
		return err
	}
	state := &reader{node: x.node, at: x.number}
	rules := state.rules(uint16(netuid))
	if state.err != nil {
		return state.err
	}
	q := x.node.queue()
	epoch, opens := s.opens(x.number, rules.RevealPeriod, q.once)
	for mechanism := range subnet.Mechanism(rules.Mechanisms) {
		if !opens {
			break
		}
		if err := x.revealMechanism(q, mechanism, epoch); err != nil {
			return err
		}
	}
	return nil
}

// opens says which epoch's commits a block opens, if any. Runtimes that try once do it
// in the last block of the epoch before, and never in the chain's first.
func (s schedule) opens(block, period uint64, once bool) (epoch uint64, any bool) {
	now := s.reveals(block)
	if once {
		return now + 1 - period, s.due(block) && now >= 2 && now+1 >= period
	}
	return now - period, now >= period
}

// revealMechanism opens the commits of an epoch. What waits for its pulse stays, where
// the runtime tries again; what is left of the epoch before is lost.
func (x *execution) revealMechanism(q queue, mechanism subnet.Mechanism, epoch uint64) error {
	index := mechanism.Index(x.node.cfg.Netuid)
	if epoch > 0 {
		if err := x.remove("SubtensorModule", q.entry, index, epoch-1); err != nil {
			return err
		}
	}
	waiting, err := get[[]any](x.node, x.number, "SubtensorModule", q.entry, index, epoch)
	if err != nil || len(waiting) == 0 {
		return err
	}
	var later []any
	for _, entry := range waiting {
		fields := entry.([]any)
		hotkey, sealed, round := fields[0].([]byte), fields[len(fields)-2].([]byte), fields[len(fields)-1].(uint64)
		signature, err := x.pulse(round)
		if err != nil {
			return err
		}
		if signature == nil && !q.once {
			later = append(later, entry)
			continue
		}
		if err := x.reveal(mechanism, [32]byte(hotkey), sealed, signature); err != nil {
			return err
		}
	}
	switch len(later) {
	case 0:
		return x.remove("SubtensorModule", q.entry, index, epoch)
	case len(waiting):
		return nil
	}
	return x.put("SubtensorModule", q.entry, later, index, epoch)
}

// reveal opens one commit and sets its weights. Whatever is wrong with it, it is dropped
// and nobody is told, as on the chain.
func (x *execution) reveal(mechanism subnet.Mechanism, hotkey [32]byte, sealed, signature []byte) error {
	s, ok := unseal(sealed, signature, hotkey)
	if !ok {
		return nil
	}
	s.netuid, s.mechanism = uint16(x.node.cfg.Netuid), mechanism
	refused, err := x.applyWeights(atStart, s)
	if err != nil || refused != "" {
		return err
	}
	x.record(atStart, "SubtensorModule", x.node.queue().revealed, []any{mechanism.Index(x.node.cfg.Netuid), hotkey[:]})
	return nil
}

func unseal(sealed, signature []byte, hotkey [32]byte) (*submission, bool) {
	opened, err := timelock.Decrypt(sealed, signature)
	if err != nil {
		return nil, false
	}
	return payload(opened, hotkey)
}

// payload reads opened weights. They name the hotkey, which must be the committer's; an
// older form, which the chain still takes, does not. Bytes left over are ignored.
func payload(opened []byte, hotkey [32]byte) (*submission, bool) {
	d := scale.NewDecoder(opened)
	named := d.Bytes()
	s := weightsOf(d, hotkey)
	if d.Err() == nil && len(named) >= len(hotkey) {
		return s, bytes.Equal(named[:len(hotkey)], hotkey[:])
	}
	d = scale.NewDecoder(opened)
	s = weightsOf(d, hotkey)
	return s, d.Err() == nil
}

func weightsOf(d *scale.Decoder, hotkey [32]byte) *submission {
	s := &submission{hotkey: hotkey}
	for _, list := range []*[]uint16{&s.uids, &s.values} {
		*list = make([]uint16, d.Len(2))
		for i := range *list {
			(*list)[i] = d.U16()
		}
	}
	s.versionKey = d.U64()
	return s
}
