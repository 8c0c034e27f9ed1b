package validator_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/affine-go/affine/shared/subnet"
)

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
		o, ok := v.opened[hash]
		ended := commit.Due // or later, when it was lost
		if ok {
			ended = o.block
		}
		if slices.ContainsFunc(s.sealed, func(c sealedCommit) bool { return c.hash == hash }) {
			out = subnet.Reveal{Waiting: true}
		} else if age := v.plan.discardAfter; age > 0 && s.number > ended+age {
			v.counts.add("reveal discarded")
			kept := s.number - age
			out = subnet.Reveal{Unknown: true, Row: subnet.WeightsRow{At: kept, Values: maps.Clone(v.rowAt(commit.Mechanism, kept))}}
		} else if ok && o.block <= s.number {
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
		if inc, ended, err := v.follow(hash); ended {
			return inc, err
		}
		if err := v.sleep(ctx, simBlockTime/2); err != nil {
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
