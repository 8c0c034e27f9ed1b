package dominance_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/affine-go/affine/shared/dominance"
	"github.com/affine-go/affine/shared/sharedtest"
	"github.com/affine-go/affine/shared/subnet"
)

var dated = time.Unix(1_700_000_000, 999)

// spelled is a summary as its readers get it.
func spelled(t interface{ Fatal(...any) }, v dominance.Verdict) map[string]any {
	text, err := json.Marshal(v.Summary(dated))
	if err != nil {
		t.Fatal(err)
	}
	var doc map[string]any
	if err := json.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	return doc
}

func TestSummaryAgreesWithTheVectors(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(sharedtest.Dir(t, "vectors", "affine"), "scoring_[0-9]*.json"))
	if err != nil {
		t.Fatal(err)
	}
	compared := 0
	for _, file := range files {
		name := strings.TrimSuffix(strings.TrimPrefix(filepath.Base(file), "scoring_"), ".json")
		want := readVector(t, file)
		summary, published := want.Expected["summary"].(map[string]any)
		if !published || improved[name] {
			continue
		}
		compared++
		t.Run(name, func(t *testing.T) {
			data := spelled(t, verdict(t, file))["data"].(map[string]any)
			compare(t, want, "/env_winners", want.Expected["env_winners"], data["env_winners"])
			compare(t, want, "/summary", summary, asUpstream(t, data, summary["miners"].(map[string]any)))
		})
	}
	if compared < 13 {
		t.Errorf("%d summaries compared, want at least 13", compared)
	}
}

// asUpstream arranges a document as the vectors have it, weights to the four decimals
// that upstream keeps. Uid 0 is taken out where upstream leaves it out.
func asUpstream(t *testing.T, data, upstream map[string]any) map[string]any {
	t.Helper()
	order, rows := []any{}, data["rows"].([]any)
	miners := data["miners"].(map[string]any)
	for hotkey, m := range miners {
		miner := m.(map[string]any)
		if _, listed := upstream[hotkey]; !listed {
			if miner["uid"] != 0. || miner["weight"] == 0. {
				t.Errorf("%s is listed: %v", hotkey, miner)
			}
			delete(miners, hotkey)
			rows = slices.DeleteFunc(rows, func(row any) bool { return row.([]any)[0] == 0. })
		}
		miner["weight"] = math.Round(miner["weight"].(float64)*1e4) / 1e4
	}
	for _, row := range rows {
		order = append(order, row.([]any)[0])
	}
	slices.SortFunc(rows, func(a, b any) int { return cmp.Compare(a.([]any)[0].(float64), b.([]any)[0].(float64)) })
	return map[string]any{
		"header": data["header"], "stats": data["stats"], "note": data["note"], "miners": miners,
		"rows_sorted_by_uid": rows, "row_order_uids": order,
	}
}

// Upstream's documents say 0 for everybody, leave uid 0 out or are not written.
func TestSummaryShowsWhatUIDZeroIsPaid(t *testing.T) {
	dir := sharedtest.Dir(t, "vectors", "affine")
	for name, want := range map[string]struct {
		weight   float64
		eligible bool
		cell     string
		note     any
	}{
		"04_no_eligible_199_samples": {1, false, "1.0000", "No eligible miners, defaulting to uid 0"},
		"13_burn_10pct_uid0_absent":  {0.1, true, "0.1000", nil},
		"15_burn_100pct":             {1, true, "1.0000", "All weight goes to uid 0, because everything is burned."},
		"20_no_results":              {1, false, "1.0000", "No eligible miners, defaulting to uid 0"},
	} {
		data := spelled(t, verdict(t, filepath.Join(dir, "scoring_"+name+".json")))["data"].(map[string]any)
		owner, ok := data["miners"].(map[string]any)["uid0"].(map[string]any)
		if !ok || !near(owner["weight"].(float64), want.weight) || data["note"] != want.note {
			t.Errorf("%s: uid 0 is %v, note %v; want weight %v, note %v", name, owner, data["note"], want.weight, want.note)
			continue
		}
		rows := data["rows"].([]any)
		at := slices.IndexFunc(rows, func(row any) bool { return row.([]any)[1] == "uid0" })
		if at < 0 {
			t.Errorf("%s: no row of uid 0 in %v", name, rows)
			continue
		}
		if row := rows[at].([]any); row[len(row)-1] != want.cell || owner["eligible"] != want.eligible {
			t.Errorf("%s: uid 0 has the row %v, eligible %v", name, row, owner["eligible"])
		}
		if row := rows[at].([]any); row[len(row)-2] != "0" || owner["first_block"] != 0. {
			t.Errorf("%s: uid 0, which nothing dates, has the row %v and first block %v", name, row, owner["first_block"])
		}
	}
}

