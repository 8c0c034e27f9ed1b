// Package pyrandom reproduces the draws of CPython's random.Random, so that a task
// which upstream generates in Python from a task id is the same task here, bit for
// bit. Only the draws that a ported generator makes are present.
//
// The generator is MT19937 of Matsumoto and Nishimura (1998); seeding and the
// derived draws follow CPython's Lib/random.py and Modules/_randommodule.c, which
// are unchanged from 3.2 to 3.13 in what is used here.
package pyrandom

import "math/bits"

const (
	stateSize = 624
	shiftSize = 397
)

// Random is the state of one generator. It is not safe for concurrent use.
type Random struct {
	state [stateSize]uint32
	next  int
}

// New returns the generator that random.Random(seed) gives for a non-negative
// integer seed.
func New(seed uint64) *Random {
	key := []uint32{uint32(seed)}
	if high := uint32(seed >> 32); high != 0 {
		key = append(key, high)
	}
	r := &Random{}
	r.initByArray(key)
	return r
}

func (r *Random) initGenrand(seed uint32) {
	r.state[0] = seed
	for i := uint32(1); i < stateSize; i++ {
		prev := r.state[i-1]
		r.state[i] = 1812433253*(prev^prev>>30) + i
	}
	r.next = stateSize
}

// initByArray is init_by_array of the reference implementation.
func (r *Random) initByArray(key []uint32) {
	r.initGenrand(19650218)
	i, j := 1, 0
	for range max(stateSize, len(key)) {
		prev := r.state[i-1]
		r.state[i] = (r.state[i] ^ (prev^prev>>30)*1664525) + key[j] + uint32(j)
		i, j = r.advance(i), (j+1)%len(key)
	}
	for range stateSize - 1 {
		prev := r.state[i-1]
		r.state[i] = (r.state[i] ^ (prev^prev>>30)*1566083941) - uint32(i)
		i = r.advance(i)
	}
	r.state[0] = 1 << 31
}

// advance moves an index of initByArray on, carrying the last word over to the front.
func (r *Random) advance(i int) int {
	if i++; i < stateSize {
		return i
	}
	r.state[0] = r.state[stateSize-1]
	return 1
}

func (r *Random) refill() {
	for i := range stateSize {
		y := r.state[i]&(1<<31) | r.state[(i+1)%stateSize]&(1<<31-1)
		r.state[i] = r.state[(i+shiftSize)%stateSize] ^ y>>1 ^ (y&1)*0x9908b0df
	}
	r.next = 0
}

func (r *Random) uint32() uint32 {
	if r.next == stateSize {
		r.refill()
	}
	y := r.state[r.next]
	r.next++
	y ^= y >> 11
	y ^= y << 7 & 0x9d2c5680
	y ^= y << 15 & 0xefc60000
	return y ^ y>>18
}

// Bits is getrandbits(n) for n from 1 to 32.
func (r *Random) Bits(n int) uint32 { return r.uint32() >> (32 - n) }

// Below is _randbelow(n) for n from 1 to 2³¹−1: a uniform integer in [0, n), by
// rejection. Even n = 2 takes two bits and may draw again.
func (r *Random) Below(n int) int {
	width := bits.Len(uint(n))
	for {
		if v := int(r.Bits(width)); v < n {
			return v
		}
	}
}

// Choice is the index that choice(seq) picks in a sequence of n elements.
func (r *Random) Choice(n int) int { return r.Below(n) }

// SamplePool is sample(range(first, first+n), k) in the variant that CPython uses
// for small populations (n at most 21, or k a large part of n): draw from a pool
// and move the pool's last element into the gap.
func (r *Random) SamplePool(first, n, k int) []int {
	pool := make([]int, n)
	for i := range pool {
		pool[i] = first + i
	}
	picked := make([]int, k)
	for i := range picked {
		j := r.Below(n - i)
		picked[i] = pool[j]
		pool[j] = pool[n-i-1]
	}
	return picked
}
