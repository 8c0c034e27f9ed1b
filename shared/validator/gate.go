package validator

import (
	"maps"
	"sync"
	"time"

	"github.com/affine-go/affine/shared/subnet"
)

// gate stops all polling after a fault of the operator's own account: a wrong key
// or an empty balance hits every miner alike and is no miner's doing. It opens
// again by itself, for one message at a time until one attempt gets through.
type gate struct {
	clock Clock
	first time.Duration // first pause; each further fault doubles it
	most  time.Duration

	mu       sync.Mutex
	level    int // times closed in a row
	until    time.Time
	reason   string
	suspects map[subnet.Hotkey]bool // miners whose attempts ended so since the last good one
	doubted  map[subnet.Hotkey]bool // closed the gate although others got through; until they do as well
}

// fault records an operator fault met at a miner and returns how long everything
// should rest; 0 when there is no more than that one miner's word for it. A miner
// that takes its chute away can look for a while as if our key had no right to it,
// and must not stop the others; two that make common cause are not believed twice.
// Attempts that were under way when the gate closed do not lengthen the pause.
func (g *gate) fault(miner subnet.Hotkey, reason string) time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := g.clock()
	if now.Before(g.until) {
		return g.until.Sub(now)
	}
	if g.doubted[miner] {
		return 0
	}
	if g.suspects == nil {
		g.suspects = make(map[subnet.Hotkey]bool)
	}
	if g.suspects[miner] = true; len(g.suspects) < 2 {
		return 0
	}
	pause := g.first << min(g.level, 10)
	if pause > g.most {
		pause = g.most
	}
	g.level++
	g.until, g.reason = now.Add(pause), reason
	return pause
}

// good records a miner's attempt that reached a verdict.
func (g *gate) good(miner subnet.Hotkey) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.clock().Before(g.until) {
		return
	}
	if g.level > 0 {
		if g.doubted == nil {
			g.doubted = make(map[subnet.Hotkey]bool)
		}
		maps.Copy(g.doubted, g.suspects)
	}
	delete(g.doubted, miner)
	g.level, g.reason, g.suspects = 0, "", nil
}

// state returns how long polling must still rest, whether it is on probation (one
// message at a time), and the fault that closed the gate.
func (g *gate) state() (rest time.Duration, probation bool, reason string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return max(0, g.until.Sub(g.clock())), g.level > 0, g.reason
}
