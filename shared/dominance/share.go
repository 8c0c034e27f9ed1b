package dominance

import (
	"cmp"
	"slices"
)

// decay is what each rank on a frontier is worth relative to the one above it.
const decay = 0.5

// sharer splits one set's points over its frontier. It keeps its buffers between
// sets; what split returns holds until the next call.
type sharer struct {
	field    *field
	fronts   frontiers
	frontier []int
	ranked   []contender
	shares   []float64
}

type contender struct {
	place    int // in the frontier
	strength float64
}

func newSharer(f *field) *sharer { return &sharer{field: f, fronts: newFrontiers(f)} }

// split returns the set's frontier, most senior member first, and each one's
// share: strength² × ½^rank, over their sum. Equal strengths rank by seniority. When
// all strengths are zero the split is equal.
func (s *sharer) split(set mask) (frontier []int, shares []float64) {
	s.frontier = s.fronts.on(set, s.frontier[:0])
	s.shares = slices.Grow(s.shares[:0], len(s.frontier))[:len(s.frontier)]
	if len(s.frontier) == 1 {
		s.shares[0] = 1
		return s.frontier, s.shares
	}
	s.rank(set)
	total, worth := 0.0, 1.0
	for _, c := range s.ranked {
		s.shares[c.place] = c.strength * c.strength * worth
		total += s.shares[c.place]
		worth *= decay
	}
	for i := range s.shares {
		if total > 0 {
			s.shares[i] /= total
		} else {
			s.shares[i] = 1 / float64(len(s.shares))
		}
	}
	return s.frontier, s.shares
}

func (s *sharer) rank(set mask) {
	s.ranked = s.ranked[:0]
	for place, member := range s.frontier {
		s.ranked = append(s.ranked, contender{place, s.field.strength(member, set)})
	}
	slices.SortFunc(s.ranked, func(a, b contender) int {
		return cmp.Or(cmp.Compare(b.strength, a.strength), cmp.Compare(a.place, b.place))
	})
}
