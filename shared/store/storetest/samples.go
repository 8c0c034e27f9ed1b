package storetest

import (
	"context"
	"errors"
	"math"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/affine-go/affine/shared/faultplan"
	"github.com/affine-go/affine/shared/store"
	"github.com/affine-go/affine/shared/subnet"
)

func samplesComeBack(t *testing.T, s store.Store) {
	smp := Sample(alice, 44, 3)
	put(t, s, smp)
	wantSamples(t, s, shelfOf(smp), 44, 44, smp)
	wantSamples(t, s, shelfOf(smp), 0, math.MaxUint64, smp)
}

func samplesInOrder(t *testing.T, s store.Store) {
	var want []subnet.Sample
	for _, window := range []uint64{0, 9, 10, 99, 100, store.MaxOrdinal} {
		for _, index := range []uint32{0, 9, 10, subnet.MaxIndex} {
			for _, attempt := range []uint8{0, 9, 10, 255} {
				smp := Sample(alice, window, index)
				smp.Attempt = attempt
				want = append(want, Seal(smp))
			}
		}
	}
	reversed := make([]subnet.Sample, len(want))
	for i, smp := range want {
		reversed[len(want)-1-i] = smp
	}
	put(t, s, reversed...)
	shelf := shelfOf(want[0])
	wantSamples(t, s, shelf, 0, math.MaxUint64, want...)
	wantSamples(t, s, shelf, 9, 99, want[16:64]...)
	wantSamples(t, s, shelf, 10, 10, want[32:48]...)
	wantSamples(t, s, shelf, 11, 98)
	wantSamples(t, s, shelf, 99, 10)
	wantSamples(t, s, shelf, store.MaxOrdinal, math.MaxUint64, want[80:]...)
	wantSamples(t, s, shelf, store.MaxOrdinal+1, math.MaxUint64)
}

func firstCounts(t *testing.T, s store.Store) {
	first := Sample(alice, 44, 3)
	put(t, s, first)
	later := first
	later.Score, later.Reason, later.At = 0, "another verdict", first.At.Add(time.Hour)
	fresh := Sample(alice, 44, 4)
	for i, r := range mustPut(t, s, first, later, fresh) {
		if r.Err != nil || r.Duplicate != (i < 2) {
			t.Errorf("sample %d: %+v", i, r)
		}
	}
	wantSamples(t, s, shelfOf(first), 44, 44, first, fresh)
}

// twiceInOneCall: within a call the first of the list is the first.
func twiceInOneCall(t *testing.T, s store.Store) {
	a, other := Sample(alice, 44, 3), Sample(alice, 44, 4)
	b := a
	b.Score, b.Reason = 0, "another verdict"
	want := []bool{false, false, true, true}
	for i, r := range mustPut(t, s, a, other, b, a) {
		if r.Err != nil || r.Duplicate != want[i] {
			t.Errorf("sample %d: %+v, want duplicate %v", i, r, want[i])
		}
	}
	wantSamples(t, s, shelfOf(a), 44, 44, a, other)
}

func oneFirst(t *testing.T, s store.Store) {
	const writers = 20
	smp := Sample(alice, 44, 3)
	results := make([]store.PutResult, writers)
	var wg sync.WaitGroup
	for i := range writers {
		wg.Go(func() {
			r, err := s.PutSamples(t.Context(), []subnet.Sample{smp})
			if err != nil {
				t.Errorf("put: %v", err)
				return
			}
			results[i] = r[0]
		})
	}
	wg.Wait()
	first := 0
	for _, r := range results {
		if r.Err != nil {
			t.Errorf("put: %v", r.Err)
		}
		if !r.Duplicate {
			first++
		}
	}
	if first != 1 {
		t.Errorf("%d of %d writers were told they came first", first, writers)
	}
	wantSamples(t, s, shelfOf(smp), 44, 44, smp)
}

