package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/affine-go/affine/shared/archive"
	archivelocal "github.com/affine-go/affine/shared/archive/local"
	"github.com/affine-go/affine/shared/dominance"
	"github.com/affine-go/affine/shared/subnet"
)

// explained is an archived decision: its record, and the verdict it follows from.
type explained struct {
	Record  subnet.WeightsRecord `json:"record"`
	Verdict *dominance.Verdict   `json:"verdict"`
}

// lastVerdict reads the verdict behind the weights that were last confirmed, from
// the archive in a data folder, and says on notes when they were set.
func lastVerdict(ctx context.Context, notes io.Writer, data string) (dominance.Verdict, error) {
	dir := filepath.Join(data, "archive")
	if _, err := os.Stat(dir); err != nil {
		return dominance.Verdict{}, fmt.Errorf("weights: %s holds no archive: name a data folder with --data, or a snapshot with --input", data)
	}
	a, err := archivelocal.Open(dir)
	if err != nil {
		return dominance.Verdict{}, fmt.Errorf("weights: %w", err)
	}
	latest, err := readExplained(ctx, a, archive.LatestWeightsKey)
	if errors.Is(err, archive.ErrNotFound) {
		return dominance.Verdict{}, fmt.Errorf("weights: no weights have been set from %s yet: run af dev to its end", data)
	}
	if err != nil {
		return dominance.Verdict{}, fmt.Errorf("weights: %w", err)
	}
	rec := latest.Record
	keys, err := a.List(ctx, "weights/v1/dt=")
	if err != nil {
		return dominance.Verdict{}, fmt.Errorf("weights: %w", err)
	}
	for _, key := range keys {
		if !strings.HasSuffix(key, fmt.Sprintf("/%d.json", rec.Block)) {
			continue
		}
		full, err := readExplained(ctx, a, key)
		if err != nil || full.Verdict == nil {
			return dominance.Verdict{}, fmt.Errorf("weights: %s holds no verdict: %w", key, err)
		}
		fmt.Fprintf(notes, "weights of epoch %d, %s in block %d\n", rec.Epoch, rec.State, rec.At)
		return *full.Verdict, nil
	}
	return dominance.Verdict{}, fmt.Errorf("weights: the explanation of block %d is missing from %s", rec.Block, dir)
}

func readExplained(ctx context.Context, a archive.Archive, key string) (explained, error) {
	var doc explained
	body, err := a.Get(ctx, key, 0, -1)
	if err != nil {
		return doc, err
	}
	if err := json.Unmarshal(body, &doc); err != nil {
		return doc, fmt.Errorf("%s: %w", key, err)
	}
	return doc, nil
}
