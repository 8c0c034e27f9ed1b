package local

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/affine-go/affine/shared/store"
	"github.com/affine-go/affine/shared/subnet"
)

// PutMiner writes the row if the standing one has Version m.Version.
func (s *Store) PutMiner(ctx context.Context, m subnet.Miner) (subnet.Miner, error) {
	m, err := store.CheckMiner(m)
	if err != nil {
		return subnet.Miner{}, err
	}
	m.Version++
	if err := s.putDoc(ctx, store.MinerKey(m.Netuid, m.Hotkey), m.Version, m); err != nil {
		return subnet.Miner{}, fmt.Errorf("store: put miner %s: %w", m.Hotkey, err)
	}
	return m, nil
}

// Miners returns all rows of a subnet, ordered by hotkey.
func (s *Store) Miners(ctx context.Context, netuid subnet.Netuid) ([]subnet.Miner, error) {
	rows, err := s.st.docs.QueryContext(ctx, store.MinerKey(netuid, "").Partition)
	miners, err := readDocs(rows, err, func(m *subnet.Miner, version int64) {
		m.Version, m.Commitment.Block = version, m.CommitBlock
	})
	if err != nil {
		return nil, fmt.Errorf("store: miners of subnet %d: %w", netuid, err)
	}
	return miners, nil
}

// PutPlan writes the plan if the standing one has Version p.Version.
func (s *Store) PutPlan(ctx context.Context, p subnet.WindowPlan) (subnet.WindowPlan, error) {
	if err := store.CheckPlan(p); err != nil {
		return subnet.WindowPlan{}, err
	}
	p.Version++
	if err := s.putDoc(ctx, store.PlanKey(p.Netuid, p.Window), p.Version, p); err != nil {
		return subnet.WindowPlan{}, fmt.Errorf("store: put plan of window %d: %w", p.Window, err)
	}
	return p, nil
}

// Plan returns a window's plan, or ErrNotFound.
func (s *Store) Plan(ctx context.Context, netuid subnet.Netuid, window uint64) (subnet.WindowPlan, error) {
	var p subnet.WindowPlan
	version, err := s.getDoc(ctx, store.PlanKey(netuid, window), &p)
	if err != nil {
		return subnet.WindowPlan{}, fmt.Errorf("store: plan of window %d: %w", window, err)
	}
	p.Version = version
	return p, nil
}

// PutWeights writes the record if the standing one has Version r.Version.
func (s *Store) PutWeights(ctx context.Context, r subnet.WeightsRecord) (subnet.WeightsRecord, error) {
	if err := store.CheckWeights(r); err != nil {
		return subnet.WeightsRecord{}, err
	}
	r.Version++
	if err := s.putDoc(ctx, store.WeightsKey(r.Netuid, r.Epoch), r.Version, r); err != nil {
		return subnet.WeightsRecord{}, fmt.Errorf("store: put weights of epoch %d: %w", r.Epoch, err)
	}
	return r, nil
}

// Weights returns the record of an epoch, or ErrNotFound.
func (s *Store) Weights(ctx context.Context, netuid subnet.Netuid, epoch subnet.Block) (subnet.WeightsRecord, error) {
	var r subnet.WeightsRecord
	version, err := s.getDoc(ctx, store.WeightsKey(netuid, epoch), &r)
	if err != nil {
		return subnet.WeightsRecord{}, fmt.Errorf("store: weights of epoch %d: %w", epoch, err)
	}
	r.Version = version
	return r, nil
}

// LatestWeights returns up to n records, newest epoch first.
func (s *Store) LatestWeights(ctx context.Context, netuid subnet.Netuid, n int) ([]subnet.WeightsRecord, error) {
	rows, err := s.st.latest.QueryContext(ctx, store.WeightsKey(netuid, 0).Partition, max(n, 0))
	records, err := readDocs(rows, err, func(r *subnet.WeightsRecord, version int64) { r.Version = version })
	if err != nil {
		return nil, fmt.Errorf("store: latest weights of subnet %d: %w", netuid, err)
	}
	return records, nil
}

// putDoc writes version of a document over version - 1, or as the first.
func (s *Store) putDoc(ctx context.Context, k store.Key, version int64, doc any) error {
	text, err := json.Marshal(doc)
	if err != nil {
		return fmt.Errorf("%w: %w", store.ErrUnstorable, err)
	}
	if err := store.CheckDoc(text); err != nil {
		return err
	}
	return s.update(ctx, func() error {
		write := s.st.setDoc
		if version == 1 {
			write = s.st.addDoc
		}
		res, err := write.Exec(k.Partition, k.Sort, version, string(text))
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n == 1 {
			return err
		}
		return store.ErrConflict
	})
}

func (s *Store) getDoc(ctx context.Context, k store.Key, into any) (version int64, err error) {
	var text []byte
	err = s.st.doc.QueryRowContext(ctx, k.Partition, k.Sort).Scan(&version, &text)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, store.ErrNotFound
	}
	if err != nil {
		return 0, err
	}
	return version, json.Unmarshal(text, into)
}

// readDocs decodes the rows of a query of versions and documents, and lets finish
// complete each.
func readDocs[T any](rows *sql.Rows, err error, finish func(*T, int64)) ([]T, error) {
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var docs []T
	for rows.Next() {
		var version int64
		var text sql.RawBytes
		if err := rows.Scan(&version, &text); err != nil {
			return nil, err
		}
		var doc T
		if err := json.Unmarshal(text, &doc); err != nil {
			return nil, err
		}
		finish(&doc, version)
		docs = append(docs, doc)
	}
	return docs, rows.Err()
}

// Acquire takes or renews the lease until now + ttl.
func (s *Store) Acquire(ctx context.Context, name, owner string, now time.Time, ttl time.Duration) error {
	if err := store.CheckLease(name, owner); err != nil {
		return err
	}
	err := s.update(ctx, func() error {
		res, err := s.st.acquire.Exec(store.LeaseKey(name).Partition, owner, now.Add(ttl).UnixMicro(), now.UnixMicro())
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n == 1 {
			return err
		}
		return store.ErrHeld
	})
	if err != nil {
		return fmt.Errorf("store: acquire lease %s for %s: %w", name, owner, err)
	}
	return nil
}

// Release gives the lease back if owner still holds it.
func (s *Store) Release(ctx context.Context, name, owner string) error {
	if err := store.CheckLease(name, owner); err != nil {
		return err
	}
	err := s.update(ctx, func() error {
		_, err := s.st.release.Exec(store.LeaseKey(name).Partition, owner)
		return err
	})
	if err != nil {
		return fmt.Errorf("store: release lease %s of %s: %w", name, owner, err)
	}
	return nil
}
