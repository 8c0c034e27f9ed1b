package validator_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	archivelocal "github.com/affine-go/affine/shared/archive/local"
	"github.com/affine-go/affine/shared/dominance"
	"github.com/affine-go/affine/shared/store"
	storelocal "github.com/affine-go/affine/shared/store/local"
	"github.com/affine-go/affine/shared/subnet"
	"github.com/affine-go/affine/shared/validator"
)

const own subnet.Hotkey = "validator"

// ledger is a chain that takes weights: it keeps what was included and holds the
// rules that matter here (nonce, era, rate limit).
type ledger struct {
	mg       subnet.Metagraph
	included map[string]subnet.Inclusion // by hash
	history  []subnet.Block              // blocks at which weights were set
	values   map[subnet.UID]uint16
	signed   map[string]signing // by hash
	nonce    uint32
	wants    subnet.Mechanism            // of the setter
	strike   func(do func() error) error // faults; passes through when nil
}

type signing struct {
	intent subnet.WeightsIntent
	nonce  uint32
	death  subnet.Block
}

func newLedger() *ledger {
	l := &ledger{included: make(map[string]subnet.Inclusion), signed: make(map[string]signing), values: make(map[subnet.UID]uint16)}
	l.mg = subnet.Metagraph{
		Netuid: 120, Block: 7_200, BlockHash: "0x01", Commitments: make(map[subnet.Hotkey]subnet.RawCommitment),
		Neurons: []subnet.Neuron{{UID: 0, Hotkey: "owner"}, {UID: 1, Hotkey: "miner"}, {UID: 2, Hotkey: own, Permit: true, LastUpdate: 10}},
		Rules:   subnet.WeightRules{Tempo: 360, RateLimit: 100, MaxWeight: 65535},
	}
	l.strike = func(do func() error) error { return do() }
	return l
}

func (l *ledger) Metagraph(context.Context, subnet.Netuid) (mg subnet.Metagraph, err error) {
	err = l.strike(func() error { mg = l.mg; mg.Neurons = append([]subnet.Neuron(nil), l.mg.Neurons...); return nil })
	return mg, err
}

func (l *ledger) SignWeights(_ context.Context, intent subnet.WeightsIntent) (out subnet.SignedWeights, err error) {
	err = l.strike(func() error {
		if !slices.IsSorted(intent.UIDs) || len(slices.Compact(slices.Clone(intent.UIDs))) != len(intent.UIDs) {
			return fmt.Errorf("uids %v: they must ascend, each once", intent.UIDs)
		}
		hash := fmt.Sprintf("0x%d", len(l.signed)+1)
		s := signing{intent, l.nonce, intent.Head + 64}
		l.signed[hash] = s
		out = subnet.SignedWeights{Hotkey: own, Extrinsic: hash, Hash: hash, Nonce: s.nonce, Death: s.death}
		return nil
	})
	return out, err
}

func (l *ledger) Submit(_ context.Context, ext string) (inc subnet.Inclusion, err error) {
	err = l.strike(func() error {
		if done, ok := l.included[ext]; ok {
			inc = done
			return nil
		}
		s, known := l.signed[ext]
		l.mg.Block++
		switch {
		case !known:
			return errors.New("bad signature")
		case l.mg.Block >= s.death:
			return errors.New("era expired")
		case s.nonce != l.nonce:
			return errors.New("stale nonce")
		}
		l.nonce++
		inc = subnet.Inclusion{Block: l.mg.Block}
		me := &l.mg.Neurons[2]
		if l.mg.Block < me.LastUpdate+subnet.Block(l.mg.Rules.RateLimit) {
			inc.Failure = "SubtensorModule.SettingWeightsTooFast"
		} else {
			me.LastUpdate = l.mg.Block
			l.history = append(l.history, l.mg.Block)
			l.values = make(map[subnet.UID]uint16)
			for i, uid := range s.intent.UIDs {
				l.values[uid] = s.intent.Values[i]
			}
		}
		l.included[ext] = inc
		return nil
	})
	return inc, err
}

