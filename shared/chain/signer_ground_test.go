package chain

import (
	"errors"
	"math"
	"testing"
	"time"

	"github.com/affine-go/affine/shared/chain/timelock"
	"github.com/affine-go/affine/shared/subnet"
)

func TestChainTime(t *testing.T) {
	for ms, want := range map[uint64]time.Time{
		1_692_803_367_000: time.Unix(1692803367, 0),
		1:                 time.UnixMilli(1),
		1 << 53:           time.UnixMilli(1 << 53),
	} {
		g := &ground{snapshot: &snapshot{}, now: ms}
		if got, err := g.chainTime(); err != nil || !got.Equal(want) {
			t.Errorf("%d ms: %v, %v; want %v", ms, got, err, want)
		}
	}
	for _, ms := range []uint64{0, 1<<53 + 1, math.MaxUint64} {
		g := &ground{snapshot: &snapshot{}, now: ms}
		if got, err := g.chainTime(); !errors.Is(err, ErrAnswer) {
			t.Errorf("%d ms: %v, %v; want ErrAnswer", ms, got, err)
		}
	}
}

// The permit is read at the account's own place, if it has one.
func TestReadPermit(t *testing.T) {
	for name, c := range map[string]struct {
		ground ground
		value  any
		permit bool
		fails  bool
	}{
		"own place":      {ground{registered: true, uid: 1}, []any{false, true}, true, false},
		"another's":      {ground{registered: true, uid: 0}, []any{false, true}, false, false},
		"not registered": {ground{}, []any{true}, false, false},
		"list too short": {ground{registered: true, uid: 2}, []any{true, true}, false, false},
		"no list":        {ground{registered: true}, nil, false, true},
		"no booleans":    {ground{registered: true}, []any{uint64(1)}, false, true},
	} {
		err := c.ground.readPermit(c.value)
		if c.ground.permit != c.permit || (err != nil) != c.fails {
			t.Errorf("%s: permit %v, %v", name, c.ground.permit, err)
		}
	}
}

// Signatures are counted from the epoch's beginning, by whichever rule the chain has.
func TestWindow(t *testing.T) {
	for name, c := range map[string]struct {
		rules subnet.WeightRules
		want  subnet.Block
	}{
		"in storage":   {subnet.WeightRules{Tempo: 360, LastEpochHint: 977}, 977},
		"by the tempo": {subnet.WeightRules{Tempo: 360}, 720},
		"no epochs":    {subnet.WeightRules{}, 720}, // a window for each block would be no ceiling
	} {
		g := &ground{snapshot: &snapshot{head: Head{Number: 1000}}, rules: c.rules}
		if got := g.window(); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
}

func TestOpensOnlyByTheOwnBeacon(t *testing.T) {
	quicknet := timelock.Quicknet()
	g := &ground{beacon: quicknet}
	if err := g.opens(quicknet); err != nil {
		t.Error(err)
	}
	later := quicknet
	later.Genesis = later.Genesis.In(time.FixedZone("elsewhere", 3600))
	if err := g.opens(later); err != nil {
		t.Errorf("the same moment in another zone: %v", err)
	}
	for name, spoil := range map[string]func(*timelock.Beacon){
		"key":     func(b *timelock.Beacon) { b.PublicKey[95] ^= 1 },
		"period":  func(b *timelock.Beacon) { b.Period = time.Second },
		"genesis": func(b *timelock.Beacon) { b.Genesis = b.Genesis.Add(time.Second) },
	} {
		other := quicknet
		spoil(&other)
		if err := g.opens(other); !errors.Is(err, ErrPolicy) {
			t.Errorf("another %s: %v, want ErrPolicy", name, err)
		}
	}
}

// A weight that is too great a part of the sum is refused where the chain refuses it.
func TestWithinCeiling(t *testing.T) {
	for _, c := range []struct {
		values  []uint16
		ceiling uint16
		ok      bool
	}{
		{[]uint16{65535}, 65535, true},
		{[]uint16{65535}, 65534, false},
		{[]uint16{1, 1}, 32768, true},
		{[]uint16{1, 1}, 32767, false},
		{[]uint16{65535, 65535}, 32768, true},
		{[]uint16{65535, 0}, 65535, true},
		{[]uint16{3, 1}, 49152, true},
		{[]uint16{3, 1}, 49150, false},
		{[]uint16{1, 2}, 0, false},
	} {
		if err := withinCeiling(c.values, c.ceiling); (err == nil) != c.ok {
			t.Errorf("%v under %d: %v", c.values, c.ceiling, err)
		}
	}
}

// The owner of a subnet needs no permit, and everybody may weigh itself without one.
func TestWhoNeedsAPermit(t *testing.T) {
	intent := subnet.WeightsIntent{Netuid: 120, UIDs: []subnet.UID{0, 1}, Values: []uint16{1, 1}}
	alone := subnet.WeightsIntent{Netuid: 120, UIDs: []subnet.UID{2}, Values: []uint16{1}}
	for name, c := range map[string]struct {
		ground ground
		intent subnet.WeightsIntent
		ok     bool
	}{
		"nobody":        {ground{}, intent, false},
		"a validator":   {ground{permit: true}, intent, true},
		"the owner":     {ground{owner: true}, intent, true},
		"oneself":       {ground{}, alone, true},
		"oneself, more": {ground{}, subnet.WeightsIntent{UIDs: []subnet.UID{1, 2}, Values: []uint16{1, 1}}, false},
		"another":       {ground{}, subnet.WeightsIntent{UIDs: []subnet.UID{1}, Values: []uint16{1}}, false},
	} {
		c.ground.registered, c.ground.uid, c.ground.size = true, 2, 3
		c.ground.rules = subnet.WeightRules{MinAllowed: 1, MaxWeight: 65535, Mechanisms: 1}
		if err := c.ground.takes(c.intent); (err == nil) != c.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Where the runtime does not say what it compares with the threshold, the chain judges.
func TestStakeIsJudgedWhereItIsKnown(t *testing.T) {
	g := &ground{snapshot: &snapshot{}, rules: subnet.WeightRules{StakeThreshold: 1}}
	g.Metadata = runtimeWith(t, "set_weights")
	if err := g.staked(t.Context(), 120); err != nil {
		t.Error(err)
	}
}
