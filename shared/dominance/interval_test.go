package dominance

import (
	"math"
	"testing"

	"gonum.org/v1/gonum/mathext"
	"pgregory.net/rapid"
)

// Bounds worked out to forty digits by bisection of the distribution function.
func TestIntervalIsExactToElevenDigits(t *testing.T) {
	for _, c := range []struct {
		k            float64
		n            int
		lower, upper float64
	}{
		{0, 200, 9.8180215449770305e-6, 0.0095457873698963759},
		{22.5, 225, 0.070876939904240382, 0.13667262748311811},
		{2.25, 225, 0.0030838977331677686, 0.026063087621249438},
		{2.5, 250, 0.0032785364822189657, 0.024967681769271988},
		{0.5, 1, 0.05, 0.95},
		{100, 200, 0.44211375823124755, 0.55788624176875245},
		{199.75, 200, 0.98763439250167949, 0.9999169734380446},
		{137.3, 233, 0.53564874761344865, 0.64126323040185197},
		{250, 250, 0.99235414572842147, 0.99999214361121062},
	} {
		lower, upper := Interval(c.k, c.n)
		if math.Abs(lower/c.lower-1) > 1e-11 || math.Abs(upper/c.upper-1) > 1e-11 {
			t.Errorf("Interval(%v, %d) = %.17g, %.17g; want %.17g, %.17g", c.k, c.n, lower, upper, c.lower, c.upper)
		}
	}
}

func TestIntervalLeavesFivePercentOnEitherSide(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 2000).Draw(t, "trials")
		k := rapid.Float64Range(0, float64(n)).Draw(t, "successes")
		lower, upper := Interval(k, n)
		a, b := 0.5+k, 0.5+float64(n)-k
		if p := mathext.RegIncBeta(a, b, lower); math.Abs(p-0.05) > 1e-10 {
			t.Errorf("Interval(%v, %d): %v lies below %v, want 5 %%", k, n, p, lower)
		}
		// Near 1 the bound itself has fewer digits than its distance to 1.
		if p := mathext.RegIncBeta(b, a, 1-upper); math.Abs(p-0.05) > 1e-10 {
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
