package validator_test

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/affine-go/affine/shared/archive"
	"github.com/affine-go/affine/shared/subnet"
)

// calmWorld is a chain under commit-reveal that goes by the plan, and one program on it
// that meets no faults. It lives in the bubble of the caller.
func calmWorld(t *testing.T, plan chainPlan) *simProcess {
	t.Helper()
	plan.reveal, plan.hint, plan.rate = true, true, 10
	plan.period = max(plan.period, 1)
	w := &simWorld{
		simChain: newSimChain(1, plan, &counts{of: make(map[string]int)}),
		table:    &simTable{records: make(map[subnet.Block]subnet.WeightsRecord)},
		archive:  &simArchive{objects: make(map[string][]byte)},
		fail:     t.Errorf,
	}
	return &simProcess{simWorld: w, number: 1, random: rand.New(rand.NewPCG(1, 1)), kill: func() {}}
}

// runAt runs the setter once the chain's finalized head has reached a block.
func (p *simProcess) runAt(t *testing.T, at subnet.Block) subnet.WeightsRecord {
	t.Helper()
	if err := p.sleep(t.Context(), time.Until(p.timeOf(at+simLag))); err != nil {
		t.Fatal(err)
	}
	rec, err := p.setter(fmt.Sprint("run at ", at)).Run(t.Context())
	if err != nil {
		t.Fatalf("run at block %d: %+v, %v", at, rec, err)
	}
	return rec
}

func TestSealedWeightsRestUntilTheirReveal(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := calmWorld(t, chainPlan{})
		first := p.runAt(t, 1_020)
		if !first.Sealed() || first.Reveal != 1_060 || first.Round != 1_063 || first.At <= 1_020 {
			t.Fatalf("the first run leaves %+v; want it sealed until block 1060", first)
		}
		if rec := p.runAt(t, 1_040); rec.Version != first.Version || !rec.Sealed() {
			t.Errorf("before the reveal a run turns it into %+v", rec)
		}
		if len(p.included) != 1 || p.archive.objects[archive.LatestWeightsKey] != nil {
			t.Errorf("%d inclusions, published %s", len(p.included), p.archive.objects[archive.LatestWeightsKey])
		}
		second := p.runAt(t, 1_070) // of the next epoch: it finds the first opened
		if got := p.table.records[first.Epoch]; got.State != subnet.Confirmed || got.RevealAt != 1_063 {
			t.Errorf("the first record is %+v; want it confirmed as of block 1063", got)
		}
		if !second.Sealed() || second.Epoch == first.Epoch {
			t.Errorf("the next epoch's record is %+v", second)
		}
		if doc := string(p.archive.objects[archive.LatestWeightsKey]); !strings.Contains(doc, `"epoch": 1000`) {
			t.Errorf("published is %s, want the first epoch's record", doc)
		}
	})
}

// With a period of three epochs three records wait side by side, and an epoch's reveal
// confirms its own.
func TestSeveralRecordsWaitForTheirReveals(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := calmWorld(t, chainPlan{period: 3})
		var waiting []int
		for epoch := range subnet.Block(5) {
			p.runAt(t, 1_010+epoch*simTempo)
			n := 0
			for _, rec := range p.table.records {
				if rec.Sealed() {
					n++
				}
			}
			waiting = append(waiting, n)
		}
		if fmt.Sprint(waiting) != "[1 2 3 3 3]" {
			t.Errorf("records that wait, by epoch: %v, want 1, 2 and then 3", waiting)
		}
		p.check()
	})
}

// Weights whose drand round never reaches the chain are lost: the record says which, and
// what stands on the chain instead. They are not published.
func TestWeightsThatNeverOpenFail(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := calmWorld(t, chainPlan{badPulses: 1e9})
		first := p.runAt(t, 1_020)
		for at := subnet.Block(1_065); !p.table.records[first.Epoch].State.Final(); at += 20 {
			p.runAt(t, at)
		}
		rec := p.table.records[first.Epoch]
		if rec.State != subnet.Failed || !strings.Contains(rec.Reason, "did not open them: drand round 1063, due at block 1060") || !strings.Contains(rec.Reason, "uid 0 has 0, sent was") {
			t.Errorf("the record is %+v", rec)
		}
		if len(p.archive.objects) == 0 || p.archive.objects[archive.LatestWeightsKey] != nil {
			t.Errorf("published: %s", p.archive.objects[archive.LatestWeightsKey])
		}
	})
}

