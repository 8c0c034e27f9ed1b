package validator

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/affine-go/affine/shared/archive"
	"github.com/affine-go/affine/shared/dominance"
	"github.com/affine-go/affine/shared/subnet"
)

// explanation is the document kept of every decision: what was decided, and the
// whole verdict it follows from.
type explanation struct {
	Schema  string               `json:"schema"`
	Record  subnet.WeightsRecord `json:"record"`
	Verdict *dominance.Verdict   `json:"verdict,omitempty"`
}

const explanationSchema = "affine.weights.v1"

// explain archives a decision before it is recorded.
func (w *WeightSetter) explain(ctx context.Context, rec subnet.WeightsRecord, v dominance.Verdict) error {
	rec.Updated = rec.Updated.Truncate(0)
	body, err := json.MarshalIndent(explanation{explanationSchema, rec, &v}, "", "  ")
	if err != nil {
		return fmt.Errorf("encode the explanation of block %d: %w", rec.Block, err)
	}
	// Replaced, not put: a run that was cut off before the record was written
	// decides the same block again, at another time of day.
	if err := w.Archive.Replace(ctx, archive.WeightsKey(w.Clock().UTC(), rec.Block), body); err != nil {
		return fmt.Errorf("archive the explanation of block %d: %w", rec.Block, err)
	}
	return nil
}

// publishNewest publishes the newest of the confirmed records, whichever run confirmed
// it. A run that failed says why it failed; one that only waits, or did all it had to,
// says when this could not be done.
func (w *WeightSetter) publishNewest(ctx context.Context, recs []subnet.WeightsRecord, failed error) error {
	var newest subnet.WeightsRecord
	for _, rec := range recs {
		if rec.State == subnet.Confirmed && rec.Block >= newest.Block {
			newest = rec
		}
	}
	if newest.State == "" {
		return failed
	}
	err := w.publish(ctx, newest)
	if _, waits := errors.AsType[*TooSoonError](failed); err == nil || failed != nil && !waits {
		if err != nil {
			w.Log.ErrorContext(ctx, "confirmed weights not published", "epoch", newest.Epoch, "err", err)
		}
		return failed
	}
	return err
}

// publish points both latest documents at the confirmed record, this project's and
// the seed's. It is repeated by every run that finds the record confirmed, with the
// same bytes, so that a run that was cut off or refused in it leaves nothing out.
func (w *WeightSetter) publish(ctx context.Context, rec subnet.WeightsRecord) error {
	if err := w.replace(ctx, archive.LatestWeightsKey, explanation{Schema: explanationSchema, Record: rec}); err != nil {
		return err
	}
	verdict, err := w.explained(ctx, rec)
	if err != nil {
		return fmt.Errorf("publish the summary of block %d: %w", rec.Block, err)
	}
	summary := verdict.Summary(rec.Updated)
	if err := w.replace(ctx, archive.SeedSummaryKey(rec.Block), summary); err != nil {
		return err
	}
	return w.replace(ctx, archive.SeedLatestKey, summary)
}

func (w *WeightSetter) replace(ctx context.Context, key string, doc any) error {
	body, err := json.MarshalIndent(doc, "", "  ")
	if err != nil {
		return fmt.Errorf("encode %s: %w", key, err)
	}
	if err := w.Archive.Replace(ctx, key, body); err != nil {
		return fmt.Errorf("publish %s: %w", key, err)
	}
	return nil
}

// longestEpoch is 65,535 blocks of 12 s, the largest tempo, in whole days: a record
// is confirmed by runs of its epoch at most so long after it was explained, or, under a
// timelock, after the day of its reveal.
const longestEpoch = 10

// blocksPerDay is how many blocks of 12 s fit into a day.
const blocksPerDay = 7_200

// explained reads a record's verdict back. The explanation stands under the day of
// the decision, which is the day of the record's last change or one before it, or the
// next where the decision was dated by a clock that is ahead; of several the latest is
// the one that was recorded.
func (w *WeightSetter) explained(ctx context.Context, rec subnet.WeightsRecord) (*dominance.Verdict, error) {
	latest := longestEpoch + int((max(rec.Block, rec.At, rec.Reveal, rec.RevealAt)-rec.Block)/blocksPerDay)
	for days := range latest + 2 {
		if days > latest {
			days = -1
		}
		key := archive.WeightsKey(rec.Updated.UTC().AddDate(0, 0, -days), rec.Block)
		body, err := w.Archive.Get(ctx, key, 0, -1)
		if errors.Is(err, archive.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("read the explanation: %w", err)
		}
		var doc explanation
		if err := json.Unmarshal(body, &doc); err != nil {
			return nil, fmt.Errorf("read %s: %w", key, err)
		}
		if err := doc.check(rec); err != nil {
			return nil, fmt.Errorf("read %s: %w", key, err)
		}
		return doc.Verdict, nil
	}
	return nil, fmt.Errorf("no explanation of it in the %d days up to %s: %w", latest, rec.Updated.UTC().Format(time.DateOnly), archive.ErrNotFound)
}

// check refuses a document that explains something else than what was sent, or whose
// verdict does not have one standing for each environment and layer.
func (x *explanation) check(rec subnet.WeightsRecord) error {
	if x.Schema != explanationSchema || x.Verdict == nil {
		return fmt.Errorf("want a verdict in schema %s, found schema %.80q", explanationSchema, x.Schema)
	}
	if x.Record.Epoch != rec.Epoch || x.Verdict.Block != rec.Block || !slices.Equal(x.Record.Weights, rec.Weights) {
		return fmt.Errorf("it explains other weights than those of epoch %d", rec.Epoch)
	}
	for _, m := range x.Verdict.Miners {
		if len(m.Envs) != len(x.Verdict.Envs) || len(m.LayerPoints) != len(x.Verdict.Layers) {
			return fmt.Errorf("uid %d stands in %d environments and %d layers, want %d and %d",
				m.UID, len(m.Envs), len(m.LayerPoints), len(x.Verdict.Envs), len(x.Verdict.Layers))
		}
	}
	return nil
}
