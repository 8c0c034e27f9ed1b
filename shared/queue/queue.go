// Package queue is the contract between who plans tasks and who attempts them.
//
// Delivery is at least once and unordered. A message that is received becomes
// invisible for the queue's visibility timeout and comes back unless it is deleted;
// after Config.MaxReceives deliveries it moves to the dead-letter queue instead.
// Two implementations stand behind it, local (SQLite) and aws (SQS standard queue);
// queuetest holds the suite that both pass.
package queue

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// MaxBody is the largest message body, in bytes (SQS as MiniStack and the older
// service limit have it).
const MaxBody = 256 << 10

// Message is what is sent. Group is the fairness group, the miner's hotkey: a slow
// or busy group does not hold up the others. It implies no order and no lock.
type Message struct {
	Group string
	Body  []byte
}

// Delivery is a received message. Receipt is good for this delivery only.
type Delivery struct {
	Message
	ID       string // the message's id, the same at each delivery
	Receipt  string
	Receives int       // how often it has been received, this time included
	Sent     time.Time // when it was first sent
}

// Depth is a queue's size as far as it is known; SQS's figures are approximate.
type Depth struct {
	Visible  int
	InFlight int
	Delayed  int
	Dead     int           // on the dead-letter queue
	Oldest   time.Duration // age of the oldest visible message; 0 when unknown
}

// ErrStale is returned for a receipt whose message was deleted, was delivered again
// or has become visible again. The work on it belongs to somebody else now.
var ErrStale = errors.New("queue: stale receipt")

// Queue carries messages of one environment kind.
//
// All methods may be called concurrently. Errors other than PartialError mean that
// nothing is known about the outcome: Send may or may not have enqueued, so callers
// repeat it and rely on the table to judge duplicates.
type Queue interface {
	// Send enqueues all messages, in batches of at most ten. It returns a
	// *PartialError when some were refused; those alone need repeating, and those
	// with ErrUnsendable are past helping.
	Send(ctx context.Context, msgs []Message) error

	// Receive waits up to wait for at least one message and returns at most max
	// (1..10). It returns an empty slice when the wait passed, which is no error.
	Receive(ctx context.Context, max int, wait time.Duration) ([]Delivery, error)

	// Extend keeps the deliveries invisible for d from now; d = 0 gives them back
	// at once. It returns a *PartialError naming those that failed, each with
	// ErrStale when its receipt is no longer good.
	Extend(ctx context.Context, receipts []string, d time.Duration) error

	// Delete removes the messages for good. A stale receipt is reported like
	// Extend's where the implementation can tell; SQS accepts some of them silently.
	Delete(ctx context.Context, receipts []string) error

	// Depth reports the queue's size.
	Depth(ctx context.Context) (Depth, error)
}

// PartialError lists the items of a call that failed; all others succeeded.
type PartialError struct {
	Failed map[int]error // index into the call's slice → why
	Total  int
}

// Error names the first failure by index and counts the rest.
func (e *PartialError) Error() string {
	first := -1
	for i := range e.Failed {
		if first < 0 || i < first {
			first = i
		}
	}
	return fmt.Sprintf("queue: %d of %d failed; number %d: %v", len(e.Failed), e.Total, first, e.Failed[first])
}

// Unwrap gives the errors of all failed items.
func (e *PartialError) Unwrap() []error {
	errs := make([]error, 0, len(e.Failed))
	for i := range e.Total {
		if err := e.Failed[i]; err != nil {
			errs = append(errs, err)
		}
	}
	return errs
}
