package dominance

import (
	"cmp"
	"math"
	"slices"
)

// naivePoints forms every pooled miner's points the way the rule is told: for each
// set all ordered pairs, for each pair all environments of the set. It shares
// nothing with the package but side.beats, so that lattices, frontiers and shares can be
// checked against it, and their speed compared.
func naivePoints(v *Verdict) map[int][]float64 {
	var pool []int
	for uid := range v.Miners {
		if v.Miners[uid].Pooled {
			pool = append(pool, uid)
		}
	}
	points := make(map[int][]float64)
	for _, uid := range pool {
		points[uid] = make([]float64, len(v.Layers))
	}
	for i, layer := range v.Layers {
		for set := range 1 << len(v.Envs) {
			var envs []int
			for e := range v.Envs {
				if set>>e&1 == 1 {
					envs = append(envs, e)
				}
			}
			if len(envs) != layer.Size {
				continue
			}
			for uid, share := range naiveShares(v, pool, envs) {
				points[uid][i] += layer.Weight * share
			}
		}
	}
	return points
}

func naiveShares(v *Verdict, pool, envs []int) map[int]float64 {
	frontier := naiveFrontier(v, pool, envs)
	strength := func(uid int) float64 {
		var means []float64
		for _, e := range envs {
			means = append(means, max(0, min(1, v.Miners[uid].Envs[e].Mean())))
		}
		slices.Sort(means)
		g := 1.0
		for _, m := range means {
			g *= m
		}
		return math.Pow(g, 1/float64(len(envs)))
	}
	slices.SortFunc(frontier, func(a, b int) int {
		ma, mb := &v.Miners[a], &v.Miners[b]
		return cmp.Or(cmp.Compare(strength(b), strength(a)),
			cmp.Compare(ma.FirstBlock, mb.FirstBlock), cmp.Compare(ma.Hotkey, mb.Hotkey))
	})
	shares, total := make(map[int]float64), 0.0
	for rank, uid := range frontier {
		shares[uid] = strength(uid) * strength(uid) * math.Pow(0.5, float64(rank))
		total += shares[uid]
	}
	for _, uid := range frontier {
		switch {
		case len(frontier) == 1:
			shares[uid] = 1
		case total > 0:
			shares[uid] /= total
		default:
			shares[uid] = 1 / float64(len(frontier))
		}
	}
	return shares
}

func naiveFrontier(v *Verdict, pool, envs []int) []int {
	var frontier []int
	for _, b := range pool {
		dominated := false
		for _, a := range pool {
			dominated = dominated || naiveDominates(v, a, b, envs)
		}
		if !dominated {
			frontier = append(frontier, b)
		}
	}
	if len(frontier) == 0 {
		return slices.Clone(pool)
	}
	return frontier
}

func naiveDominates(v *Verdict, a, b int, envs []int) bool {
	wins := 0
	for _, e := range envs {
		x, y := v.Miners[a].Envs[e].side(), v.Miners[b].Envs[e].side()
		if y.beats(x) {
			return false
		}
		if x.beats(y) {
			wins++
		}
	}
	return wins > 0
}