func badSamples(t *testing.T, s store.Store) {
	broken := map[string]func(*subnet.Sample){
		"schema":             func(s *subnet.Sample) { s.Schema = 2 },
		"no hotkey":          func(s *subnet.Sample) { s.Hotkey = "" },
		"no revision":        func(s *subnet.Sample) { s.Revision = "" },
		"no env":             func(s *subnet.Sample) { s.Env = "" },
		"index":              func(s *subnet.Sample) { s.Index = subnet.MaxIndex + 1 },
		"window":             func(s *subnet.Sample) { s.Window = store.MaxOrdinal + 1 },
		"score above":        func(s *subnet.Sample) { s.Score = 1001 },
		"score below":        func(s *subnet.Sample) { s.Score = -1 },
		"score of a fault":   func(s *subnet.Sample) { s.Outcome = subnet.ModelFault },
		"no outcome":         func(s *subnet.Sample) { s.Outcome = "" },
		"negative latency":   func(s *subnet.Sample) { s.Latency = -1 },
		"negative tokens":    func(s *subnet.Sample) { s.Complete = -1 },
		"negative offset":    func(s *subnet.Sample) { s.Ref.Offset = -1 },
		"hotkey not UTF-8":   func(s *subnet.Sample) { s.Hotkey = "a\xff" },
		"revision not UTF-8": func(s *subnet.Sample) { s.Revision = "a\xff" },
		"env not UTF-8":      func(s *subnet.Sample) { s.Env = "a\xff" },
		"reason not UTF-8":   func(s *subnet.Sample) { s.Reason = "a\xff" },
		"reason too long":    func(s *subnet.Sample) { s.Reason = strings.Repeat("x", subnet.MaxReason+1) },
		"huge hotkey":        func(s *subnet.Sample) { s.Hotkey = subnet.Hotkey(strings.Repeat("x", 1<<20)) },
		"huge model":         func(s *subnet.Sample) { s.Model = strings.Repeat("x", 1<<20) },
		"huge pack":          func(s *subnet.Sample) { s.Ref.Pack = strings.Repeat("x", 1<<20) },
	}
	good := Sample(alice, 44, 0)
	samples := []subnet.Sample{good}
	names := []string{""}
	for name, breakIt := range broken {
		smp := Sample(alice, 44, uint32(len(samples)))
		breakIt(&smp)
		samples, names = append(samples, Seal(smp)), append(names, name)
	}
	wrongID := Sample(alice, 44, 100)
	wrongID.ID[0] ^= 1
	samples, names = append(samples, wrongID), append(names, "another task's id")
	for i, r := range mustPut(t, s, samples...) {
		switch {
		case i == 0 && (r.Err != nil || r.Duplicate):
			t.Errorf("the good sample: %+v", r)
		case i > 0 && !errors.Is(r.Err, store.ErrUnstorable):
			t.Errorf("%s: error %v, want ErrUnstorable", names[i], r.Err)
		}
	}
	wantSamples(t, s, shelfOf(good), 0, math.MaxUint64, good)
}

// shelvesNeverMix puts the same window and index on shelves whose names a careless
// key would run together.
func shelvesNeverMix(t *testing.T, s store.Store) {
	shelves := []store.Shelf{
		{Hotkey: "a", Revision: "b#c", Env: "d"}, {Hotkey: "a#b", Revision: "c", Env: "d"},
		{Hotkey: "a", Revision: "b", Env: "c#d"}, {Hotkey: "a%23b", Revision: "c", Env: "d"},
		{Hotkey: "a", Revision: "b%23c", Env: "d"}, {Hotkey: "A", Revision: "b#c", Env: "d"},
	}
	for _, text := range hostile {
		shelves = append(shelves, store.Shelf{Hotkey: subnet.Hotkey(text), Revision: subnet.Revision(text), Env: subnet.EnvID(text)})
	}
	var samples []subnet.Sample
	for i, shelf := range shelves {
		smp := Sample(shelf.Hotkey, 44, 3)
		smp.Revision, smp.Env, smp.UID = shelf.Revision, shelf.Env, subnet.UID(i)
		samples = append(samples, Seal(smp))
	}
	put(t, s, samples...)
	for i, shelf := range shelves {
		wantSamples(t, s, shelf, 0, math.MaxUint64, samples[i])
	}
	wantSamples(t, s, store.Shelf{Hotkey: alice, Revision: "b", Env: "d"}, 0, math.MaxUint64)
	wantSamples(t, s, store.Shelf{}, 0, math.MaxUint64)
}

