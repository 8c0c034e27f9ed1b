package dominance

import (
	"slices"
	"strconv"
	"strings"

	"github.com/affine-go/affine/shared/subnet"
)

// byEnv is a value for each environment.
type byEnv[T any] map[subnet.EnvID]T

// byHotkey is a value for each hotkey.
type byHotkey[T any] map[subnet.Hotkey]T

// Report is a verdict spelled as tools of the seed know it: by name instead of by
// position. Marshalled, equal verdicts give equal bytes.
type Report struct {
	ByUID       map[subnet.UID]float64       `json:"by_uid"` // as sent to the chain
	Weights     byHotkey[float64]            `json:"weights"`
	Active      []subnet.Hotkey              `json:"active"`   // by uid
	Eligible    []subnet.Hotkey              `json:"eligible"` // sorted, as all lists below
	AfterBurn   []subnet.Hotkey              `json:"eligible_after_burn"`
	Pool        []subnet.Hotkey              `json:"pool_for_dominance"`
	Required    byEnv[int]                   `json:"required_samples"`
	Counts      byHotkey[byEnv[int]]         `json:"counts"` // of the active, like the next four
	Sums        byHotkey[byEnv[float64]]     `json:"score_sums"`
	EnvFirst    byHotkey[byEnv[date]]        `json:"env_first_block"`
	First       byHotkey[date]               `json:"first_block"` // also of committed miners without records
	Intervals   byHotkey[byEnv[[2]float64]]  `json:"confidence_intervals"`
	LayerK      map[int]float64              `json:"layer_weights_K"` // points per set, by size
	EnvWinners  byEnv[subnet.Hotkey]         `json:"env_winners"`
	Shares      map[string]byHotkey[float64] `json:"subset_shares"` // "env+env", its frontier's shares
	LayerPoints byHotkey[map[int]float64]    `json:"layer_points"`  // of the pool, by size, like scores
	Scores      byHotkey[float64]            `json:"scores"`
	Quarantined []Quarantine                 `json:"quarantined"`
	Why         string                       `json:"why"`
}

// date is a block that reads "inf" when it will never come.
type date subnet.Block

// MarshalJSON writes the block's number, or "inf".
func (d date) MarshalJSON() ([]byte, error) {
	if subnet.Block(d) == Never {
		return []byte(`"inf"`), nil
	}
	return strconv.AppendUint(nil, uint64(d), 10), nil
}

// Report spells the verdict out. The shares of all sets are formed again, which
// takes as long as the verdict did.
func (v Verdict) Report() Report {
	r := Report{
		ByUID: make(map[subnet.UID]float64), Weights: make(byHotkey[float64]),
		Active: []subnet.Hotkey{}, Eligible: []subnet.Hotkey{}, AfterBurn: []subnet.Hotkey{}, Pool: []subnet.Hotkey{},
		Required: make(byEnv[int]), Counts: make(byHotkey[byEnv[int]]), Sums: make(byHotkey[byEnv[float64]]),
		EnvFirst: make(byHotkey[byEnv[date]]), First: make(byHotkey[date]), Intervals: make(byHotkey[byEnv[[2]float64]]),
		LayerK: make(map[int]float64), EnvWinners: make(byEnv[subnet.Hotkey]), Shares: v.subsetShares(),
		LayerPoints: make(byHotkey[map[int]float64]), Scores: make(byHotkey[float64]),
		Quarantined: v.Quarantined, Why: v.Why,
	}
	for _, w := range v.Weights {
		r.ByUID[w.UID], r.Weights[w.Hotkey] = w.Share, w.Share
	}
	for e, env := range v.Envs {
		r.Required[env] = v.Required[e]
	}
	for _, l := range v.Layers {
		r.LayerK[l.Size] = l.Weight
	}
	for uid := range v.Miners {
		r.list(&v, &v.Miners[uid])
	}
	for _, sorted := range [][]subnet.Hotkey{r.Eligible, r.AfterBurn, r.Pool} {
		slices.Sort(sorted)
	}
	return r
}

// list enters one miner.
func (r *Report) list(v *Verdict, m *Standing) {
	if m.FirstBlock != Never {
		r.First[m.Hotkey] = date(m.FirstBlock)
	}
	if m.Eligible {
		r.Eligible = append(r.Eligible, m.Hotkey)
	}
	if m.Eligible || m.Weight > 0 {
		r.AfterBurn = append(r.AfterBurn, m.Hotkey)
	}
	if m.Active {
		r.Active = append(r.Active, m.Hotkey)
		r.listEnvs(v, m)
	}
	if m.Pooled {
		r.Pool = append(r.Pool, m.Hotkey)
		r.Scores[m.Hotkey] = m.Points
		points := make(map[int]float64)
		for i, l := range v.Layers {
			points[l.Size] = m.LayerPoints[i]
		}
		r.LayerPoints[m.Hotkey] = points
	}
}

func (r *Report) listEnvs(v *Verdict, m *Standing) {
	counts, sums := make(byEnv[int]), make(byEnv[float64])
	firsts, intervals := make(byEnv[date]), make(byEnv[[2]float64])
	for e, env := range v.Envs {
		s := &m.Envs[e]
		counts[env], sums[env] = s.Count, s.Sum
		firsts[env], intervals[env] = date(s.FirstBlock), [2]float64{s.Lower, s.Upper}
		if s.Winner {
			r.EnvWinners[env] = m.Hotkey
		}
	}
	r.Counts[m.Hotkey], r.Sums[m.Hotkey] = counts, sums
	r.EnvFirst[m.Hotkey], r.Intervals[m.Hotkey] = firsts, intervals
}

// subsetShares splits every set that counts once more.
func (v *Verdict) subsetShares() map[string]byHotkey[float64] {
	all := make(map[string]byHotkey[float64])
	f := newField(v)
	if f.members() == 0 {
		return all
	}
	s := newSharer(f)
	for _, layer := range v.Layers {
		for set := range subsets(len(v.Envs), layer.Size) {
			frontier, shares := s.split(set)
			split := make(byHotkey[float64], len(frontier))
			for i, member := range frontier {
				split[v.Miners[f.uids[member]].Hotkey] = shares[i]
			}
			all[v.name(set)] = split
		}
	}
	return all
}

// name joins the set's environments with a plus sign.
func (v *Verdict) name(set mask) string {
	var names []string
	for e, env := range v.Envs {
		if set&(1<<e) != 0 {
			names = append(names, string(env))
		}
	}
	return strings.Join(names, "+")
}
