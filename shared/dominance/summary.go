package dominance

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/affine-go/affine/shared/subnet"
)

// summarySchema is the version of the schema, as its documents name it.
const summarySchema = "1.0.0"

// nobodyEligible is the schema's note for weights that fell to uid 0.
const nobodyEligible = "No eligible miners, defaulting to uid 0"

// Summary is a verdict in the schema of the weights documents of November 2025
// (upstream's save_summary), which dashboards and weight followers read.
//
// Its numbers are upstream's but where those were not what was paid. Weights here
// are shares in full precision, upstream's their table's four decimals. Uid 0 is
// always listed when it is paid, upstream leaves it out when it has no records; and
// when nobody is eligible its weight is the 1 that it gets, upstream's documents say
// 0 for everybody. So the weights of a Summary sum to 1. Rows of miners that are not
// eligible are ordered by their points as numbers, upstream's at times by their text.
// Upstream writes no document when everything is burned or nobody has records.
type Summary struct {
	SchemaVersion string       `json:"schema_version"`
	Timestamp     int64        `json:"timestamp"` // Unix seconds
	Block         subnet.Block `json:"block"`     // Verdict.Block
	Data          SummaryData  `json:"data"`
}

// SummaryData is the table and the same facts by name.
type SummaryData struct {
	Header       []string               `json:"header"`
	Rows         [][]any                `json:"rows"` // a uid, then texts
	Miners       byHotkey[SummaryMiner] `json:"miners"`
	Stats        SummaryStats           `json:"stats"`
	EnvWinners   byEnv[*subnet.Hotkey]  `json:"env_winners"` // null without a winner
	Environments []subnet.EnvID         `json:"environments"`
	Note         string                 `json:"note,omitempty"`
}

// SummaryMiner is a miner that has records or is paid.
type SummaryMiner struct {
	UID          subnet.UID         `json:"uid"`
	Hotkey       subnet.Hotkey      `json:"hotkey"`
	Model        string             `json:"model"`
	Revision     subnet.Revision    `json:"revision"`
	Environments byEnv[SummaryEnv]  `json:"environments"`
	LayerPoints  map[string]float64 `json:"layer_points"` // by "L" and the layer's size
	TotalScore   float64            `json:"total_score"`
	Eligible     bool               `json:"eligible"`    // also uid 0 when a burn pays it and others are
	FirstBlock   subnet.Block       `json:"first_block"` // 0 when nothing dates the miner
	Weight       float64            `json:"weight"`      // the share paid
}

// SummaryEnv is a miner's part in one environment.
type SummaryEnv struct {
	Accuracy float64         `json:"accuracy"`
	Count    int             `json:"count"`
	Interval SummaryInterval `json:"confidence_interval"`
	Winner   bool            `json:"is_winner"`
}

// SummaryInterval is of Interval.
type SummaryInterval struct {
	Lower float64 `json:"lower"`
	Upper float64 `json:"upper"`
}

// SummaryStats counts hotkeys of the metagraph.
type SummaryStats struct {
	Eligible  int `json:"eligible_count"` // those that are listed so
	Active    int `json:"active_count"`
	Queryable int `json:"queryable_count"`
	Total     int `json:"total_miners"`
}

// Summary spells the verdict out in that schema, dated at.
func (v Verdict) Summary(at time.Time) Summary {
	list := v.listed()
	s := SummaryData{
		Header: v.header(), Rows: [][]any{}, Miners: make(byHotkey[SummaryMiner]), Stats: v.stats(list),
		EnvWinners: make(byEnv[*subnet.Hotkey]), Environments: v.Envs, Note: v.note(),
	}
	for _, env := range v.Envs {
		s.EnvWinners[env] = nil
	}
	for i := range list {
		m := &list[i]
		s.Miners[m.Hotkey] = *m
		s.Rows = append(s.Rows, v.row(m))
		for env, part := range m.Environments {
			if part.Winner {
				s.EnvWinners[env] = &m.Hotkey
			}
		}
	}
	return Summary{SchemaVersion: summarySchema, Timestamp: at.Unix(), Block: v.Block, Data: s}
}