func (l *ledger) Find(_ context.Context, hash string, from, to subnet.Block) (inc subnet.Inclusion, found bool, err error) {
	err = l.strike(func() error {
		inc, found = l.included[hash]
		found = found && inc.Block >= from && inc.Block <= to
		return nil
	})
	return inc, found, err
}

func (l *ledger) Weights(context.Context, subnet.Netuid, subnet.Mechanism, subnet.UID) (row subnet.WeightsRow, err error) {
	err = l.strike(func() error {
		row = subnet.WeightsRow{At: l.mg.Block, LastUpdate: l.mg.Neurons[2].LastUpdate, Values: l.values}
		return nil
	})
	return row, err
}

func (l *ledger) Revealed(context.Context, subnet.TimelockCommit) (subnet.Reveal, error) {
	return subnet.Reveal{}, errors.New("this chain takes no timelocked weights")
}

// strikeStore puts the ledger's faults on the writes of weights records.
type strikeStore struct {
	store.Store
	l *ledger
}

func (s strikeStore) PutWeights(ctx context.Context, r subnet.WeightsRecord) (out subnet.WeightsRecord, err error) {
	err = s.l.strike(func() error { out, err = s.Store.PutWeights(ctx, r); return err })
	return out, err
}

// payMiner is a rule that pays uid 1.
func payMiner(in dominance.Input) (dominance.Verdict, error) {
	return dominance.Verdict{Block: in.CurrentBlock, Weights: []subnet.Weight{{UID: 1, Hotkey: "miner", Share: 1}}, Why: "because"}, nil
}

