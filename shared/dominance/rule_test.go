package dominance

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/affine-go/affine/shared/subnet"
)

var _ Rule = Seed

// contest is an input over the metagraph base, A, B, C …, everybody queryable.
type contest struct{ Input }

func newContest(miners, envs int) *contest {
	c := &contest{Input{Hotkeys: []subnet.Hotkey{"base"}}}
	for i := range miners {
		c.Hotkeys = append(c.Hotkeys, subnet.Hotkey(rune('A'+i)))
	}
	for e := range envs {
		c.Envs = append(c.Envs, subnet.EnvID(fmt.Sprintf("env%d", e)))
	}
	c.Queryable = c.Hotkeys
	return c
}

// give adds a miner's samples: successes out of n in each environment.
func (c *contest) give(uid int, block subnet.Block, n int, successes ...int) *contest {
	for e, k := range successes {
		for i := range n {
			r := Record{Hotkey: c.Hotkeys[uid], Model: "x/affine", Revision: "r1", Env: c.Envs[e], Block: at(block)}
			if i < k {
				r.Score = 1
			}
			c.Samples = append(c.Samples, r)
		}
	}
	return c
}

func (c *contest) judge(t *testing.T) Verdict {
	t.Helper()
	v, err := Seed(c.Input)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func weights(v Verdict) map[subnet.UID]float64 {
	m := make(map[subnet.UID]float64)
	for _, w := range v.Weights {
		m[w.UID] = w.Share
	}
	return m
}

func TestWeights(t *testing.T) {
	two := func() *contest { return newContest(2, 2).give(1, 100, 200, 120, 120).give(2, 200, 200, 180, 180) }
	for name, c := range map[string]struct {
		contest *contest
		change  func(*Input)
		want    map[subnet.UID]float64
	}{
		"the better takes all": {two(), nil, map[subnet.UID]float64{1: 0, 2: 1}},
		"a tenth burned":       {two(), func(in *Input) { in.Burn = 0.1 }, map[subnet.UID]float64{0: 0.1, 1: 0, 2: 0.9}},
		"all burned":           {two(), func(in *Input) { in.Burn = 1 }, map[subnet.UID]float64{0: 1}},
		"more than all burned": {two(), func(in *Input) { in.Burn = math.Inf(1) }, map[subnet.UID]float64{0: 1}},
		"uid 0 earns and is given the burn": {
			newContest(1, 2).give(0, 0, 200, 120, 120).give(1, 100, 200, 121, 121),
			func(in *Input) { in.Burn = 0.2 }, map[subnet.UID]float64{0: 1, 1: 0},
		},
		"the better is not queryable": {two(), func(in *Input) { in.Queryable = []subnet.Hotkey{"A", "stranger"} }, map[subnet.UID]float64{1: 1}},
		"nobody is queryable":         {two(), func(in *Input) { in.Queryable = nil }, map[subnet.UID]float64{0: 1}},
		"nobody is queryable, burn":   {two(), func(in *Input) { in.Queryable, in.Burn = nil, 0.3 }, map[subnet.UID]float64{0: 1}},
		"one sample short":            {newContest(1, 2).give(1, 100, 199, 120, 120), nil, map[subnet.UID]float64{0: 1}},
		"no samples":                  {newContest(1, 2), nil, map[subnet.UID]float64{0: 1}},
		// The figures of the rule's description: better in five of eight, equal in three.
		"late and better in five of eight": {
			newContest(2, 8).give(1, 100, 200, 120, 120, 120, 120, 120, 120, 120, 120).give(2, 200, 200, 160, 160, 160, 160, 160, 120, 120, 120),
			nil, map[subnet.UID]float64{1: 0.2576, 2: 0.7424},
		},
	} {
		if c.change != nil {
			c.change(&c.contest.Input)
		}
		if diff := cmp.Diff(c.want, weights(c.contest.judge(t)), cmpopts.EquateApprox(0, 5e-5)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

// A mean outside 0..1 is as strong as the nearer end, whatever the sum behind it: a
// model is neither paid for a score of 35 nor for two negative ones multiplied.
func TestStrengthOfScoresOutsideTheirRange(t *testing.T) {
	for name, c := range map[string]struct {
		a, b [2]float64 // the score of A's and B's first sample in either environment; all others are 1
		want map[subnet.UID]float64
	}{
		"far above":      {[2]float64{1, 1}, [2]float64{900, 900}, map[subnet.UID]float64{1: 2. / 3, 2: 1. / 3}},
		"far below":      {[2]float64{-900, 1}, [2]float64{1, -900}, map[subnet.UID]float64{1: 0.5, 2: 0.5}},
		"far below both": {[2]float64{-900, -900}, [2]float64{-600, -900}, map[subnet.UID]float64{1: 0.5, 2: 0.5}},
	} {
		contest := newContest(2, 2).give(1, 100, 200, 200, 200).give(2, 100, 200, 200, 200)
		for e := range 2 {
			contest.Samples[200*e].Score, contest.Samples[200*(2+e)].Score = c.a[e], c.b[e]
		}
		if diff := cmp.Diff(c.want, weights(contest.judge(t)), cmpopts.EquateApprox(0, 1e-12)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

// Who is short of samples duels only when nobody is eligible.
func TestWhoDuels(t *testing.T) {
	c := newContest(2, 1).give(1, 100, 200, 10).give(2, 200, 100, 90)
	if got := c.judge(t).Report().Pool; !slices.Equal(got, []subnet.Hotkey{"A"}) {
		t.Errorf("with A eligible, %v duel", got)
	}
	c = newContest(3, 1).give(1, 100, 150, 10).give(2, 200, 100, 90).give(3, 50, 100, 90)
	c.Queryable = []subnet.Hotkey{"B", "A", "base"}
	if got := c.judge(t).Report().Pool; !slices.Equal(got, []subnet.Hotkey{"A", "B"}) {
		t.Errorf("with nobody eligible, %v duel; want the active and queryable", got)
	}
}

// Two without enough samples tie; of equal shares the earlier sample in that
// environment wins it, though the other miner came to the subnet first.
func TestEnvWinnerOfEqualShares(t *testing.T) {
	c := newContest(2, 2).give(1, 9, 10, 0).give(2, 5, 10, 0, 0)
	a := newContest(2, 2).give(1, 1, 10, 0, 0).Samples[10:] // A's in env1 alone
	c.Samples = append(c.Samples, a...)
	v := c.judge(t)
	if v.Miners[1].FirstBlock != 1 || v.Miners[1].Envs[0].Winner || !v.Miners[2].Envs[0].Winner || !v.Miners[1].Envs[1].Winner {
		t.Errorf("A stands at %+v, B at %+v", v.Miners[1], v.Miners[2])
	}
}

func TestValuesScaleToTheLargestShare(t *testing.T) {
	v := newContest(2, 1).give(1, 100, 200, 120).give(2, 100, 200, 120).judge(t)
	want := []subnet.Weight{{UID: 1, Hotkey: "A", Share: 2. / 3, Value: 65535}, {UID: 2, Hotkey: "B", Share: 1. / 3, Value: 32768}}
	if diff := cmp.Diff(want, v.Weights, cmpopts.EquateApprox(1e-12, 0)); diff != "" {
		t.Error(diff)
	}
}

func TestInputIsRefused(t *testing.T) {
	for name, change := range map[string]func(*Input){
		"no environments":    func(in *Input) { in.Envs = nil },
		"17 environments":    func(in *Input) { in.Envs = newContest(0, 17).Envs },
		"no hotkeys":         func(in *Input) { in.Hotkeys = nil },
		"4097 hotkeys":       func(in *Input) { in.Hotkeys = newContest(4096, 1).Hotkeys },
		"burn -1 ":           func(in *Input) { in.Burn = -1 },
		"burn NaN":           func(in *Input) { in.Burn = math.NaN() },
		`environment "env0"`: func(in *Input) { in.Envs = append(in.Envs, in.Envs[0]) },
		`hotkey "A" twice`:   func(in *Input) { in.Hotkeys = append(in.Hotkeys, "A") },
	} {
		c := newContest(1, 2)
		change(&c.Input)
		if _, err := Seed(c.Input); !errors.Is(err, ErrInput) || !strings.Contains(err.Error(), strings.TrimSpace(name)) {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

// Nothing that a Verdict or its Report says depends on the order of samples, as
// long as no queue overflows.
func TestVerdictDoesNotDependOnArrival(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		c := newContest(3, 2)
		for uid := 1; uid <= 3; uid++ {
			c.give(uid, subnet.Block(rapid.IntRange(1, 3).Draw(rt, "block")), 205, 0, 0)
		}
		random := rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "seed"), 0))
		for i := range c.Samples {
			c.Samples[i].Score = float64(random.IntN(1001)) / 1000
			if random.IntN(100) == 0 {
				c.Samples[i].Block = nil
			}
			if random.IntN(50) == 0 { // of a model that has been replaced
				c.Samples[i].Revision, c.Samples[i].Block = "r0", at(0)
			}
		}
		want := marshalled(t, c)
		for range 10 { // a hundred times, as rapid repeats this
			random.Shuffle(len(c.Samples), func(i, j int) { c.Samples[i], c.Samples[j] = c.Samples[j], c.Samples[i] })
			if got := marshalled(t, c); !bytes.Equal(got, want) {
				rt.Fatalf("another order gives\n%s\ninstead of\n%s", got, want)
			}
		}
	})
}

func marshalled(t *testing.T, c *contest) []byte {
	t.Helper()
	v := c.judge(t)
	text, err := json.Marshal([]any{v, v.Report()})
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// A rule must not write to what it is given.
func TestSeedLeavesItsInputAlone(t *testing.T) {
	c := newContest(2, 2).give(1, 100, 200, 120, 120).give(2, 200, 200, 180, 180)
	before := c.Input
	before.Samples = slices.Clone(before.Samples)
	before.Envs, before.Hotkeys, before.Queryable = slices.Clone(c.Envs), slices.Clone(c.Hotkeys), slices.Clone(c.Queryable)
	c.judge(t)
	if diff := cmp.Diff(before, c.Input); diff != "" {
		t.Error(diff)
	}
}

func TestWhy(t *testing.T) {
	for want, c := range map[string]*contest{
		"A (uid 1) wins 2.00 of 2 points and 100.00 % of the weight; nobody else is eligible.":                                                                                                                                                     newContest(1, 1).give(1, 100, 200, 120),
		"B (uid 2) wins 6.00 of 6 points and 100.00 % of the weight; against the runner-up, A (uid 1) with 0.00 points, it wins outright in both environments.":                                                                                    newContest(2, 2).give(1, 100, 200, 120, 120).give(2, 200, 200, 180, 180),
		"A (uid 1) wins 6.00 of 6 points and 100.00 % of the weight; against the runner-up, B (uid 2) with 0.00 points, it wins outright in env1 and keeps its place as the earlier one (block 100 before 200) in env0.":                           newContest(2, 2).give(1, 100, 200, 120, 180).give(2, 200, 200, 122, 100),
		"B (uid 2) wins 4.14 of 6 points and 69.03 % of the weight; against the runner-up, A (uid 1) with 1.86 points, it wins outright in env0, does not displace the earlier one in env1 and has the higher mean score where they share points.": newContest(2, 2).give(1, 100, 200, 100, 120).give(2, 200, 200, 180, 122),
		"B (uid 2) wins 3.71 of 6 points and 61.90 % of the weight; against the runner-up, A (uid 1) with 2.29 points, it wins outright in env1, is worse in env0 and has the higher mean score where they share points.":                          newContest(2, 2).give(1, 100, 200, 180, 100).give(2, 200, 200, 100, 190),
		"A (uid 1) wins 1.33 of 2 points and 66.67 % of the weight; against the runner-up, B (uid 2) with 0.67 points, it ties in env0 and has the lesser hotkey, which breaks the tie.":                                                           newContest(2, 1).give(1, 100, 200, 120).give(2, 100, 200, 120),
		"A (uid 1) wins 1.00 of 2 points and 50.00 % of the weight; against the runner-up, B (uid 2) with 1.00 points, it ties in env0 and shares every point equally.":                                                                            newContest(2, 1).give(1, 100, 200, 0).give(2, 100, 200, 0),
		"All weight goes to uid 0, because there are no samples of any miner.":                                                                                                                                                                     newContest(2, 1),
		"All weight goes to uid 0, because nobody is eligible: B (uid 2) comes closest and has 199 of 200 samples in env1.":                                                                                                                        newContest(2, 2).give(1, 100, 150, 10, 10).give(2, 100, 200, 1).give(2, 100, 199, 0, 1),
	} {
		if got := c.judge(t).Why; got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}

func TestWhyOfBurnAndOfInvalidMiners(t *testing.T) {
	c := newContest(1, 1).give(1, 100, 200, 120)
	c.Burn = 0.25
	if got := c.judge(t).Why; !strings.HasSuffix(got, "75.00 % of the weight; nobody else is eligible; 25 % is burned to uid 0.") {
		t.Error(got)
	}
	c.Burn = 2
	if got := c.judge(t).Why; got != "All weight goes to uid 0, because everything is burned." {
		t.Error(got)
	}
	c.Burn, c.Queryable = 0, nil
	if got := c.judge(t).Why; got != "All weight goes to uid 0, because nobody is eligible: A (uid 1) has samples enough but fails the validity checks." {
		t.Error(got)
	}
}

func TestReportSpellsNeverAsInfinity(t *testing.T) {
	c := newContest(1, 1)
	c.CommitBlocks = map[subnet.Hotkey]subnet.Block{"A": 7}
	r := c.judge(t).Report()
	if len(r.First) != 1 || r.First["A"] != 7 {
		t.Errorf("first blocks %v, want A's alone", r.First)
	}
	text, err := json.Marshal([]date{date(Never), 12})
	if err != nil || string(text) != `["inf",12]` {
		t.Errorf("%s, %v", text, err)
	}
}