// Where no node keeps the block that opened them, the first that is kept tells whether
// the weights were on chain; where it has others, the record does not claim that they
// never opened.
func TestARevealThatNoNodeKeeps(t *testing.T) {
	t.Parallel()
	sent := map[subnet.UID]uint16{0: 18484, 1: 65535}
	for _, test := range []struct {
		row   map[subnet.UID]uint16
		state subnet.WeightsState
		want  string
	}{
		{sent, subnet.Confirmed, "no node keeps the state of the block that opened them; at block 1066"},
		{map[subnet.UID]uint16{0: 65535}, subnet.Failed, "nobody can tell any more whether the chain opened them: drand round 1063, due at block 1060"},
	} {
		synctest.Test(t, func(t *testing.T) {
			p := calmWorld(t, chainPlan{})
			first := p.runAt(t, 1_020)
			if err := p.sleep(t.Context(), time.Until(p.timeOf(1_075))); err != nil {
				t.Fatal(err)
			}
			w := p.setter("late")
			w.Chain = amnesiac{simView{p}, subnet.WeightsRow{At: 1_066, Values: test.row}}
			rec, err := w.Settle(t.Context(), first.Epoch)
			if err != nil || rec.State != test.state || rec.RevealAt != 0 || !strings.Contains(rec.Reason, test.want) {
				t.Errorf("%+v, %v; want it %s, %q", rec, err, test.state, test.want)
			}
		})
	}
}

// amnesiac is an endpoint that keeps too little to tell of a reveal.
type amnesiac struct {
	simView
	row subnet.WeightsRow
}

func (a amnesiac) Revealed(context.Context, subnet.TimelockCommit) (subnet.Reveal, error) {
	return subnet.Reveal{Unknown: true, Row: a.row}, nil
}

// Settle finds out about what is on chain and leaves all else as it is.
func TestSettleDecidesNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := calmWorld(t, chainPlan{})
		first := p.runAt(t, 1_020)
		if err := p.sleep(t.Context(), time.Until(p.timeOf(1_070))); err != nil {
			t.Fatal(err)
		}
		planned := subnet.WeightsRecord{Netuid: 120, Epoch: 1_060, Block: 1_061, State: subnet.Planned}
		if _, err := p.table.put(planned); err != nil {
			t.Fatal(err)
		}
		rec, err := p.setter("settles").Settle(t.Context(), first.Epoch)
		if err != nil || rec.State != subnet.Confirmed || rec.RevealAt == 0 {
			t.Errorf("%+v, %v; want it confirmed", rec, err)
		}
		if len(p.known) != 1 || len(p.table.records) != 2 || p.table.records[1_060].State != subnet.Planned {
			t.Errorf("%d signatures and the records %+v", len(p.known), p.table.records)
		}
		if p.archive.objects[archive.LatestWeightsKey] == nil {
			t.Error("what it confirmed was not published")
		}
	})
}

// An endpoint that has not seen the reveal yet may have let go of what it knew of the
// commit: that does not make the weights lost.
func TestALaggingEndpointDoesNotLoseSealedWeights(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := calmWorld(t, chainPlan{})
		first := p.runAt(t, 1_020)
		if err := p.sleep(t.Context(), time.Until(p.timeOf(1_070))); err != nil {
			t.Fatal(err)
		}
		w := p.setter("behind")
		var log strings.Builder
		w.Chain, w.Log = forgetful{simView{p}, first.Reveal - 1}, slog.New(slog.NewTextHandler(&log, nil))
		rec, err := w.Settle(t.Context(), first.Epoch)
		if err != nil || !rec.Sealed() || !strings.Contains(log.String(), "lags behind") {
			t.Errorf("%+v, %v; the log says %s", rec, err, &log)
		}
		w.Chain = simView{p}
		if rec, err := w.Settle(t.Context(), first.Epoch); err != nil || rec.State != subnet.Confirmed {
			t.Errorf("from another endpoint: %+v, %v", rec, err)
		}
	})
}

// forgetful is an endpoint that knows of no commit, as of a block.
type forgetful struct {
	simView
	at subnet.Block
}

func (f forgetful) Revealed(context.Context, subnet.TimelockCommit) (subnet.Reveal, error) {
	return subnet.Reveal{Row: subnet.WeightsRow{At: f.at}}, nil
}
