package archivetest

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/affine-go/affine/shared/archive"
)

// Fault is what becomes of one call.
type Fault int

const (
	None      Fault = iota
	Refuse          // nothing is stored or read, an error is returned
	LostReply       // the call takes effect, an error is returned all the same
)

// String names the fault, for the names of tests.
func (f Fault) String() string { return [...]string{"none", "refused", "lost reply"}[f] }

// ErrFault is wrapped by every error that Faulty makes up.
var ErrFault = errors.New("archivetest: injected fault")

// Call describes a call to a plan: which method, which key or prefix, and its
// number among all calls of that method, from 0.
type Call struct {
	Method string // "put", "replace", "get" or "list"
	Key    string
	N      int
}

// Faulty is an archive whose calls fail as a plan says. The plan is asked once for
// each call, one call at a time, so the same calls meet the same faults.
type Faulty struct {
	archive.Archive
	plan func(Call) Fault

	mu    sync.Mutex
	calls map[string]int
}

// NewFaulty wraps an archive.
func NewFaulty(a archive.Archive, plan func(Call) Fault) *Faulty {
	return &Faulty{Archive: a, plan: plan, calls: map[string]int{}}
}

// PutPlan gives the faults of the first puts in order; all other calls succeed.
func PutPlan(faults ...Fault) func(Call) Fault {
	return func(c Call) Fault {
		if c.Method == "put" && c.N < len(faults) {
			return faults[c.N]
		}
		return None
	}
}

// Put is archive.Archive's, or fails.
func (f *Faulty) Put(ctx context.Context, key string, body []byte) error {
	return f.call("put", key, func() error { return f.Archive.Put(ctx, key, body) })
}

// Replace is archive.Archive's, or fails.
func (f *Faulty) Replace(ctx context.Context, key string, body []byte) error {
	return f.call("replace", key, func() error { return f.Archive.Replace(ctx, key, body) })
}

// Get is archive.Archive's, or fails.
func (f *Faulty) Get(ctx context.Context, key string, offset, length int64) (body []byte, err error) {
	err = f.call("get", key, func() error {
		body, err = f.Archive.Get(ctx, key, offset, length)
		return err
	})
	if err != nil {
		return nil, err
	}
	return body, nil
}

// List is archive.Archive's, or fails.
func (f *Faulty) List(ctx context.Context, prefix string) (keys []string, err error) {
	err = f.call("list", prefix, func() error {
		keys, err = f.Archive.List(ctx, prefix)
		return err
	})
	if err != nil {
		return nil, err
	}
	return keys, nil
}

func (f *Faulty) call(method, key string, do func() error) error {
	f.mu.Lock()
	fault := f.plan(Call{Method: method, Key: key, N: f.calls[method]})
	f.calls[method]++
	f.mu.Unlock()
	if fault == Refuse {
		return fmt.Errorf("%w: %s %s refused", ErrFault, method, key)
	}
	if err := do(); err != nil {
		return err
	}
	if fault == LostReply {
		return fmt.Errorf("%w: the reply to %s %s was lost", ErrFault, method, key)
	}
	return nil
}
