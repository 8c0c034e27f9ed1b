package validator_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/affine-go/affine/shared/archive"
	"github.com/affine-go/affine/shared/archive/archivetest"
	"github.com/affine-go/affine/shared/dominance"
	"github.com/affine-go/affine/shared/subnet"
	"github.com/affine-go/affine/shared/validator"
)

// published are the documents that follow a confirmation at newLedger's block.
var published = []string{archive.LatestWeightsKey, archive.SeedSummaryKey(7_200), archive.SeedLatestKey}

// documents reads what stands under those keys.
func documents(t *testing.T, a archive.Archive) map[string]string {
	t.Helper()
	docs := make(map[string]string)
	for _, key := range published {
		body, err := a.Get(t.Context(), key, 0, -1)
		if err == nil {
			docs[key] = string(body)
		} else if !errors.Is(err, archive.ErrNotFound) {
			t.Fatal(err)
		}
	}
	return docs
}

// newSeedSetter scores by the seed's rule. Without samples that pays uid 0.
func newSeedSetter(t *testing.T, l *ledger) *validator.WeightSetter {
	t.Helper()
	w := newSetter(t, l)
	w.Rule = dominance.Seed
	return w
}

func TestConfirmedWeightsArePublished(t *testing.T) {
	t.Parallel()
	l := newLedger()
	w := newSeedSetter(t, l)
	rec, err := w.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	docs := documents(t, w.Archive)
	if docs[archive.SeedLatestKey] == "" || docs[archive.SeedLatestKey] != docs[archive.SeedSummaryKey(rec.Block)] {
		t.Fatalf("the seed's latest document is not the summary of block %d: %v", rec.Block, docs)
	}
	var seed dominance.Summary
	if err := json.Unmarshal([]byte(docs[archive.SeedLatestKey]), &seed); err != nil {
		t.Fatal(err)
	}
	if seed.Block != rec.Block || seed.Timestamp != rec.Updated.Unix() || seed.Data.Miners["owner"].Weight != 1 {
		t.Errorf("the seed's document: %+v, want everything for the owner", seed)
	}
	var latest struct{ Record subnet.WeightsRecord }
	if err := json.Unmarshal([]byte(docs[archive.LatestWeightsKey]), &latest); err != nil {
		t.Fatal(err)
	}
	if latest.Record.State != subnet.Confirmed || latest.Record.At != rec.At {
		t.Errorf("latest.json names %+v, want %+v", latest.Record, rec)
	}
}

// Whichever call to the archive fails, the run says so, and the next one, an hour
// later, publishes what an undisturbed run would have. The weights are set once.
func TestWhatWasNotPublishedIsPublishedByTheNextRun(t *testing.T) {
	t.Parallel()
	undisturbed := newSeedSetter(t, newLedger())
	if _, err := undisturbed.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	want := documents(t, undisturbed.Archive)
	for _, fault := range []archivetest.Fault{archivetest.Refuse, archivetest.LostReply} {
		for k := range 5 { // explain; latest.json; the explanation read back; the seed's two
			l := newLedger()
			w := newSeedSetter(t, l)
			sound := w.Archive
			calls := 0
			w.Archive = archivetest.NewFaulty(sound, func(archivetest.Call) archivetest.Fault {
				calls++
				if calls-1 == k {
					return fault
				}
				return archivetest.None
			})
			rec, err := w.Run(t.Context())
			if !errors.Is(err, archivetest.ErrFault) || calls != k+1 {
				t.Errorf("call %d %s: error %v after %d calls", k, fault, err, calls)
			}
			if confirmed := rec.State == subnet.Confirmed; confirmed != (k > 0) {
				t.Errorf("call %d %s: the record is %s", k, fault, rec.State)
			}
			if k > 0 {
				w.Clock = func() time.Time { return time.Unix(1_700_003_600, 0) }
			}
			if _, err := w.Run(t.Context()); err != nil || len(l.history) != 1 {
				t.Errorf("call %d %s: the next run: %v, weights set at %v", k, fault, err, l.history)
			}
			for key, got := range documents(t, sound) {
				if got != want[key] {
					t.Errorf("call %d %s: %s is\n%s\nwant\n%s", k, fault, key, got, want[key])
				}
			}
			if got := documents(t, sound); len(got) != len(published) {
				t.Errorf("call %d %s: %d documents published, want %d", k, fault, len(got), len(published))
			}
		}
	}
}

