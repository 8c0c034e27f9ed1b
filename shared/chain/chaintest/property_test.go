package chaintest

import (
	"testing"

	"pgregory.net/rapid"
)

// Whatever is committed when, and however the pulses come, what is sealed is opened in
// the epoch that follows its own, after its pulse and once, or never.
func TestSealedWeightsAreOpenedOnceAndInTheirEpoch(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		cfg := sealing(t)
		cfg.Rules.RateLimit, cfg.Rules.Tempo = 0, rapid.Uint16Range(2, 9).Draw(rt, "tempo")
		cfg.Rules.RevealPeriod = rapid.Uint64Range(1, 3).Draw(rt, "period")
		n, err := Start(t.Context(), cfg)
		if err != nil {
			rt.Fatal(err)
		}
		defer func() { _ = n.Close() }()
		mine(t, n, 1)
		w := &watch{n: n, epochOf: map[uint16]uint64{}, roundOf: map[uint16]uint64{}, opened: map[uint16]bool{}, period: cfg.Rules.RevealPeriod}
		for range rapid.IntRange(1, 40).Draw(rt, "steps") {
			switch rapid.IntRange(0, 5).Draw(rt, "step") {
			case 0:
				n.HoldPulses(rapid.Bool().Draw(rt, "hold"))
			case 1:
				w.commit(t, rt, stored(t, n, "Drand.LastStoredRound").(uint64)+rapid.Uint64Range(0, 30).Draw(rt, "ahead"))
			default:
				w.mine(t, rt)
			}
		}
	})
}

// watch is what was committed, by the mark that its weights carry.
type watch struct {
	n                *Node
	marks            uint16
	period           uint64
	epochOf, roundOf map[uint16]uint64
	opened           map[uint16]bool
	last             uint16 // mark of the row that is stored
}

func (w *watch) commit(t *testing.T, rt *rapid.T, round uint64) {
	w.marks++
	w.roundOf[w.marks] = round
	sealed := seal(t, w.n, "Alice", round, w.marks, 65535)
	raw := callDraft(t, w.n, "Alice", commitCallName, commitArgs(sealed, round)).sign(t, "Alice")
	if err := submit(t, w.n, raw); err != nil {
		rt.Fatal(err)
	}
	w.mine(t, rt)
	// The epochs of the block come before its extrinsics.
	w.epochOf[w.marks] = stored(t, w.n, "SubtensorModule.SubnetEpochIndex", netuid).(uint64)
}

// mine adds a block and looks at what it has opened.
func (w *watch) mine(t *testing.T, rt *rapid.T) {
	known := stored(t, w.n, "Drand.LastStoredRound").(uint64)
	mine(t, w.n, 1)
	row, err := w.n.Weights(netuid, 0)
	if err != nil {
		rt.Fatal(err)
	}
	reveals := 0
	for _, name := range happened(t, w.n, "SubtensorModule") {
		if name == "TimelockedWeightsRevealed" {
			reveals++
		}
	}
	now := stored(t, w.n, "SubtensorModule.SubnetEpochIndex", netuid).(uint64)
	for epoch := range now - min(now, w.period) {
		if left := stored(t, w.n, "SubtensorModule.TimelockedWeightCommits", netuid, epoch).([]any); len(left) > 0 {
			rt.Fatalf("epoch %d still has commits in epoch %d", epoch, now)
		}
	}
	mark := row[1]
	if reveals == 0 {
		if mark != w.last {
			rt.Fatalf("row %v came without an event", row)
		}
		return
	}
	w.last = mark
	if w.opened[mark] || w.roundOf[mark] > known || w.epochOf[mark]+w.period != now {
		rt.Fatalf("mark %d of epoch %d, round %d opened (again: %v) in epoch %d with rounds up to %d",
			mark, w.epochOf[mark], w.roundOf[mark], w.opened[mark], now, known)
	}
	w.opened[mark] = true
}
