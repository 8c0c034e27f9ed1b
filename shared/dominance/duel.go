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
	enough       bool // MinSamples reached
}

// duel compares two miners in one environment: positive when a wins, negative when
// b does, zero for a tie. The earlier one wins unless the later one's interval lies
// strictly above its own; only miners of the same block can tie.
func duel(a, b side) int {
	switch {
	case a.enough != b.enough:
		return sign(a.enough)
	case !a.enough:
		return 0
	case a.first < b.first:
		return sign(b.lower <= a.upper)
	case b.first < a.first:
		return sign(a.lower > b.upper)
	case a.lower > b.upper:
		return 1
	case b.lower > a.upper:
		return -1
	}
	return 0
}

func sign(aWins bool) int {
	if aWins {
		return 1
	}
	return -1
}

// field is the pool of miners that duel. Members are ordered by first block, then
// hotkey, which is the order of all tie-breaks.
type field struct {
	envs    int
	uids    []subnet.UID // of each member
	sides   []side       // by member, then environment
	means   []float64    // likewise: mean score, 0..1
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
	f.sides = make([]side, 0, len(f.uids)*f.envs)
	f.means = make([]float64, 0, len(f.uids)*f.envs)
	f.weakest = make([]int8, 0, len(f.uids)*f.envs)
	for _, uid := range f.uids {
		for e := range v.Miners[uid].Envs {
			s := &v.Miners[uid].Envs[e]
			f.sides = append(f.sides, s.side())
			f.means = append(f.means, s.Mean())
			f.weakest = append(f.weakest, int8(e))
		}
		means := f.means[len(f.means)-f.envs:]
		slices.SortFunc(f.weakest[len(f.weakest)-f.envs:], func(a, b int8) int { return cmp.Compare(means[a], means[b]) })
	}
	return f
}

func (f *field) members() int { return len(f.uids) }

// duels returns the environments in which member a beats member b, and those in
// which b beats a.
func (f *field) duels(a, b int) (wins, losses mask) {
	sa, sb := f.sides[a*f.envs:(a+1)*f.envs], f.sides[b*f.envs:(b+1)*f.envs]
	for e := range sa {
		switch duel(sa[e], sb[e]) {
		case 1:
			wins |= 1 << e
		case -1:
			losses |= 1 << e
		}
	}
	return wins, losses
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
