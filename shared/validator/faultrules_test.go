package validator_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"

	"github.com/affine-go/affine/shared/subnet"
)

// pulse is the block from which on the chain has a round; false when it never gets it.
// The drand rounds of the world are the blocks.
func (c *simChain) pulse(round uint64) (subnet.Block, bool) {
	r := rand.New(rand.NewPCG(round, uint64(c.plan.calm)))
	if x := r.Float64(); x < c.plan.badPulses/2 {
		return 0, false
	} else if x < c.plan.badPulses {
		return subnet.Block(round) + subnet.Block(1+r.IntN(simTempo*3/2)), true
	}
	return subnet.Block(round), true
}

// reveal opens the commits whose epoch has come. Those whose pulse is not there are tried
// again in each block of that epoch, and lost with it.
func (c *simChain) reveal(s *chainState) {
	var left []sealedCommit
	for _, commit := range s.sealed {
		x := c.known[commit.hash]
		from, ok := c.pulse(x.round)
		switch due := commit.epoch + c.plan.period; {
		case s.epoch < due:
			left = append(left, commit)
		case s.epoch > due:
			c.counts.add("sealed weights lost")
		case !ok || s.number < from:
			c.counts.add("pulse missing at a reveal")
			left = append(left, commit)
		case x.intent.VersionKey < s.rules.VersionKey:
			c.counts.add("sealed weights of an old version key")
		case !s.permit:
			c.counts.add("sealed weights opened without a permit")
		default:
			s.rows = maps.Clone(s.rows)
			s.rows[x.intent.Mechanism] = x.row()
			s.opened = append(s.opened, simOpening{commit.hash, s.number, x.row()})
		}
	}
	s.sealed = left
}

// apply puts an extrinsic into the block if it can, and says whether the pool keeps it.
func (c *simChain) apply(s *chainState, x simExtrinsic) (keep bool) {
	switch {
	case s.number >= x.death:
		c.counts.add("era ended in the pool")
		return false
	case x.spec != s.spec, x.nonce < s.nonce:
		return false
	case x.nonce > s.nonce:
		return true
	case c.stormy() && c.random.Float64() < 0.4:
		return true // the block is full
	case c.stormy() && c.random.Float64() < c.plan.forgetRate:
		c.counts.add("forgotten by the pool")
		return false
	}
	s.nonce++
	inc := simInclusion{x.hash, s.number, c.dispatch(s, x)}
	if inc.failure != "" {
		c.counts.add("dispatch failed: " + inc.failure)
	}
	s.included = append(s.included, inc)
	return false
}

// dispatch runs the call by the chain's rules, in their order.
func (c *simChain) dispatch(s *chainState, x simExtrinsic) (failure string) {
	last := s.lastUpdate[x.intent.Mechanism]
	switch {
	case x.round > 0 && !s.rules.CommitReveal:
		return "CommitRevealDisabled"
	case x.round == 0 && s.rules.CommitReveal:
		return "CommitRevealEnabled"
	case x.round == 0 && x.intent.VersionKey < s.rules.VersionKey:
		return "IncorrectWeightVersionKey"
	case last > 0 && s.number < last+c.plan.rate && x.round > 0:
		return "CommittingWeightsTooFast"
	case last > 0 && s.number < last+c.plan.rate:
		return "SettingWeightsTooFast"
	case x.round == 0 && !s.permit:
		return "NeuronNoValidatorPermit"
	}
	s.lastUpdate = maps.Clone(s.lastUpdate)
	s.lastUpdate[x.intent.Mechanism] = s.number
	if x.round > 0 {
		s.sealed = append(slices.Clone(s.sealed), sealedCommit{x.hash, s.epoch})
		return ""
	}
	s.rows = maps.Clone(s.rows)
	s.rows[x.intent.Mechanism] = x.row()
	return ""
}

// sign makes the bytes for an intent, as seen at a state.
func (c *simChain) sign(s *chainState, intent subnet.WeightsIntent, foreign bool) simExtrinsic {
	x := simExtrinsic{
		hash: fmt.Sprintf("0x%d", len(c.known)+1), intent: intent, nonce: c.head().nonce, spec: s.spec,
		death: intent.Head + simEra, foreign: foreign,
	}
	if s.rules.CommitReveal {
		x.round = uint64(c.foretell(s)) + 3
	}
	c.known[x.hash] = x
	return x
}

// foretell is the block in which weights that are committed now will open.
func (c *simChain) foretell(s *chainState) subnet.Block {
	return s.since + simTempo*subnet.Block(c.plan.period)
}
