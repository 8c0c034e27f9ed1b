package dominance

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/affine-go/affine/shared/subnet"
)

func at(block subnet.Block) *subnet.Block { return &block }

// ledgerOf reads records of the miners base (uid 0) and A in two environments.
func ledgerOf(records ...Record) *ledger {
	return readLedger(Input{
		Envs:    []subnet.EnvID{"affine:sat", "agentgym:sciworld"},
		Hotkeys: []subnet.Hotkey{"base", "A"},
		Samples: records,
	})
}

func sample(changes ...func(*Record)) Record {
	r := Record{Hotkey: "A", Model: "acme/Affine-A", Revision: "rev1", Env: "affine:sat", Score: 1, Block: at(100)}
	for _, change := range changes {
		change(&r)
	}
	return r
}

func TestWhichRecordsCount(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Record)
		counts bool
		reason string // of quarantine
	}{
		"plain":                    {func(*Record) {}, true, ""},
		"half a point":             {func(r *Record) { r.Score = 0.5 }, true, ""},
		"stranger":                 {func(r *Record) { r.Hotkey = "Z" }, false, ""},
		"no owner":                 {func(r *Record) { r.Model = "AFFINE" }, true, ""},
		"name in capitals":         {func(r *Record) { r.Model = "x/AFFine7" }, true, ""},
		"only the owner is affine": {func(r *Record) { r.Model = "affine/qwen" }, false, ""},
		"name after first slash":   {func(r *Record) { r.Model = "x/y/affine" }, false, ""},
		"no name":                  {func(r *Record) { r.Model = "" }, false, ""},
		"other name at uid 0":      {func(r *Record) { r.Hotkey, r.Model = "base", "team/model" }, true, ""},
		"unknown env":              {func(r *Record) { r.Env = "affine:new" }, false, reasonEnv},
		"no block":                 {func(r *Record) { r.Block = nil }, false, reasonBlock},
		"NaN":                      {func(r *Record) { r.Score = math.NaN() }, false, reasonNumber},
		"infinite":                 {func(r *Record) { r.Score = math.Inf(1) }, false, reasonRange},
		"negative":                 {func(r *Record) { r.Score = -100 }, true, ""},
		"above one":                {func(r *Record) { r.Score = 35 }, true, ""},
		"absurd":                   {func(r *Record) { r.Score = 1001 }, false, reasonRange},
		"absurd and negative":      {func(r *Record) { r.Score = -1e300 }, false, reasonRange},
		"minus 100 in sciworld":    {func(r *Record) { r.Env, r.Score = "agentgym:sciworld", -100 }, true, ""},
		"101 in sciworld":          {func(r *Record) { r.Env, r.Score = "agentgym:sciworld", 101 }, true, ""},
	} {
		r := sample(c.change)
		l := ledgerOf(r)
		if active := l.heads[0].active || l.heads[1].active; active != c.counts {
			t.Errorf("%s: counts: %v, want %v", name, active, c.counts)
		}
		var want []Quarantine
		if c.reason != "" {
			want = []Quarantine{{r.Hotkey, r.Env, c.reason, 1}}
		}
		if len(want) != len(l.quarantined) || len(want) > 0 && want[0] != l.quarantined[0] {
			t.Errorf("%s: quarantined %v, want %v", name, l.quarantined, want)
		}
	}
}

func TestSciworldScoresAreMappedToOne(t *testing.T) {
	for score, want := range map[float64]float64{-100: 0, 0: 0.5, 35: 0.675, 100: 1} {
		l := ledgerOf(sample(func(r *Record) { r.Env, r.Score = "agentgym:sciworld", score }))
		if got := float64(l.tallies[3].sum) / unit; math.Abs(got-want) > 1e-13 {
			t.Errorf("%v counts as %v, want %v", score, got, want)
		}
	}
}

func TestCapKeepsTheLastToArrive(t *testing.T) {
	var list []Record
	for i := range SampleCap + 30 {
		list = append(list, sample(func(r *Record) {
			r.Score, r.Block = 1, at(500)
			if i < 40 {
				r.Score, r.Block = 0, at(100)
			}
		}))
	}
	l := ledgerOf(list...)
	if got, want := l.tallies[2], (tally{SampleCap, (SampleCap - 10) * unit, 100}); got != want {
		t.Errorf("tally %+v, want %+v", got, want)
	}
	l = ledgerOf(append(list, list[40:50]...)...)
	if got, want := l.tallies[2], (tally{SampleCap, SampleCap * unit, 500}); got != want {
		t.Errorf("with ten more: tally %+v, want %+v", got, want)
	}
	if got := l.heads[1].first; got != 100 {
		t.Errorf("first block %d, want 100: it counts also what fell out", got)
	}
}

