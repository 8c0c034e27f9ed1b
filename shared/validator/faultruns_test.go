package validator_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/affine-go/affine/shared/dominance"
	"github.com/affine-go/affine/shared/subnet"
	"github.com/affine-go/affine/shared/validator"
)

// must are the faults and ends that the histories have to meet: a test in which one of
// them never happens does not test it.
var must = []string{
	"refused: put", "refused: read", "refused: lease", "refused: sign", "refused: submit", "refused: metagraph", "refused: find", "refused: row", "refused: reveal", "refused: archive",
	"reply lost: put", "reply lost: lease", "reply lost: sign", "reply lost: submit", "reply lost: archive",
	"killed at put", "killed at read", "killed at lease", "killed at sign", "killed at submit", "killed at find", "killed at reveal", "killed at archive",
	"stands still for minutes", "clock jumps", "invocation out of time", "two runs at once", "conflict", "lease held by another", "lease lost on the way",
	"blocks retracted", "inclusion undone by a fork", "endpoint lags behind", "finality stalled while it was followed", "events discarded",
	"forgotten by the pool", "refused by the pool: Custom error: 6", "nonce used by another", "era ended in the pool", "sent after its era", "expired while it was followed",
	"runtime upgrade", "bytes of another runtime", "signer waits for an upgrade", "signer refuses an old head", "signer refuses a fourth signature",
	"commit-reveal switched", "version key raised", "uid given to another miner",
	"dispatch failed: SettingWeightsTooFast", "dispatch failed: CommittingWeightsTooFast", "dispatch failed: CommitRevealEnabled", "dispatch failed: CommitRevealDisabled",
	"dispatch failed: IncorrectWeightVersionKey", "dispatch failed: NeuronNoValidatorPermit",
	"pulse missing at a reveal", "sealed weights lost", "sealed weights of an old version key", "sealed weights opened without a permit",
	"record confirmed in the open", "record confirmed after its reveal", "record confirmed without a known reveal",
	"record failed: the chain refused them in block", "record failed: the chain did not open them", "record failed: nobody can tell any more whether the chain opened them", "reveal discarded", "record failed: overwritten at block", "record failed: replaced at block", "record confirmed after a later update", "record failed: not included before block",
	"record failed: signed for a runtime that ended before block", "record failed: its epoch ended before it was signed", "record failed: uid",
	"record failed: other weights of the same hotkey were set at block", "record failed: the chain stores other weights than were sent",
}

// Histories of several epochs each, of one or two programs that set weights for one
// hotkey while everything around them fails in every way: at most one submission of
// theirs counts in a window, none is older than one before it or pays whom it was known
// not to mean, every record ends, and what it says is what happened on the chain.
func TestWeightsSurviveEverything(t *testing.T) {
	histories := uint64(10_000)
	if testing.Short() {
		histories = 1_000
	}
	met := &counts{of: make(map[string]int)}
	workers := uint64(runtime.GOMAXPROCS(0))
	t.Run("histories", func(t *testing.T) {
		for first := range workers {
			t.Run(fmt.Sprint(first), func(t *testing.T) {
				t.Parallel()
				for seed := first; seed < histories && !t.Failed(); seed += workers {
					synctest.Test(t, func(t *testing.T) { runHistory(t, seed, met) })
				}
			})
		}
	})
	for _, what := range slices.Sorted(maps.Keys(met.of)) {
		t.Logf("%8d %s", met.of[what], what)
	}
	complete := !t.Failed() && !testing.Short()
	for _, what := range must {
		if met.of[what] == 0 && complete {
			t.Errorf("it never happened: %s", what)
		}
	}
}

// epochsOfTrouble is how many epochs a history's faults last.
const epochsOfTrouble = 3

// calmEpochs is how many epochs without faults follow.
const calmEpochs = 2

// simFelt is how long after the last fault its traces have gone: a lease of 15 minutes,
// taken by a clock 5 minutes fast.
const simFelt = 22 * time.Minute

// snags are the calls at which programs may be prone to be held up.
var snags = []string{"metagraph", "put", "read", "lease", "sign", "submit", "find"}

// planOf draws what happens in a history.
func planOf(random *rand.Rand) chainPlan {
	const from, span = 1_000, epochsOfTrouble * simTempo
	some := func(p float64, most int) (blocks []subnet.Block) {
		for range most {
			if random.Float64() < p {
				blocks = append(blocks, subnet.Block(from+1+random.IntN(span)))
			}
		}
		return blocks
	}
	stretch := func(p float64, most int) (out [2]subnet.Block) {
		if random.Float64() < p {
			out[0] = subnet.Block(from + random.IntN(span))
			out[1] = out[0] + subnet.Block(1+random.IntN(most))
		}
		return out
	}
	plan := chainPlan{
		reveal: random.IntN(2) == 0, period: uint64(1 + random.IntN(3)), rate: subnet.Block(1 + random.IntN(25)), hint: random.IntN(2) == 0, calm: from + span,
		upgrades: some(0.35, 2), flips: some(0.1, 2), deals: some(0.15, 2), keys: some(0.1, 1), foreignAt: some(0.2, 1),
		permitless: stretch(0.15, 30), stalls: stretch(0.2, 45), constant: random.IntN(3) == 0,
	}
	if random.IntN(2) == 0 {
		plan.forkRate, plan.forgetRate, plan.badPulses = 0.1*random.Float64(), 0.3*random.Float64(), 0.3*random.Float64()
	}
	if random.IntN(5) == 0 {
		plan.mechanism = 1
	}
	if random.IntN(5) == 0 {
		plan.discardAfter = 10
	}
	return plan
}

