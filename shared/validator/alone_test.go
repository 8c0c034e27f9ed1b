package validator_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/affine-go/affine/shared/dominance"
	"github.com/affine-go/affine/shared/store"
	"github.com/affine-go/affine/shared/subnet"
	"github.com/affine-go/affine/shared/validator"
)

// A decision that a run left unsigned is made anew by the next: what was known then may
// have changed, and nobody has bytes of it.
func TestAnUnsignedDecisionIsMadeAnew(t *testing.T) {
	t.Parallel()
	l := newLedger()
	w := newSetter(t, l)
	w.Signer = signFunc(func(context.Context, subnet.WeightsIntent) (subnet.SignedWeights, error) {
		return subnet.SignedWeights{}, errRefused
	})
	for range 2 {
		if rec, err := w.Run(t.Context()); !errors.Is(err, errRefused) || rec.State != subnet.Planned || rec.Block != l.mg.Block {
			t.Fatalf("%+v, %v; want it planned as of block %d", rec, err, l.mg.Block)
		}
		l.mg.Block += 150
	}
	l.mg.Neurons[1].Hotkey = "newcomer"
	w.Rule = func(in dominance.Input) (dominance.Verdict, error) {
		v, err := payMiner(in)
		v.Weights[0].Hotkey = "newcomer"
		return v, err
	}
	w.Signer = l
	rec, err := w.Run(t.Context())
	if err != nil || rec.State != subnet.Confirmed || rec.Epoch != 7_200 || rec.Block != 7_500 || rec.Weights[0].Hotkey != "newcomer" || len(l.signed) != 1 {
		t.Errorf("%+v, %v; %d signed; want the weights of block 7500 confirmed", rec, err, len(l.signed))
	}
}

// Weights that could not be read back at once may have had a commit, or others, after
// them when they can be. What is still stored is confirmed; what is not is not laid at a
// stranger's door when it was this validator's own.
func TestWeightsReadBackAfterLaterOnes(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		later func(*testing.T, *ledger, *validator.WeightSetter)
		state subnet.WeightsState
		want  string
	}{
		"a commit, which changes no row": {func(*testing.T, *ledger, *validator.WeightSetter) {}, subnet.Confirmed, "they are still stored, although the last update is of block 7400"},
		"a stranger's": {func(_ *testing.T, l *ledger, _ *validator.WeightSetter) { l.values = map[subnet.UID]uint16{0: 65535} },
			subnet.Failed, "overwritten at block 7400 by another submission of the same hotkey"},
		"the next epoch's": {func(t *testing.T, l *ledger, w *validator.WeightSetter) {
			l.values = map[subnet.UID]uint16{0: 65535}
			next := subnet.WeightsRecord{Netuid: 120, Epoch: 7_560, Block: 7_399, State: subnet.Included, Round: 9, Reveal: 9_000, At: 7_400}
			if _, err := w.Store.PutWeights(t.Context(), next); err != nil {
				t.Fatal(err)
			}
		}, subnet.Failed, "replaced at block 7400 by the weights of epoch 7560 before they could be read back"},
	} {
		l := newLedger()
		w := newSetter(t, l)
		w.Chain = unreadable{l}
		if rec, err := w.Run(t.Context()); err == nil || rec.State != subnet.Included {
			t.Fatalf("%+v, %v; want it included and not read back", rec, err)
		}
		w.Chain = l
		l.mg.Block, l.mg.Neurons[2].LastUpdate = 7_410, 7_400
		c.later(t, l, w)
		rec, err := w.Settle(t.Context(), 7_200)
		if err != nil || rec.State != c.state || rec.Reason != c.want {
			t.Errorf("%s: %+v, %v; want it %s, %q", name, rec, err, c.state, c.want)
		}
	}
}

// unreadable is a chain that does not tell what it stores.
type unreadable struct{ *ledger }

func (unreadable) Weights(context.Context, subnet.Netuid, subnet.Mechanism, subnet.UID) (subnet.WeightsRow, error) {
	return subnet.WeightsRow{}, errRefused
}

