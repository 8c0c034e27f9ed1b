package validator_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/affine-go/affine/shared/subnet"
)

// The chain of the fault runs, scaled down to fewer blocks. An era lasts as long as on
// the real chain, and so a little less than the lease.
const (
	simBlockTime = 32 * time.Second
	simTempo     = 60
	simEra       = 24
	simLag       = 3 // blocks from inclusion to finality
	simPatience  = 8 * time.Minute
)

// chainState is the state after one block.
type chainState struct {
	number subnet.Block
	fork   int // tells blocks of one height apart
	spec   int
	epoch  uint64       // index of the running epoch
	since  subnet.Block // its first block

	nonce      int
	lastUpdate map[subnet.Mechanism]subnet.Block
	rows       map[subnet.Mechanism]map[subnet.UID]uint16
	sealed     []sealedCommit
	miners     []subnet.Hotkey // by uid
	permit     bool
	rules      subnet.WeightRules

	included []simInclusion // in this block
	opened   []simOpening
}

type sealedCommit struct {
	hash  string
	epoch uint64 // in which it was committed
}

type simInclusion struct {
	hash    string
	block   subnet.Block
	failure string
}

type simOpening struct {
	hash  string
	block subnet.Block
	row   map[subnet.UID]uint16
}

// simExtrinsic is what some bytes say: nobody can make them but the signer.
type simExtrinsic struct {
	hash    string
	intent  subnet.WeightsIntent
	nonce   int
	death   subnet.Block
	spec    int
	round   uint64 // 0 in the open
	foreign bool   // made by another program that has the hotkey
}

func (x simExtrinsic) row() map[subnet.UID]uint16 {
	row := make(map[subnet.UID]uint16)
	for i, uid := range x.intent.UIDs {
		row[uid] = x.intent.Values[i]
	}
	return row
}

// simChain is a chain in memory, as strict as Subtensor where it matters here: nonces,
// eras, signatures that hold for one runtime, blocks that are final late, forks, rate
// limits, epochs, and timelocked weights that the right pulse opens in the right epoch
// or nothing ever does. It lives by the clock of the bubble.
type simChain struct {
	mu     sync.Mutex
	random *rand.Rand
	began  time.Time
	counts *counts
	plan   chainPlan

	states   []*chainState // the finalized one first, the head last
	before   []*chainState // a few finalized ones before it
	moved    time.Time     // when finality last moved
	forks    int
	pool     []string
	known    map[string]simExtrinsic
	included map[string]simInclusion // finalized, by hash
	opened   map[string]simOpening
	epochs   []subnet.Block // first blocks, finalized
	rows     []simRow       // every row that was in force, finalized
	signs    map[subnet.Block]int
}

type simRow struct {
	mechanism subnet.Mechanism
	since     subnet.Block
	values    map[subnet.UID]uint16
}

// chainPlan is what will happen to a chain.
type chainPlan struct {
	reveal       bool // commit-reveal is on from the start
	period       uint64
	rate         subnet.Block // rate limit
	hint         bool         // the chain says when its epochs began
	calm         subnet.Block
	upgrades     []subnet.Block
	flips        []subnet.Block // commit-reveal on or off
	deals        []subnet.Block // uid 1 changes hands
	keys         []subnet.Block // the version key rises
	permitless   [2]subnet.Block
	stalls       [2]subnet.Block // finality stands still
	badPulses    float64
	forkRate     float64
	forgetRate   float64
	mechanism    subnet.Mechanism
	constant     bool // the rule pays the same in every epoch
	foreignAt    []subnet.Block
	discardAfter subnet.Block // nodes forget how dispatches ended, when not 0
}

func newSimChain(seed uint64, plan chainPlan, counts *counts) *simChain {
	c := &simChain{
		random: rand.New(rand.NewPCG(seed, 21)), began: time.Now(), moved: time.Now(), plan: plan, counts: counts,
		known: make(map[string]simExtrinsic), included: make(map[string]simInclusion), opened: make(map[string]simOpening),
		signs: make(map[subnet.Block]int),
	}
	genesis := &chainState{
		number: 1_000, spec: 1, since: 1_000, miners: []subnet.Hotkey{"owner", "miner-0", own}, permit: true,
		lastUpdate: map[subnet.Mechanism]subnet.Block{0: 980, 1: 980}, rows: map[subnet.Mechanism]map[subnet.UID]uint16{},
		rules: subnet.WeightRules{Tempo: simTempo, RateLimit: uint64(plan.rate), MaxWeight: 65535, BlockTime: simBlockTime,
			CommitReveal: plan.reveal, RevealPeriod: plan.period, Mechanisms: 2},
	}
	c.states, c.epochs = []*chainState{genesis}, []subnet.Block{genesis.since}
	return c
}