func TestSummaryNamesItsSchemaTimeAndBlock(t *testing.T) {
	v := verdict(t, sharedtest.Dir(t, "vectors", "affine", "scoring_01_clear_dominator_later.json"))
	doc := spelled(t, v)
	if doc["schema_version"] != "1.0.0" || doc["timestamp"] != 1.7e9 || doc["block"] != 7e6 || len(doc) != 4 {
		t.Errorf("%v, %v, %v with %d fields", doc["schema_version"], doc["timestamp"], doc["block"], len(doc))
	}
	data := doc["data"].(map[string]any)
	var envs []any
	for _, env := range v.Envs {
		envs = append(envs, string(env))
	}
	if !slices.Equal(data["environments"].([]any), envs) {
		t.Errorf("environments %v, want %v", data["environments"], envs)
	}
	if _, noted := data["note"]; noted {
		t.Errorf("note %v, want none", data["note"])
	}
}

// Nobody duels where nobody is queryable: no environment has a winner, which the
// schema writes as null.
func TestSummaryWithoutWinners(t *testing.T) {
	v := verdict(t, sharedtest.Dir(t, "vectors", "affine", "scoring_20_no_results.json"))
	winners := spelled(t, v)["data"].(map[string]any)["env_winners"].(map[string]any)
	for _, env := range v.Envs {
		if winner, listed := winners[string(env)]; !listed || winner != nil {
			t.Errorf("%s: winner %v, listed %v; want null", env, winner, listed)
		}
	}
}

// drawInput draws a few miners with whole shelves, short ones or none.
func drawInput(t *rapid.T) dominance.Input {
	in := dominance.Input{
		Hotkeys: []subnet.Hotkey{"base", "A", "B", "C", "D"}, CurrentBlock: 7_000_000,
		CommitBlocks: map[subnet.Hotkey]subnet.Block{"A": 7},
		Burn:         rapid.SampledFrom([]float64{0, 0.1, 0.5, 1, 3}).Draw(t, "burn"),
	}
	for e := range rapid.IntRange(1, 3).Draw(t, "envs") {
		in.Envs = append(in.Envs, subnet.EnvID(fmt.Sprintf("env%d", e)))
	}
	for _, hotkey := range in.Hotkeys {
		if rapid.Bool().Draw(t, "queryable") {
			in.Queryable = append(in.Queryable, hotkey)
		}
		n := rapid.SampledFrom([]int{0, 199, 200}).Draw(t, "samples")
		block := subnet.Block(rapid.IntRange(1, 3).Draw(t, "block"))
		for _, env := range in.Envs {
			right := rapid.IntRange(0, 200).Draw(t, "right")
			for i := range n {
				in.Samples = append(in.Samples, dominance.Record{
					Hotkey: hotkey, Model: "x/affine", Revision: "r1", Env: env, Block: &block, Score: float64(min(1, max(0, right-i))),
				})
			}
		}
	}
	return in
}

// However it turns out: the weights are those paid and sum to 1, every row stands
// for one entry, and a verdict read back from its JSON gives the same document.
func TestSummaryIsTheVerdict(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v, err := dominance.Seed(drawInput(t))
		if err != nil {
			t.Fatal(err)
		}
		s := v.Summary(dated)
		sum, paid := 0.0, make(map[subnet.UID]float64)
		for _, m := range s.Data.Miners {
			sum += m.Weight
			paid[m.UID] = m.Weight
		}
		for _, w := range v.Weights {
			if paid[w.UID] != w.Share {
				t.Errorf("uid %d is paid %v, listed with %v", w.UID, w.Share, paid[w.UID])
			}
		}
		if !near(sum, 1) {
			t.Errorf("weights sum to %v", sum)
		}
		rowsMatch(t, s)
		if got, want := spelled(t, readBack(t, v)), spelled(t, v); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("read back: %v, want %v", got, want)
		}
	})
}

func rowsMatch(t *rapid.T, s dominance.Summary) {
	seen := make(map[any]bool)
	for _, row := range s.Data.Rows {
		hotkey, _ := row[1].(string)
		m := s.Data.Miners[subnet.Hotkey(hotkey)]
		if len(row) != len(s.Data.Header) || row[0] != m.UID || row[len(row)-1] != fmt.Sprintf("%.4f", m.Weight) || seen[hotkey] {
			t.Errorf("row %v under %v, of %+v", row, s.Data.Header, m)
		}
		seen[hotkey] = true
	}
	if len(seen) != len(s.Data.Miners) {
		t.Errorf("rows of %v, entries of %v", seen, slices.Sorted(maps.Keys(s.Data.Miners)))
	}
}

func readBack(t *rapid.T, v dominance.Verdict) (back dominance.Verdict) {
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &back); err != nil {
		t.Fatal(err)
	}
	return back
}
