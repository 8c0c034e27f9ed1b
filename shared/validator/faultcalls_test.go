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

// simView is the chain as one program sees it.
type simView struct{ *simProcess }

// endpoint is the finalized state at the endpoint that answers: mostly the newest one.
func (p *simProcess) endpoint() *chainState {
	if p.rate > 0 && len(p.before) > 0 && p.random.Float64() < 0.05 {
		p.counts.add("endpoint lags behind")
		return p.before[p.random.IntN(len(p.before))]
	}
	return p.final()
}

func (v simView) Metagraph(ctx context.Context, netuid subnet.Netuid) (mg subnet.Metagraph, err error) {
	err = v.call(ctx, "metagraph", func() error {
		s := v.endpoint()
		mg = subnet.Metagraph{Netuid: netuid, Block: s.number, BlockHash: blockHash(s), Rules: s.rules}
		if v.plan.hint {
			mg.Rules.LastEpochHint = s.since
		}
		for uid, hotkey := range s.miners {
			n := subnet.Neuron{UID: subnet.UID(uid), Hotkey: hotkey, LastUpdate: s.lastUpdate[0]}
			n.Permit = hotkey == own && s.permit
			mg.Neurons = append(mg.Neurons, n)
		}
		v.view = mg
		return nil
	})
	return mg, err
}

func blockHash(s *chainState) string { return fmt.Sprintf("0x%d-%d", s.number, s.fork) }

func (v simView) Weights(ctx context.Context, _ subnet.Netuid, m subnet.Mechanism, uid subnet.UID) (row subnet.WeightsRow, err error) {
	err = v.call(ctx, "row", func() error { row = v.endpoint().row(m); return nil })
	return row, err
}

func (s *chainState) row(m subnet.Mechanism) subnet.WeightsRow {
	return subnet.WeightsRow{At: s.number, LastUpdate: s.lastUpdate[m], Values: maps.Clone(s.rows[m])}
}

func (v simView) Find(ctx context.Context, hash string, from, to subnet.Block) (inc subnet.Inclusion, found bool, err error) {
	err = v.call(ctx, "find", func() error {
		s := v.endpoint()
		if from <= to && to > s.number {
			return errors.New("not finalized here")
		}
		done, ok := v.included[hash]
		if !ok || done.block < from || done.block > to {
			return nil
		}
		inc, found = subnet.Inclusion{Block: done.block, Failure: done.failure}, true
		if age := v.plan.discardAfter; age > 0 && s.number > done.block+age {
			v.counts.add("events discarded")
			inc.Failure = ""
			return errors.New("state already discarded")
		}
		return nil
	})
	return inc, found, err
}

// Revealed tells what is known at the endpoint.
func (v simView) Revealed(ctx context.Context, commit subnet.TimelockCommit) (out subnet.Reveal, err error) {
	err = v.call(ctx, "reveal", func() error {
		s := v.endpoint()
		hash := v.committed(commit)
		if s.number < commit.At {
			return errors.New("the commit is not there yet")
		}
		if slices.ContainsFunc(s.sealed, func(c sealedCommit) bool { return c.hash == hash }) {
			out = subnet.Reveal{Waiting: true}
		} else if o, ok := v.opened[hash]; ok && o.block <= s.number {
			out = subnet.Reveal{Block: o.block, Row: subnet.WeightsRow{At: o.block, Values: o.row}}
		} else {
			out = subnet.Reveal{Row: s.row(commit.Mechanism)}
		}
		return nil
	})
	return out, err
}

// committed is the hash of the extrinsic that made a commit.
func (c *simChain) committed(commit subnet.TimelockCommit) string {
	for hash, inc := range c.included {
		if x := c.known[hash]; inc.block == commit.At && x.round == commit.Round && x.intent.Mechanism == commit.Mechanism && commit.Hotkey == own && commit.UID == 2 {
			return hash
		}
	}
	return ""
}

func (v simView) Submit(ctx context.Context, hash string) (inc subnet.Inclusion, err error) {
	err = v.call(ctx, "submit", func() error {
		x, ok := v.known[hash]
		if !ok {
			return errors.New("bad signature")
		}
		v.checkSent(x)
		return v.receive(x)
	})
	if err != nil {
		return inc, err
	}
	for {
		if done, ok := v.included[hash]; ok {
			return subnet.Inclusion{Block: done.block, Failure: done.failure}, nil
		}
		if err := v.sleep(ctx, simBlockTime/2); err != nil {
			return inc, err
		}
		if inc, ended, err := v.follow(hash); ended {
			return inc, err
		}
	}
}

