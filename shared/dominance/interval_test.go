package dominance

import (
	"math"
	"testing"

	"gonum.org/v1/gonum/mathext"
	"pgregory.net/rapid"
)

func TestIntervalLeavesFivePercentOnEitherSide(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 2000).Draw(t, "trials")
		k := rapid.Float64Range(0, float64(n)).Draw(t, "successes")
		lower, upper := Interval(k, n)
		a, b := 0.5+k, 0.5+float64(n)-k
		if p := mathext.RegIncBeta(a, b, lower); math.Abs(p-0.05) > 1e-9 {
			t.Errorf("Interval(%v, %d): %v lies below %v, want 5 %%", k, n, p, lower)
		}
		// Above one half the distance to 1 carries the digits.
		if p := mathext.RegIncBeta(b, a, 1-upper); math.Abs(p-0.05) > 1e-9 {
			t.Errorf("Interval(%v, %d): %v lies above %v, want 5 %%", k, n, p, upper)
		}
	})
}

func TestIntervalAtTheEnds(t *testing.T) {
	for _, c := range []struct {
		k    float64
		n    int
		same float64 // k that gives the same interval
	}{{-3, 200, 0}, {205, 200, 200}, {math.Inf(1), 10, 10}, {math.Inf(-1), 10, 0}} {
		lower, upper := Interval(c.k, c.n)
		wantLower, wantUpper := Interval(c.same, c.n)
		if lower != wantLower || upper != wantUpper {
			t.Errorf("Interval(%v, %d) = %v, %v; want %v, %v", c.k, c.n, lower, upper, wantLower, wantUpper)
		}
	}
	if lower, upper := Interval(0, 0); lower != 0 || upper != 0 {
		t.Errorf("Interval(0, 0) = %v, %v; want 0, 0", lower, upper)
	}
	if lower, upper := Interval(0, 1<<40); !(lower >= 0 && upper < 1e-9 && lower < upper) {
		t.Errorf("Interval(0, 2⁴⁰) = %v, %v", lower, upper)
	}
}

// How much better a later miner must be to win an environment, as success rates
// out of 200 samples.
func TestWhatItTakesToDisplaceTheEarlier(t *testing.T) {
	for incumbent, want := range map[float64]float64{0.50: 0.620, 0.70: 0.805, 0.80: 0.885, 0.90: 0.960, 0.95: 0.990} {
		_, upper := Interval(200*incumbent, 200)
		k := 0
		for ; k <= 200; k++ {
			if lower, _ := Interval(float64(k), 200); lower > upper {
				break
			}
		}
		if got := float64(k) / 200; math.Abs(got-want) > 1e-9 {
			t.Errorf("against %v it takes %v, want %v", incumbent, got, want)
		}
	}
}
