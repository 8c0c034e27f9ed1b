package storetest

import (
	"context"
	"time"

	"github.com/affine-go/affine/shared/faultplan"
	"github.com/affine-go/affine/shared/store"
	"github.com/affine-go/affine/shared/subnet"
)

// Faulty is a store whose calls fail by a plan. The plan knows the methods by their
// names: "PutSamples", "Samples", "PutMiner" and so on. A PutSamples that is refused
// gives an error and no results; one whose reply is lost gives every sample the
// error, as when the connection breaks while they are written.
func Faulty(s store.Store, plan faultplan.Plan) store.Store {
	return &faulty{s, faultplan.Counter{Plan: plan}}
}

type faulty struct {
	store  store.Store
	faults faultplan.Counter
}

// under runs call under the method's next fault and gives its value only on success.
func under[T any](f *faulty, method string, call func() (T, error)) (T, error) {
	var value T
	err := f.faults.Do(method, func() (err error) {
		value, err = call()
		return err
	})
	if err != nil {
		var none T
		return none, err
	}
	return value, nil
}

func (f *faulty) PutSamples(ctx context.Context, samples []subnet.Sample) ([]store.PutResult, error) {
	done := false
	results, err := under(f, "PutSamples", func() ([]store.PutResult, error) {
		done = true
		return f.store.PutSamples(ctx, samples)
	})
	if err == nil || !done {
		return results, err
	}
	results = make([]store.PutResult, len(samples))
	for i := range results {
		results[i].Err = err
	}
	return results, nil
}

func (f *faulty) Samples(ctx context.Context, shelf store.Shelf, from, to uint64) ([]subnet.Sample, error) {
	return under(f, "Samples", func() ([]subnet.Sample, error) { return f.store.Samples(ctx, shelf, from, to) })
}

func (f *faulty) PutMiner(ctx context.Context, m subnet.Miner) (subnet.Miner, error) {
	return under(f, "PutMiner", func() (subnet.Miner, error) { return f.store.PutMiner(ctx, m) })
}

func (f *faulty) Miners(ctx context.Context, n subnet.Netuid) ([]subnet.Miner, error) {
	return under(f, "Miners", func() ([]subnet.Miner, error) { return f.store.Miners(ctx, n) })
}

func (f *faulty) PutPlan(ctx context.Context, p subnet.WindowPlan) (subnet.WindowPlan, error) {
	return under(f, "PutPlan", func() (subnet.WindowPlan, error) { return f.store.PutPlan(ctx, p) })
}

func (f *faulty) Plan(ctx context.Context, n subnet.Netuid, window uint64) (subnet.WindowPlan, error) {
	return under(f, "Plan", func() (subnet.WindowPlan, error) { return f.store.Plan(ctx, n, window) })
}

func (f *faulty) PutWeights(ctx context.Context, r subnet.WeightsRecord) (subnet.WeightsRecord, error) {
	return under(f, "PutWeights", func() (subnet.WeightsRecord, error) { return f.store.PutWeights(ctx, r) })
}

func (f *faulty) Weights(ctx context.Context, n subnet.Netuid, epoch subnet.Block) (subnet.WeightsRecord, error) {
	return under(f, "Weights", func() (subnet.WeightsRecord, error) { return f.store.Weights(ctx, n, epoch) })
}

func (f *faulty) LatestWeights(ctx context.Context, n subnet.Netuid, limit int) ([]subnet.WeightsRecord, error) {
	return under(f, "LatestWeights", func() ([]subnet.WeightsRecord, error) { return f.store.LatestWeights(ctx, n, limit) })
}

func (f *faulty) Acquire(ctx context.Context, name, owner string, now time.Time, ttl time.Duration) error {
	return f.faults.Do("Acquire", func() error { return f.store.Acquire(ctx, name, owner, now, ttl) })
}

func (f *faulty) Release(ctx context.Context, name, owner string) error {
	return f.faults.Do("Release", func() error { return f.store.Release(ctx, name, owner) })
}
