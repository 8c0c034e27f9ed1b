package main

import (
	"cmp"
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
	"github.com/affine-go/affine/shared/devnet"
	"github.com/affine-go/affine/shared/dominance"
	storelocal "github.com/affine-go/affine/shared/store/local"
	"github.com/affine-go/affine/shared/subnet"
)

// explained is an archived decision: its record, and the verdict it follows from.
type explained struct {
	Record  subnet.WeightsRecord `json:"record"`
	Verdict *dominance.Verdict   `json:"verdict"`
}

// lastVerdict reads the verdict behind the weights that were last set, from a data
// folder, and says on notes when they were set, and whether they are sealed still.
func lastVerdict(ctx context.Context, notes io.Writer, data string) (dominance.Verdict, error) {
	dir := filepath.Join(data, "archive")
	if _, err := os.Stat(dir); err != nil {
		return dominance.Verdict{}, fmt.Errorf("weights: %s holds no archive: name a data folder with --data, or a snapshot with --input", data)
	}
	a, err := archivelocal.Open(dir)
	if err != nil {
		return dominance.Verdict{}, fmt.Errorf("weights: %w", err)
	}
	rec, err := lastSet(ctx, a, data)
	if errors.Is(err, archive.ErrNotFound) {
		return dominance.Verdict{}, fmt.Errorf("weights: no weights have been set from %s yet: run af dev to its end", data)
	}
	if err != nil {
		return dominance.Verdict{}, fmt.Errorf("weights: %w", err)
	}
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
		fmt.Fprintf(notes, "weights of epoch %d, %s in block %d%s\n", rec.Epoch, rec.State, rec.At, sealOf(rec))
		return *full.Verdict, nil
	}
	return dominance.Verdict{}, fmt.Errorf("weights: the explanation of block %d is missing from %s", rec.Block, dir)
}

// lastSet is the record of the weights that were set last: those that were confirmed
// last, unless later ones are on chain and wait for their reveal. It returns
// archive.ErrNotFound when there are neither.
func lastSet(ctx context.Context, a archive.Archive, data string) (subnet.WeightsRecord, error) {
	latest, err := readExplained(ctx, a, archive.LatestWeightsKey)
	if err != nil && !errors.Is(err, archive.ErrNotFound) {
		return latest.Record, err
	}
	file := filepath.Join(data, "store.db")
	if _, serr := os.Stat(file); serr != nil {
		return latest.Record, err // a folder with an archive alone
	}
	s, serr := storelocal.Open(file)
	if serr != nil {
		return latest.Record, serr
	}
	defer s.Close()
	const few = 4
	recs, serr := s.LatestWeights(ctx, cmp.Or(latest.Record.Netuid, devnet.Netuid), few)
	if serr != nil {
		return latest.Record, serr
	}
	for _, rec := range recs {
		if rec.Sealed() && rec.Block > latest.Record.Block {
			return rec, nil
		}
	}
	return latest.Record, err
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