// listed describes every miner that has records or is paid: the eligible first, then
// by points, then by first block and hotkey.
func (v *Verdict) listed() []SummaryMiner {
	elected := v.elected()
	var list []SummaryMiner
	for uid := range v.Miners {
		if m := &v.Miners[uid]; m.Active || m.Weight > 0 {
			entry := v.entry(m)
			entry.Eligible = m.Eligible || elected && m.Weight > 0
			list = append(list, entry)
		}
	}
	slices.SortFunc(list, func(a, b SummaryMiner) int {
		if a.Eligible != b.Eligible {
			return cmp.Compare(bit(b.Eligible), bit(a.Eligible))
		}
		return cmp.Or(cmp.Compare(b.TotalScore, a.TotalScore),
			cmp.Compare(a.FirstBlock, b.FirstBlock), cmp.Compare(a.Hotkey, b.Hotkey))
	})
	return list
}

func (v *Verdict) elected() bool {
	return slices.ContainsFunc(v.Miners, func(m Standing) bool { return m.Eligible })
}

func (v *Verdict) entry(m *Standing) SummaryMiner {
	entry := SummaryMiner{
		UID: m.UID, Hotkey: m.Hotkey, Model: m.Model, Revision: m.Revision,
		Environments: make(byEnv[SummaryEnv]), LayerPoints: make(map[string]float64),
		TotalScore: m.Points, Weight: m.Weight,
	}
	if m.FirstBlock != Never {
		entry.FirstBlock = m.FirstBlock
	}
	for e, env := range v.Envs {
		part := &m.Envs[e]
		entry.Environments[env] = SummaryEnv{
			Accuracy: part.Mean(), Count: part.Count,
			Interval: SummaryInterval{part.Lower, part.Upper}, Winner: part.Winner,
		}
	}
	for i, l := range v.Layers {
		entry.LayerPoints[l.name()] = m.LayerPoints[i]
	}
	return entry
}

func (v *Verdict) stats(list []SummaryMiner) SummaryStats {
	s := SummaryStats{Total: len(v.Miners)}
	for i := range list {
		s.Eligible += int(bit(list[i].Eligible))
	}
	for uid := range v.Miners {
		s.Active += int(bit(v.Miners[uid].Active))
		s.Queryable += int(bit(v.Miners[uid].Queryable))
	}
	return s
}

// note says why everything goes to uid 0, when it does.
func (v *Verdict) note() string {
	switch {
	case v.Burn >= 1:
		return v.Why
	case !v.elected():
		return nobodyEligible
	default:
		return ""
	}
}

func (v *Verdict) header() []string {
	header := []string{"UID", "Hotkey", "Model", "Rev"}
	for _, env := range v.Envs {
		header = append(header, string(env))
	}
	for _, l := range v.Layers {
		header = append(header, l.name())
	}
	return append(header, "Pts", "Elig", "FirstBlk", "Wgt")
}

func (l Layer) name() string { return "L" + strconv.Itoa(l.Size) }

// row is a miner's line of the table, under header.
func (v *Verdict) row(m *SummaryMiner) []any {
	row := []any{m.UID, string(m.Hotkey), m.Model, m.Revision.Short()}
	for _, env := range v.Envs {
		row = append(row, m.Environments[env].cell())
	}
	for _, l := range v.Layers {
		row = append(row, fmt.Sprintf("%.1f", m.LayerPoints[l.name()]))
	}
	eligible := "N"
	if m.Eligible {
		eligible = "Y"
	}
	return append(row, fmt.Sprintf("%.2f", m.TotalScore), eligible, strconv.FormatUint(uint64(m.FirstBlock), 10), fmt.Sprintf("%.4f", m.Weight))
}

// cell is accuracy, interval and count; the winner's stands between stars.
func (s SummaryEnv) cell() string {
	text := fmt.Sprintf("%.2f/[%.2f,%.2f]/%d", 100*s.Accuracy, 100*s.Interval.Lower, 100*s.Interval.Upper, s.Count)
	if s.Winner {
		return "*" + text + "*"
	}
	return text
}
