package abd

import (
	"bytes"
	"errors"
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/affine-go/affine/shared/sharedtest"
	"github.com/affine-go/affine/shared/subnet"
)

// -records widens the comparison with the published verdicts; all are 400.
var recordCount = flag.Int("records", 60, "recorded problems whose published verdicts are compared")

// disagreement is an answer on which grader and published verdict differ.
type disagreement struct {
	record, generation, reason string
	published                  bool
}

// explained are the records on which the grader differs from the published verdict,
// all for one reason: the verdict compares values, the grader what is printed, and a
// dictionary whose items stand in another order prints otherwise. docs/environments.md
// has them.
var explained = []string{"sample_207", "sample_338", "sample_348", "sample_349"}

// The grader agrees with the verdicts that others published for a model's answers.
// Records are taken evenly over the file; only lists of equal length can be paired.
// A part of the file may hold more than its share of the explained differences, so
// their rate is judged over all of it.
func TestRecordedVerdictsAgree(t *testing.T) {
	records, err := LoadCruxEval(sharedtest.Dir(t, "data", "cruxeval"))
	if err != nil {
		t.Fatal(err)
	}
	e := NewRecorded(box(t), records)
	step := max(1, len(records) / *recordCount)
	var (
		mu      sync.Mutex
		wg      sync.WaitGroup
		graded  int
		differ  []disagreement
		workers = make(chan struct{}, runtime.NumCPU())
	)
	for task := 0; task < len(records); task += step {
		workers <- struct{}{}
		wg.Go(func() {
			defer func() { <-workers }()
			n, found := compareVerdicts(t, e, records[task], subnet.TaskID(task))
			mu.Lock()
			defer mu.Unlock()
			graded, differ = graded+n, append(differ, found...)
		})
	}
	wg.Wait()
	for _, d := range differ {
		if !slices.Contains(explained, d.record) {
			t.Errorf("%s: a difference that the documentation does not explain", d.record)
		}
		t.Logf("%s: %s published %v, graded %s", d.record, d.generation, d.published, d.reason)
	}
	t.Logf("%d answers graded, %d disagreements", graded, len(differ))
	if graded < 500 {
		t.Errorf("only %d answers were compared", graded)
	}
	if step == 1 && len(differ)*200 > graded {
		t.Errorf("agreement below 99.5 %%: %d of %d answers differ", len(differ), graded)
	}
}

func compareVerdicts(t *testing.T, e *Env, r Record, task subnet.TaskID) (graded int, differ []disagreement) {
	if len(r.Generations) != len(r.Verdicts) {
		return 0, nil
	}
	c, err := e.Challenge(t.Context(), task)
	if err != nil {
		t.Error(err)
		return 0, nil
	}
	reasons := map[string]string{}
	for i, gen := range r.Generations {
		if _, known := reasons[gen]; !known {
			g, err := e.Grade(t.Context(), c, ReplyFromGeneration(gen))
			if err != nil {
				t.Error(err)
			}
			reasons[gen] = g.Reason
		}
		if passed := reasons[gen] == "the program prints the output"; passed != r.Verdicts[i] {
			differ = append(differ, disagreement{r.ID, gen, reasons[gen], r.Verdicts[i]})
		}
	}
	return len(r.Generations), differ
}

