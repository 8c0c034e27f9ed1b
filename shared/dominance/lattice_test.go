package dominance

import (
	"fmt"
	"math/bits"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/affine-go/affine/shared/subnet"
)

func TestSideBeatsSide(t *testing.T) {
	early, late := subnet.Block(100), subnet.Block(200)
	for name, c := range map[string]struct {
		a, b         side
		aBeat, bBeat bool
	}{
		"overlap, earlier":             {side{.5, .6, early}, side{.55, .65, late}, true, false},
		"above, later":                 {side{.7, .8, late}, side{.5, .6, early}, true, false},
		"touching is not above":        {side{.6, .8, late}, side{.5, .6, early}, false, true},
		"worse but earlier loses":      {side{.1, .2, early}, side{.3, .4, late}, false, true},
		"same block, overlap":          {side{.5, .6, early}, side{.55, .65, early}, false, false},
		"same block, touching":         {side{.6, .8, early}, side{.5, .6, early}, false, false},
		"same block, above":            {side{.7, .8, early}, side{.5, .6, early}, true, false},
		"too few against enough":       {(&EnvStanding{Count: 199, Lower: .9, Upper: .95, FirstBlock: 1}).side(), side{0, .01, late}, false, true},
		"too few against too few":      {(&EnvStanding{Count: 199, Lower: .9, Upper: .95, FirstBlock: 1}).side(), (&EnvStanding{}).side(), false, false},
		"enough from the 200th sample": {(&EnvStanding{Count: 200, Lower: .5, Upper: .6, FirstBlock: 1}).side(), side{.5, .6, 2}, true, false},
	} {
		if got, back := c.a.beats(c.b), c.b.beats(c.a); got != c.aBeat || back != c.bBeat {
			t.Errorf("%s: beats %v, is beaten %v; want %v, %v", name, got, back, c.aBeat, c.bBeat)
		}
		f := &field{envs: 1, uids: []subnet.UID{0, 1}, sides: [][]side{{c.a, c.b}}}
		wins, losses := make([]mask, 2), make([]mask, 2)
		f.duels(1, wins, losses)
		if wins[0] != bit(c.aBeat) || losses[0] != bit(c.bBeat) || wins[1]|losses[1] != 0 {
			t.Errorf("%s: duels say %v and %v", name, wins, losses)
		}
	}
}

func TestCloseDownAddsAllSubsets(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		envs := rapid.IntRange(1, 10).Draw(t, "envs")
		sets := rapid.SliceOfN(rapid.IntRange(0, 1<<envs-1), 0, 5).Draw(t, "sets")
		l := newLattice(envs)
		for _, set := range sets {
			l.add(mask(set))
		}
		l.closeDown(envs)
		through := newLattice(envs)
		e := rapid.IntRange(0, envs-1).Draw(t, "env")
		through.addContaining(l, e)
		for set := range 1 << envs {
			want := slices.ContainsFunc(sets, func(s int) bool { return set&^s == 0 })
			if l.has(mask(set)) != want {
				t.Fatalf("%b in the closure of %b: %v", set, sets, !want)
			}
			if through.has(mask(set)) != (want && set>>e&1 == 1) {
				t.Fatalf("%b among those of %b that contain %d", set, sets, e)
			}
		}
	})
}

func TestSubsetsComeInLexicographicOrder(t *testing.T) {
	if got, want := slices.Collect(subsets(4, 2)), []mask{0b0011, 0b0101, 0b1001, 0b0110, 0b1010, 0b1100}; !slices.Equal(got, want) {
		t.Errorf("pairs of four: %04b, want %04b", got, want)
	}
	for envs := 1; envs <= MaxEnvs; envs++ {
		for _, layer := range Layers(envs) {
			seen := make(map[mask]bool)
			for set := range subsets(envs, layer.Size) {
				if bits.OnesCount32(uint32(set)) != layer.Size || set>>envs != 0 || seen[set] {
					t.Fatalf("%d of %d: %b", layer.Size, envs, set)
				}
				seen[set] = true
			}
			if len(seen) != layer.Subsets {
				t.Errorf("%d of %d: %d sets, want %d", layer.Size, envs, len(seen), layer.Subsets)
			}
		}
	}
}

