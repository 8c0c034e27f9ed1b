// Package dice draws the random choices from which an environment generates a task.
// The draws depend on the environment, the task id and the try alone, and must
// never change: a task id means the same task in every build.
//
// The stream is ChaCha8 (C2SP chacha8rand, which Go promises to keep) under the key
// SHA-256("env:task:try"); every bounded draw is derived from it here, so that no
// standard-library helper whose derivation may change stands between.
package dice

import (
	"crypto/sha256"
	"fmt"
	"math/bits"
	"math/rand/v2"

	"github.com/affine-go/affine/shared/subnet"
)

// Dice is one stream of draws. It is not safe for concurrent use.
type Dice struct{ source *rand.ChaCha8 }

// New returns the stream of a task. Try counts the instances that were rejected
// before, from 0.
func New(env subnet.EnvID, task subnet.TaskID, try int) *Dice {
	key := sha256.Sum256(fmt.Appendf(nil, "%s:%d:%d", env, task, try))
	return &Dice{source: rand.NewChaCha8(key)}
}

// Below is a uniform integer in [0, n), n at least 1. It is Lemire's method:
// the high word of a product, drawn again in the rare case that would be biased.
func (d *Dice) Below(n int) int {
	bound := uint64(n)
	high, low := bits.Mul64(d.source.Uint64(), bound)
	for low < -bound%bound {
		high, low = bits.Mul64(d.source.Uint64(), bound)
	}
	return int(high)
}

// Between is a uniform integer in [lo, hi], both included.
func (d *Dice) Between(lo, hi int) int { return lo + d.Below(hi-lo+1) }

// Coin is true half the time.
func (d *Dice) Coin() bool { return d.source.Uint64()>>63 == 1 }

// Pick is a uniform choice among the options, of which there is at least one.
func Pick[T any](d *Dice, options ...T) T { return options[d.Below(len(options))] }

// Sample is k distinct integers of [0, n), in random order.
func (d *Dice) Sample(n, k int) []int {
	pool := make([]int, n)
	for i := range pool {
		pool[i] = i
	}
	for i := range k {
		j := i + d.Below(n-i)
		pool[i], pool[j] = pool[j], pool[i]
	}
	return pool[:k]
}
