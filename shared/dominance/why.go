package dominance

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// why tells in one sentence who won and what decided.
func (v *Verdict) why() string {
	switch ranking := v.ranking(); {
	case v.Burn >= 1:
		return "All weight goes to uid 0, because everything is burned."
	case len(ranking) == 0 && v.quiet():
		return "All weight goes to uid 0, because there are no samples of any miner."
	case len(ranking) == 0:
		return "All weight goes to uid 0, because nobody is eligible: " + v.nearest() + "."
	case len(ranking) == 1:
		return v.opening(ranking[0]) + "; nobody else is eligible" + v.closing()
	default:
		return v.opening(ranking[0]) + "; " + v.against(ranking[0], ranking[1]) + v.closing()
	}
}

// ranking lists the eligible by points, then by mean score, then by seniority.
func (v *Verdict) ranking() []*Standing {
	var list []*Standing
	for uid := range v.Miners {
		if v.Miners[uid].Eligible {
			list = append(list, &v.Miners[uid])
		}
	}
	slices.SortFunc(list, func(a, b *Standing) int {
		return cmp.Or(cmp.Compare(b.Points, a.Points), cmp.Compare(b.total(), a.total()), a.senior(b))
	})
	return list
}

// total is the sum of the mean scores over all environments.
func (s *Standing) total() float64 {
	sum := 0.0
	for e := range s.Envs {
		sum += s.Envs[e].Mean()
	}
	return sum
}

func (v *Verdict) quiet() bool {
	return !slices.ContainsFunc(v.Miners, func(m Standing) bool { return m.Active })
}

// nearest says what the miner that came closest to eligibility lacks.
func (v *Verdict) nearest() string {
	var best *Standing
	least := 0
	for uid := range v.Miners {
		m := &v.Miners[uid]
		if missing := v.missing(m); m.Active && (best == nil || missing < least) {
			best, least = m, missing
		}
	}
	if least == 0 {
		return fmt.Sprintf("%s has samples enough but fails the validity checks", label(best))
	}
	e := 0
	for best.Envs[e].Count >= v.Required[e] {
		e++
	}
	return fmt.Sprintf("%s comes closest and has %d of %d samples in %s", label(best), best.Envs[e].Count, v.Required[e], v.Envs[e])
}

// missing counts the samples that a miner lacks for eligibility.
func (v *Verdict) missing(m *Standing) int {
	sum := 0
	for e, need := range v.Required {
		sum += max(0, need-m.Envs[e].Count)
	}
	return sum
}

func label(m *Standing) string {
	return fmt.Sprintf("%s (uid %d)", m.Hotkey.Short(), m.UID)
}

func (v *Verdict) opening(winner *Standing) string {
	total := 0.0
	for _, l := range v.Layers {
		total += l.Points()
	}
	return fmt.Sprintf("%s wins %.2f of %.0f points and %.2f %% of the weight", label(winner), winner.Points, total, 100*winner.Weight)
}

func (v *Verdict) closing() string {
	if v.Burn > 0 {
		return fmt.Sprintf("; %.4g %% is burned to uid 0.", 100*v.Burn)
	}
	return "."
}

// against says how the winner's duels with the runner-up ended, and when they do
// not explain it, what did.
func (v *Verdict) against(winner, second *Standing) string {
	var clauses []string
	for _, end := range []struct {
		verb string
		of   func(a, b side) bool
	}{
		{"wins outright in", func(a, b side) bool { return a.above(b) }},
		{fmt.Sprintf("keeps its place as the earlier one (block %d before %d) in", winner.FirstBlock, second.FirstBlock),
			func(a, b side) bool { return a.beats(b) && !a.above(b) }},
		{"ties in", func(a, b side) bool { return !a.beats(b) && !b.beats(a) }},
		{"does not displace the earlier one in", func(a, b side) bool { return b.beats(a) && !b.above(a) }},
		{"is worse in", func(a, b side) bool { return b.above(a) }},
	} {
		if envs := v.where(winner, second, end.of); len(envs) > 0 {
			clauses = append(clauses, end.verb+" "+v.naming(envs))
		}
	}
	if second.Points > 0 {
		clauses = append(clauses, shared(winner, second))
	}
	return fmt.Sprintf("against the runner-up, %s with %.2f points, it %s", label(second), second.Points, listing(clauses))
}

// where lists the environments in which a duel ends so.
func (v *Verdict) where(winner, second *Standing, so func(a, b side) bool) []string {
	var envs []string
	for e, env := range v.Envs {
		if so(winner.Envs[e].side(), second.Envs[e].side()) {
			envs = append(envs, string(env))
		}
	}
	return envs
}

func (v *Verdict) naming(envs []string) string {
	switch {
	case len(envs) < len(v.Envs) || len(envs) == 1:
		return listing(envs)
	case len(envs) == 2:
		return "both environments"
	default:
		return fmt.Sprintf("all %d environments", len(envs))
	}
}

// shared says what ranks the winner first where both share a set's points.
func shared(winner, second *Standing) string {
	switch {
	case winner.Points == second.Points:
		return "shares every point equally"
	case winner.total() > second.total():
		return "has the higher mean score where they share points"
	case winner.total() < second.total():
		return "wins more sets of environments"
	case winner.FirstBlock < second.FirstBlock:
		return fmt.Sprintf("committed first (block %d before %d)", winner.FirstBlock, second.FirstBlock)
	default:
		return "has the lesser hotkey, which breaks the tie"
	}
}

// listing joins with commas and a last "and".
func listing(items []string) string {
	last := len(items) - 1
	if last <= 0 {
		return strings.Join(items, "")
	}
	return strings.Join(items[:last], ", ") + " and " + items[last]
}