func writeRecords(t *testing.T, content string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "codellama-7b-input.jsonl"), []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestLoadCruxEvalReads(t *testing.T) {
	got, err := LoadCruxEval(writeRecords(t, `{"id":"a","code":"def f(x):\n    return x","input":"1","output":"1","generations":["f(1)"],"verdicts":[true]}
`+"\n"+`{"id":"b","code":"def f():\n    return 2","input":"","output":"2"}`))
	if err != nil || len(got) != 2 || got[0].ID != "a" || !slices.Equal(got[0].Verdicts, []bool{true}) || got[1].Output != "2" {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestLoadCruxEvalRefuses(t *testing.T) {
	good := `{"id":"a","code":"def f(x): return x","input":"1","output":"1"}` + "\n"
	for name, c := range map[string]struct{ content, want string }{
		"not JSON":    {good + "{", "line 2"},
		"no id":       {`{"code":"def f(x): return x","output":"1"}`, "id is missing"},
		"no function": {`{"id":"a","code":"x = 1","output":"1"}`, "does not define f"},
		"no output":   {`{"id":"a","code":"def f(x): return x"}`, "output is missing"},
		"wrong type":  {`{"id":7}`, "line 1"},
		"huge line":   {good + strings.Repeat("x", 2<<20), "after line 1"},
		"NUL bytes":   {"\x00\x00", "line 1"},
	} {
		if got, err := LoadCruxEval(writeRecords(t, c.content)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %+v, error %v, want %q in it", name, got, err, c.want)
		}
	}
	for name, dir := range map[string]string{"empty file": writeRecords(t, "\n"), "no file": t.TempDir()} {
		if _, err := LoadCruxEval(dir); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %v, want fs.ErrNotExist", name, err)
		}
	}
}

// An answer may not print the output itself, nor reach anything but its literals.
func TestRecordedArgumentsAreHarmless(t *testing.T) {
	record := Record{ID: "a", Code: "def f(x):\n    return x(2) if callable(x) else x", Input: "4", Output: "4"}
	e := NewRecorded(box(t), []Record{record})
	c, err := e.Challenge(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	for arguments, pass := range map[string]bool{
		"4": true, " 4 ": true, "2 + 2": true, "lambda n: n * 2": true, "[1, 4][1]": true, "x=4": true, "*[4]": true, "len('abcd')": false,
		"'4'": false, "4.0": false, "": false, "4, 4": false, "lambda n: n.real + 2": true,
		"print(4) or exit()":                    false,
		"__import__('os')._exit(0)":             false,
		"4) if True else f(4":                   false,
		"4)(":                                   false,
		"0) or print(4":                         false,
		"(lambda: 0).__globals__":               false,
		"lambda n: ().__class__.__base__":       false,
		"(y := 4)":                              false,
		"[n for n in (4,)][0]":                  false,
		"f'{4}'":                                false,
		"f":                                     false,
		"f(4)":                                  false,
		"ast":                                   false,
		"(lambda print: print(4))(lambda q: q)": true, // a name of its own
		"\x00":                                  false,
		strings.Repeat("(", 1000):               false,
		strings.Repeat("-", 100_000) + "4":      false,
		"lambda n: [n.append(n) for n in [[]] * 9]": false,
		"'{0.__class__}'.format(4)":                 false,
		"4 #":                                       false,
		"4\n":                                       true,
		"(\n4\n)":                                   true,
		"'a' * 10 ** 10":                            false,
	} {
		g, err := e.Grade(t.Context(), c, "<INPUT>"+arguments+"</INPUT>")
		if err != nil || (g.Score == subnet.ScoreScale) != pass {
			t.Errorf("%.50q: %+v, %v; want pass %v", arguments, g, err, pass)
		}
	}
}

// A record whose own input its program does not read still makes a task.
func TestRecordedInputBeyondLiterals(t *testing.T) {
	record := Record{ID: "a", Code: "def f(d):\n    return len(d)", Input: "dict(a=1)", Output: "1"}
	e := NewRecorded(box(t), []Record{record})
	c, err := e.Challenge(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	g, err := e.Grade(t.Context(), c, ReplyFromGeneration("f({'a': 1})"))
	if err != nil || g.Score != subnet.ScoreScale {
		t.Errorf("%+v, %v", g, err)
	}
}

func FuzzReadRecords(f *testing.F) {
	f.Add([]byte(`{"id":"a","code":"def f(x): return x","input":"1","output":"1","generations":["f(1)"],"verdicts":[true]}`))
	f.Add([]byte("\n\n{}"))
	f.Add([]byte("{\"id\":\"\xff\"}\n\x00"))
	f.Add([]byte(`{"id":"a","code":"def f(","output":" ","generations":[null,""]}`))
	f.Fuzz(func(t *testing.T, content []byte) {
		records, err := readRecords(bytes.NewReader(content))
		if (err == nil) != (len(records) > 0) {
			t.Fatalf("%d records, error %v", len(records), err)
		}
		for _, r := range records {
			if !strings.Contains(r.Program(), "def f(") {
				t.Fatalf("program without f: %q", r.Program())
			}
			for _, gen := range r.Generations {
				if _, problem := readReply(ReplyFromGeneration(gen)); problem != "" && !strings.ContainsAny(gen, "<") && len(gen) < MaxInput {
					t.Fatalf("answer %q: %s", gen, problem)
				}
			}
		}
	})
}
