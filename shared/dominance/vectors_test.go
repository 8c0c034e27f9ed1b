package dominance_test

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/affine-go/affine/shared/dominance"
	"github.com/affine-go/affine/shared/sharedtest"
)

// vector is a golden vector: what upstream's code made of an input.
type vector struct {
	Expected     map[string]any `json:"expected"`
	Alternatives []struct {
		ByUID map[string]any `json:"by_uid"`
	} `json:"alternative_get_weights_seen_under_other_hash_seeds"`
	OrderDependent []string `json:"order_dependent_paths"`
}

// improved are the vectors that Seed departs from on purpose; tests of their own
// say what it does instead.
var improved = map[string]bool{"11_revision_interleave_wipes": true, "21_block_none": true}

func TestSeedAgreesWithTheVectors(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(sharedtest.Dir(t, "vectors", "affine"), "scoring_[0-9]*.json"))
	if err != nil || len(files) < 17 {
		t.Fatalf("found %d vectors (%v), want at least 17", len(files), err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(strings.TrimPrefix(filepath.Base(file), "scoring_"), ".json")
		t.Run(name, func(t *testing.T) {
			want, got := readVector(t, file), report(t, file)
			if improved[name] {
				return
			}
			if len(want.Alternatives) > 0 {
				oneOf(t, want, got)
			}
			delete(want.Expected, "summary")
			compare(t, want, "", want.Expected, got)
		})
	}
}

// report is Seed's report on a vector, read back from its JSON and with by_uid
// where the vectors have it.
func report(t *testing.T, file string) map[string]any {
	t.Helper()
	v := verdict(t, file)
	text, err := json.Marshal(v.Report())
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	got["get_weights"] = map[string]any{"by_uid": got["by_uid"]}
	return got
}

func verdict(t *testing.T, file string) dominance.Verdict {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	in, err := dominance.ParseInput(text)
	if err != nil {
		t.Fatal(err)
	}
	v, err := dominance.Seed(in)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func readVector(t *testing.T, file string) (v vector) {
	t.Helper()
	readJSON(t, file, &v)
	return v
}

func readJSON(t *testing.T, file string, into any) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, into); err != nil {
		t.Fatal(err)
	}
}

// compare walks the expected value; everything in it must be in got, and no map or
// list of got may hold more, but for the report itself.
func compare(t *testing.T, v vector, path string, want, got any) {
	t.Helper()
	for _, loose := range v.OrderDependent {
		if path == loose {
			return
		}
	}
	switch want := want.(type) {
	case map[string]any:
		m, ok := got.(map[string]any)
		if !ok || path != "" && len(m) != len(want) {
			t.Errorf("%s: got %v, want %v", path, got, want)
			return
		}
		for key, value := range want {
			compare(t, v, path+"/"+key, value, m[key])
		}
	case []any:
		list, ok := got.([]any)
		if !ok || len(list) != len(want) {
			t.Errorf("%s: got %v, want %v", path, got, want)
			return
		}
		for i := range want {
			compare(t, v, fmt.Sprintf("%s/%d", path, i), want[i], list[i])
		}
	case float64:
		if x, ok := got.(float64); !ok || !near(x, want) {
			t.Errorf("%s: got %v, want %v", path, got, want)
		}
	default:
		if got != want {
			t.Errorf("%s: got %v, want %v", path, got, want)
		}
	}
}

// near is the vectors' own tolerance.
func near(got, want float64) bool {
	return math.Abs(got-want) <= max(1e-12, 1e-9*math.Abs(want))
}

// closely is agreement to nine digits, however small the value.
func closely(got, want float64) bool { return math.Abs(got-want) <= 1e-9*math.Abs(want) }

// oneOf checks weights that upstream's hash order decides.
func oneOf(t *testing.T, want vector, got map[string]any) {
	t.Helper()
	byUID := got["by_uid"].(map[string]any)
	for _, alternative := range want.Alternatives {
		same := len(alternative.ByUID) == len(byUID)
		for uid, share := range alternative.ByUID {
			x, ok := byUID[uid].(float64)
			same = same && ok && near(x, share.(float64))
		}
		if same {
			return
		}
	}
	t.Errorf("weights %v are none of %v", byUID, want.Alternatives)
}

