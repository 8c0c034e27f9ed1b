// Package store is the contract for what must be judged once: samples, miners,
// window plans, weights records and leases, in one table.
//
// Every write is conditional. A write whose reply is lost may be repeated: the
// repeat finds the first one's row and is told so. Reads are strongly consistent.
// Two implementations stand behind the contract, local (SQLite) and aws (DynamoDB,
// one table); storetest holds the suite that both pass.
package store

import (
	"context"
	"errors"
	"time"

	"github.com/affine-go/affine/shared/subnet"
)

var (
	// ErrConflict is returned when a conditional write finds another version than
	// the one it was made from. Read again and decide anew.
	ErrConflict = errors.New("store: the row has changed since it was read")

	// ErrNotFound is returned when the row does not exist.
	ErrNotFound = errors.New("store: no such row")

	// ErrHeld is returned when another owner holds a lease that has not run out.
	ErrHeld = errors.New("store: the lease is held by another owner")

	// ErrNewer is returned when the data was written by a newer version of this
	// program: at opening by a file, at reading by a table. Nothing has been touched.
	ErrNewer = errors.New("store: the data was written by a newer version of this program")
)

// Shelf names the samples of one model of one miner in one environment: a
// partition of the table.
type Shelf struct {
	Hotkey   subnet.Hotkey
	Revision subnet.Revision
	Env      subnet.EnvID
}

// PutResult says what became of one sample of a PutSamples call.
type PutResult struct {
	Duplicate bool  // a row with this identity already stood; it was left as it is
	Err       error // the write was refused or its fate is unknown: repeat it, unless it is ErrUnstorable
}

// Samples holds graded attempts.
type Samples interface {
	// PutSamples writes each sample unless a row with its shelf, window, index and
	// attempt already stands: the first one counts, for ever. The result has one
	// entry per sample, in order; the error is non-nil only when no sample was
	// attempted at all. A sample that fails CheckSample gets ErrUnstorable.
	PutSamples(ctx context.Context, samples []subnet.Sample) ([]PutResult, error)

	// Samples returns a shelf's rows of windows from..to, both included, ordered by
	// window, index, attempt.
	Samples(ctx context.Context, shelf Shelf, from, to uint64) ([]subnet.Sample, error)
}

// Miners holds one row per hotkey of a subnet.
type Miners interface {
	// PutMiner writes the row if the standing one has Version m.Version (0: none
	// stands), and returns the row as written, with Version one higher.
	PutMiner(ctx context.Context, m subnet.Miner) (subnet.Miner, error)

	// Miners returns all rows of a subnet, ordered by hotkey.
	Miners(ctx context.Context, netuid subnet.Netuid) ([]subnet.Miner, error)
}

// Plans holds one row per window.
type Plans interface {
	// PutPlan writes under the same rule as PutMiner.
	PutPlan(ctx context.Context, p subnet.WindowPlan) (subnet.WindowPlan, error)

	// Plan returns a window's plan, or ErrNotFound.
	Plan(ctx context.Context, netuid subnet.Netuid, window uint64) (subnet.WindowPlan, error)
}

// WeightsLog holds one row per submission window.
type WeightsLog interface {
	// PutWeights writes under the same rule as PutMiner.
	PutWeights(ctx context.Context, r subnet.WeightsRecord) (subnet.WeightsRecord, error)

	// Weights returns the record of an epoch, or ErrNotFound.
	Weights(ctx context.Context, netuid subnet.Netuid, epoch subnet.Block) (subnet.WeightsRecord, error)

	// LatestWeights returns up to n records, newest epoch first.
	LatestWeights(ctx context.Context, netuid subnet.Netuid, n int) ([]subnet.WeightsRecord, error)
}

// Leases keep two runs of the same job apart. Time comes from the caller.
type Leases interface {
	// Acquire takes or renews the lease until now+ttl. ErrHeld when another owner's
	// has not run out at now.
	Acquire(ctx context.Context, name, owner string, now time.Time, ttl time.Duration) error

	// Release gives the lease back if owner still holds it; otherwise it does nothing.
	Release(ctx context.Context, name, owner string) error
}

// Store is the whole table.
type Store interface {
	Samples
	Miners
	Plans
	WeightsLog
	Leases
}
