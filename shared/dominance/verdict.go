package dominance

import (
	"cmp"
	"math"
	"slices"

	"github.com/affine-go/affine/shared/subnet"
)

// Verdict is a decision with everything that it was formed from. Equal inputs give
// equal verdicts, byte for byte once marshalled.
type Verdict struct {
	Block       subnet.Block    `json:"block"` // Input.CurrentBlock
	Envs        []subnet.EnvID  `json:"envs"`
	Required    []int           `json:"required_samples"` // by environment, for eligibility
	Layers      []Layer         `json:"layers"`
	Miners      []Standing      `json:"miners"`  // the metagraph: index = uid
	Weights     []subnet.Weight `json:"weights"` // the eligible, and uid 0 if it is paid; by uid; shares sum to 1
	Burn        float64         `json:"burn"`
	Quarantined []Quarantine    `json:"quarantined"`
	Why         string          `json:"why"` // who won and why, one sentence
}

// Standing is one hotkey's part in a verdict.
type Standing struct {
	UID         subnet.UID      `json:"uid"`
	Hotkey      subnet.Hotkey   `json:"hotkey"`
	Model       string          `json:"model"` // empty without records, like Revision
	Revision    subnet.Revision `json:"revision"`
	Queryable   bool            `json:"queryable"`
	Active      bool            `json:"active"`       // has at least one record that was not refused
	Eligible    bool            `json:"eligible"`     // active, queryable, enough samples everywhere: may be paid
	Pooled      bool            `json:"pooled"`       // took part in the duels
	FirstBlock  subnet.Block    `json:"first_block"`  // Never when nothing dates it
	Envs        []EnvStanding   `json:"envs"`         // by Verdict.Envs
	LayerPoints []float64       `json:"layer_points"` // by Verdict.Layers; all zero unless pooled
	Points      float64         `json:"points"`
	Weight      float64         `json:"weight"`
	Superseded  int             `json:"superseded"` // records of another model than the newest
}

// EnvStanding is one hotkey's part in one environment.
type EnvStanding struct {
	Count      int          `json:"count"` // samples that count, at most SampleCap
	Sum        float64      `json:"sum"`   // of scores normalized to 0..1
	Lower      float64      `json:"lower"` // of Interval(Sum, Count)
	Upper      float64      `json:"upper"`
	FirstBlock subnet.Block `json:"first_block"` // lowest block among the samples that count
	Winner     bool         `json:"winner"`      // has the largest share of this environment alone
}

// Mean is the mean normalized score, 0 without samples.
func (s EnvStanding) Mean() float64 {
	if s.Count == 0 {
		return 0
	}
	return s.Sum / float64(s.Count)
}

// senior orders by first block, then hotkey.
func (s *Standing) senior(other *Standing) int {
	return cmp.Or(cmp.Compare(s.FirstBlock, other.FirstBlock), cmp.Compare(s.Hotkey, other.Hotkey))
}

// Seed is the rule of November 2025, as the package comment tells it.
func Seed(in Input) (Verdict, error) {
	if err := in.check(); err != nil {
		return Verdict{}, err
	}
	return judge(in, readLedger(in)), nil
}

// judge goes from tallies to weights. It does not look at in.Samples.
func judge(in Input, l *ledger) Verdict {
	v := Verdict{
		Block:       in.CurrentBlock,
		Envs:        in.Envs,
		Layers:      Layers(len(in.Envs)),
		Miners:      make([]Standing, len(in.Hotkeys)),
		Burn:        in.Burn,
		Quarantined: l.quarantined,
	}
	v.stand(in, l)
	v.elect()
	v.score()
	v.pay()
	v.Why = v.why()
	return v
}

// stand fills in what the ledger knows.
func (v *Verdict) stand(in Input, l *ledger) {
	envs := make([]EnvStanding, len(l.tallies))
	points := make([]float64, len(in.Hotkeys)*len(v.Layers))
	known := make(quantiles)
	for i, t := range l.tallies {
		s := &envs[i]
		s.Count, s.Sum, s.FirstBlock = t.count, float64(t.sum)/unit, t.first
		s.Lower, s.Upper = known.interval(s.Sum, s.Count)
	}
	for uid, h := range l.heads {
		v.Miners[uid] = Standing{
			UID: subnet.UID(uid), Hotkey: in.Hotkeys[uid], Model: h.model, Revision: h.revision,
			Active: h.active, FirstBlock: h.first, Superseded: h.superseded,
			Envs:        envs[uid*l.envs : (uid+1)*l.envs : (uid+1)*l.envs],
			LayerPoints: points[uid*len(v.Layers) : (uid+1)*len(v.Layers) : (uid+1)*len(v.Layers)],
		}
	}
	queryable := make(map[subnet.Hotkey]bool, len(in.Queryable))
	for _, hotkey := range in.Queryable {
		queryable[hotkey] = true
	}
	for uid := range v.Miners {
		v.Miners[uid].Queryable = queryable[v.Miners[uid].Hotkey]
	}
}

