package validator_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/affine-go/affine/shared/archive"
	"github.com/affine-go/affine/shared/store"
	"github.com/affine-go/affine/shared/subnet"
)

// counts says how often each thing happened.
type counts struct {
	mu sync.Mutex
	of map[string]int
}

func (c *counts) add(what string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.of[what]++
}

// simTable holds the weights records and the lease, in memory, under the contract's
// rules. It has no other rows.
type simTable struct {
	store.Store
	records map[subnet.Block]subnet.WeightsRecord
	owner   string
	until   time.Time
	running int // invocations under way
}

func (s *simTable) put(r subnet.WeightsRecord) (subnet.WeightsRecord, error) {
	if s.records[r.Epoch].Version != r.Version {
		return subnet.WeightsRecord{}, store.ErrConflict
	}
	r.Version++
	r.Weights = slices.Clone(r.Weights)
	s.records[r.Epoch] = r
	return r, nil
}

func (s *simTable) latest(n int) []subnet.WeightsRecord {
	epochs := slices.Sorted(maps.Keys(s.records))
	slices.Reverse(epochs)
	var out []subnet.WeightsRecord
	for _, epoch := range epochs[:min(n, len(epochs))] {
		out = append(out, s.records[epoch])
	}
	return out
}

func (s *simTable) acquire(owner string, now time.Time, ttl time.Duration) error {
	if s.owner != "" && s.owner != owner && now.Before(s.until) {
		return store.ErrHeld
	}
	s.owner, s.until = owner, now.Add(ttl)
	return nil
}

// simArchive keeps what was replaced last.
type simArchive struct {
	archive.Archive
	objects map[string][]byte
}

// simWorld is what outlives the processes of one history.
type simWorld struct {
	*simChain
	table   *simTable
	archive *simArchive
	fail    func(format string, args ...any)
}

// simProcess is one program that sets weights: its calls are slow, are refused, lose
// their replies, and kill it or its invocation. It is the chain, the signer, the table and
// the archive as that program sees them.
type simProcess struct {
	store.Store
	archive.Archive
	*simWorld
	number int // of the program: its calls never fall together with another's
	random *rand.Rand
	rate   float64 // share of its calls that do not go well
	slow   float64 // part of those that take minutes
	snag   string  // call at which it is held up often
	hurry  bool    // its runs have the time of a function, not of a service
	skew   time.Duration
	view   subnet.Metagraph // as last read
	kill   context.CancelFunc
	dead   bool

	instant bool // calls take no time
}

// clock is this program's, which is wrong and jumps.
func (p *simProcess) clock() time.Time {
	if p.rate > 0 && p.random.Float64() < 0.02 {
		p.counts.add("clock jumps")
		p.skew = time.Duration(p.random.Int64N(int64(10*time.Minute))) - 5*time.Minute
	}
	return time.Now().Add(p.skew)
}

// sleep waits, and ends at an instant that no other program's calls end at.
func (p *simProcess) sleep(ctx context.Context, d time.Duration) error {
	const programs = 8
	until := time.Now().Add(d).UnixNano()
	until += programs - until%programs + int64(p.number)
	timer := time.NewTimer(time.Until(time.Unix(0, until)))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// call does something to the world, or seems to.
func (p *simProcess) call(ctx context.Context, name string, do func() error) error {
	d := time.Duration(p.random.IntN(2000)) * time.Millisecond
	x := p.random.Float64() * 100
	rate := p.rate * 100
	slow, crash, refuse, lose := x < rate*p.slow, x < rate*(p.slow+0.1), x < rate*(p.slow+0.5), x < rate
	if !slow && p.snag == name && p.rate > 0 && p.random.Float64() < 0.15 {
		slow, crash, refuse, lose = true, false, false, false
	}
	if slow {
		p.counts.add("stands still for minutes")
		d += time.Duration(p.random.IntN(25)) * time.Minute
	}
	if p.instant {
		return do()
	}
	if err := p.sleep(ctx, d); err != nil || p.dead {
		return fmt.Errorf("%s: the process is gone: %w", name, context.Canceled)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.catchUp()
	switch {
	case slow:
	case crash:
		p.counts.add("killed at " + name)
		p.dead = true
		p.kill()
		if p.random.Float64() < 0.5 {
			return errDead
		}
	case refuse:
		p.counts.add("refused: " + name)
		return errRefused
	case lose:
		p.counts.add("reply lost: " + name)
		return errors.Join(do(), errReply)
	}
	return do()
}

func (p *simProcess) PutWeights(ctx context.Context, r subnet.WeightsRecord) (out subnet.WeightsRecord, err error) {
	err = p.call(ctx, "put", func() (err error) {
		if out, err = p.table.put(r); err != nil {
			p.counts.add("conflict")
		}
		return err
	})
	return out, err
}

func (p *simProcess) Weights(ctx context.Context, _ subnet.Netuid, epoch subnet.Block) (out subnet.WeightsRecord, err error) {
	err = p.call(ctx, "read", func() error {
		var ok bool
		if out, ok = p.table.records[epoch]; !ok {
			return store.ErrNotFound
		}
		return nil
	})
	return out, err
}

func (p *simProcess) LatestWeights(ctx context.Context, _ subnet.Netuid, n int) (out []subnet.WeightsRecord, err error) {
	err = p.call(ctx, "read", func() error { out = p.table.latest(n); return nil })
	return out, err
}

func (p *simProcess) Miners(context.Context, subnet.Netuid) ([]subnet.Miner, error) { return nil, nil }

func (p *simProcess) Acquire(ctx context.Context, _, owner string, now time.Time, ttl time.Duration) error {
	return p.call(ctx, "lease", func() error {
		err := p.table.acquire(owner, now, ttl)
		if err != nil {
			p.counts.add("lease held by another")
		}
		return err
	})
}

func (p *simProcess) Release(ctx context.Context, _, owner string) error {
	return p.call(ctx, "lease", func() error {
		if p.table.owner == owner {
			p.table.owner = ""
		} else {
			p.counts.add("lease lost on the way")
		}
		return nil
	})
}

func (p *simProcess) Replace(ctx context.Context, key string, body []byte) error {
	return p.call(ctx, "archive", func() error { p.archive.objects[key] = body; return nil })
}

func (p *simProcess) Get(ctx context.Context, key string, _, _ int64) (body []byte, err error) {
	err = p.call(ctx, "archive", func() error {
		var ok bool
		if body, ok = p.archive.objects[key]; !ok {
			return archive.ErrNotFound
		}
		return nil
	})
	return body, err
}
