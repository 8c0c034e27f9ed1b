package simchutes

import (
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"time"
)

// Latency is the log-normal distribution of a reply's duration; half of it passes
// before the first word. The zero Latency takes no time.
type Latency struct {
	Median time.Duration
	Sigma  float64 // of the duration's logarithm: 0.5 to 0.8 as models behave
}

// Draw is the duration of a miner's reply to its request of that number.
func (l Latency) Draw(seed uint64, slug string, number uint64) time.Duration {
	if l.Median == 0 {
		return 0
	}
	r := rand.New(rand.NewPCG(hash(seed, slug, "latency"), number))
	return time.Duration(float64(l.Median) * math.Exp(l.Sigma*r.NormFloat64()))
}

// hash mixes its parts, each told apart from its neighbours.
func hash(parts ...any) uint64 {
	h := fnv.New64a()
	for _, part := range parts {
		text := fmt.Sprint(part)
		var length [8]byte
		binary.BigEndian.PutUint64(length[:], uint64(len(text)))
		_, _ = h.Write(length[:])
		_, _ = h.Write([]byte(text))
	}
	// FNV's high bits lag behind its low ones; one round of SplitMix evens them.
	x := h.Sum64()
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// share is a number in [0, 1) that belongs to its parts.
func share(parts ...any) float64 { return float64(hash(parts...)>>11) / (1 << 53) }
