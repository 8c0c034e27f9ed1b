// Package batch writes samples and their transcripts to the archive together: the
// pack first, then the part whose rows point into it. A row that can be read always
// leads to its transcript.
package batch

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/affine-go/affine/shared/archive"
	"github.com/affine-go/affine/shared/archive/pack"
	"github.com/affine-go/affine/shared/archive/part"
	"github.com/affine-go/affine/shared/subnet"
)

// Writer writes one run's batches under ascending numbers. It may be used by
// several goroutines; their batches are written one after another.
type Writer struct {
	archive archive.Archive
	run     string

	mu   sync.Mutex
	seq  int // the number that no batch of this run is known to have
	pack pack.Writer
}

// New is the writer of a run. The run's id (archive.CheckRun) is for one process
// from start to end; under an id that was used before, batches take the first
// numbers that are free.
func New(a archive.Archive, run string) *Writer { return &Writer{archive: a, run: run} }

// Write archives a batch and returns the samples with Ref filled in, for the table.
// at names the day that the objects are filed under.
//
// When it returns an error, nothing, the pack alone or both objects may have been
// stored. The caller keeps the samples and calls again, with more of them if more
// have come: the same batch finds its own objects and succeeds, a larger one finds
// its number taken and goes on to the next. So a sample may stand in two level-0
// parts but is never missing from all of them.
//
// A sample without a transcript keeps its Ref. Transcripts belong to samples by id;
// when an id occurs more than once, in their order. A sample that fails its Check or
// a transcript without a sample is an error, and nothing is written.
func (w *Writer) Write(ctx context.Context, at time.Time, samples []subnet.Sample, transcripts []subnet.Transcript) ([]subnet.Sample, error) {
	if err := archive.CheckRun(w.run); err != nil {
		return nil, err
	}
	if err := check(samples, transcripts); err != nil {
		return nil, err
	}
	if len(samples) == 0 {
		return nil, nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for {
		out, err := w.writeAs(ctx, at, w.seq, samples, transcripts)
		if errors.Is(err, archive.ErrExists) {
			w.seq++ // an earlier, smaller batch was stored although its reply was lost
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("archiving %d samples: %w", len(samples), err)
		}
		w.seq++
		return out, nil
	}
}

// writeAs writes the batch under one number.
func (w *Writer) writeAs(ctx context.Context, at time.Time, seq int, samples []subnet.Sample, transcripts []subnet.Transcript) ([]subnet.Sample, error) {
	out := slices.Clone(samples)
	packKey := archive.PackKey(at, w.run, seq)
	if err := w.fillPack(packKey, out, transcripts); err != nil {
		return nil, err
	}
	if w.pack.Len() > 0 {
		if err := w.archive.Put(ctx, packKey, w.pack.Bytes()); err != nil {
			return nil, err
		}
	}
	rows, err := part.Encode(out)
	if err != nil {
		return nil, err
	}
	return out, w.archive.Put(ctx, archive.PartKey(at, w.run, seq), rows)
}

// fillPack packs the transcripts and points the samples at them.
func (w *Writer) fillPack(key string, samples []subnet.Sample, transcripts []subnet.Transcript) error {
	w.pack.Reset()
	refs := make(map[subnet.SampleID][]subnet.PackRef, len(transcripts))
	for _, t := range transcripts {
		offset, length, err := w.pack.Append(t)
		if err != nil {
			return err
		}
		refs[t.ID] = append(refs[t.ID], subnet.PackRef{Pack: key, Offset: offset, Length: length})
	}
	for i := range samples {
		if of := refs[samples[i].ID]; len(of) > 0 {
			samples[i].Ref, refs[samples[i].ID] = of[0], of[1:]
		}
	}
	return nil
}

func check(samples []subnet.Sample, transcripts []subnet.Transcript) error {
	known := make(map[subnet.SampleID]int, len(samples))
	for i := range samples {
		if err := samples[i].Check(); err != nil {
			return fmt.Errorf("archiving sample %d of %d: %w", i, len(samples), err)
		}
		known[samples[i].ID]++
	}
	for _, t := range transcripts {
		if known[t.ID]--; known[t.ID] < 0 {
			return fmt.Errorf("archiving: transcript %s has no sample", t.ID)
		}
	}
	return nil
}
