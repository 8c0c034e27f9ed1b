package batch_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
	"pgregory.net/rapid"

	"github.com/affine-go/affine/shared/archive"
	"github.com/affine-go/affine/shared/archive/archivetest"
	"github.com/affine-go/affine/shared/archive/batch"
	"github.com/affine-go/affine/shared/archive/local"
	"github.com/affine-go/affine/shared/archive/pack"
	"github.com/affine-go/affine/shared/archive/part"
	"github.com/affine-go/affine/shared/subnet"
)

var at = time.Date(2026, 11, 22, 23, 59, 0, 0, time.UTC)

func folder(t testing.TB) *local.Archive {
	t.Helper()
	a, err := local.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// attempt makes the sample of index i and its transcript.
func attempt(i int) (subnet.Sample, subnet.Transcript) {
	s := subnet.Sample{
		Task: subnet.Task{
			Schema: subnet.TaskSchema, Netuid: 120, UID: 7, Hotkey: "5F", Model: "a/b", Revision: "r", Slug: "a-b",
			Env: "affine:sat", Window: 700, Index: uint32(i), TaskID: subnet.TaskID(i * 31),
		},
		Score: 1000, Outcome: subnet.OK, Reason: "solved", At: at,
	}
	s.ID = s.SampleID()
	return s, subnet.Transcript{ID: s.ID, Prompt: fmt.Sprint("prompt ", i), Reply: fmt.Sprint("reply ", i)}
}

func attempts(from, to int) (samples []subnet.Sample, transcripts []subnet.Transcript) {
	for i := from; i < to; i++ {
		s, tr := attempt(i)
		samples, transcripts = append(samples, s), append(transcripts, tr)
	}
	return samples, transcripts
}

// archived reads all parts back, follows every row to its transcript, and counts
// the rows of each sample.
func archived(t testing.TB, a archive.Archive) map[subnet.SampleID]int {
	t.Helper()
	keys, err := a.List(t.Context(), archive.PartPrefix(at))
	if err != nil {
		t.Fatal(err)
	}
	rows := map[subnet.SampleID]int{}
	for _, key := range keys {
		data, err := a.Get(t.Context(), key, 0, -1)
		if err != nil {
			t.Fatal(err)
		}
		samples, err := part.Decode(data)
		if err != nil {
			t.Fatalf("%s: %v", key, err)
		}
		for _, s := range samples {
			rows[s.ID]++
			wantTranscript(t, a, s)
		}
	}
	return rows
}

func wantTranscript(t testing.TB, a archive.Archive, s subnet.Sample) {
	t.Helper()
	frame, err := a.Get(t.Context(), s.Ref.Pack, s.Ref.Offset, s.Ref.Length)
	if err != nil {
		t.Fatalf("sample %s: %v", s.ID, err)
	}
	got, err := pack.Read(frame)
	if err != nil || got.ID != s.ID || got.Prompt != fmt.Sprint("prompt ", s.Index) {
		t.Fatalf("sample %s leads to the transcript of %s (%v)", s.ID, got.ID, err)
	}
}

func TestBatchesFollowOneAnother(t *testing.T) {
	a := folder(t)
	w := batch.New(a, "run-1")
	for i := range 3 {
		samples, transcripts := attempts(i*10, i*10+10)
		before := slices.Clone(samples)
		out, err := w.Write(t.Context(), at, samples, transcripts)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(samples, before) {
			t.Error("Write changed its argument")
		}
		for j, s := range out {
			wantTranscript(t, a, s)
			if s.Ref = (subnet.PackRef{}); s != samples[j] {
				t.Errorf("sample %d came back changed: %+v", j, s)
			}
		}
	}
	keys, err := a.List(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, make := range []func(time.Time, string, int) string{archive.PackKey, archive.PartKey} {
		want = append(want, make(at, "run-1", 0), make(at, "run-1", 1), make(at, "run-1", 2))
	}
	if slices.Sort(want); !slices.Equal(keys, want) {
		t.Errorf("keys %q, want %q", keys, want)
	}
	if rows := archived(t, a); len(rows) != 30 {
		t.Errorf("%d samples archived, want 30", len(rows))
	}
}

// Every fault at each of the first three puts, the two of a batch and what follows
// them, and a caller that comes
// back with the same batch or with a larger one: nothing is lost, every row leads
// to its transcript, and the writer goes on.
func TestNothingIsLost(t *testing.T) {
	faults := []archivetest.Fault{archivetest.None, archivetest.Refuse, archivetest.LostReply}
	for _, first := range faults {
		for _, second := range faults {
			for _, third := range faults {
				for _, grow := range []int{0, 5} {
					plan := []archivetest.Fault{first, second, third}
					t.Run(fmt.Sprintf("%v grow %d", plan, grow), func(t *testing.T) { nothingIsLost(t, plan, grow) })
				}
			}
		}
	}
}

func nothingIsLost(t *testing.T, plan []archivetest.Fault, grow int) {
	faulty := archivetest.NewFaulty(folder(t), archivetest.PutPlan(plan...))
	w := batch.New(faulty, "run-1")
	n := writeUntilDone(t, w, 0, 10, grow)
	n = writeUntilDone(t, w, n, n+10, grow)
	rows := archived(t, faulty.Archive)
	for i := range n {
		if s, _ := attempt(i); rows[s.ID] == 0 {
			t.Errorf("sample %d is lost", i)
		} else if grow == 0 && rows[s.ID] != 1 {
			t.Errorf("sample %d stands in %d parts although the same batch was repeated", i, rows[s.ID])
		}
	}
}

// writeUntilDone is a caller: it repeats the batch [from, to), with more samples
// each time, and returns where the batch ended that succeeded.
func writeUntilDone(t *testing.T, w *batch.Writer, from, to, grow int) int {
	t.Helper()
	for range 10 {
		samples, transcripts := attempts(from, to)
		out, err := w.Write(t.Context(), at, samples, transcripts)
		if err == nil {
			if len(out) != to-from {
				t.Errorf("%d of %d samples came back", len(out), to-from)
			}
			return to
		}
		if out != nil || !errors.Is(err, archivetest.ErrFault) {
			t.Fatalf("%d samples with error %v", len(out), err)
		}
		to += grow
	}
	t.Fatal("never succeeded")
	return 0
}

// The same as a property over longer runs of faults, batches and growths.
func TestNothingIsLostInAnyRun(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		faulty := archivetest.NewFaulty(folder(t), func(c archivetest.Call) archivetest.Fault {
			return archivetest.Fault(rapid.IntRange(0, 2).Draw(rt, c.Method))
		})
		w := batch.New(faulty, "run-1")
		from, to := 0, 0
		for range rapid.IntRange(1, 12).Draw(rt, "calls") {
			to += rapid.IntRange(0, 3).Draw(rt, "more")
			samples, transcripts := attempts(from, to)
			if _, err := w.Write(t.Context(), at, samples, transcripts); err == nil {
				from = to
			}
		}
		rows := archived(t, faulty.Archive)
		for i := range from {
			if s, _ := attempt(i); rows[s.ID] == 0 {
				rt.Errorf("sample %d was reported written and is lost", i)
			}
		}
	})
}

