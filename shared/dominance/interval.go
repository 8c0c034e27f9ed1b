package dominance

import "gonum.org/v1/gonum/mathext"

// tail is what a 90 % central interval leaves out on either side, and prior the
// Jeffreys prior's weight on success and on failure.
const (
	tail  = 0.05
	prior = 0.5
)

// Interval is the central 90 % interval of a success rate after that many
// successes in that many trials: the 5 % and 95 % quantiles of
// Beta(0.5+k, 0.5+n−k), with k clamped to 0..n. Fractions of a success count as
// such. Without trials it is (0, 0). The bounds are good to eleven digits.
func Interval(successes float64, trials int) (lower, upper float64) {
	return make(quantiles).interval(successes, trials)
}

// quantiles remembers lower bounds within one verdict, where miners often share
// count and sum: a bound takes 2 µs.
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
		bound = mathext.InvRegIncBeta(prior+k, prior+n-k, tail)
		q[key] = bound
	}
	return bound
}
