// Package storetest holds the suite that every implementation of the store contract
// passes, and a wrapper that makes calls fail.
package storetest

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/affine-go/affine/shared/store"
	"github.com/affine-go/affine/shared/subnet"
)

// Run runs the suite; open gives a new, empty table for each test.
func Run(t *testing.T, open func(t *testing.T) store.Store) {
	for _, c := range []struct {
		name string
		run  func(t *testing.T, s store.Store)
	}{
		{"samples/come back as put", samplesComeBack},
		{"samples/in order of window, index and attempt", samplesInOrder},
		{"samples/the first one counts", firstCounts},
		{"samples/twice in one call", twiceInOneCall},
		{"samples/of twenty writers one is the first", oneFirst},
		{"samples/bad ones are named and the rest stored", badSamples},
		{"samples/shelves never mix", shelvesNeverMix},
		{"samples/extreme values", extremeSamples},
		{"samples/many", manySamples},
		{"samples/of nothing", noSamples},
		{"samples/ended context", endedContext},
		{"samples/refused or without reply", samplesUnderFaults},
		{"miners/versions", minerVersions},
		{"miners/in order and by subnet", minersInOrder},
		{"miners/bad rows", badMiners},
		{"plans/versions", planVersions},
		{"weights/versions", weightsVersions},
		{"weights/latest", latestWeights},
		{"weights/bad rows", badWeights},
		{"rows/of twenty writers one wins", oneWins},
		{"rows/refused or without reply", rowsUnderFaults},
		{"leases/held, renewed, run out, released", leases},
		{"leases/of twenty takers one holds it", oneHolds},
		{"leases/names", leaseNames},
		{"leases/refused or without reply", leasesUnderFaults},
	} {
		t.Run(c.name, func(t *testing.T) { c.run(t, open(t)) })
	}
}

// graded is when the suite's samples were graded: far ahead, so that a table that
// lets old samples go keeps these.
var graded = time.Date(2040, 5, 6, 7, 8, 9, 123_000_000, time.UTC)

// Sample makes a sample fit to be stored.
func Sample(hotkey subnet.Hotkey, window uint64, index uint32) subnet.Sample {
	return Seal(subnet.Sample{
		Task: subnet.Task{
			Schema: subnet.TaskSchema, Netuid: 120, UID: 7, Hotkey: hotkey,
			Model: "org/Affine-7B", Revision: "0123456789abcdef0123456789abcdef01234567", Slug: "org-affine-7b",
			Commit: 4_321_000, Env: "affine:sat", Window: window, Index: index, TaskID: subnet.TaskID(index) + 17, Block: 4_400_123,
		},
		Score: 1000, Outcome: subnet.OK, Reason: "all 23 clauses hold", Latency: 1234, Prompt: 321, Complete: 4567,
		At:  graded,
		Ref: subnet.PackRef{Pack: "conv/v1/dt=2040-05-06/run-000001.pack", Offset: 1 << 33, Length: 4321},
	})
}

// Seal gives a sample the id that its task calls for.
func Seal(s subnet.Sample) subnet.Sample {
	s.ID = s.SampleID()
	return s
}

const alice subnet.Hotkey = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY"

func shelfOf(s subnet.Sample) store.Shelf {
	return store.Shelf{Hotkey: s.Hotkey, Revision: s.Revision, Env: s.Env}
}

// put stores samples that must all be new.
func put(t *testing.T, s store.Store, samples ...subnet.Sample) {
	t.Helper()
	for i, r := range mustPut(t, s, samples...) {
		if r.Err != nil || r.Duplicate {
			t.Fatalf("put sample %d: %+v, want it stored as new", i, r)
		}
	}
}

func mustPut(t *testing.T, s store.Store, samples ...subnet.Sample) []store.PutResult {
	t.Helper()
	results, err := s.PutSamples(t.Context(), samples)
	if err != nil {
		t.Fatalf("put %d samples: %v", len(samples), err)
	}
	if len(results) != len(samples) {
		t.Fatalf("put %d samples: %d results", len(samples), len(results))
	}
	return results
}

// wantSamples wants a shelf to hold exactly these in windows from..to.
func wantSamples(t *testing.T, s store.Store, shelf store.Shelf, from, to uint64, want ...subnet.Sample) {
	t.Helper()
	got, err := s.Samples(t.Context(), shelf, from, to)
	if err != nil {
		t.Fatalf("samples: %v", err)
	}
	if len(got) == 0 && len(want) == 0 {
		return
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("samples of windows %d..%d differ (-want +got):\n%s", from, to, diff)
	}
}

func wantError(t *testing.T, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s gave %v, want %v", what, err, want)
	}
}

// hostile are texts that a careless key or row would trip over.
var hostile = []string{
	"a#b", "a%23b", "%", "#", "##", "a/b", "'; DROP TABLE samples; --", `"`, `\`, "\x00", "a\x00b", "\n", " ", "é", "e\u0301",
	"😀", "\u202e", "\uffff", "T#000000000001#000000#000", strings.Repeat("#", store.MaxName),
}

func hotkey(n int) subnet.Hotkey { return subnet.Hotkey(fmt.Sprintf("5F%046d", n)) }
