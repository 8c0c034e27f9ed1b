package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/affine-go/affine/shared/dominance"
	"github.com/affine-go/affine/shared/sharedtest"
)

// weightsOf runs af weights and returns what it printed.
func weightsOf(stdin string, args ...string) (string, error) {
	cmd := newWeightsCmd()
	var out bytes.Buffer
	cmd.SetOut(&out)
	cmd.SetErr(&out)
	cmd.SetIn(strings.NewReader(stdin))
	cmd.SetArgs(args)
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	err := cmd.Execute()
	return out.String(), err
}

const snapshot = `{"envs": ["affine:sat"], "meta_hotkeys": ["base", "A", "B"], "current_block": 7000000, "queryable": ["A", "B"], "burn": 0,
	"samples": [
		{"hotkey": "A", "env": "affine:sat", "scores": [[1, 120], [0, 80]], "block": 100},
		{"hotkey": "B", "env": "affine:sat", "scores": [[1, 180], [0, 20]], "block": 200},
		{"hotkey": "B", "env": "affine:sat", "scores": [[1, 5]], "block": null}]}`

func TestWeightsPrintsTheLeaderboard(t *testing.T) {
	out, err := weightsOf(snapshot, "--input", "-")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"UID\tHotkey\tModel\tRev\taffine:sat\tL1\tPts\tElig\tFirstBlk\tWgt\n",
		"2\tB\tacme/Affine-B\trev1\t*90.00/[86.09,93.07]/200*\t2.0\t2.00\tY\t200\t1.0000\n",
		"1\tA\tacme/Affine-A\trev1\t60.00/[54.22,65.57]/200\t0.0\t0.00\tY\t100\t0.0000\n",
		"Quarantined records: 5 (block is missing: 5).\n",
		"B (uid 2) wins 2.00 of 2 points and 100.00 % of the weight; against the runner-up, A (uid 1) with 0.00 points, it wins outright in affine:sat.\n",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
}

func TestWeightsPrintsJSON(t *testing.T) {
	file := filepath.Join(t.TempDir(), "snapshot.json")
	if err := os.WriteFile(file, []byte(`{"inputs":`+snapshot+`}`), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := weightsOf("", "--json", "--input", file)
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]json.RawMessage
	if err := json.Unmarshal([]byte(out), &got); err != nil {
		t.Fatalf("%v in\n%s", err, out)
	}
	for key, want := range map[string]string{
		"by_uid":           `{"1":0,"2":1}`,
		"eligible":         `["A","B"]`,
		"required_samples": `{"affine:sat":200}`,
		"layer_points":     `{"A":{"1":0},"B":{"1":2}}`,
		"scores":           `{"A":0,"B":2}`,
		"weights":          `{"A":0,"B":1}`,
		"subset_shares":    `{"affine:sat":{"B":1}}`,
		"quarantined":      `[{"hotkey":"B","env":"affine:sat","reason":"block is missing","count":5}]`,
	} {
		var compact bytes.Buffer
		if err := json.Compact(&compact, got[key]); err != nil || compact.String() != want {
			t.Errorf("%s is %s (%v), want %s", key, compact.String(), err, want)
		}
	}
	var intervals map[string]map[string][2]float64
	if err := json.Unmarshal(got["confidence_intervals"], &intervals); err != nil {
		t.Fatal(err)
	}
	if got, want := intervals["A"]["affine:sat"][0], 0.5421668; math.Abs(got-want) > 1e-4 {
		t.Errorf("A's lower bound is %v, want about %v", got, want)
	}
	if len(got["why"]) < 10 {
		t.Errorf("why is %s", got["why"])
	}
}

// The command on whole vector files: the weights are upstream's, or one of those
// that upstream's hash order allows.
func TestWeightsOfTheVectors(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(sharedtest.Dir(t, "vectors", "affine"), "scoring_[0-9]*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no vectors: %v", err)
	}
	improved := []string{"scoring_11_revision_interleave_wipes.json", "scoring_21_block_none.json"}
	for _, file := range files {
		out, err := weightsOf("", "--input", file, "--json")
		if err != nil {
			t.Errorf("%s: %v", filepath.Base(file), err)
			continue
		}
		var got byUID
		var want struct {
			Expected struct {
				Weights byUID `json:"get_weights"`
			}
			Alternatives []byUID `json:"alternative_get_weights_seen_under_other_hash_seeds"`
		}
		text, err := os.ReadFile(file)
		if err := errors.Join(err, json.Unmarshal(text, &want), json.Unmarshal([]byte(out), &got)); err != nil {
			t.Fatal(err)
		}
		allowed := append(want.Alternatives, want.Expected.Weights)
		if !slices.Contains(improved, filepath.Base(file)) && !slices.ContainsFunc(allowed, got.equal) {
			t.Errorf("%s: weights %v, want one of %v", filepath.Base(file), got, allowed)
		}
	}
}

type byUID struct {
	ByUID map[string]float64 `json:"by_uid"`
}

func (a byUID) equal(b byUID) bool {
	for uid, share := range b.ByUID {
		if x, ok := a.ByUID[uid]; !ok || math.Abs(x-share) > 1e-9 {
			return false
		}
	}
	return len(a.ByUID) == len(b.ByUID)
}

func TestWeightsRefusesBadInputInOneLine(t *testing.T) {
	huge := filepath.Join(t.TempDir(), "huge")
	if err := os.WriteFile(huge, bytes.Repeat([]byte("\x00\xff{["), 10<<20/4), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		stdin string
		file  string
		names string // what the error must name
	}{
		"empty":         {"", "-", "standard input"},
		"malformed":     {snapshot[:200], "-", "not JSON at byte 200"},
		"another shape": {`[1]`, "-", "array"},
		"no miners":     {`{"envs":["e"]}`, "-", "no hotkeys"},
		"bad sample":    {`{"envs":["e"],"meta_hotkeys":["A"],"samples":[{}]}`, "-", "samples[0]"},
		"bomb":          {`{"envs":["e"],"meta_hotkeys":["A"],"samples":[{"hotkey":"A","env":"e","scores":[[1,1e15]]}]}`, "-", "records"},
		"10 MB of junk": {"", huge, huge},
		"no such file":  {"", filepath.Join(t.TempDir(), "absent"), "absent"},
		"a folder":      {"", t.TempDir(), "is a directory"},
	} {
		out, err := weightsOf(c.stdin, "--input", c.file)
		if err == nil || !strings.Contains(err.Error(), c.names) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: error %v, want one line with %q", name, err, c.names)
		}
		if out != "" {
			t.Errorf("%s: printed %q", name, out)
		}
	}
	if _, err := weightsOf("{}", "--input", "-"); !errors.Is(err, dominance.ErrInput) {
		t.Errorf("error %v does not wrap ErrInput", err)
	}
}

func TestWeightsReadsTenMegabytes(t *testing.T) {
	filler := `{"hotkey": "stranger", "env": "affine:sat", "scores": [` + strings.TrimSuffix(strings.Repeat("[0.50000000000000000000000000000000, 1], ", 1000), ", ") + `], "block": 1},`
	text := strings.Replace(snapshot, `"samples": [`, `"samples": [`+strings.Repeat(filler, 10<<20/len(filler)), 1)
	out, err := weightsOf(text, "--input", "-", "--json")
	if err != nil || !strings.Contains(out, `"2": 1`) {
		t.Errorf("%d bytes: error %v", len(text), err)
	}
}