// Publishing again changes nothing, so that readers may keep what they have read.
func TestPublishingAgainGivesTheSameBytes(t *testing.T) {
	t.Parallel()
	w := newSeedSetter(t, newLedger())
	var first map[string]string
	for hour := range 3 {
		w.Clock = func() time.Time { return time.Unix(1_700_000_000, 0).Add(time.Duration(hour) * time.Hour) }
		if _, err := w.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		docs := documents(t, w.Archive)
		if hour == 0 {
			first = docs
		}
		for _, key := range published {
			if docs[key] == "" || docs[key] != first[key] {
				t.Errorf("hour %d: %s is\n%s\nwant\n%s", hour, key, docs[key], first[key])
			}
		}
	}
}

// Weights that are not on chain, or that the chain refused, replace nothing.
func TestNothingIsPublishedBeforeConfirmation(t *testing.T) {
	t.Parallel()
	l := newLedger()
	w := newSeedSetter(t, l)
	w.Chain = unsent{l}
	if _, err := w.Run(t.Context()); err == nil {
		t.Fatal("the weights could not be sent and Run reported nothing")
	}
	if docs := documents(t, w.Archive); len(docs) != 0 {
		t.Errorf("published before they were sent: %v", docs)
	}
	w.Chain = l
	l.mg.Neurons[2].LastUpdate = l.mg.Block // another program was faster
	rec, err := w.Run(t.Context())
	if err != nil || rec.State != subnet.Failed {
		t.Fatalf("record %+v, %v; want it refused by the chain", rec, err)
	}
	if docs := documents(t, w.Archive); len(docs) != 0 {
		t.Errorf("published although they failed: %v", docs)
	}
}

// A decision can be days old when it is confirmed, but not older than an epoch. It can
// be dated a day later too, where the clock that dated it was ahead.
func TestTheExplanationIsFoundUnderAnEarlierDay(t *testing.T) {
	t.Parallel()
	for days, found := range map[int]bool{-2: false, -1: true, 0: true, 1: true, 10: true, 11: false} {
		l := newLedger()
		w := newSeedSetter(t, l)
		w.Chain = unsent{l}
		if _, err := w.Run(t.Context()); err == nil {
			t.Fatal("the weights could not be sent and Run reported nothing")
		}
		w.Chain = l
		w.Clock = func() time.Time { return time.Unix(1_700_000_000, 0).AddDate(0, 0, days) }
		rec, err := w.Run(t.Context())
		docs := documents(t, w.Archive)
		if rec.State != subnet.Confirmed || docs[archive.LatestWeightsKey] == "" {
			t.Errorf("%d days later: %s, %v, published %v", days, rec.State, err, docs)
		}
		if (err == nil) != found || (docs[archive.SeedLatestKey] != "") != found || !found && !errors.Is(err, archive.ErrNotFound) {
			t.Errorf("%d days later: %v, published %v", days, err, docs)
		}
	}
}

// What stands under the explanation's key may be anything. Nothing is published from
// a document that does not explain these weights.
func TestABadExplanationIsNotPublished(t *testing.T) {
	t.Parallel()
	w := newSeedSetter(t, newLedger())
	rec, err := w.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	key := archive.WeightsKey(rec.Updated, rec.Block)
	good, err := w.Archive.Get(t.Context(), key, 0, -1)
	if err != nil {
		t.Fatal(err)
	}
	changed := func(old, replacement string) string {
		if !strings.Contains(string(good), old) {
			t.Fatalf("%q is not in %s", old, good)
		}
		return strings.Replace(string(good), old, replacement, 1)
	}
	for name, body := range map[string]string{
		"empty":            "",
		"cut off":          string(good[:len(good)/2]),
		"null":             "null",
		"no verdict":       `{"schema":"affine.weights.v1"}`,
		"another schema":   changed("affine.weights.v1", "affine.weights.v2"),
		"another epoch":    changed(`"epoch": 7200`, `"epoch": 6840`),
		"another block":    changed("\"verdict\": {\n    \"block\": 7200", "\"verdict\": {\n    \"block\": 7199"),
		"other weights":    changed(`"share": 1`, `"share": 0.5`),
		"too few standing": changed(`"test:echo"`, `"test:echo","test:more"`),
		"too many layers":  changed(`"layers": [`, `"layers": [{"size":2},`),
	} {
		if err := w.Archive.Replace(t.Context(), key, []byte(body)); err != nil {
			t.Fatal(err)
		}
		for _, k := range published {
			if err := w.Archive.Replace(t.Context(), k, []byte("before")); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := w.Run(t.Context()); err == nil || !strings.Contains(err.Error(), key) {
			t.Errorf("%s: error %v, want one that names %s", name, err, key)
		}
		docs := documents(t, w.Archive)
		if docs[archive.SeedLatestKey] != "before" || docs[archive.SeedSummaryKey(rec.Block)] != "before" {
			t.Errorf("%s: published %v", name, docs)
		}
		if docs[archive.LatestWeightsKey] == "before" {
			t.Errorf("%s: latest.json, which needs no verdict, was held back", name)
		}
	}
}