func TestRunIDUsedBefore(t *testing.T) {
	a := folder(t)
	for i := range 3 { // three processes under one id
		samples, transcripts := attempts(i*10, i*10+10)
		if _, err := batch.New(a, "run-1").Write(t.Context(), at, samples, transcripts); err != nil {
			t.Fatal(err)
		}
	}
	if rows := archived(t, a); len(rows) != 30 {
		t.Errorf("%d samples archived, want 30", len(rows))
	}
}

func TestConcurrentBatches(t *testing.T) {
	a := folder(t)
	w := batch.New(a, "run-1")
	var group errgroup.Group
	for i := range 8 {
		group.Go(func() error {
			samples, transcripts := attempts(i*10, i*10+10)
			_, err := w.Write(t.Context(), at, samples, transcripts)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	if rows := archived(t, a); len(rows) != 80 {
		t.Errorf("%d samples archived, want 80", len(rows))
	}
}

// A message delivered twice within one batch: two samples of one id, each with the
// transcript of its own attempt.
func TestTwoAttemptsOfOneSample(t *testing.T) {
	a := folder(t)
	s, tr := attempt(1)
	other := tr
	other.Reply = "another reply"
	out, err := batch.New(a, "run-1").Write(t.Context(), at, []subnet.Sample{s, s}, []subnet.Transcript{tr, other})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{tr.Reply, other.Reply} {
		frame, err := a.Get(t.Context(), out[i].Ref.Pack, out[i].Ref.Offset, out[i].Ref.Length)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := pack.Read(frame); err != nil || got.Reply != want {
			t.Errorf("sample %d leads to %q, %v; want %q", i, got.Reply, err, want)
		}
	}
}

func TestSamplesWithoutTranscripts(t *testing.T) {
	a := folder(t)
	samples, transcripts := attempts(0, 3)
	out, err := batch.New(a, "run-1").Write(t.Context(), at, samples, transcripts[1:2])
	if err != nil {
		t.Fatal(err)
	}
	if out[0].Ref != (subnet.PackRef{}) || out[1].Ref.Length == 0 || out[2].Ref != (subnet.PackRef{}) {
		t.Errorf("refs %v, %v, %v; want the second alone", out[0].Ref, out[1].Ref, out[2].Ref)
	}
	if _, err := batch.New(a, "run-2").Write(t.Context(), at, samples, nil); err != nil {
		t.Fatal(err)
	}
	packs, err := a.List(t.Context(), archive.ConvPrefix)
	if err != nil || len(packs) != 1 {
		t.Errorf("packs %q, %v; want none for a batch without transcripts", packs, err)
	}
}

func TestRefusedBatchWritesNothing(t *testing.T) {
	samples, transcripts := attempts(0, 3)
	bad := slices.Clone(samples)
	bad[1].Score = -1
	_, stranger := attempt(99)
	for name, tt := range map[string]struct {
		run         string
		samples     []subnet.Sample
		transcripts []subnet.Transcript
		want        string
	}{
		"bad run id":                  {"Run/1", samples, transcripts, "run id"},
		"bad sample":                  {"run-1", bad, transcripts, "sample 1 of 3"},
		"transcript without sample":   {"run-1", samples, append(slices.Clone(transcripts), stranger), stranger.ID.String()},
		"one sample, two transcripts": {"run-1", samples[:1], []subnet.Transcript{transcripts[0], transcripts[0]}, "no sample"},
	} {
		a := folder(t)
		_, err := batch.New(a, tt.run).Write(t.Context(), at, tt.samples, tt.transcripts)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want an error with %q", name, err, tt.want)
		}
		if keys, err := a.List(t.Context(), ""); err != nil || len(keys) != 0 {
			t.Errorf("%s: wrote %q (%v)", name, keys, err)
		}
	}
}

func TestEmptyBatch(t *testing.T) {
	a := folder(t)
	if out, err := batch.New(a, "run-1").Write(t.Context(), at, nil, nil); err != nil || out != nil {
		t.Errorf("%v, %v", out, err)
	}
	if keys, err := a.List(t.Context(), ""); err != nil || len(keys) != 0 {
		t.Errorf("an empty batch wrote %q (%v)", keys, err)
	}
}

func TestCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	samples, transcripts := attempts(0, 3)
	if _, err := batch.New(folder(t), "run-1").Write(ctx, at, samples, transcripts); !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want context.Canceled", err)
	}
}
