package local

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/affine-go/affine/shared/store"
	"github.com/affine-go/affine/shared/subnet"
)

// PutSamples writes all samples in one transaction: when it fails, every sample
// that was fit to be stored has that error.
func (s *Store) PutSamples(ctx context.Context, samples []subnet.Sample) ([]store.PutResult, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("store: put %d samples: %w", len(samples), err)
	}
	results := make([]store.PutResult, len(samples))
	for i := range samples {
		results[i].Err = store.CheckSample(samples[i])
	}
	err := s.update(ctx, func() error {
		shelves := map[store.Shelf]int64{}
		var row []byte
		for i := range samples {
			if results[i].Err != nil {
				continue
			}
			id, err := s.shelf(shelves, samples[i].Task)
			if err != nil {
				return err
			}
			row = appendRow(row[:0], &samples[i])
			if results[i].Duplicate, err = s.addSample(id, &samples[i], row); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		failAll(results, fmt.Errorf("store: put %d samples: %w", len(samples), err))
	}
	return results, nil
}

// failAll tells the transaction's error to every sample that took part in it.
func failAll(results []store.PutResult, err error) {
	for i := range results {
		if results[i].Err == nil {
			results[i] = store.PutResult{Err: err}
		}
	}
}

// shelf is the number of the task's shelf, a new one if none stands yet. The numbers
// of one transaction are kept in seen.
func (s *Store) shelf(seen map[store.Shelf]int64, t subnet.Task) (int64, error) {
	shelf := store.Shelf{Hotkey: t.Hotkey, Revision: t.Revision, Env: t.Env}
	if id, ok := seen[shelf]; ok {
		return id, nil
	}
	var id int64
	err := s.st.findShelf.QueryRow(string(t.Hotkey), string(t.Revision), string(t.Env)).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		var res sql.Result
		if res, err = s.st.addShelf.Exec(string(t.Hotkey), string(t.Revision), string(t.Env)); err == nil {
			id, err = res.LastInsertId()
		}
	}
	if err != nil {
		return 0, err
	}
	seen[shelf] = id
	return id, nil
}

func (s *Store) addSample(shelf int64, smp *subnet.Sample, row []byte) (duplicate bool, err error) {
	res, err := s.st.addSample.Exec(shelf, int64(smp.Window), smp.Index, smp.Attempt, row)
	if err != nil {
		return false, err
	}
	n, err := res.RowsAffected()
	return n == 0, err
}

// Samples reads a shelf's rows in the order of their keys.
func (s *Store) Samples(ctx context.Context, shelf store.Shelf, from, to uint64) ([]subnet.Sample, error) {
	samples, err := s.readSamples(ctx, shelf, min(from, store.MaxOrdinal+1), min(to, store.MaxOrdinal))
	if err != nil {
		return nil, fmt.Errorf("store: samples of %s in %s: %w", shelf.Hotkey, shelf.Env, err)
	}
	return samples, nil
}

func (s *Store) readSamples(ctx context.Context, shelf store.Shelf, from, to uint64) ([]subnet.Sample, error) {
	rows, err := s.st.samples.QueryContext(ctx,
		string(shelf.Hotkey), string(shelf.Revision), string(shelf.Env), int64(from), int64(to))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var samples []subnet.Sample
	var row sql.RawBytes
	for rows.Next() {
		var smp subnet.Sample
		if err := rows.Scan(&smp.Window, &smp.Index, &smp.Attempt, &row); err != nil {
			return nil, err
		}
		if err := decodeRow(row, &smp); err != nil {
			return nil, fmt.Errorf("window %d, index %d: %w", smp.Window, smp.Index, err)
		}
		smp.Hotkey, smp.Revision, smp.Env = shelf.Hotkey, shelf.Revision, shelf.Env
		samples = append(samples, smp)
	}
	return samples, rows.Err()
}