// Another process that took the lease may leave its record while this one scores, or
// while the signer is asked: nothing is signed beside it in the first case, and what was
// signed is not sent in the second.
func TestAnotherProcesssRecordIsSeenInTime(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		other subnet.WeightsRecord
		until subnet.Block // 0: it stops nobody
		want  string
	}{
		"bytes that live":           {subnet.WeightsRecord{Epoch: 6_840, Block: 7_199, State: subnet.Signed, Birth: 7_199, Death: 7_250}, 7_250, "bytes of epoch 6840 may still be included"},
		"bytes that are dead":       {subnet.WeightsRecord{Epoch: 6_840, Block: 7_100, State: subnet.Signed, Birth: 7_100, Death: 7_164}, 0, ""},
		"newer weights":             {subnet.WeightsRecord{Epoch: 6_840, Block: 7_201, State: subnet.Included, At: 7_199}, 7_264, "weights of epoch 6840, which are newer, were sent"},
		"weights in this epoch":     {subnet.WeightsRecord{Epoch: 6_840, Block: 7_198, State: subnet.Confirmed, At: 7_200}, 7_560, "weights of epoch 6840 are this epoch's"},
		"weights in the last one":   {subnet.WeightsRecord{Epoch: 6_840, Block: 6_998, State: subnet.Confirmed, At: 7_000}, 0, ""},
		"another mechanism's":       {subnet.WeightsRecord{Epoch: 6_840, Mechanism: 1, Block: 7_199, State: subnet.Signed, Birth: 7_199, Death: 7_250}, 0, ""},
		"a decision never signed":   {subnet.WeightsRecord{Epoch: 6_840, Block: 7_199, State: subnet.Planned}, 0, ""},
		"a failed one, of no bytes": {subnet.WeightsRecord{Epoch: 6_840, Block: 7_199, State: subnet.Failed, Reason: "uid 1 ceased to be"}, 0, ""},
	} {
		for _, during := range []string{"scoring", "signing"} {
			l := newLedger()
			w := newSetter(t, l)
			appear := func() {
				c.other.Netuid = 120
				if _, err := w.Store.PutWeights(t.Context(), c.other); err != nil {
					t.Fatal(err)
				}
			}
			if during == "scoring" {
				w.Rule = func(in dominance.Input) (dominance.Verdict, error) { appear(); return payMiner(in) }
			} else {
				w.Signer = signFunc(func(ctx context.Context, in subnet.WeightsIntent) (subnet.SignedWeights, error) {
					appear()
					return l.SignWeights(ctx, in)
				})
			}
			rec, err := w.Run(t.Context())
			if c.until == 0 {
				if err != nil || rec.State != subnet.Confirmed {
					t.Errorf("%s, while %s: %+v, %v; want it to stop nobody", name, during, rec, err)
				}
				continue
			}
			soon, waits := errors.AsType[*validator.TooSoonError](err)
			signed := 0
			until := c.until
			if during == "signing" {
				signed = 1
			} else if until == 7_264 {
				until = 7_201 // there are no bytes yet that could die
			}
			if !waits || soon.Until != until || !strings.Contains(err.Error(), c.want) || len(l.signed) != signed || len(l.included) > 0 {
				t.Errorf("%s, while %s: %+v, %v; %d signed, %d included", name, during, rec, err, len(l.signed), len(l.included))
			}
		}
	}
}

// Bytes that no longer fit the runtime may have got into a block before it changed, since
// the run looked: that is found out before others are signed.
func TestBytesIncludedBeforeAnUpgradeAreFound(t *testing.T) {
	t.Parallel()
	l := newLedger()
	w := newSetter(t, l)
	leaveSigned(t, l, w, 7_200)
	w.Chain = overtaken{l, func(ext string) (subnet.Inclusion, error) {
		if _, err := l.Submit(t.Context(), ext); err != nil {
			t.Fatal(err)
		}
		l.mg.Block = 7_230
		return subnet.Inclusion{}, &subnet.OutdatedError{At: 7_230, Err: errRefused}
	}}
	rec, err := w.Run(t.Context())
	if err != nil || rec.State != subnet.Confirmed || rec.At != 7_201 || len(l.signed) != 1 {
		t.Errorf("%+v, %v; %d signed; want those of block 7201 confirmed", rec, err, len(l.signed))
	}
}

// To follow an old record's bytes takes up to an era. What is decided then is decided as
// of the block at which that ended.
func TestWhatFollowsAnOldRecordIsNotDecidedInThePast(t *testing.T) {
	t.Parallel()
	l := newLedger()
	w := newSetter(t, l)
	l.mg.Block = 7_190
	old := leaveSigned(t, l, w, 6_840)
	l.mg.Block = 7_205
	w.Chain = overtaken{l, func(ext string) (subnet.Inclusion, error) {
		if ext != old.Extrinsic {
			return l.Submit(t.Context(), ext)
		}
		l.mg.Block, l.nonce = 7_250, l.nonce+1
		return subnet.Inclusion{Block: 7_250, Failure: "SubtensorModule.IncorrectWeightVersionKey"}, nil
	}}
	rec, err := w.Run(t.Context())
	if err != nil || rec.State != subnet.Confirmed || rec.Block != 7_250 || rec.Birth != 7_250 {
		t.Errorf("%+v, %v; want the weights of block 7250 confirmed", rec, err)
	}
}

// Where it cannot be written down that an old record's bytes are this epoch's weights,
// no others are signed.
func TestAnEndThatCannotBeRecordedStopsTheRun(t *testing.T) {
	t.Parallel()
	l := newLedger()
	w := newSetter(t, l)
	l.mg.Block = 7_190
	old := leaveSigned(t, l, w, 6_840)
	l.mg.Block = 7_205
	if _, err := l.Submit(t.Context(), old.Extrinsic); err != nil {
		t.Fatal(err)
	}
	l.mg.Block = 7_400
	sound := w.Store
	w.Store = &refusesOnce{Store: sound}
	if rec, err := w.Run(t.Context()); !errors.Is(err, errRefused) || len(l.signed) != 1 {
		t.Errorf("%+v, %v; %d signed", rec, err, len(l.signed))
	}
	if rec, err := w.Run(t.Context()); err != nil || rec.Epoch != 6_840 || rec.State != subnet.Confirmed || len(l.history) != 1 {
		t.Errorf("the next run: %+v, %v; set at %v", rec, err, l.history)
	}
}

// refusesOnce is a table that refuses the first record.
type refusesOnce struct {
	store.Store
	refused bool
}

func (r *refusesOnce) PutWeights(ctx context.Context, rec subnet.WeightsRecord) (subnet.WeightsRecord, error) {
	if !r.refused {
		r.refused = true
		return subnet.WeightsRecord{}, errRefused
	}
	return r.Store.PutWeights(ctx, rec)
}

// overtaken is a chain that goes on while bytes are followed.
type overtaken struct {
	*ledger
	submit func(ext string) (subnet.Inclusion, error)
}

func (o overtaken) Submit(_ context.Context, ext string) (subnet.Inclusion, error) {
	return o.submit(ext)
}
