package aws

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"golang.org/x/sync/errgroup"

	"github.com/affine-go/affine/shared/store"
	"github.com/affine-go/affine/shared/subnet"
)

// inFlight bounds how many requests one PutSamples has running.
const inFlight = 32

// PutSamples writes each sample by a request of its own, many at a time: DynamoDB
// has no batch of conditional writes below the price of a transaction. Samples that
// share a key are written one after the other, in their order.
func (s *Store) PutSamples(ctx context.Context, samples []subnet.Sample) ([]store.PutResult, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("store: put %d samples: %w", len(samples), err)
	}
	results := make([]store.PutResult, len(samples))
	var pending []int
	for i := range samples {
		if results[i].Err = store.CheckSample(samples[i]); results[i].Err == nil {
			pending = append(pending, i)
		}
	}
	for len(pending) > 0 {
		var now []int
		now, pending = distinct(samples, pending)
		var group errgroup.Group
		group.SetLimit(inFlight)
		for _, i := range now {
			group.Go(func() error {
				results[i] = s.putSample(ctx, &samples[i])
				return nil
			})
		}
		_ = group.Wait() // each sample has its own error
	}
	return results, nil
}

// distinct takes the first sample of each key out of pending.
func distinct(samples []subnet.Sample, pending []int) (first, rest []int) {
	seen := make(map[store.Key]bool, len(pending))
	for _, i := range pending {
		if k := store.SampleKey(samples[i].Task); seen[k] {
			rest = append(rest, i)
		} else {
			seen[k] = true
			first = append(first, i)
		}
	}
	return first, rest
}

func (s *Store) putSample(ctx context.Context, smp *subnet.Sample) store.PutResult {
	err := s.putNew(ctx, encodeSample(smp))
	if errors.Is(err, errStands) {
		return store.PutResult{Duplicate: true}
	}
	if err != nil {
		return store.PutResult{Err: fmt.Errorf("store: put sample %s: %w", smp.ID, err)}
	}
	return store.PutResult{}
}

// Samples reads a shelf's rows in the order of their keys.
func (s *Store) Samples(ctx context.Context, shelf store.Shelf, from, to uint64) ([]subnet.Sample, error) {
	if err := ctx.Err(); err != nil || from > min(to, store.MaxOrdinal) {
		return nil, err
	}
	in := partition(shelf.Partition())
	low, high := store.SampleRange(from, to)
	in.KeyConditionExpression = aws.String(pk + " = :pk AND " + sk + " BETWEEN :low AND :high")
	in.ExpressionAttributeValues[":low"], in.ExpressionAttributeValues[":high"] = text(low), text(high)
	var samples []subnet.Sample
	err := s.query(ctx, in, 0, func(row item) error {
		smp, err := decodeSample(shelf, row)
		samples = append(samples, smp)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("store: samples of %s in %s: %w", shelf.Hotkey, shelf.Env, err)
	}
	return samples, nil
}
