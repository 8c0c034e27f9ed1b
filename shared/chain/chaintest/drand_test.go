package chaintest

import (
	"bytes"
	"crypto/sha256"
	"testing"
	"time"
)

func TestBeaconFollowsTheChain(t *testing.T) {
	for _, blockTime := range []time.Duration{250 * time.Millisecond, 12 * time.Second} {
		cfg := sealing(t)
		cfg.Rules.BlockTime = blockTime
		n := run(t, cfg)
		last := stored(t, n, "Drand.LastStoredRound").(uint64)
		pulse := stored(t, n, "Drand.Pulses", last).(map[string]any)
		signature := pulse["signature"].([]byte)
		if err := n.Beacon().VerifyPulse(last, signature); err != nil {
			t.Error(err)
		}
		randomness := sha256.Sum256(signature)
		if !bytes.Equal(pulse["randomness"].([]byte), randomness[:]) || pulse["round"] != last {
			t.Errorf("pulse %v", pulse)
		}
		now := time.UnixMilli(int64(stored(t, n, "Timestamp.Now").(uint64)))
		if at := n.Beacon().RoundTime(last); at.After(now) || !n.Beacon().RoundTime(last+1).After(now) {
			t.Errorf("round %d of %v is the newest at %v", last, at, now)
		}
	}
}

// However far the beacon is ahead, a block brings a bounded number of rounds, none is
// left out, and of old ones a bounded number stays.
func TestRoundsStayBounded(t *testing.T) {
	n := run(t, trio(t))
	n.HoldPulses(true)
	mine(t, n, 120)
	n.HoldPulses(false)
	for _, want := range []uint64{206 + 50, 206 + 100, 206 + 123} {
		mine(t, n, 1)
		if last := stored(t, n, "Drand.LastStoredRound"); last != want {
			t.Errorf("at %d the last round is %v, want %d", n.Head(), last, want)
		}
	}
	first := stored(t, n, "Drand.OldestStoredRound").(uint64)
	for round := first; round <= 206+123; round++ {
		if stored(t, n, "Drand.Pulses", round) == nil {
			t.Errorf("round %d is missing", round)
		}
	}
	n.mu.Lock()
	x := &execution{node: n, number: n.chain.head}
	if err := x.forgetPulses(first, first+keepRounds+149); err != nil {
		t.Fatal(err)
	}
	n.mu.Unlock()
	if oldest := stored(t, n, "Drand.OldestStoredRound"); oldest != first+100 || stored(t, n, "Drand.Pulses", first+99) != nil || stored(t, n, "Drand.Pulses", first+100) == nil {
		t.Errorf("the oldest round is %v of %d", oldest, first)
	}
}