func extremeSamples(t *testing.T, s store.Store) {
	least := Seal(subnet.Sample{
		Task:    subnet.Task{Schema: subnet.TaskSchema, Hotkey: alice, Revision: "r", Env: "e"},
		Outcome: subnet.EnvFault, At: graded,
	})
	most := Sample(alice, store.MaxOrdinal, subnet.MaxIndex)
	most.Revision, most.Env = "r", "e"
	most.Netuid, most.UID, most.Attempt = math.MaxUint16, math.MaxUint16, math.MaxUint8
	most.Commit, most.Block, most.TaskID = math.MaxUint64, math.MaxUint64, math.MaxUint64
	most.Latency, most.Prompt, most.Complete = math.MaxInt64, math.MaxInt64, math.MaxInt64
	most.Ref.Offset, most.Ref.Length = math.MaxInt64, math.MaxInt64
	most.Reason = strings.Repeat("é", subnet.MaxReason/2)
	most.Model = strings.Repeat("😀", store.MaxSampleText/4)
	most = Seal(most)
	put(t, s, least, most)
	wantSamples(t, s, shelfOf(least), 0, math.MaxUint64, least, most)
}

// manySamples is more than one page of DynamoDB, which ends at 1 MB.
func manySamples(t *testing.T, s store.Store) {
	const n = 850
	samples := make([]subnet.Sample, n)
	for i := range samples {
		samples[i] = Sample(alice, 44, uint32(i))
		samples[i].Model = strings.Repeat("m", store.MaxSampleText)
		samples[i].Ref.Pack = strings.Repeat("p", store.MaxSampleText)
	}
	put(t, s, samples...)
	wantSamples(t, s, shelfOf(samples[0]), 44, 44, samples...)
}

func noSamples(t *testing.T, s store.Store) {
	if got := mustPut(t, s); len(got) != 0 {
		t.Errorf("put of nothing gave %v", got)
	}
	wantSamples(t, s, store.Shelf{Hotkey: alice, Revision: "r", Env: "e"}, 0, 10)
}

func endedContext(t *testing.T, s store.Store) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	smp := Sample(alice, 44, 3)
	_, err := s.PutSamples(ctx, []subnet.Sample{smp})
	wantError(t, "put under an ended context", err, context.Canceled)
	_, err = s.Samples(ctx, shelfOf(smp), 0, 100)
	wantError(t, "read under an ended context", err, context.Canceled)
	wantSamples(t, s, shelfOf(smp), 44, 44)
}

// samplesUnderFaults repeats a write until it is answered: after a refusal it is
// new, after a lost reply a duplicate of itself.
func samplesUnderFaults(t *testing.T, s store.Store) {
	a, b := Sample(alice, 44, 3), Sample(alice, 44, 4)
	f := Faulty(s, faultplan.Calls(map[string][]faultplan.Fault{
		"PutSamples": {faultplan.Refuse, faultplan.None, faultplan.LoseReply},
	}))
	_, err := f.PutSamples(t.Context(), []subnet.Sample{a})
	wantError(t, "a refused put", err, faultplan.ErrInjected)
	wantSamples(t, s, shelfOf(a), 44, 44)
	put(t, f, a)
	r := mustPut(t, f, a, b)
	wantError(t, "a put without reply", r[1].Err, faultplan.ErrInjected)
	for i, r := range mustPut(t, f, a, b) {
		if r.Err != nil || !r.Duplicate {
			t.Errorf("repeat of sample %d: %+v, want a duplicate", i, r)
		}
	}
	wantSamples(t, s, shelfOf(a), 44, 44, a, b)
}
