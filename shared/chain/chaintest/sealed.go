package chaintest

import (
	"bytes"
	"fmt"

	"golang.org/x/crypto/blake2b"

	"github.com/affine-go/affine/shared/chain/extrinsic"
	"github.com/affine-go/affine/shared/chain/scale"
	"github.com/affine-go/affine/shared/chain/timelock"
	"github.com/affine-go/affine/shared/subnet"
)

// The limits of sealed weights: how long they may be at most (the chain cannot even
// decode longer ones), and how many of a hotkey may wait in one epoch.
const (
	maxCommit     = 5000
	maxUnrevealed = 10
)

// sealedCall is a call that commits weights under a timelock.
type sealedCall struct {
	hotkey    [32]byte
	netuid    uint16
	mechanism subnet.Mechanism
	commit    []byte
	round     uint64
	versioned bool // the call names a version
	version   uint64
}

// sealedCallOf reads the call; those of older runtimes name no version, and the one for
// mechanism 0 no mechanism.
func sealedCallOf(signed *extrinsic.Signed) (*sealedCall, error) {
	a := arguments{of: signed.Args}
	c := &sealedCall{
		hotkey: signed.Signer, netuid: uint16(a.number("netuid")), mechanism: subnet.Mechanism(a.optional("mecid")),
		commit: a.bytes("commit"), round: a.number("reveal_round"), version: a.optional("commit_reveal_version"),
	}
	_, c.versioned = a.of["commit_reveal_version"]
	if a.err != nil {
		return nil, fmt.Errorf("%s: %w", signed.Name, a.err)
	}
	return c, nil
}

// commitWeights keeps sealed weights for the epoch in which they will be opened.
func (x *execution) commitWeights(index int, signed *extrinsic.Signed) (*refusal, error) {
	c, err := sealedCallOf(signed)
	if err != nil {
		return nil, err
	}
	who, err := x.standing(c.netuid, c.mechanism, c.hotkey)
	if err != nil {
		return nil, err
	}
	s, err := x.schedule(c.netuid)
	if err != nil {
		return nil, err
	}
	epoch := s.commits(x.number)
	waiting, err := get[[]any](x.node, x.number, "SubtensorModule", "TimelockedWeightCommits", who.index, epoch)
	if err != nil {
		return nil, err
	}
	if name := x.commitRefused(c, who, waiting); name != "" {
		return &refusal{"SubtensorModule", name}, nil
	}
	waiting = append(waiting, []any{c.hotkey[:], x.number, c.commit, c.round})
	if err := x.put("SubtensorModule", "TimelockedWeightCommits", waiting, who.index, epoch); err != nil {
		return nil, err
	}
	hash := blake2b.Sum256(c.commit)
	x.record(index, "SubtensorModule", "TimelockedWeightsCommitted", []any{c.hotkey[:], who.index, hash[:], c.round})
	return nil, x.updated(who)
}

// commitRefused names the first of the pallet's rules that a commit breaks.
func (x *execution) commitRefused(c *sealedCall, who *standing, waiting []any) string {
	switch {
	case !who.exists:
		return "MechanismDoesNotExist"
	case !who.rules.CommitReveal:
		return "CommitRevealDisabled"
	case c.versioned && c.version != uint64(who.rules.CommitVersion):
		return "IncorrectCommitRevealVersion"
	case !who.registered:
		return "HotKeyNotRegisteredInSubNet"
	case x.tooFast(who):
		return "CommittingWeightsTooFast"
	case countOf(waiting, c.hotkey) >= maxUnrevealed:
		return "TooManyUnrevealedCommits"
	}
	return ""
}

func countOf(waiting []any, hotkey [32]byte) (count int) {
	for _, entry := range waiting {
		if bytes.Equal(entry.([]any)[0].([]byte), hotkey[:]) {
			count++
		}
	}
	return count
}

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
	now := s.reveals(x.number)
	if state.err != nil || now < rules.RevealPeriod {
		return state.err
	}
	for mechanism := range subnet.Mechanism(rules.Mechanisms) {
		if err := x.revealMechanism(mechanism, now-rules.RevealPeriod); err != nil {
			return err
		}
	}
	return nil
}

// revealMechanism opens the commits of an epoch. What waits for its pulse stays; what
// is left of the epoch before is lost.
func (x *execution) revealMechanism(mechanism subnet.Mechanism, epoch uint64) error {
	index := mechanism.Index(x.node.cfg.Netuid)
	if epoch > 0 {
		if err := x.remove("SubtensorModule", "TimelockedWeightCommits", index, epoch-1); err != nil {
			return err
		}
	}
	waiting, err := get[[]any](x.node, x.number, "SubtensorModule", "TimelockedWeightCommits", index, epoch)
	if err != nil || len(waiting) == 0 {
		return err
	}
	var later []any
	for _, entry := range waiting {
		fields := entry.([]any)
		signature, err := x.pulse(fields[3].(uint64))
		if err != nil {
			return err
		}
		if signature == nil {
			later = append(later, entry)
			continue
		}
		if err := x.reveal(mechanism, [32]byte(fields[0].([]byte)), fields[2].([]byte), signature); err != nil {
			return err
		}
	}
	switch len(later) {
	case 0:
		return x.remove("SubtensorModule", "TimelockedWeightCommits", index, epoch)
	case len(waiting):
		return nil
	}
	return x.put("SubtensorModule", "TimelockedWeightCommits", later, index, epoch)
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
	x.record(atStart, "SubtensorModule", "TimelockedWeightsRevealed", []any{mechanism.Index(x.node.cfg.Netuid), hotkey[:]})
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