func newSetter(t *testing.T, l *ledger) *validator.WeightSetter {
	t.Helper()
	dir := t.TempDir()
	s, err := storelocal.Open(filepath.Join(dir, "store.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	a, err := archivelocal.Open(filepath.Join(dir, "archive"))
	if err != nil {
		t.Fatal(err)
	}
	return &validator.WeightSetter{
		Netuid: 120, Hotkey: own, Chain: l, Signer: l, Store: strikeStore{s, l}, Archive: a,
		Envs: []subnet.EnvID{echoEnv}, Rule: payMiner, Mode: "seed", Window: subnet.WindowBlocks, Owner: "test",
		Clock: func() time.Time { return time.Unix(1_700_000_000, 0) }, Log: quiet(),
	}
}

func TestWeightsReachTheChainOncePerEpoch(t *testing.T) {
	t.Parallel()
	l := newLedger()
	w := newSetter(t, l)
	for range 3 {
		rec, err := w.Run(t.Context())
		if err != nil || rec.State != subnet.Confirmed {
			t.Fatalf("record %+v, %v", rec, err)
		}
	}
	if len(l.history) != 1 || l.values[1] != 65535 {
		t.Fatalf("set at %v, values %v; want once, uid 1 with 65535", l.history, l.values)
	}
	l.mg.Block += 360
	if rec, err := w.Run(t.Context()); err != nil || rec.State != subnet.Confirmed || len(l.history) != 2 {
		t.Fatalf("next epoch: %+v, %v, set at %v", rec, err, l.history)
	}
}

// Whichever call is the first to fail, refused or with its reply lost, and however
// the process then dies: the next run ends with one submission, confirmed.
func TestACrashAtAnyCallIsFoundOut(t *testing.T) {
	t.Parallel()
	for _, lost := range []bool{false, true} {
		for _, wait := range []subnet.Block{0, 70} { // within the era, and past it
			for k := 0; ; k++ {
				l := newLedger()
				w := newSetter(t, l)
				calls, failed := 0, false
				l.strike = func(do func() error) error {
					calls++
					if failed {
						return errDead
					}
					if calls-1 != k {
						return do()
					}
					failed = true
					if lost {
						if err := do(); err != nil {
							return err
						}
						return errReply
					}
					return errRefused
				}
				_, err := w.Run(t.Context())
				if !failed {
					break // the run makes fewer than k calls: all have been tried
				}
				if err == nil {
					t.Fatalf("call %d failed (lost=%v) and Run reported nothing", k, lost)
				}
				l.strike = func(do func() error) error { return do() }
				l.mg.Block += wait
				rec, err := w.Run(t.Context())
				if err != nil || rec.State != subnet.Confirmed || len(l.history) != 1 {
					t.Fatalf("call %d (lost=%v, then %d blocks): record %+v, %v; set at %v", k, lost, wait, rec, err, l.history)
				}
			}
		}
	}
}

// Over many epochs with faults everywhere: never two submissions in one epoch, and
// no record claims what the chain does not hold.
func TestNoEpochIsSubmittedTwice(t *testing.T) {
	t.Parallel()
	seeds := uint64(10)
	if testing.Short() {
		seeds = 1
	}
	for seed := range seeds {
		l := newLedger()
		w := newSetter(t, l)
		random := rand.New(rand.NewPCG(seed, 3))
		l.strike = func(do func() error) error {
			switch x := random.Float64(); {
			case x < 0.1:
				return errRefused
			case x < 0.2:
				if err := do(); err != nil {
					return err
				}
				return errReply
			}
			return do()
		}
		confirmed := 0
		for range 80 {
			if rec, err := w.Run(t.Context()); err == nil && rec.State == subnet.Confirmed {
				confirmed++
			}
			l.mg.Block += subnet.Block(random.IntN(150))
		}
		perEpoch := make(map[subnet.Block]int)
		for hash, inc := range l.included {
			if inc.Failure == "" {
				perEpoch[l.signed[hash].intent.Epoch]++
			}
		}
		for epoch, n := range perEpoch {
			if n > 1 {
				t.Errorf("seed %d: epoch %d was submitted %d times", seed, epoch, n)
			}
		}
		if confirmed == 0 {
			t.Errorf("seed %d: no run ever confirmed its weights", seed)
		}
	}
}

func TestPreflightSaysWhatTheChainWouldRefuse(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		spoil func(*ledger)
		want  string
	}{
		"not registered": {func(l *ledger) { l.mg.Neurons[2].Hotkey = "someone" }, "not registered"},
		"no permit":      {func(l *ledger) { l.mg.Neurons[2].Permit = false }, "no validator permit"},
		"little stake":   {func(l *ledger) { l.mg.Rules.StakeThreshold = 1 }, "needs more stake"},
		"no mechanism":   {func(l *ledger) { l.mg.Rules.Mechanisms, l.wants = 2, 2 }, "no mechanism 2 at block 7200, its last is 1"},
		"rate limit":     {func(l *ledger) { l.mg.Neurons[2].LastUpdate = l.mg.Block - 99 }, "in 1 blocks"},
	} {
		l := newLedger()
		c.spoil(l)
		w := newSetter(t, l)
		w.Mechanism = l.wants
		if _, err := w.Run(t.Context()); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one with %q", name, err, c.want)
		}
		if len(l.signed) != 0 {
			t.Errorf("%s: something was signed", name)
		}
	}
	for name, arrange := range map[string]func(*ledger){
		"exactly at the limit":     func(l *ledger) { l.mg.Neurons[2].LastUpdate = l.mg.Block - 100 },
		"the owner, who need none": func(l *ledger) { l.mg.Neurons[2].Permit, l.mg.Owner = false, own },
	} {
		l := newLedger()
		arrange(l)
		if rec, err := newSetter(t, l).Run(t.Context()); err != nil || rec.State != subnet.Confirmed {
			t.Errorf("%s: %s, %v; the chain accepts it", name, rec.State, err)
		}
	}
}