// drawField draws tallies that tie, circle and fall short often.
func drawField(t *rapid.T) (Input, *ledger) {
	envs := rapid.IntRange(1, 8).Draw(t, "envs")
	miners := rapid.IntRange(1, 9).Draw(t, "miners")
	in, l := Input{}, &ledger{envs: envs}
	for e := range envs {
		in.Envs = append(in.Envs, subnet.EnvID(fmt.Sprintf("env%d", e)))
	}
	counts := []int{0, 150, 199, 200, 225, 250}
	if rapid.Bool().Draw(t, "enough") {
		counts = counts[3:]
	}
	for uid := range miners {
		in.Hotkeys = append(in.Hotkeys, subnet.Hotkey(rune('A'+uid)))
		first := subnet.Block(rapid.IntRange(1, 5).Draw(t, "block"))
		l.heads = append(l.heads, head{active: true, first: first})
		for range envs {
			n := rapid.SampledFrom(counts).Draw(t, "count")
			k := n * rapid.IntRange(0, 10).Draw(t, "tenths") / 10
			l.tallies = append(l.tallies, tally{n, int64(k) * unit, first + subnet.Block(rapid.IntRange(0, 1).Draw(t, "delay"))})
		}
	}
	in.Queryable = in.Hotkeys[:rapid.IntRange(0, miners).Draw(t, "queryable")]
	return in, l
}

func TestPointsAgreeWithTheNaiveRule(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in, l := drawField(t)
		v := judge(in, l)
		for uid, want := range naivePoints(&v) {
			if diff := cmp.Diff(want, v.Miners[uid].LayerPoints, cmpopts.EquateApprox(1e-12, 1e-12)); diff != "" {
				t.Fatalf("uid %d: %s", uid, diff)
			}
		}
	})
}

func TestEveryPointIsGiven(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in, l := drawField(t)
		in.Burn = rapid.SampledFrom([]float64{0, 0, 0.1, 0.5, 1}).Draw(t, "burn")
		v := judge(in, l)
		pooled := slices.ContainsFunc(v.Miners, func(m Standing) bool { return m.Pooled })
		for i, layer := range v.Layers {
			sum := 0.0
			for uid := range v.Miners {
				sum += v.Miners[uid].LayerPoints[i]
			}
			if want := layer.Points(); pooled && !cmp.Equal(sum, want, cmpopts.EquateApprox(1e-12, 0)) || !pooled && sum != 0 {
				t.Errorf("layer %d gave %v points of %v", layer.Size, sum, want)
			}
		}
		shares := 0.0
		for i, w := range v.Weights {
			shares += w.Share
			if w.Share != v.Miners[w.UID].Weight || w.Hotkey != in.Hotkeys[w.UID] || i > 0 && w.UID <= v.Weights[i-1].UID {
				t.Errorf("weights %+v", v.Weights)
			}
		}
		if !cmp.Equal(shares, 1.0, cmpopts.EquateApprox(1e-12, 0)) {
			t.Errorf("shares sum to %v", shares)
		}
	})
}

// Miners that score the same in other environments tie, to the last bit.
func TestStrengthDoesNotDependOnTheOrderOfEnvironments(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		scores := rapid.SliceOfN(rapid.IntRange(1, 250), 2, 8).Draw(t, "scores")
		permuted := rapid.Permutation(scores).Draw(t, "permuted")
		f := &field{envs: len(scores)}
		for _, member := range [][]int{scores, permuted} {
			envs := make([]EnvStanding, len(member))
			for e, k := range member {
				envs[e] = EnvStanding{Count: 250, Sum: float64(k)}
			}
			f.measure(envs)
		}
		all := mask(1)<<f.envs - 1
		if a, b := f.strength(0, all), f.strength(1, all); a != b {
			t.Errorf("%v: %v and %v", scores, a, b)
		}
	})
}