// Each letter is a record: its model and the block that the digit stands for.
func TestWhichModelStands(t *testing.T) {
	for _, c := range []struct {
		arrivals []string
		model    string
		count    int
		first    subnet.Block
	}{
		{[]string{"a1", "a1", "b2", "b2", "b2"}, "b", 3, 2}, // a new revision clears
		{[]string{"b2", "b2", "a1"}, "b", 2, 2},             // a late record of the old one does not
		{[]string{"a1", "b2", "a1", "b2", "a1"}, "b", 2, 2}, // nor do many
		{[]string{"a1", "a3", "a2"}, "a", 3, 1},             // the same model committed again
		{[]string{"a1", "b2", "a3", "a3"}, "a", 2, 3},       // gone and come back
		{[]string{"a3", "b2", "a1", "a3"}, "a", 2, 3},       // likewise, in any order
		{[]string{"a1", "b2", "c3", "b2"}, "c", 1, 3},
		{[]string{"c5", "b3", "a2", "c2"}, "c", 1, 5}, // c2 is older than b3
		{[]string{"a2", "b2"}, "b", 1, 2},             // same block: the last to arrive
	} {
		var list []Record
		for _, arrival := range c.arrivals {
			list = append(list, sample(func(r *Record) {
				r.Model, r.Block = "acme/affine-"+arrival[:1], at(subnet.Block(arrival[1]-'0'))
			}))
		}
		l := ledgerOf(list...)
		h, counted := l.heads[1], l.tallies[2]
		if h.model != "acme/affine-"+c.model || counted.count != c.count || h.first != c.first || counted.first != c.first {
			t.Errorf("%v: %s stands with %d samples from block %d; want %s, %d, %d",
				c.arrivals, h.model, counted.count, h.first, c.model, c.count, c.first)
		}
		if h.superseded != len(c.arrivals)-c.count {
			t.Errorf("%v: %d superseded, want %d", c.arrivals, h.superseded, len(c.arrivals)-c.count)
		}
	}
}

func TestModelAndRevisionBothTellModelsApart(t *testing.T) {
	l := ledgerOf(sample(), sample(func(r *Record) { r.Revision, r.Block = "rev2", at(200) }))
	if h := l.heads[1]; h.revision != "rev2" || h.superseded != 1 {
		t.Errorf("head %+v, want rev2 with one superseded", h)
	}
}

func TestFirstBlocksWithoutRecords(t *testing.T) {
	l := readLedger(Input{
		Envs: []subnet.EnvID{"x", "y"}, Hotkeys: []subnet.Hotkey{"base", "committed", "sampled"},
		CommitBlocks: map[subnet.Hotkey]subnet.Block{"committed": 7, "sampled": 8},
		Samples:      []Record{sample(func(r *Record) { r.Hotkey, r.Env = "sampled", "x" })},
	})
	var got []subnet.Block
	for uid, h := range l.heads {
		got = append(got, h.first, l.tallies[2*uid].first, l.tallies[2*uid+1].first)
	}
	// Nothing dates base; the commitment of a sampled miner is not asked.
	want := []subnet.Block{Never, Never, Never, 7, 7, 7, 100, 100, 100}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestQuarantineIsCountedAndSorted(t *testing.T) {
	noBlock := func(r *Record) { r.Block = nil }
	got := ledgerOf(
		sample(func(r *Record) { r.Env = "z" }), sample(noBlock), sample(noBlock),
		sample(noBlock, func(r *Record) { r.Hotkey = "base" }), sample(func(r *Record) { r.Score = 2e6 }),
	).quarantined
	want := []Quarantine{
		{"A", "affine:sat", reasonBlock, 2}, {"A", "affine:sat", reasonRange, 1}, {"A", "z", reasonEnv, 1},
		{"base", "affine:sat", reasonBlock, 1},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
