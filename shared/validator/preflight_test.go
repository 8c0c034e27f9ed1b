package validator_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/affine-go/affine/shared/dominance"
	"github.com/affine-go/affine/shared/subnet"
	"github.com/affine-go/affine/shared/validator"
)

// What was recorded may be signed much later: it is looked at again first.
func TestWhatTheChainWouldRefuseByNowIsNotSignedAgain(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		spoil func(*ledger)
		want  string // in the error
	}{
		"permit lost":     {func(l *ledger) { l.mg.Neurons[2].Permit = false }, "no validator permit"},
		"left the subnet": {func(l *ledger) { l.mg.Neurons[2].Hotkey = "someone" }, "not registered"},
		"just set":        {func(l *ledger) { l.mg.Neurons[2].LastUpdate = 7_230 }, "accepts new weights from block 7330"},
	} {
		l := newLedger()
		w := newSetter(t, l)
		l.mg.Block = leaveSigned(t, l, w, 7_200).Death
		c.spoil(l)
		rec, err := w.Run(t.Context())
		if !strings.Contains(fmt.Sprint(err), c.want) || rec.State != subnet.Signed || len(l.signed) > 1 {
			t.Errorf("%s: %+v, %v; %d signed", name, rec, err, len(l.signed))
		}
	}
}

// An answer of the signer that cannot be followed is not stored, let alone sent.
func TestTheSignersAnswerIsChecked(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(*subnet.SignedWeights){
		"no bytes":           func(s *subnet.SignedWeights) { s.Extrinsic = "" },
		"no hash":            func(s *subnet.SignedWeights) { s.Hash = "" },
		"no death":           func(s *subnet.SignedWeights) { s.Death = 0 },
		"dead already":       func(s *subnet.SignedWeights) { s.Death = 7_200 },
		"for ever":           func(s *subnet.SignedWeights) { s.Death = 7_200 + 129 },
		"opens in the past":  func(s *subnet.SignedWeights) { s.Round, s.Reveal = 5, 7_200 },
		"no reveal known":    func(s *subnet.SignedWeights) { s.Round = 5 },
		"of another account": func(s *subnet.SignedWeights) { s.Hotkey = "someone" },
	} {
		l := newLedger()
		w := newSetter(t, l)
		w.Signer = signFunc(func(ctx context.Context, i subnet.WeightsIntent) (subnet.SignedWeights, error) {
			s, err := l.SignWeights(ctx, i)
			spoil(&s)
			return s, err
		})
		if rec, err := w.Run(t.Context()); err == nil || rec.State != subnet.Planned || len(l.included) > 0 {
			t.Errorf("%s: %+v, %v", name, rec, err)
		}
	}
}

// An endpoint that lags behind what is recorded does not make the past the present.
func TestALaggingEndpointIsNotBelieved(t *testing.T) {
	t.Parallel()
	l := newLedger()
	w := newSetter(t, l)
	rec, err := w.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	l.mg.Block = rec.At - 1
	if _, err := w.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "lags behind") {
		t.Errorf("error %v, want that the endpoint lags behind", err)
	}
	if len(l.signed) != 1 {
		t.Errorf("%d signed", len(l.signed))
	}
}

// Bytes of a runtime that has ended are given up as soon as that is certain, and others
// are signed in the same epoch; before that they are not.
func TestBytesOfAnEndedRuntimeAreReplaced(t *testing.T) {
	t.Parallel()
	for after, replaced := range map[subnet.Block]bool{15: false, 16: true} {
		l := newLedger()
		w := newSetter(t, l)
		leaveSigned(t, l, w, 7_200)
		w.Chain = upgraded{l}
		l.mg.Block += after
		rec, err := w.Run(t.Context())
		if replaced != (err == nil && rec.State == subnet.Confirmed && len(l.history) == 1) || !replaced && len(l.signed) > 1 {
			t.Errorf("%d blocks after the signature: %+v, %v, set at %v, %d signed", after, rec, err, l.history, len(l.signed))
		}
	}
}

// upgraded is a chain whose runtime has changed since the first signature.
type upgraded struct{ *ledger }

func (u upgraded) Submit(ctx context.Context, ext string) (subnet.Inclusion, error) {
	if ext == "0x1" {
		return subnet.Inclusion{}, fmt.Errorf("refused: %w", &subnet.OutdatedError{At: u.mg.Block, Err: errors.New("bad signature")})
	}
	return u.ledger.Submit(ctx, ext)
}

// The chain counts each mechanism's weights apart; so does the table.
func TestAMechanismOfItsOwn(t *testing.T) {
	t.Parallel()
	l := newLedger()
	l.mg.Rules.Mechanisms = 2
	w := newSetter(t, l)
	w.Mechanism = 1
	chain := &secondMechanism{ledger: l, last: l.mg.Block - 5}
	w.Chain = chain
	if _, err := w.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "from block 7295") {
		t.Errorf("error %v, want the rate limit of mechanism 1", err)
	}
	chain.last = 100
	if _, err := w.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if in := l.signed["0x1"].intent; in.Mechanism != 1 || chain.asked[0] > 0 {
		t.Errorf("the intent is %+v, rows asked for by mechanism: %v", in, chain.asked)
	}
	w.Mechanism, w.Chain = 0, l
	if _, err := w.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "a table of its own") {
		t.Errorf("error %v, want one that names the other mechanism's table", err)
	}
}

