package dominance

import (
	"cmp"
	"math"
	"slices"

	"github.com/affine-go/affine/shared/subnet"
)

// MinSamples is how many samples a miner needs in an environment before its
// interval there can win a duel.
const MinSamples = 200

// mask is a set of environments: bit i stands for the i-th.
type mask uint32

// side is one miner as it enters a duel in one environment.
type side struct {
	lower, upper float64
	first        subnet.Block
}

// side enters a miner without enough samples below everybody and after everybody:
// it loses to all that have enough and ties with all that have not.
func (s *EnvStanding) side() side {
	if s.Count < MinSamples {
		return side{lower: -1, upper: -1, first: Never}
	}
	return side{lower: s.Lower, upper: s.Upper, first: s.FirstBlock}
}

// above reports whether the miner's interval lies strictly above the other's.
func (a side) above(b side) bool { return a.lower > b.upper }

// beats reports whether a wins its duel with b: it lies above b, or it is the
// earlier one and b does not lie above it. Between miners of the same block, where
// neither lies above the other, neither wins.
func (a side) beats(b side) bool {
	return a.above(b) || a.first < b.first && !b.above(a)
}

// field is the pool of miners that duel. Members are ordered by first block, then
// hotkey, which is the order of all tie-breaks.
type field struct {
	envs    int
	uids    []subnet.UID // of each member
	sides   [][]side     // by environment, then member
	means   []float64    // by member, then environment: mean score, clamped to 0..1
	weakest []int8       // likewise: the member's environments by mean, ascending
}

// newField gathers the pooled miners of a verdict.
func newField(v *Verdict) *field {
	f := &field{envs: len(v.Envs)}
	for uid := range v.Miners {
		if v.Miners[uid].Pooled {
			f.uids = append(f.uids, subnet.UID(uid))
		}
	}
	slices.SortFunc(f.uids, func(a, b subnet.UID) int { return v.Miners[a].senior(&v.Miners[b]) })
	f.sides = make([][]side, f.envs)
	for e := range f.sides {
		f.sides[e] = make([]side, f.members())
		for member, uid := range f.uids {
			f.sides[e][member] = v.Miners[uid].Envs[e].side()
		}
	}
	for _, uid := range f.uids {
		f.measure(v.Miners[uid].Envs)
	}
	return f
}

func (f *field) members() int { return len(f.uids) }

// measure appends one member's means.
func (f *field) measure(envs []EnvStanding) {
	start := len(f.means)
	for e := range envs {
		f.means = append(f.means, min(max(envs[e].Mean(), 0), 1))
		f.weakest = append(f.weakest, int8(e))
	}
	means := f.means[start:]
	slices.SortFunc(f.weakest[start:], func(a, b int8) int { return cmp.Compare(means[a], means[b]) })
}

// duels sets, for each rival, the environments in which it beats the member and
// those in which it loses to it. It asks what side.beats asks, but without
// branches: the answers cannot be foretold, and this is where the time goes.
func (f *field) duels(member int, wins, losses []mask) {
	clear(wins)
	clear(losses)
	for e, sides := range f.sides {
		y := sides[member]
		for i := range sides {
			x := &sides[i]
			above, below := bit(x.lower > y.upper), bit(y.lower > x.upper)
			wins[i] |= (above | bit(x.first < y.first)&^below) << (e & 31)
			losses[i] |= (below | bit(y.first < x.first)&^above) << (e & 31)
		}
	}
}

func bit(set bool) mask {
	if set {
		return 1
	}
	return 0
}

// strength is a member's geometric mean score over a set of environments. Factors
// are taken in ascending order, so that equal scores in different environments give
// equal strengths to the last bit.
func (f *field) strength(member int, set mask) float64 {
	product, n := 1.0, 0
	for _, e := range f.weakest[member*f.envs : (member+1)*f.envs] {
		if set&(1<<e) != 0 {
			product *= f.means[member*f.envs+int(e)]
			n++
		}
	}
	return math.Pow(product, 1/float64(n))
}
