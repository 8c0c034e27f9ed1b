package aws

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

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
	var miners []subnet.Miner
	err := s.query(ctx, partition(store.MinerKey(netuid, "").Partition), 0, func(row item) error {
		m, version, err := decodeDoc[subnet.Miner](row)
		m.Version, m.Commitment.Block = version, m.CommitBlock
		miners = append(miners, m)
		return err
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
	p, version, err := getDoc[subnet.WindowPlan](ctx, s, store.PlanKey(netuid, window))
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
	r, version, err := getDoc[subnet.WeightsRecord](ctx, s, store.WeightsKey(netuid, epoch))
	if err != nil {
		return subnet.WeightsRecord{}, fmt.Errorf("store: weights of epoch %d: %w", epoch, err)
	}
	r.Version = version
	return r, nil
}

// LatestWeights returns up to n records, newest epoch first.
func (s *Store) LatestWeights(ctx context.Context, netuid subnet.Netuid, n int) ([]subnet.WeightsRecord, error) {
	if n <= 0 {
		return nil, nil
	}
	in := partition(store.WeightsKey(netuid, 0).Partition)
	in.ScanIndexForward = aws.Bool(false)
	var records []subnet.WeightsRecord
	err := s.query(ctx, in, n, func(row item) error {
		r, version, err := decodeDoc[subnet.WeightsRecord](row)
		r.Version = version
		records = append(records, r)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("store: latest weights of subnet %d: %w", netuid, err)
	}
	return records, nil
}

// putDoc writes version of a document over version - 1, or as the first.
func (s *Store) putDoc(ctx context.Context, k store.Key, version int64, doc any) error {
	body, err := json.Marshal(doc)
	if err != nil {
		return fmt.Errorf("%w: %w", store.ErrUnstorable, err)
	}
	if err := store.CheckDoc(body); err != nil {
		return err
	}
	row := place(k)
	row["version"], row["doc"] = number(version), text(string(body))
	if version == 1 {
		err = s.putNew(ctx, row)
	} else {
		err = s.put(ctx, row, "#version = :from", map[string]string{"#version": "version"}, item{":from": number(version - 1)})
	}
	if errors.Is(err, errStands) {
		return store.ErrConflict
	}
	return err
}

func getDoc[T any](ctx context.Context, s *Store, k store.Key) (doc T, version int64, err error) {
	resp, err := s.client.GetItem(ctx, &dynamodb.GetItemInput{TableName: &s.table, Key: place(k), ConsistentRead: aws.Bool(true)})
	if err != nil {
		return doc, 0, err
	}
	if len(resp.Item) == 0 {
		return doc, 0, store.ErrNotFound
	}
	return decodeDoc[T](resp.Item)
}

// decodeDoc reads what putDoc wrote.
func decodeDoc[T any](row item) (doc T, version int64, err error) {
	r := reader{row: row}
	r.checkFormat()
	version = int64(r.uint("version", math.MaxInt64))
	body := r.text("doc")
	if r.err != nil {
		return doc, 0, r.err
	}
	if err := json.Unmarshal([]byte(body), &doc); err != nil {
		r.fail("doc", err)
		return doc, 0, r.err
	}
	return doc, version, nil
}
