package dominance

import (
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/affine-go/affine/shared/subnet"
)

const plainInput = `{
	"envs": ["affine:sat"], "meta_hotkeys": ["base", "A"], "current_block": 7000000,
	"commit_blocks": {"A": 90, "B": "inf"}, "queryable": ["A"], "burn": 0.25,
	"samples": [
		{"hotkey": "A", "env": "affine:sat", "scores": [[1.0, 2], [0, 1]], "block": 100},
		{"hotkey": "base", "env": "affine:sat", "scores": [["nan", 1], [NaN, 1], [-Infinity, 1], [null, 1]], "block": null,
			"model": "team/\"NaN\"", "revision": "rev7"}
	]}`

func TestParseInput(t *testing.T) {
	own := func(score float64) Record {
		return Record{"A", "acme/Affine-A", "rev1", "affine:sat", score, at(100)}
	}
	other := func(score float64) Record {
		return Record{"base", `team/"NaN"`, "rev7", "affine:sat", score, nil}
	}
	nan := math.NaN()
	want := Input{
		Envs: []subnet.EnvID{"affine:sat"}, Hotkeys: []subnet.Hotkey{"base", "A"}, CurrentBlock: 7000000,
		CommitBlocks: map[subnet.Hotkey]subnet.Block{"A": 90}, Queryable: []subnet.Hotkey{"A"}, Burn: 0.25,
		Samples: []Record{own(1), own(1), own(0), other(nan), other(nan), other(math.Inf(-1)), other(nan)},
	}
	for name, text := range map[string]string{
		"alone":      plainInput,
		"whole file": `{"name": "x", "inputs": ` + plainInput + `, "expected": {}}`,
		"spaces":     strings.Repeat(" ", 1<<20) + plainInput,
	} {
		got, err := ParseInput([]byte(text))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if diff := cmp.Diff(want, got, cmpopts.EquateNaNs()); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestParseInputBlocks(t *testing.T) {
	for text, want := range map[string]*subnet.Block{
		"0": at(0), "100": at(100), "1e2": at(100), "100.0": at(100), `"100"`: at(100),
		"18446744073709551614": at(18446744073709551614),
		"null":                 nil, "-1": nil, "1.5": nil, `"inf"`: nil, "NaN": nil, "1e300": nil,
	} {
		in, err := ParseInput([]byte(`{"envs":["e"],"meta_hotkeys":["A"],"samples":[{"hotkey":"A","env":"e","scores":[[1,1]],"block":` + text + `}]}`))
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if diff := cmp.Diff(want, in.Samples[0].Block); diff != "" {
			t.Errorf("%s: %s", text, diff)
		}
	}
}

func TestParseInputRefuses(t *testing.T) {
	group := func(fields string) string {
		return `{"envs":["e"],"meta_hotkeys":["A"],"samples":[{"hotkey":"A","env":"e","scores":[]},{` + fields + `}]}`
	}
	for text, want := range map[string]string{
		"":                              "not JSON at byte 0",
		"\xff\xfe":                      "not JSON at byte 1",
		plainInput[:100]:                "not JSON at byte 100",
		plainInput + "x":                "after top-level value",
		"[]":                            "found JSON array instead of an object",
		"7":                             "found JSON number instead of an object",
		"{}":                            "no environments",
		`{"inputs": null}`:              "no environments",
		`{"inputs": 5}`:                 "found JSON number instead of an object",
		`{"envs": "e"}`:                 "envs cannot be JSON string",
		`{"envs": [1]}`:                 "envs cannot be JSON number",
		`{"envs": ["e"]}`:               "no hotkeys",
		`{"burn": "much"}`:              `"much" is not a number`,
		`{"burn": {}}`:                  `"{}" is not a number`,
		`{"samples": {}}`:               "samples cannot be JSON object",
		group(``):                       "samples[1]: hotkey, env or scores is missing",
		group(`"hotkey":"A","env":"e"`): "samples[1]: hotkey, env or scores is missing",
		group(`"hotkey":1`):             "samples[1]: hotkey cannot be JSON number",
		group(`"hotkey":"A","env":"e","scores":[[1,1],[1]]`):           "samples[1]: scores[1] is not [score, repeat]",
		group(`"hotkey":"A","env":"e","scores":[[1,-1]]`):              "samples[1]: scores[0]: repeat -1 is not a whole number",
		group(`"hotkey":"A","env":"e","scores":[[1,0.5]]`):             "repeat 0.5 is not a whole number",
		group(`"hotkey":"A","env":"e","scores":[[1,"nan"]]`):           "repeat NaN is not a whole number",
		group(`"hotkey":"A","env":"e","scores":[[1,"inf"]]`):           "more than 2097152 records",
		group(`"hotkey":"A","env":"e","scores":[[1,2000000],[1,1e9]]`): "scores[1]: more than 2097152 records",
		group(`"hotkey":"A","env":"e","scores":[["x",1]]`):             `samples[1]: "x" is not a number`,
		strings.Repeat("[", 1<<20):                                     "not JSON",
		strings.Repeat("{\"inputs\":", 1<<20):                          "not JSON",
	} {
		_, err := ParseInput([]byte(text))
		if !errors.Is(err, ErrInput) || !strings.Contains(err.Error(), want) {
			t.Errorf("%.80q: error %v, want %q", text, err, want)
			continue
		}
		if strings.Contains(err.Error(), "\n") || len(err.Error()) > 300 {
			t.Errorf("%.80q: error is not one short line: %q", text, err)
		}
	}
}

// Whatever is read makes a verdict that can be written down, within bounds.
func FuzzParseInput(f *testing.F) {
	for _, seed := range []string{
		plainInput, "{}", `{"inputs":{"envs":["e"]}}`, `{"envs":["e"],"meta_hotkeys":["A"],"burn":NaN}`,
		`{"envs":["e","f"],"meta_hotkeys":["A"],"queryable":["A"],"samples":[{"hotkey":"A","env":"e","scores":[[1,250]],"block":1}]}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		in, err := ParseInput(text)
		if err != nil {
			if !errors.Is(err, ErrInput) || strings.Contains(err.Error(), "\n") {
				t.Errorf("error %q", err)
			}
			return
		}
		if len(in.Samples) > 10_000 || len(in.Envs) > 8 {
			return
		}
		v, err := Seed(in)
		if err != nil {
			t.Fatalf("ParseInput passed what Seed refuses: %v", err)
		}
		sum := 0.0
		for _, w := range v.Weights {
			sum += w.Share
		}
		if math.Abs(sum-1) > 1e-9 || v.Why == "" {
			t.Errorf("weights sum to %v; %q", sum, v.Why)
		}
	})
}