// A refusal by the chain's dispatch is final for the epoch and says its name.
func TestARefusedDispatchIsRecorded(t *testing.T) {
	t.Parallel()
	l := newLedger()
	w := newSetter(t, l)
	l.mg.Neurons[2].LastUpdate = 0 // never set, so that the preflight lets it pass
	w.Signer = signFunc(func(ctx context.Context, i subnet.WeightsIntent) (subnet.SignedWeights, error) {
		l.mg.Neurons[2].LastUpdate = l.mg.Block // another program set weights meanwhile
		return l.SignWeights(ctx, i)
	})
	var log strings.Builder
	w.Log = slog.New(slog.NewTextHandler(&log, nil))
	rec, err := w.Run(t.Context())
	if err != nil || rec.State != subnet.Failed || !strings.Contains(rec.Reason, "SettingWeightsTooFast") {
		t.Fatalf("record %+v, %v", rec, err)
	}
	if !strings.Contains(log.String(), "level=ERROR") {
		t.Errorf("weights that failed are no error in the log: %s", &log)
	}
}

// Uids are recycled. A decision whose bytes have died is not signed again to pay whoever
// has come into a paid miner's place.
func TestAPaidUIDThatChangesHandsIsNotPaid(t *testing.T) {
	t.Parallel()
	l := newLedger()
	w := newSetter(t, l)
	l.mg.Block = leaveSigned(t, l, w, 7_200).Death
	l.mg.Neurons[1].Hotkey = "newcomer"
	rec, err := w.Run(t.Context())
	if err != nil || rec.State != subnet.Failed || !strings.Contains(rec.Reason, "ceased to be miner") || len(l.history) != 0 {
		t.Errorf("%+v, %v; set at %v", rec, err, l.history)
	}
}

// Nor is it signed again on top of weights that somebody else has set since.
func TestWeightsThatOthersOvertookAreNotSignedAgain(t *testing.T) {
	t.Parallel()
	l := newLedger()
	w := newSetter(t, l)
	l.mg.Block = leaveSigned(t, l, w, 7_200).Death + 100
	l.mg.Neurons[2].LastUpdate = 7_230
	rec, err := w.Run(t.Context())
	if err != nil || rec.State != subnet.Failed || !strings.Contains(rec.Reason, "set at block 7230, after the decision") || len(l.history) != 0 {
		t.Errorf("%+v, %v; set at %v", rec, err, l.history)
	}
}

// unsent is a chain that nothing can be sent to.
type unsent struct{ *ledger }

func (unsent) Submit(context.Context, string) (subnet.Inclusion, error) {
	return subnet.Inclusion{}, errDead
}

type signFunc func(context.Context, subnet.WeightsIntent) (subnet.SignedWeights, error)

func (f signFunc) SignWeights(ctx context.Context, i subnet.WeightsIntent) (subnet.SignedWeights, error) {
	return f(ctx, i)
}

func TestAnotherHotkeysSignerIsRefused(t *testing.T) {
	t.Parallel()
	l := newLedger()
	w := newSetter(t, l)
	w.Signer = signFunc(func(ctx context.Context, i subnet.WeightsIntent) (subnet.SignedWeights, error) {
		s, err := l.SignWeights(ctx, i)
		s.Hotkey = "impostor"
		return s, err
	})
	if _, err := w.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "impostor") {
		t.Fatalf("error %v", err)
	}
	if len(l.included) != 0 {
		t.Error("the extrinsic was submitted")
	}
}

// The chain's least number of entries is met with zeros of the lowest uids.
func TestMinAllowedWeights(t *testing.T) {
	t.Parallel()
	l := newLedger()
	l.mg.Rules.MinAllowed = 2
	if rec, err := newSetter(t, l).Run(t.Context()); err != nil || len(rec.Weights) != 2 || l.values[0] != 0 || l.values[1] != 65535 {
		t.Fatalf("record %+v, %v; chain %v", rec, err, l.values)
	}
}

