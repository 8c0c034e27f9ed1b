package dominance

import (
	"cmp"
	"math"
	"slices"
	"strings"

	"github.com/affine-go/affine/shared/subnet"
)

// SampleCap is how many of a miner's samples count in an environment: the last to
// arrive (upstream MAX_SAMPLES_CAP).
const SampleCap = 250

// unit is a score of 1 in the ledger's sums, and farthest the largest normalized
// score either way: SampleCap of the farthest fit an int64. Upstream clamps sums, not
// scores, and environments did emit values outside their range.
const (
	unit     = 1 << 44
	farthest = 1000
)

// Never is the block of a miner that no record and no commitment dates: later than
// any block there will be.
const Never subnet.Block = math.MaxUint64

// Quarantine counts a miner's records that were set aside for one reason.
type Quarantine struct {
	Hotkey subnet.Hotkey `json:"hotkey"`
	Env    subnet.EnvID  `json:"env"`
	Reason string        `json:"reason"`
	Count  int           `json:"count"`
}

// Reasons for quarantine.
const (
	reasonEnv    = "environment is not scored"
	reasonBlock  = "block is missing"
	reasonNumber = "score is not a number"
	reasonRange  = "score is absurdly large"
)

// tally is what counts of one miner in one environment.
type tally struct {
	count int
	sum   int64 // of the normalized scores, in 1/unit
	first subnet.Block
}

// head is the model that a miner's records are counted for.
type head struct {
	model      string
	revision   subnet.Revision
	newest     subnet.Block // highest block among its records
	rival      subnet.Block // highest block among records of other models
	rivalled   bool         // whether there is any such record
	active     bool
	first      subnet.Block // lowest block among the records that count, or of the commitment
	superseded int
}

func (h *head) same(r *Record) bool { return h.model == r.Model && h.revision == r.Revision }

// see takes notice of a record before it is known which model stands in the end.
func (h *head) see(r *Record) {
	switch block := *r.Block; {
	case !h.active:
		*h = head{model: r.Model, revision: r.Revision, newest: block, active: true, first: Never}
	case h.same(r):
		h.newest = max(h.newest, block)
	case block >= h.newest:
		h.rival, h.rivalled = h.newest, true
		h.model, h.revision, h.newest = r.Model, r.Revision, block
	default:
		h.rival, h.rivalled = max(h.rival, block), true
	}
}

func (h *head) supersedes(r *Record) bool {
	return !h.same(r) || h.rivalled && *r.Block < h.rival
}

// ledger is the outcome of reading all records: per-miner, per-environment tallies.
type ledger struct {
	envs        int
	heads       []head  // by uid
	tallies     []tally // by uid, then environment
	quarantined []Quarantine
}

// entry is a record whose miner and environment have been looked up.
type entry struct {
	uid, env int32 // uid is negative when the record does not count
	score    int64 // normalized, in 1/unit
}

func readLedger(in Input) *ledger {
	l := &ledger{
		envs:    len(in.Envs),
		heads:   make([]head, len(in.Hotkeys)),
		tallies: make([]tally, len(in.Hotkeys)*len(in.Envs)),
	}
	g := newGate(in)
	entries := make([]entry, len(in.Samples))
	for i := range in.Samples {
		r := &in.Samples[i]
		entries[i] = g.admit(r)
		if uid := entries[i].uid; uid >= 0 {
			l.heads[uid].see(r)
		}
	}
	l.count(in.Samples, entries)
	l.date(in)
	l.quarantined = g.quarantined()
	return l
}

// count fills the tallies from the last record backwards, so that those over the
// cap are the earliest to arrive.
func (l *ledger) count(records []Record, entries []entry) {
	for i := range l.tallies {
		l.tallies[i].first = Never
	}
	for i, e := range slices.Backward(entries) {
		if e.uid < 0 {
			continue
		}
		h, r := &l.heads[e.uid], &records[i]
		if h.supersedes(r) {
			h.superseded++
			continue
		}
		h.first = min(h.first, *r.Block)
		if t := &l.tallies[int(e.uid)*l.envs+int(e.env)]; t.count < SampleCap {
			t.count++
			t.sum += e.score
			t.first = min(t.first, *r.Block)
		}
	}
}

// date gives miners without records their commitment's block, and environments
// without records their miner's first block.
func (l *ledger) date(in Input) {
	for uid := range l.heads {
		h := &l.heads[uid]
		if !h.active {
			h.first = Never
			if block, ok := in.CommitBlocks[in.Hotkeys[uid]]; ok {
				h.first = block
			}
		}
		for e := range l.envs {
			if t := &l.tallies[uid*l.envs+e]; t.count == 0 {
				t.first = h.first
			}
		}
	}
}

// gate decides which records count at all.
type gate struct {
	uids map[subnet.Hotkey]int32
	envs map[subnet.EnvID]int32
	bad  map[Quarantine]int // by the quarantine with a count of zero
}

func newGate(in Input) *gate {
	g := &gate{
		uids: make(map[subnet.Hotkey]int32, len(in.Hotkeys)),
		envs: make(map[subnet.EnvID]int32, len(in.Envs)),
		bad:  make(map[Quarantine]int),
	}
	for uid, hotkey := range in.Hotkeys {
		g.uids[hotkey] = int32(uid)
	}
	for i, env := range in.Envs {
		g.envs[env] = int32(i)
	}
	return g
}

// admit looks a record up. Records of strangers and of repositories that break the
// name rule are passed over; bad ones are quarantined.
func (g *gate) admit(r *Record) entry {
	uid, known := g.uids[r.Hotkey]
	if !known || uid != 0 && !namedAffine(r.Model) {
		return entry{uid: -1}
	}
	env, scored := g.envs[r.Env]
	lo, hi := ScoreRange(r.Env)
	switch {
	case !scored:
		return g.refuse(r, reasonEnv)
	case r.Block == nil:
		return g.refuse(r, reasonBlock)
	case math.IsNaN(r.Score):
		return g.refuse(r, reasonNumber)
	}
	x := (r.Score - lo) / (hi - lo)
	if math.Abs(x) > farthest {
		return g.refuse(r, reasonRange)
	}
	return entry{uid: uid, env: env, score: int64(math.Round(x * unit))}
}

func (g *gate) refuse(r *Record, reason string) entry {
	g.bad[Quarantine{Hotkey: r.Hotkey, Env: r.Env, Reason: reason}]++
	return entry{uid: -1}
}

func (g *gate) quarantined() []Quarantine {
	list := make([]Quarantine, 0, len(g.bad))
	for q, n := range g.bad {
		q.Count = n
		list = append(list, q)
	}
	slices.SortFunc(list, func(a, b Quarantine) int {
		return cmp.Or(cmp.Compare(a.Hotkey, b.Hotkey), cmp.Compare(a.Env, b.Env), cmp.Compare(a.Reason, b.Reason))
	})
	return list
}

// namedAffine reports whether the repository's name, the part after the owner,
// begins with "affine" in any case. uid 0, the subnet's base model, is exempt.
func namedAffine(model string) bool {
	if _, name, found := strings.Cut(model, "/"); found {
		model = name
	}
	return len(model) >= 6 && strings.EqualFold(model[:6], "affine")
}
