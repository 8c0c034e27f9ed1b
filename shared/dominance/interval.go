package dominance

import (
	"math"

	"gonum.org/v1/gonum/mathext"
)

// tail is what a 90 % central interval leaves out on either side, and prior the
// Jeffreys prior's weight on success and on failure.
const (
	tail  = 0.05
	prior = 0.5
)

// Interval is the central 90 % interval of a success rate after that many
// successes in that many trials: the 5 % and 95 % quantiles of
// Beta(0.5+k, 0.5+n−k), with k clamped to 0..n. Fractions of a success count as
// such. Without trials it is (0, 0).
func Interval(successes float64, trials int) (lower, upper float64) {
	return make(quantiles).interval(successes, trials)
}

// quantiles remembers lower bounds within one verdict: many miners share the same
// count and sum.
type quantiles map[[2]float64]float64

func (q quantiles) interval(successes float64, trials int) (lower, upper float64) {
	if trials == 0 {
		return 0, 0
	}
	n := float64(trials)
	k := min(max(successes, 0), n)
	// By symmetry the upper bound is one less the lower bound of the failures.
	return q.lower(k, n), 1 - q.lower(n-k, n)
}

func (q quantiles) lower(k, n float64) float64 {
	key := [2]float64{k, n}
	bound, known := q[key]
	if !known {
		bound = betaQuantile(prior+k, prior+n-k, tail)
		q[key] = bound
	}
	return bound
}

// betaQuantile inverts the Beta distribution function. The library's inverse stops
// within 1e-9 or so; one Newton step takes that to the last few bits.
func betaQuantile(a, b, p float64) float64 {
	x := mathext.InvRegIncBeta(a, b, p)
	density := math.Exp((a-1)*math.Log(x) + (b-1)*math.Log1p(-x) - mathext.Lbeta(a, b))
	better := x - (mathext.RegIncBeta(a, b, x)-p)/density
	if !(better > 0 && better < 1) {
		return x // too near an end for the step to hold
	}
	return better
}