// leaveSigned leaves the record of a run that died once its bytes were signed and
// stored, at the chain's present block.
func leaveSigned(t *testing.T, l *ledger, w *validator.WeightSetter, epoch subnet.Block) subnet.WeightsRecord {
	t.Helper()
	w.Chain = unsent{l}
	defer func() { w.Chain = l }()
	if rec, err := w.Run(t.Context()); err == nil {
		t.Fatalf("nothing could be sent, and the run gives %+v", rec)
	}
	rec, err := w.Store.Weights(t.Context(), 120, epoch)
	if err != nil || rec.State != subnet.Signed {
		t.Fatalf("%+v, %v; want it signed", rec, err)
	}
	return rec
}

// pruned is a chain whose node has thrown away what a search for one extrinsic must
// look at.
type pruned struct {
	*ledger
	hash string
}

func (p pruned) Find(ctx context.Context, hash string, from, to subnet.Block) (subnet.Inclusion, bool, error) {
	if hash == p.hash {
		return subnet.Inclusion{}, false, errors.New("state already discarded")
	}
	return p.ledger.Find(ctx, hash, from, to)
}

// What became of an old record may never be found out. Once its bytes are dead it
// stops nobody; as long as they may be included no others are signed.
func TestARecordThatCannotBeClosed(t *testing.T) {
	t.Parallel()
	l := newLedger()
	w := newSetter(t, l)
	var log strings.Builder
	w.Log = slog.New(slog.NewTextHandler(&log, nil))
	l.mg.Block = 7_190
	old := leaveSigned(t, l, w, 6_840)
	w.Chain = pruned{l, old.Hash}
	l.mg.Block = old.Death - 1
	if _, err := w.Run(t.Context()); err == nil || len(l.signed) != 1 {
		t.Errorf("before the old bytes were dead: error %v, %d signed", err, len(l.signed))
	}
	l.mg.Block = old.Death
	if rec, err := w.Run(t.Context()); err != nil || rec.State != subnet.Confirmed {
		t.Errorf("after the old bytes were dead: %+v, %v", rec, err)
	}
	if !strings.Contains(log.String(), "level=ERROR") || !strings.Contains(log.String(), "state already discarded") {
		t.Errorf("nobody was told: %s", &log)
	}
}

// Bytes of an old record that get into the new epoch are that epoch's weights: no
// others are sent in it.
func TestAnOldRecordsInclusionCountsForItsWindow(t *testing.T) {
	t.Parallel()
	l := newLedger()
	w := newSetter(t, l)
	l.mg.Block = 7_190
	leaveSigned(t, l, w, 6_840)
	l.mg.Block = 7_205
	for range 3 {
		if rec, err := w.Run(t.Context()); err != nil || rec.Epoch != 6_840 || rec.State != subnet.Confirmed || len(l.history) != 1 {
			t.Fatalf("%+v, %v, set at %v; want one submission, of the record of epoch 6840", rec, err, l.history)
		}
		l.mg.Block += 150
	}
	l.mg.Block = 7_560
	if rec, err := w.Run(t.Context()); err != nil || rec.Epoch != 7_560 || len(l.history) != 2 {
		t.Errorf("in the next epoch: %+v, %v, set at %v", rec, err, l.history)
	}
}

// A tempo that changes moves the first block of the running epoch, perhaps back: a
// record of what is then a later epoch is closed like one of an earlier.
func TestATempoThatChangesLeavesNoRecordBehind(t *testing.T) {
	t.Parallel()
	l := newLedger()
	w := newSetter(t, l)
	leaveSigned(t, l, w, 7_200)
	l.mg.Rules.Tempo, l.mg.Block = 1_000, 7_230 // the running epoch began at 7,000
	if rec, err := w.Run(t.Context()); err != nil || rec.Epoch != 7_200 {
		t.Errorf("%+v, %v: want the record of epoch 7,200, and no other beside it", rec, err)
	}
	rec, err := w.Store.Weights(t.Context(), 120, 7_200)
	if err != nil || rec.State != subnet.Confirmed || len(l.history) != 1 {
		t.Fatalf("record %+v, %v; set at %v", rec, err, l.history)
	}
}