// Upstream pays either of two equals of the same block more, as its hash seed
// falls. Here the lesser hotkey is served first, always.
func TestTrueTiesFallToTheLesserHotkey(t *testing.T) {
	dir := sharedtest.Dir(t, "vectors", "affine")
	for name, want := range map[string][2]float64{
		"scoring_08_true_tie_same_block.json": {2. / 3, 1. / 3},
		"scoring_18_all_zero_same_block.json": {1. / 2, 1. / 2},
	} {
		v := verdict(t, filepath.Join(dir, name))
		if a, b := v.Miners[1], v.Miners[2]; !near(a.Weight, want[0]) || !near(b.Weight, want[1]) || !a.Envs[0].Winner {
			t.Errorf("%s: A has %v, B %v, A wins the first env: %v", name, a.Weight, b.Weight, a.Envs[0].Winner)
		}
	}
}

// Upstream: B takes everything, because one late record of A's old revision empties
// A's queues.
func TestLateRecordOfOldRevisionIsSuperseded(t *testing.T) {
	v := verdict(t, sharedtest.Dir(t, "vectors", "affine", "scoring_11_revision_interleave_wipes.json"))
	a := v.Miners[1]
	if a.Weight != 1 || a.Superseded != 1 || a.Revision != "rev2" || a.Envs[0].Count != 200 || a.FirstBlock != 500 {
		t.Errorf("A stands at %+v; want all weight on 200 samples of rev2", a)
	}
}

// Upstream: a TypeError, so that nobody is paid.
func TestRecordsWithoutBlockAreQuarantined(t *testing.T) {
	v := verdict(t, sharedtest.Dir(t, "vectors", "affine", "scoring_21_block_none.json"))
	if v.Miners[1].Active || v.Miners[2].Weight != 1 {
		t.Errorf("A active: %v, B has %v; want B to have everything", v.Miners[1].Active, v.Miners[2].Weight)
	}
	if len(v.Quarantined) != 2 || v.Quarantined[0].Count != 200 || v.Quarantined[1].Count != 200 {
		t.Errorf("quarantined %+v, want 200 records in each of two environments", v.Quarantined)
	}
}

func TestIntervalAgreesWithTheVectors(t *testing.T) {
	var file struct {
		Cases []struct {
			Successes, Lower, Upper float64
			Trials                  int
		}
	}
	readJSON(t, sharedtest.Dir(t, "vectors", "affine", "scoring_beta_intervals.json"), &file)
	if len(file.Cases) < 70 {
		t.Fatalf("%d cases", len(file.Cases))
	}
	for _, c := range file.Cases {
		if lower, upper := dominance.Interval(c.Successes, c.Trials); !closely(lower, c.Lower) || !closely(upper, c.Upper) {
			t.Errorf("Interval(%v, %d) = %v, %v; want %v, %v", c.Successes, c.Trials, lower, upper, c.Lower, c.Upper)
		}
	}
}

func TestLayersAgreeWithTheVectors(t *testing.T) {
	var file struct {
		Cases []struct {
			Envs int `json:"n_envs"`
			K    map[int]float64
		}
	}
	readJSON(t, sharedtest.Dir(t, "vectors", "affine", "scoring_layer_weights.json"), &file)
	for _, c := range file.Cases {
		layers := dominance.Layers(c.Envs)
		if len(layers) != len(c.K) {
			t.Errorf("%d envs: %d layers, want %d", c.Envs, len(layers), len(c.K))
		}
		for _, l := range layers {
			if !near(l.Weight, c.K[l.Size]) {
				t.Errorf("%d envs: K%d = %v, want %v", c.Envs, l.Size, l.Weight, c.K[l.Size])
			}
		}
	}
}

func TestRequiredSamplesAgreeWithTheVectors(t *testing.T) {
	var file struct {
		Cases []struct {
			Most     int `json:"max_count"`
			Required int
			Eligible bool
		}
	}
	readJSON(t, sharedtest.Dir(t, "vectors", "affine", "scoring_required_samples.json"), &file)
	for _, c := range file.Cases {
		if got := dominance.RequiredSamples(c.Most); got != c.Required || (c.Most >= got) != c.Eligible {
			t.Errorf("RequiredSamples(%d) = %d, want %d", c.Most, got, c.Required)
		}
	}
}
