package validator

import (
	"context"
	"encoding/json"
	"fmt"

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

// publish points latest.json at the confirmed record.
func (w *WeightSetter) publish(ctx context.Context, rec subnet.WeightsRecord) error {
	body, err := json.MarshalIndent(explanation{Schema: explanationSchema, Record: rec}, "", "  ")
	if err != nil {
		return fmt.Errorf("encode latest.json: %w", err)
	}
	if err := w.Archive.Replace(ctx, archive.LatestWeightsKey, body); err != nil {
		return fmt.Errorf("publish latest.json: %w", err)
	}
	return nil
}