// RequiredSamples is how many samples eligibility takes in an environment where
// the miner with the most has that many. The part that grows with it can never
// exceed MinSamples; it is kept because the rule has it.
func RequiredSamples(most int) int {
	return max(MinSamples, 10+min(most, SampleCap)/10)
}

// elect finds who may be paid, and who takes part: the eligible, or if there are
// none everybody who is active and queryable, so that the table shows something.
func (v *Verdict) elect() {
	v.Required = make([]int, len(v.Envs))
	for e := range v.Envs {
		most := 0
		for uid := range v.Miners {
			most = max(most, v.Miners[uid].Envs[e].Count)
		}
		v.Required[e] = RequiredSamples(most)
	}
	elected := false
	for uid := range v.Miners {
		m := &v.Miners[uid]
		m.Eligible = m.Active && m.Queryable && v.sampled(m)
		elected = elected || m.Eligible
	}
	for uid := range v.Miners {
		m := &v.Miners[uid]
		m.Pooled = m.Eligible || !elected && m.Active && m.Queryable
	}
}

func (v *Verdict) sampled(m *Standing) bool {
	for e, need := range v.Required {
		if m.Envs[e].Count < need {
			return false
		}
	}
	return true
}

// score shares out every set's points.
func (v *Verdict) score() {
	f := newField(v)
	if f.members() == 0 {
		return
	}
	s := newSharer(f)
	for i, layer := range v.Layers {
		for set := range subsets(len(v.Envs), layer.Size) {
			frontier, shares := s.split(set)
			for j, member := range frontier {
				v.Miners[f.uids[member]].LayerPoints[i] += layer.Weight * shares[j]
			}
		}
	}
	for uid := range v.Miners {
		m := &v.Miners[uid]
		for _, p := range m.LayerPoints {
			m.Points += p
		}
	}
	for e := range v.Envs {
		v.winner(f, s, e).Envs[e].Winner = true
	}
}

// winner is the miner with the largest share of one environment alone; of equals
// the one with the earlier sample there, then the senior one.
func (v *Verdict) winner(f *field, s *sharer, env int) *Standing {
	frontier, shares := s.split(1 << env)
	var best *Standing
	most := 0.0
	for i, member := range frontier {
		m := &v.Miners[f.uids[member]]
		if best == nil || cmp.Or(cmp.Compare(most, shares[i]), cmp.Compare(m.Envs[env].FirstBlock, best.Envs[env].FirstBlock)) < 0 {
			best, most = m, shares[i]
		}
	}
	return best
}

// pay turns points into weights. All of it goes to uid 0 when nobody is eligible or
// everything is burned. With anybody eligible the points sum to more than zero,
// since every set's are shared out in full.
func (v *Verdict) pay() {
	total := 0.0
	for uid := range v.Miners {
		if v.Miners[uid].Eligible {
			total += v.Miners[uid].Points
		}
	}
	burn := min(v.Burn, 1)
	if total == 0 {
		burn = 1
	}
	for uid := range v.Miners {
		m := &v.Miners[uid]
		if m.Eligible && burn < 1 {
			m.Weight = m.Points / total * (1 - burn)
		}
		if uid == 0 {
			m.Weight += burn
		}
		if m.Eligible && burn < 1 || uid == 0 && burn > 0 {
			v.Weights = append(v.Weights, subnet.Weight{UID: m.UID, Hotkey: m.Hotkey, Share: m.Weight})
		}
	}
	scale(v.Weights)
}

// scale fills in the values that the chain takes: the largest share becomes 65535.
func scale(weights []subnet.Weight) {
	most := slices.MaxFunc(weights, func(a, b subnet.Weight) int { return cmp.Compare(a.Share, b.Share) })
	for i := range weights {
		weights[i].Value = uint16(math.Round(weights[i].Share / most.Share * math.MaxUint16))
	}
}