// checkSent holds what may be sent against what the sender could know.
func (v simView) checkSent(x simExtrinsic) {
	rec := v.table.records[x.intent.Epoch]
	if rec.Hash != x.hash || rec.State == subnet.Planned {
		if v.final().number < x.death && v.final().spec == x.spec {
			v.fail("bytes %s live and are sent, and the record of epoch %d does not hold them: %+v", x.hash, x.intent.Epoch, rec)
		}
		return // this program was held up until they were dead, and the chain refuses them
	}
	for _, w := range rec.Weights {
		if w.Value > 0 && v.view.Neurons[w.UID].Hotkey != w.Hotkey {
			v.fail("bytes %s are sent although uid %d was known to be %s, not %s", x.hash, w.UID, v.view.Neurons[w.UID].Hotkey, w.Hotkey)
		}
	}
}

// receive is the node's pool: it judges by the newest block.
func (v simView) receive(x simExtrinsic) error {
	head := v.head()
	switch {
	case x.spec != v.final().spec:
		v.counts.add("bytes of another runtime")
		return &subnet.OutdatedError{At: v.final().number, Err: errors.New("bad signature")}
	case x.spec != head.spec:
		return errors.New("bad signature")
	case head.number+1 >= x.death && x.nonce >= head.nonce:
		v.counts.add("sent after its era")
		return errors.New("ancient birth block")
	case x.nonce < head.nonce:
		if inc, ok := v.included[x.hash]; ok && inc.block > 0 {
			return nil
		}
		if v.unfinalized(x.hash) {
			return nil
		}
		v.counts.add("nonce used by another")
		return errors.New("outdated")
	case v.stormy() && v.random.Float64() < 0.05:
		v.counts.add("refused by the pool: Custom error: 6")
		return errors.New("custom error: 6")
	}
	if !slices.Contains(v.pool, x.hash) {
		v.pool = append(v.pool, x.hash)
	}
	return nil
}

func (c *simChain) unfinalized(hash string) bool {
	return slices.ContainsFunc(c.states, func(s *chainState) bool {
		return slices.ContainsFunc(s.included, func(i simInclusion) bool { return i.hash == hash })
	})
}

// follow looks whether the bytes are in a finalized block or never will be.
func (v simView) follow(hash string) (inc subnet.Inclusion, ended bool, err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.catchUp()
	if done, ok := v.included[hash]; ok {
		return subnet.Inclusion{Block: done.block, Failure: done.failure}, true, nil
	}
	if v.final().number+1 >= v.known[hash].death {
		v.counts.add("expired while it was followed")
		return inc, true, errors.New("expired")
	}
	if time.Since(v.moved) > simPatience {
		v.counts.add("finality stalled while it was followed")
		return inc, true, errors.New("finality stands still")
	}
	return inc, false, nil
}

// SignWeights holds the key: it signs for the newest finalized state, a few times an epoch.
func (v simView) SignWeights(ctx context.Context, intent subnet.WeightsIntent) (out subnet.SignedWeights, err error) {
	err = v.call(ctx, "sign", func() error {
		s := v.final()
		switch {
		case v.head().spec != s.spec:
			v.counts.add("signer waits for an upgrade")
			return errors.New("a runtime upgrade is under way")
		case intent.Head > s.number:
			return errors.New("the head is not finalized here")
		case intent.Head+simEra <= s.number:
			v.counts.add("signer refuses an old head")
			return errors.New("policy: decided too long ago")
		case v.signs[s.since] >= 3:
			v.counts.add("signer refuses a fourth signature")
			return errors.New("policy: three signatures in this epoch")
		}
		v.signs[s.since]++
		x := v.sign(s, intent, false)
		out = subnet.SignedWeights{Hotkey: own, Extrinsic: x.hash, Hash: x.hash, Death: x.death, Round: x.round, Call: "SubtensorModule.set_weights"}
		if x.round > 0 {
			out.Reveal = v.foretell(s)
		}
		return nil
	})
	return out, err
}
