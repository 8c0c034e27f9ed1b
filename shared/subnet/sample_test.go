package subnet_test

import (
	"encoding/json"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/affine-go/affine/shared/subnet"
)

func sample() subnet.Sample {
	task := subnet.Task{
		Schema: subnet.TaskSchema, Netuid: 120, UID: 4, Hotkey: "5F…", Model: "a/Affine-x", Revision: "abc",
		Env: "affine:sat", Window: 2, Index: 17, TaskID: 333, Attempt: 1,
	}
	return subnet.Sample{Task: task, ID: task.SampleID(), Score: subnet.ScoreScale, Outcome: subnet.OK, At: time.UnixMilli(1).UTC()}
}

func TestSampleCheck(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(*subnet.Sample){
		"score below 0":           func(s *subnet.Sample) { s.Score = -1 },
		"score above the scale":   func(s *subnet.Sample) { s.Score = subnet.ScoreScale + 1 },
		"no outcome":              func(s *subnet.Sample) { s.Outcome = "" },
		"score without ok":        func(s *subnet.Sample) { s.Outcome = subnet.ModelFault },
		"another task's id":       func(s *subnet.Sample) { s.TaskID++ },
		"another window's id":     func(s *subnet.Sample) { s.Window++ },
		"schema of another build": func(s *subnet.Sample) { s.Schema++ },
		"no hotkey":               func(s *subnet.Sample) { s.Hotkey = "" },
		"no revision":             func(s *subnet.Sample) { s.Revision = "" },
		"no env":                  func(s *subnet.Sample) { s.Env = "" },
		"index beyond six digits": func(s *subnet.Sample) { s.Index = subnet.MaxIndex + 1 },
	} {
		s := sample()
		if err := s.Check(); err != nil {
			t.Fatalf("the sound sample is refused: %v", err)
		}
		if spoil(&s); s.Check() == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// No two different tasks share an id: each field alone changes it, and fields
// cannot run into each other.
func TestSampleIDsAreDistinct(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		draw := func(label string) subnet.Task {
			text := rapid.SampledFrom([]string{"a", "b", "a|1:b", "ab", "1:a", ""})
			return subnet.Task{
				Netuid: subnet.Netuid(rapid.IntRange(1, 2).Draw(t, label+"netuid")),
				Hotkey: subnet.Hotkey(text.Draw(t, label+"hotkey")), Revision: subnet.Revision(text.Draw(t, label+"rev")),
				Env: subnet.EnvID(text.Draw(t, label+"env")), Window: rapid.Uint64Range(0, 2).Draw(t, label+"window"),
				TaskID: subnet.TaskID(rapid.IntRange(0, 2).Draw(t, label+"task")), Attempt: rapid.Uint8Range(0, 1).Draw(t, label+"attempt"),
			}
		}
		a, b := draw("a "), draw("b ")
		if (a == b) != (a.SampleID() == b.SampleID()) {
			t.Fatalf("%+v and %+v: ids %s and %s", a, b, a.SampleID(), b.SampleID())
		}
	})
}

func TestSampleSurvivesJSON(t *testing.T) {
	t.Parallel()
	want := sample()
	text, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	var got subnet.Sample
	if err := json.Unmarshal(text, &got); err != nil || got != want {
		t.Fatalf("%s\nreads as %+v, %v", text, got, err)
	}
	if err := json.Unmarshal([]byte(`{"sample_id":"zz"}`), &got); err == nil {
		t.Error("a sample id of two letters was accepted")
	}
}

// Published check values of the seed rule.
func TestGenerationSeed(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		env  subnet.EnvID
		task subnet.TaskID
		want uint32
	}{
		{"affine:ded-v2", 0, 2246841407},
		{"affine:abd-v2", 20000, 1015141497},
		{"game", 0, 251295477},
	} {
		if got := subnet.GenerationSeed(c.env, c.task); got != c.want {
			t.Errorf("%s:%d: seed %d, want %d", c.env, c.task, got, c.want)
		}
	}
}

// Whether a sample counts follows from its outcome; operator faults never blame a miner.
func TestOutcomes(t *testing.T) {
	t.Parallel()
	for _, o := range subnet.Outcomes {
		if o.Scored() && (o.Retryable() || o.Operator()) {
			t.Errorf("%s both counts and is tried again", o)
		}
	}
	for _, o := range []subnet.Outcome{subnet.OK, subnet.ModelFault, subnet.TaskTimeout} {
		if !o.Scored() {
			t.Errorf("%s does not count", o)
		}
	}
}

func TestQuantise(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		shares []float64
		want   []uint16
	}{
		{[]float64{0.1, 0.7, 0.2}, []uint16{9362, 65535, 18724}},
		{[]float64{1, 0, 0.000001}, []uint16{65535, 0, 0}},
		{[]float64{0, 0}, []uint16{0, 0}},
		{[]float64{-1, 0.5}, []uint16{0, 65535}},
		{nil, []uint16{}},
	} {
		got := subnet.Quantise(c.shares)
		if len(got) != len(c.want) {
			t.Fatalf("%v: %v", c.shares, got)
		}
		for i := range got {
			if got[i] != c.want[i] {
				t.Errorf("%v gives %v, want %v", c.shares, got, c.want)
			}
		}
	}
}