// secondMechanism tells another last update for mechanism 1 until it has weights.
type secondMechanism struct {
	*ledger
	last  subnet.Block
	asked [2]int
}

func (c *secondMechanism) Weights(ctx context.Context, n subnet.Netuid, m subnet.Mechanism, uid subnet.UID) (subnet.WeightsRow, error) {
	c.asked[m]++
	row, err := c.ledger.Weights(ctx, n, m, uid)
	if len(c.history) == 0 {
		row.LastUpdate = c.last
	}
	return row, err
}

// Whatever the verdict, what is sent keeps the chain's ceiling, pays the same miners in
// the same order, and is refused in words when it cannot.
func TestTheChainsCeiling(t *testing.T) {
	t.Parallel()
	l := newLedger()
	w := newSetter(t, l)
	rapid.Check(t, func(r *rapid.T) {
		shares := rapid.SliceOfN(rapid.Float64Range(0, 1), 1, 8).Draw(r, "shares")
		ceiling := uint16(rapid.IntRange(1, 65534).Draw(r, "ceiling"))
		l.mg.Rules.MaxWeight, l.mg.Neurons = ceiling, l.mg.Neurons[:3]
		l.mg.Block += 720 // an epoch of its own
		signed := len(l.signed)
		paid := 0
		var verdict []subnet.Weight
		for i, share := range shares {
			l.mg.Neurons = append(l.mg.Neurons, subnet.Neuron{UID: subnet.UID(3 + i), Hotkey: subnet.Hotkey(fmt.Sprint(i))})
			if share = max(share, 0); share > 0.001 {
				paid++
			} else {
				share = 0
			}
			verdict = append(verdict, subnet.Weight{UID: subnet.UID(3 + i), Share: share})
		}
		w.Rule = func(in dominance.Input) (dominance.Verdict, error) {
			return dominance.Verdict{Block: in.CurrentBlock, Weights: verdict}, nil
		}
		rec, err := w.Run(t.Context())
		if paid*int(ceiling) < 65535 {
			if err == nil || len(l.signed) > signed {
				r.Fatalf("%d paid under %d/65535: %+v, %v", paid, ceiling, rec, err)
			}
			return
		}
		if err != nil {
			r.Fatalf("%d paid under %d/65535: %v", paid, ceiling, err)
		}
		checkCeiling(r, rec, verdict, ceiling)
	})
}

func checkCeiling(r *rapid.T, rec subnet.WeightsRecord, verdict []subnet.Weight, ceiling uint16) {
	top, sum := uint64(0), uint64(0)
	for _, x := range rec.Weights {
		top, sum = max(top, uint64(x.Value)), sum+uint64(x.Value)
		for _, y := range rec.Weights {
			if verdict[x.UID-3].Share > verdict[y.UID-3].Share && x.Value < y.Value {
				r.Errorf("uid %d earned more than uid %d and is sent %d and %d", x.UID, y.UID, x.Value, y.Value)
			}
		}
	}
	if top != 65535 || top*65535 > sum*uint64(ceiling) {
		r.Errorf("a highest weight of %d in a sum of %d breaks the ceiling %d/65535", top, sum, ceiling)
	}
}

func TestAWinnerAloneUnderACeilingIsAnError(t *testing.T) {
	t.Parallel()
	l := newLedger()
	l.mg.Rules.MaxWeight = 32_767
	_, err := newSetter(t, l).Run(t.Context())
	if err == nil || !strings.Contains(err.Error(), "pays 1: at least 3 are needed") || strings.Contains(err.Error(), "\n") {
		t.Errorf("error %v", err)
	}
	if _, soon := errors.AsType[*validator.TooSoonError](err); soon {
		t.Error("it is taken for a matter of time")
	}
}

// Where every node has forgotten how the dispatch ended, what is stored tells.
func TestStorageTellsWhereTheEventsAreGone(t *testing.T) {
	t.Parallel()
	l := newLedger()
	w := newSetter(t, l)
	old := leaveSigned(t, l, w, 7_200)
	l.included[old.Hash] = subnet.Inclusion{Block: 7_210, Failure: "SettingWeightsTooFast"}
	l.mg.Block = 7_230
	w.Chain = eventless{l}
	if rec, err := w.Run(t.Context()); err == nil || rec.State != subnet.Signed {
		t.Errorf("while another node may know: %+v, %v", rec, err)
	}
	l.mg.Block = old.Death
	rec, err := w.Run(t.Context())
	if err != nil || rec.State != subnet.Failed || !strings.Contains(rec.Reason, "did not take them in block 7210") || len(l.signed) != 1 {
		t.Errorf("%+v, %v; %d signed", rec, err, len(l.signed))
	}
}

// eventless is a chain whose nodes keep blocks and no old state.
type eventless struct{ *ledger }

func (e eventless) Find(ctx context.Context, hash string, from, to subnet.Block) (subnet.Inclusion, bool, error) {
	inc, found, _ := e.ledger.Find(ctx, hash, from, to)
	return subnet.Inclusion{Block: inc.Block}, found, errors.New("state already discarded")
}
