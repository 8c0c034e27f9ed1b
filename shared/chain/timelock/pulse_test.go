package timelock_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"math"
	"os"
	"testing"
	"time"

	bls "github.com/consensys/gnark-crypto/ecc/bls12-381"
	"pgregory.net/rapid"

	"github.com/affine-go/affine/shared/chain/timelock"
	"github.com/affine-go/affine/shared/sharedtest"
	"github.com/affine-go/affine/shared/subnet"
)

func TestVerifyPulseOfTheBeacon(t *testing.T) {
	for _, p := range pulses(t) {
		if err := quicknet.VerifyPulse(p.Round, p.Signature); err != nil {
			t.Errorf("round %d: %v", p.Round, err)
		}
		if sum := sha256.Sum256(p.Signature); p.Randomness != nil && !bytes.Equal(sum[:], p.Randomness) {
			t.Errorf("round %d: the randomness is not the signature's hash", p.Round)
		}
		for _, other := range []uint64{0, p.Round - 1, p.Round + 1, math.MaxUint64} {
			if err := quicknet.VerifyPulse(other, p.Signature); !errors.Is(err, timelock.ErrSignature) {
				t.Errorf("signature of round %d for round %d: %v", p.Round, other, err)
			}
		}
	}
}

func TestVerifyPulseRefuses(t *testing.T) {
	_, signature := vectors(t)
	if err := quicknet.VerifyPulse(1000, signature); err != nil {
		t.Fatal(err)
	}
	bad := hostileSignatures(signature)
	var point bls.G1Affine
	if _, err := point.SetBytes(signature); err != nil {
		t.Fatal(err)
	}
	negated, doubled := new(bls.G1Affine).Neg(&point).Bytes(), new(bls.G1Affine).Double(&point).Bytes()
	bad["negated"], bad["doubled"] = negated[:], doubled[:]
	for name, b := range bad {
		if err := quicknet.VerifyPulse(1000, b); !errors.Is(err, timelock.ErrSignature) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A round has one signature: nothing else verifies.
func FuzzVerifyPulse(f *testing.F) {
	_, signature := vectors(f)
	f.Add(signature)
	for _, bad := range hostileSignatures(signature) {
		f.Add(bad)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if err := quicknet.VerifyPulse(1000, b); (err == nil) != bytes.Equal(b, signature) || err != nil && !errors.Is(err, timelock.ErrSignature) {
			t.Errorf("%x: %v", b, err)
		}
	})
}

func TestRoundTimeOfTheBeacon(t *testing.T) {
	var golden struct {
		DrandRoundTime []struct {
			Round uint64
			Unix  int64
		}
	}
	text, err := os.ReadFile(sharedtest.Dir(t, "vectors", "chain", "epoch-and-weights.json"))
	if err == nil {
		err = json.Unmarshal(text, &golden)
	}
	if err != nil || len(golden.DrandRoundTime) == 0 {
		t.Fatalf("%d round times, %v", len(golden.DrandRoundTime), err)
	}
	for _, g := range golden.DrandRoundTime {
		if got := quicknet.RoundTime(g.Round); got.Unix() != g.Unix {
			t.Errorf("round %d at %d, want %d", g.Round, got.Unix(), g.Unix)
		}
	}
}

func TestRound(t *testing.T) {
	start := quicknet.RoundTime(1)
	const block = 12 * time.Second
	tests := []struct {
		name         string
		now          time.Time
		reveal, head subnet.Block
		blockTime    time.Duration
		want         uint64
	}{
		{"one epoch ahead", start.Add(3000 * time.Second), 1360, 1000, block, 1000 + 363*4},
		{"the next block", start.Add(3000 * time.Second), 1001, 1000, block, 1000 + 4*4},
		{"rounded down", start.Add(3002*time.Second + 999*time.Millisecond), 1001, 1000, block, 1000 + 4*4},
		{"a fast chain", start.Add(3000 * time.Second), 1012, 1000, 250 * time.Millisecond, 1000 + 1},
		{"a reveal already past", start.Add(3000 * time.Second), 990, 1000, block, 1000 - 7*4},
		{"within the first period", start, 997, 1000, block, 1},
		{"before the beacon's first round", start.Add(-time.Hour), 1001, 1000, block, 1},
		{"long before it", time.Time{}, 1001, 1000, block, 1},
		{"a chain without blocks' time", start.Add(3000 * time.Second), 1001, 1000, 0, 1000},
		{"the furthest block", start, math.MaxUint64, 0, math.MaxInt64, math.MaxUint64},
		{"the furthest past", start, 0, math.MaxUint64, math.MaxInt64, 1},
	}
	for _, test := range tests {
		if got := quicknet.Round(test.now, test.reveal, test.head, test.blockTime); got != test.want {
			t.Errorf("%s: round %d, want %d", test.name, got, test.want)
		}
	}
}

// The round is out 3 to 6 seconds before the third block after the reveal's first, and
// never after it.
func TestRoundIsOutInTime(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		now := quicknet.RoundTime(1000).Add(time.Duration(rapid.Int64Range(0, 1e18).Draw(t, "ns")))
		head := subnet.Block(rapid.Uint64Range(0, 1<<32).Draw(t, "head"))
		ahead := rapid.Uint64Range(1, 101*50_400).Draw(t, "blocks ahead")
		blockTime := time.Duration(rapid.Int64Range(1, 20e9).Draw(t, "block time"))
		round := quicknet.Round(now, head+subnet.Block(ahead), head, blockTime)
		early := now.Add(time.Duration(ahead+3) * blockTime).Sub(quicknet.RoundTime(round))
		if early < 3*time.Second || early >= 6*time.Second {
			t.Fatalf("round %d is out %s before its block", round, early)
		}
	})
}

func TestCommitmentRound(t *testing.T) {
	now := quicknet.RoundTime(1).Add(3000 * time.Second)
	for blocks, want := range map[subnet.Block]uint64{0: 1000, 1: 1004, 100: 1400, math.MaxUint64: math.MaxUint64} {
		if got := quicknet.CommitmentRound(now, blocks, 12*time.Second); got != want {
			t.Errorf("%d blocks: round %d, want %d", blocks, got, want)
		}
	}
	if got := quicknet.CommitmentRound(time.Unix(0, 0), 1, 12*time.Second); got != 1 {
		t.Errorf("before the beacon's start: round %d", got)
	}
}

func BenchmarkVerifyPulse(b *testing.B) {
	_, signature := vectors(b)
	for b.Loop() {
		if err := quicknet.VerifyPulse(1000, signature); err != nil {
			b.Fatal(err)
		}
	}
}
