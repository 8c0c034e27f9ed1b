package chaintest

import (
	"bytes"
	"fmt"

	"golang.org/x/crypto/blake2b"

	"github.com/affine-go/affine/shared/chain/extrinsic"
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
	q, epoch := x.node.queue(), s.commits(x.number)
	waiting, err := get[[]any](x.node, x.number, "SubtensorModule", q.entry, who.index, epoch)
	if err != nil {
		return nil, err
	}
	if name := x.commitRefused(c, who, waiting); name != "" {
		return &refusal{"SubtensorModule", name}, nil
	}
	if err := x.put("SubtensorModule", q.entry, append(waiting, q.line(c, x.number)), who.index, epoch); err != nil {
		return nil, err
	}
	hash := blake2b.Sum256(c.commit)
	event := []any{c.hotkey[:], who.index, hash[:]}
	if !q.once {
		event = append(event, c.round)
	}
	x.record(index, "SubtensorModule", q.committed, event)
	return nil, x.updated(who)
}

// queue is where the runtime keeps sealed weights, and what it tells of them.
type queue struct {
	entry               string
	committed, revealed string // events
	once                bool   // it tries to open them once, when their epoch runs, and not in every block of the next
}

// queue is that of the runtime in force: it has changed once.
func (n *Node) queue() queue {
	if _, _, err := n.runtime.Metadata.Call("SubtensorModule", "commit_crv3_weights"); err == nil {
		return queue{"CRV3WeightCommits", "CRV3WeightsCommitted", "CRV3WeightsRevealed", true}
	}
	return queue{"TimelockedWeightCommits", "TimelockedWeightsCommitted", "TimelockedWeightsRevealed", false}
}

// line is how a commit waits. Later runtimes note its block too.
func (q queue) line(c *sealedCall, block uint64) []any {
	if q.once {
		return []any{c.hotkey[:], c.commit, c.round}
	}
	return []any{c.hotkey[:], block, c.commit, c.round}
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