func runHistory(t *testing.T, seed uint64, met *counts) {
	random := rand.New(rand.NewPCG(seed, 20))
	w := &simWorld{
		simChain: newSimChain(seed, planOf(random), met),
		table:    &simTable{records: make(map[subnet.Block]subnet.WeightsRecord)},
		archive:  &simArchive{objects: make(map[string][]byte)},
	}
	w.fail = func(format string, args ...any) {
		t.Errorf("seed %d: "+format, append([]any{seed}, args...)...)
	}
	rate, slow, hurry, snag := 0.25*random.Float64(), 0.05+0.25*random.Float64(), random.IntN(2) == 0, ""
	if random.IntN(3) == 0 {
		rate, hurry, snag = 0.04, false, snags[random.IntN(len(snags))]
	}
	var programs sync.WaitGroup
	for number := range 1 + random.IntN(3) {
		p := &simProcess{
			simWorld: w, number: number + 1, random: rand.New(rand.NewPCG(seed, uint64(30+number))),
			rate: rate, slow: slow, hurry: hurry, snag: snag, skew: time.Duration(random.IntN(601)-300) * time.Second,
		}
		programs.Go(func() { p.live(t.Context()) })
	}
	programs.Go(func() { w.interfere(t.Context(), random) })
	programs.Wait()
	healed := &simProcess{simWorld: w, number: 7, random: random}
	healed.settle(t.Context())
	w.check()
	w.checkGoesOn()
	if t.Failed() {
		t.Logf("seed %d: %+v", seed, w.plan)
	}
}

// interfere is another program with the same hotkey, which keeps no records.
func (w *simWorld) interfere(ctx context.Context, random *rand.Rand) {
	for _, at := range slices.Sorted(slices.Values(w.plan.foreignAt)) {
		p := &simProcess{simWorld: w, number: 6, random: random}
		_ = p.sleep(ctx, time.Until(w.timeOf(at))) // no one ends it early
		w.mu.Lock()
		w.catchUp()
		s := w.final()
		intent := subnet.WeightsIntent{Netuid: 120, Mechanism: w.plan.mechanism, UIDs: []subnet.UID{0, 1}, Values: []uint16{65535, 7}, VersionKey: s.rules.VersionKey, Head: s.number}
		w.pool = append(w.pool, w.sign(s, intent, true).hash)
		w.counts.add("another program sends weights")
		w.mu.Unlock()
	}
}

// live runs the setter again and again until the chain is calm.
func (p *simProcess) live(ctx context.Context) {
	end := p.timeOf(p.plan.calm)
	for life := 0; time.Now().Before(end); life++ {
		_ = p.sleep(ctx, time.Duration(p.random.IntN(24*60))*time.Second) // no one ends it early
		p.invoke(ctx, fmt.Sprintf("%d/%d", p.number, life))
	}
}

// running counts the invocations under way.
func (p *simProcess) enter(by int) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.table.running += by
	return p.table.running
}

// invoke is one run, in the time that a function has.
func (p *simProcess) invoke(ctx context.Context, name string) {
	if p.enter(1) > 1 {
		p.counts.add("two runs at once")
	}
	defer p.enter(-1)
	limit := 2 * time.Hour
	if p.hurry {
		limit = 14 * time.Minute
	}
	ctx, p.kill = context.WithTimeout(ctx, limit)
	defer p.kill()
	p.dead = false
	rec, err := p.setter(name).Run(ctx)
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		p.counts.add("invocation out of time")
	}
	if _, waits := errors.AsType[*validator.TooSoonError](err); waits {
		p.counts.add("run waits")
	} else if err == nil && rec.Sealed() {
		p.counts.add("run leaves weights sealed")
	}
}

func (p *simProcess) setter(owner string) *validator.WeightSetter {
	return &validator.WeightSetter{
		Netuid: 120, Mechanism: p.plan.mechanism, Hotkey: own, Chain: simView{p}, Signer: simView{p}, Store: p, Archive: p,
		Rule: p.rule, Mode: "seed", Window: 100, Owner: owner, Clock: p.clock, Log: quiet(),
	}
}

// rule pays whoever is uid 1, and uid 0 by the block unless the plan wants constant pay.
func (p *simProcess) rule(in dominance.Input) (dominance.Verdict, error) {
	rest := 0.0
	if !p.plan.constant {
		rest = float64(in.CurrentBlock%400) / 1_000
	}
	return dominance.Verdict{Block: in.CurrentBlock, Why: "because", Weights: []subnet.Weight{
		{UID: 0, Hotkey: in.Hotkeys[0], Share: rest}, {UID: 1, Hotkey: in.Hotkeys[1], Share: 1 - rest},
	}}, nil
}

// settle runs the setter without faults until all that was begun must have ended. What
// the last faults have left may be felt for a while.
func (p *simProcess) settle(ctx context.Context) {
	ctx, p.kill = context.WithCancel(ctx)
	defer p.kill()
	calm := p.timeOf(p.plan.stalls[1])
	if now := time.Now(); calm.Before(now) {
		calm = now
	}
	calm = calm.Add(simFelt)
	end := calm.Add(calmEpochs * simTempo * simBlockTime)
	for n := 0; time.Now().Before(end); n++ {
		_ = p.sleep(ctx, 24*time.Minute) // no one ends it early
		_, err := p.setter(fmt.Sprint("healed/", n)).Run(ctx)
		if _, waits := errors.AsType[*validator.TooSoonError](err); err != nil && !waits && time.Now().After(calm) {
			p.fail("without faults: %v", err)
		}
	}
	p.instant = true // so that what it sees is what will be checked
	if _, err := p.setter("last").Settle(ctx, p.table.latest(1)[0].Epoch); err != nil {
		p.fail("in the end: %v", err)
	}
}
