package subnet

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math/bits"
)

// WindowBlocks is the default span of a window, in blocks: samples of the last
// WindowBlocks blocks are scored.
const WindowBlocks = 10_000

// WindowOf numbers the window that a block lies in.
func WindowOf(b Block, span Block) uint64 { return uint64(b / span) }

// WindowPlan fixes which tasks are given in a window, the same and in the same
// order for all miners. The secret stays private until the window closes; then it
// is published, so that anyone can audit which tasks were due.
type WindowPlan struct {
	Netuid  Netuid           `json:"netuid"`
	Window  uint64           `json:"window"`
	Secret  []byte           `json:"secret"` // 32 random bytes
	Opened  Block            `json:"opened"`
	Cursor  map[EnvID]uint32 `json:"cursor"` // first index nobody has been given
	Closed  bool             `json:"closed"` // the secret has been published
	Version int64            `json:"version"`
}

// Task is the plan's task number index in an environment with task ids [lo, hi):
// the task id, and how often the range had been gone through before.
//
// Within one pass no id repeats: the index runs through a permutation of the range
// keyed by HMAC-SHA-256 of the window's secret, so neither the next id nor the set
// of ids to come can be foretold without the secret.
func (p WindowPlan) Task(e EnvID, lo, hi TaskID, index uint32) (TaskID, uint8, error) {
	if hi <= lo {
		return 0, 0, fmt.Errorf("window %d: env %s has the empty id range [%d,%d)", p.Window, e, lo, hi)
	}
	n := uint64(hi - lo)
	pass := uint64(index) / n
	if pass > 255 {
		return 0, 0, fmt.Errorf("window %d: env %s: index %d goes through %d ids more than 256 times", p.Window, e, index, n)
	}
	key := hmac.New(sha256.New, p.Secret)
	fmt.Fprintf(key, "%s|%d|%d", e, p.Window, pass)
	return lo + TaskID(permute(key.Sum(nil), uint64(index)%n, n)), uint8(pass), nil
}

// permute maps x in [0, n) to another value in [0, n), one to one, by a Feistel
// network over the least even number of bits that holds n, walked until the value
// falls within the range (fewer than four steps on average).
func permute(key []byte, x, n uint64) uint64 {
	half := (bits.Len64(n-1) + 1) / 2
	if half == 0 {
		return 0
	}
	mask := uint64(1)<<half - 1
	for {
		left, right := x>>half, x&mask
		for round := range byte(8) {
			left, right = right, left^(feistel(key, round, right)&mask)
		}
		if x = left<<half | right; x < n {
			return x
		}
	}
}

func feistel(key []byte, round byte, half uint64) uint64 {
	mac := hmac.New(sha256.New, key)
	var b [9]byte
	b[0] = round
	binary.BigEndian.PutUint64(b[1:], half)
	mac.Write(b[:])
	return binary.BigEndian.Uint64(mac.Sum(nil))
}
