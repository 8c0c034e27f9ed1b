package localstack_test

import (
	"maps"
	"testing"
	"time"

	"github.com/affine-go/affine/shared/archive/pack"
	"github.com/affine-go/affine/shared/archive/part"
	"github.com/affine-go/affine/shared/awstest"
	"github.com/affine-go/affine/shared/devnet/lambdatest"
	"github.com/affine-go/affine/shared/store"
	"github.com/affine-go/affine/shared/subnet"
)

// needed is how many samples make a miner eligible in an environment.
const needed = 200

// The whole stack on an endpoint that others wrote: the schedule's functions as
// processes behind the Lambda Runtime API, envrunner as a process that is killed once
// on the way and told to stop at the end, a strict chain and simulated models. In
// the end every sample has one row and one archived transcript, and the chain holds
// the weights that the rows give.
func TestStackEndToEnd(t *testing.T) {
	if testing.Short() {
		t.Skip("builds and runs every program")
	}
	awstest.Each(t, func(t *testing.T, e awstest.Endpoint) {
		if e.Kind == awstest.Moto {
			t.Skip("moto's SQS carries some ten messages a second; its contracts are checked by the suites")
		}
		s := newStack(t, e)
		enumerate, weights := s.functions(t)
		path := buildWorker(t)
		w := s.startWorker(t, path)
		s.sample(t, enumerate, 40)
		w.kill(t) // what it held comes back when its visibility has run out
		w = s.startWorker(t, path)
		s.sample(t, enumerate, needed)
		s.checkWeights(t, weights)
		s.waitEmpty(t)
		w.stop(t)
		s.checkRows(t)
		t.Logf("start to first poll: enumerate %v, weights %v", enumerate.ColdStart(), weights.ColdStart())
	})
}

// sample runs the schedule until every miner has n scored samples everywhere.
func (s *stack) sample(t *testing.T, enumerate *lambdatest.Function, n int) {
	t.Helper()
	deadline := time.Now().Add(4 * time.Minute)
	for {
		var out struct {
			Miners map[subnet.MinerState]int `json:"miners"`
		}
		invoke(t, enumerate, &out)
		if out.Miners[subnet.Valid] != len(members) {
			t.Fatalf("miners by state: %v, want %d valid", out.Miners, len(members))
		}
		least := 1 << 30
		for _, rows := range s.rows(t) {
			least = min(least, scored(rows))
		}
		if least >= n {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("after four minutes a miner has %d samples, want %d", least, n)
		}
	}
}

func scored(rows []subnet.Sample) int {
	n := 0
	for _, r := range rows {
		if r.Outcome.Scored() {
			n++
		}
	}
	return n
}

// rows reads all shelves.
func (s *stack) rows(t *testing.T) map[store.Shelf][]subnet.Sample {
	t.Helper()
	miners, err := s.store.Miners(t.Context(), 120)
	if err != nil {
		t.Fatal(err)
	}
	out := make(map[store.Shelf][]subnet.Sample)
	for _, m := range miners {
		if m.Model == "" {
			continue
		}
		for _, env := range envs {
			shelf := store.Shelf{Hotkey: m.Hotkey, Revision: m.Revision, Env: env}
			if out[shelf], err = s.store.Samples(t.Context(), shelf, 0, 1000); err != nil {
				t.Fatal(err)
			}
		}
	}
	return out
}

// checkWeights sets weights and holds them against the chain: the strong miner
// takes all, and a second call changes nothing.
func (s *stack) checkWeights(t *testing.T, weights *lambdatest.Function) {
	t.Helper()
	var out struct {
		State  subnet.WeightsState `json:"state"`
		Block  subnet.Block        `json:"included_at"`
		Why    string              `json:"why"`
		Reason string              `json:"reason"`
	}
	for range 100 {
		if invoke(t, weights, &out); out.State != "too_soon" {
			break
		}
	}
	if out.State != subnet.Confirmed {
		t.Fatalf("weights: %+v, want confirmed", out)
	}
	t.Log(out.Why)
	want := map[subnet.UID]uint16{2: 65535}
	got, err := s.node.Weights(120, subnet.UID(len(members)))
	if err != nil || !maps.Equal(got, want) {
		t.Errorf("the chain holds %v (%v), want %v", got, err, want)
	}
	first := out.Block
	if invoke(t, weights, &out); out.State != subnet.Confirmed || out.Block != first {
		t.Errorf("a second call in the epoch: %+v, want the record of block %d", out, first)
	}
	if body, err := s.archive.Get(t.Context(), "weights/v1/latest.json", 0, -1); err != nil || len(body) == 0 {
		t.Errorf("latest.json: %v", err)
	}
}