// Only rows that count are scored: of the committed model and revision, scored by
// outcome, and not older than a window.
func TestScoreReadsWhatCounts(t *testing.T) {
	t.Parallel()
	l := newLedger()
	w := newSetter(t, l)
	l.mg.Block = 25_000
	miner := subnet.Miner{Netuid: 120, UID: 1, Hotkey: "miner", State: subnet.Valid, CommitBlock: 77,
		Commitment: subnet.Commitment{Model: "a/Affine-x", Revision: "r"}}
	if _, err := w.Store.PutMiner(t.Context(), miner); err != nil {
		t.Fatal(err)
	}
	index := uint32(0)
	put := func(spoil func(*subnet.Sample)) {
		index++
		task := taskFor("miner", index)
		task.Window, task.Block, task.Commit = 2, 24_000, 77
		s := subnet.Sample{Task: task, Outcome: subnet.OK, Score: subnet.ScoreScale, At: time.Unix(1, 0)}
		spoil(&s)
		s.ID = s.SampleID()
		if put, err := w.Store.PutSamples(t.Context(), []subnet.Sample{s}); err != nil || put[0].Err != nil {
			t.Fatal(err, put)
		}
	}
	put(func(*subnet.Sample) {})
	put(func(s *subnet.Sample) { s.Score = 500 })
	put(func(s *subnet.Sample) { s.Outcome, s.Score = subnet.TaskTimeout, 0 })
	put(func(s *subnet.Sample) { s.Window, s.Block = 1, 15_001 })
	put(func(s *subnet.Sample) { s.Window, s.Block = 1, 15_000 })           // a window old
	put(func(s *subnet.Sample) { s.Outcome, s.Score = subnet.Capacity, 0 }) // not scored
	put(func(s *subnet.Sample) { s.Revision = "old" })
	put(func(s *subnet.Sample) { s.Model = "a/Affine-other" })
	var got dominance.Input
	w.Rule = func(in dominance.Input) (dominance.Verdict, error) { got = in; return payMiner(in) }
	if _, err := w.Score(t.Context(), l.mg); err != nil {
		t.Fatal(err)
	}
	sum := 0.0
	for _, r := range got.Samples {
		sum += r.Score
		if *r.Block != 77 {
			t.Errorf("record dated %d, want the commitment's block 77", *r.Block)
		}
	}
	if len(got.Samples) != 4 || sum != 2.5 {
		t.Errorf("%d records with sum %v, want 4 and 2.5", len(got.Samples), sum)
	}
}

// A provider that cannot be asked for longer than the grace makes every miner
// unknown. They are paid by what they did, instead of everything going to uid 0; what
// a look did find against a miner counts.
func TestAnOutageOfTheProviderLeavesNobodyUnpaid(t *testing.T) {
	t.Parallel()
	l := newLedger()
	w := newSetter(t, l)
	for hotkey, state := range map[subnet.Hotkey]subnet.MinerState{"miner": subnet.Unknown, "owner": subnet.ChuteCold} {
		row := subnet.Miner{Netuid: 120, Hotkey: hotkey, State: state, Commitment: subnet.Commitment{Model: "a/Affine-x", Revision: "r"}}
		if _, err := w.Store.PutMiner(t.Context(), row); err != nil {
			t.Fatal(err)
		}
	}
	var got dominance.Input
	w.Rule = func(in dominance.Input) (dominance.Verdict, error) { got = in; return payMiner(in) }
	if _, err := w.Score(t.Context(), l.mg); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(got.Queryable, []subnet.Hotkey{"miner"}) {
		t.Errorf("queryable: %v, want the miner that nobody could look at", got.Queryable)
	}
}