func (c *simChain) final() *chainState { return c.states[0] }
func (c *simChain) head() *chainState  { return c.states[len(c.states)-1] }

func (c *simChain) timeOf(b subnet.Block) time.Time {
	return c.began.Add(time.Duration(b-1_000) * simBlockTime)
}

// catchUp makes the blocks whose time has come.
func (c *simChain) catchUp() {
	for target := subnet.Block(1_000 + time.Since(c.began)/simBlockTime); c.head().number < target; {
		if n := len(c.states); n > 2 && c.random.Float64() < c.plan.forkRate && c.stormy() {
			c.retract(1 + c.random.IntN(n-2))
		}
		c.states = append(c.states, c.build(c.head()))
		c.finalize()
	}
}

// stormy says whether the chain misbehaves still.
func (c *simChain) stormy() bool { return c.head().number < c.plan.calm }

// retract undoes the newest blocks. What they held is in the pool again, or forgotten.
func (c *simChain) retract(n int) {
	c.counts.add("blocks retracted")
	c.forks++
	for _, s := range c.states[len(c.states)-n:] {
		for _, inc := range s.included {
			c.counts.add("inclusion undone by a fork")
			if c.random.Float64() > c.plan.forgetRate {
				c.pool = append(c.pool, inc.hash)
			}
		}
	}
	c.states = c.states[:len(c.states)-n]
}

func (c *simChain) finalize() {
	if at := c.head().number; at >= c.plan.stalls[0] && at < c.plan.stalls[1] {
		return
	}
	for len(c.states) > simLag+1 {
		c.before = append(c.before, c.states[0])
		if len(c.before) > 6 {
			c.before = c.before[1:]
		}
		c.states, c.moved = c.states[1:], c.timeOf(c.head().number)
		c.finish(c.states[0])
	}
}

// finish writes down what a block that is final now has done.
func (c *simChain) finish(s *chainState) {
	if s.since == s.number {
		c.epochs = append(c.epochs, s.number)
	}
	for _, inc := range s.included {
		if _, twice := c.included[inc.hash]; twice {
			panic("bytes included twice: the nonce did not hold")
		}
		c.included[inc.hash] = inc
	}
	for _, o := range s.opened {
		c.opened[o.hash] = o
	}
	for mechanism := range subnet.Mechanism(2) {
		if row := s.rows[mechanism]; row != nil && !maps.Equal(row, c.rowAt(mechanism, s.number)) {
			c.rows = append(c.rows, simRow{mechanism, s.number, row})
		}
	}
}

// rowAt is the row in force after a finalized block.
func (c *simChain) rowAt(m subnet.Mechanism, at subnet.Block) (row map[subnet.UID]uint16) {
	for _, r := range c.rows {
		if r.mechanism == m && r.since <= at {
			row = r.values
		}
	}
	return row
}

// build makes the next block: reveals, epochs, then extrinsics.
func (c *simChain) build(parent *chainState) *chainState {
	s := *parent
	s.number, s.fork, s.included, s.opened = s.number+1, c.forks, nil, nil
	due := s.number >= s.since+simTempo
	if due {
		s.epoch, s.since = s.epoch+1, s.number
	}
	c.reveal(&s)
	c.events(&s)
	var left []string
	for _, hash := range c.pool {
		if keep := c.apply(&s, c.known[hash]); keep {
			left = append(left, hash)
		}
	}
	c.pool = left
	return &s
}

// events is what the plan has for the block.
func (c *simChain) events(s *chainState) {
	at := func(list []subnet.Block) bool { return slices.Contains(list, s.number) }
	if at(c.plan.upgrades) {
		c.counts.add("runtime upgrade")
		s.spec++
	}
	if at(c.plan.flips) {
		c.counts.add("commit-reveal switched")
		s.rules.CommitReveal = !s.rules.CommitReveal
	}
	if at(c.plan.keys) {
		c.counts.add("version key raised")
		s.rules.VersionKey++
	}
	if at(c.plan.deals) {
		c.counts.add("uid given to another miner")
		s.miners = slices.Clone(s.miners)
		s.miners[1] = subnet.Hotkey(fmt.Sprintf("miner-%d", s.number))
	}
	s.permit = s.number < c.plan.permitless[0] || s.number >= c.plan.permitless[1]
}