// waitEmpty waits until the queues hold nothing: what the killed worker had taken
// comes back when its visibility has run out, and is then attempted by the other.
func (s *stack) waitEmpty(t *testing.T) {
	t.Helper()
	deadline := time.After(2 * time.Minute)
	for env, q := range s.queues {
		for {
			d, err := q.Depth(t.Context())
			if err == nil && d.Visible+d.InFlight == 0 {
				break
			}
			select {
			case <-deadline:
				t.Fatalf("queue of %s after two minutes: %+v, %v", env, d, err)
			case <-time.After(200 * time.Millisecond):
			}
		}
	}
}

// checkIndexes holds every miner's rows against what was planned for it: each index
// once, none missing, what the killed worker held among them.
func (s *stack) checkIndexes(t *testing.T) {
	t.Helper()
	miners, err := s.store.Miners(t.Context(), 120)
	if err != nil {
		t.Fatal(err)
	}
	rows := s.rows(t)
	for _, m := range miners {
		for env, p := range m.Progress {
			seen := make(map[uint32]int)
			for _, row := range rows[store.Shelf{Hotkey: m.Hotkey, Revision: m.Revision, Env: env}] {
				seen[row.Index]++
			}
			for i := p.Start; i < p.Next; i++ {
				if seen[i] != 1 {
					t.Errorf("%s in %s: index %d has %d rows", m.Model, env, i, seen[i])
				}
			}
		}
	}
}

// checkRows holds rows, parts and packs against one another once the worker has
// drained: nothing is in flight, every row's transcript can be read, every row is
// in a part with the same verdict.
func (s *stack) checkRows(t *testing.T) {
	t.Helper()
	for env, q := range s.queues {
		d, err := q.Depth(t.Context())
		if err != nil || d.InFlight != 0 || d.Dead != 0 {
			t.Errorf("queue of %s: %+v, %v; want nothing in flight and nothing dead", env, d, err)
		}
	}
	s.checkIndexes(t)
	parts := s.parts(t)
	total := 0
	for shelf, rows := range s.rows(t) {
		total += len(rows)
		seen := make(map[subnet.SampleID]bool)
		for i, row := range rows {
			if err := row.Check(); err != nil {
				t.Errorf("%v: %v", shelf, err)
			}
			if seen[row.ID] {
				t.Errorf("%v: two rows of sample %s", shelf, row.ID)
			}
			seen[row.ID] = true
			if archived, ok := parts[row.Ref]; !ok || archived.ID != row.ID || archived.Score != row.Score {
				t.Errorf("%v: no part has row %s as it stands", shelf, row.ID)
			}
			if i%20 == 0 {
				s.checkTranscript(t, row)
			}
		}
	}
	t.Logf("%d rows, %d archived samples", total, len(parts))
}

func (s *stack) parts(t *testing.T) map[subnet.PackRef]subnet.Sample {
	t.Helper()
	names, err := s.archive.List(t.Context(), "samples/v1/level=0/")
	if err != nil {
		t.Fatal(err)
	}
	out := make(map[subnet.PackRef]subnet.Sample)
	for _, name := range names {
		body, err := s.archive.Get(t.Context(), name, 0, -1)
		if err != nil {
			t.Fatal(err)
		}
		samples, err := part.Decode(body)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for _, x := range samples {
			out[x.Ref] = x
		}
	}
	return out
}

func (s *stack) checkTranscript(t *testing.T, row subnet.Sample) {
	t.Helper()
	frame, err := s.archive.Get(t.Context(), row.Ref.Pack, row.Ref.Offset, row.Ref.Length)
	if err != nil {
		t.Errorf("transcript of %s: %v", row.ID, err)
		return
	}
	tr, err := pack.Read(frame)
	if err != nil || tr.ID != row.ID || tr.Prompt == "" {
		t.Errorf("transcript of %s: %+v, %v", row.ID, tr, err)
	}
}
