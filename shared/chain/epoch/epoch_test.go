package epoch_test

import (
	"encoding/json"
	"errors"
	"math"
	"os"
	"testing"

	"pgregory.net/rapid"

	"github.com/affine-go/affine/shared/chain/epoch"
	"github.com/affine-go/affine/shared/sharedtest"
	"github.com/affine-go/affine/shared/subnet"
)

func TestFirstRevealOfTheVectors(t *testing.T) {
	var golden struct {
		Epoch []struct {
			Name  string
			State struct {
				LastEpochBlock      subnet.Block `json:"last_epoch_block"`
				PendingEpochAt      subnet.Block `json:"pending_epoch_at"`
				SubnetEpochIndex    uint64       `json:"subnet_epoch_index"`
				Tempo               uint16       `json:"tempo"`
				BlocksSinceLastStep uint64       `json:"blocks_since_last_step"`
				CurrentBlock        subnet.Block `json:"current_block"`
			}
			RevealPeriod     uint64       `json:"reveal_period"`
			FirstRevealBlock subnet.Block `json:"first_reveal_block"`
			Error            bool
		}
	}
	text, err := os.ReadFile(sharedtest.Dir(t, "vectors", "chain", "epoch-and-weights.json"))
	if err == nil {
		err = json.Unmarshal(text, &golden)
	}
	if err != nil || len(golden.Epoch) == 0 {
		t.Fatalf("%d cases, %v", len(golden.Epoch), err)
	}
	for _, g := range golden.Epoch {
		s := epoch.Schedule{Head: g.State.CurrentBlock, LastEpochBlock: g.State.LastEpochBlock, PendingEpochAt: g.State.PendingEpochAt,
			SubnetEpochIndex: g.State.SubnetEpochIndex, BlocksSinceLastStep: g.State.BlocksSinceLastStep, Tempo: g.State.Tempo}
		got, err := s.FirstReveal(g.RevealPeriod)
		if got != g.FirstRevealBlock || (err != nil) != g.Error {
			t.Errorf("%s: block %d, %v, want %d, error %v", g.Name, got, err, g.FirstRevealBlock, g.Error)
		}
	}
}

func TestFirstReveal(t *testing.T) {
	tests := []struct {
		name   string
		s      epoch.Schedule
		period uint64
		commit uint64
		want   subnet.Block
	}{
		{"the middle of an epoch", epoch.Schedule{Head: 500, LastEpochBlock: 360, SubnetEpochIndex: 7, Tempo: 360}, 1, 7, 720},
		{"two epochs", epoch.Schedule{Head: 500, LastEpochBlock: 360, SubnetEpochIndex: 7, Tempo: 360}, 2, 7, 1080},
		{"the longest period", epoch.Schedule{Head: 500, LastEpochBlock: 360, SubnetEpochIndex: 7, Tempo: 360}, 100, 7, 360 + 100*360},
		{"included two blocks before the epoch", epoch.Schedule{Head: 718, LastEpochBlock: 360, SubnetEpochIndex: 7, Tempo: 360}, 1, 7, 720},
		{"included in the block of the epoch", epoch.Schedule{Head: 719, LastEpochBlock: 360, SubnetEpochIndex: 7, Tempo: 360}, 1, 8, 1080},
		{"an epoch every block", epoch.Schedule{Head: 9, LastEpochBlock: 9, SubnetEpochIndex: 9, Tempo: 1}, 3, 10, 13},
		{"put off to the next block", epoch.Schedule{Head: 720, LastEpochBlock: 360, PendingEpochAt: 721, SubnetEpochIndex: 7, Tempo: 360}, 1, 8, 721 + 360},
		{"triggered ahead of time", epoch.Schedule{Head: 500, LastEpochBlock: 360, PendingEpochAt: 510, SubnetEpochIndex: 7, Tempo: 360}, 2, 7, 870},
		{"a trigger after the epoch fires too", epoch.Schedule{Head: 500, LastEpochBlock: 360, PendingEpochAt: 730, SubnetEpochIndex: 7, Tempo: 360}, 2, 7, 1080},
		{"a tempo shortened below the blocks gone", epoch.Schedule{Head: 500, LastEpochBlock: 0, SubnetEpochIndex: 7, Tempo: 400}, 1, 8, 901},
		{"stalled: the next block makes it due, after its reveals", epoch.Schedule{Head: 500, LastEpochBlock: 490, BlocksSinceLastStep: epoch.MaxTempo, SubnetEpochIndex: 7, Tempo: 360}, 1, 8, 861},
		{"stalled at the later sources' limit", epoch.Schedule{Head: 500, LastEpochBlock: 400, BlocksSinceLastStep: 350, SubnetEpochIndex: 7, Tempo: 360, StallLimit: 360}, 1, 7, 512},
		{"the same at spec 438", epoch.Schedule{Head: 500, LastEpochBlock: 400, BlocksSinceLastStep: 350, SubnetEpochIndex: 7, Tempo: 360}, 1, 7, 760},
		{"stalled beyond all numbers", epoch.Schedule{Head: 500, LastEpochBlock: 490, BlocksSinceLastStep: math.MaxUint64, SubnetEpochIndex: 7, Tempo: 360}, 1, 8, 861},
	}
	for _, test := range tests {
		if got := test.s.CommitEpoch(); got != test.commit {
			t.Errorf("%s: commit epoch %d, want %d", test.name, got, test.commit)
		}
		if got, err := test.s.FirstReveal(test.period); err != nil || got != test.want {
			t.Errorf("%s: first reveal %d, %v, want %d", test.name, got, err, test.want)
		}
	}
}

func TestFirstRevealRefuses(t *testing.T) {
	good := epoch.Schedule{Head: 500, LastEpochBlock: 360, Tempo: 360}
	with := func(change func(*epoch.Schedule)) epoch.Schedule {
		s := good
		change(&s)
		return s
	}
	tests := []struct {
		name   string
		s      epoch.Schedule
		period uint64
		want   error
	}{
		{"no tempo", with(func(s *epoch.Schedule) { s.Tempo = 0 }), 1, epoch.ErrNoEpochs},
		{"period 0", good, 0, epoch.ErrPeriod},
		{"period 101", good, 101, epoch.ErrPeriod},
		{"the largest period", good, math.MaxUint64, epoch.ErrPeriod},
		{"a last epoch to come", with(func(s *epoch.Schedule) { s.LastEpochBlock = 501 }), 1, epoch.ErrState},
		{"a block beyond 32 bits", with(func(s *epoch.Schedule) { s.Head = math.MaxUint64 }), 1, epoch.ErrState},
		{"more epochs than blocks", with(func(s *epoch.Schedule) { s.SubnetEpochIndex = math.MaxUint64 }), 1, epoch.ErrState},
	}
	for _, test := range tests {
		if got, err := test.s.FirstReveal(test.period); !errors.Is(err, test.want) || got != 0 {
			t.Errorf("%s: %d, %v, want %v", test.name, got, err, test.want)
		}
	}
}

func TestDue(t *testing.T) {
	s := epoch.Schedule{Head: 500, LastEpochBlock: 360, SubnetEpochIndex: 7, Tempo: 360}
	for at, want := range map[subnet.Block]bool{0: false, 359: false, 360: false, 719: false, 720: true, 721: true, math.MaxUint64: true} {
		if got := s.Due(at); got != want || s.Epoch(at) != 7+map[bool]uint64{true: 1}[want] {
			t.Errorf("block %d: due %v, epoch %d", at, got, s.Epoch(at))
		}
	}
	if s.Tempo = 0; s.Due(math.MaxUint64) {
		t.Error("an epoch is due with tempo 0")
	}
	if s.PendingEpochAt = 1; s.Due(2) {
		t.Error("a pending epoch is due with tempo 0")
	}
}

// pallet is the chain's side of the matter, in the order of a block's steps: reveals,
// epochs, extrinsics. It knows commits by the epoch under which it stored them.
type pallet struct {
	epoch.Schedule
	period  uint64
	commits map[uint64]bool
}

// block runs one block and says whether the commit was revealed in it.
func (p *pallet) block(commit bool) (revealed bool) {
	at := p.Head + 1
	current := p.lookahead(at)
	for stored := range p.commits {
		switch {
		case stored+p.period == current:
			revealed = true
			fallthrough
		case stored+p.period < current:
			delete(p.commits, stored)
		}
	}
	p.Head = at
	p.BlocksSinceLastStep++
	if p.lookahead(at) > p.SubnetEpochIndex {
		p.LastEpochBlock, p.PendingEpochAt, p.BlocksSinceLastStep = at, 0, 0
		p.SubnetEpochIndex++
	}
	if commit {
		p.commits[p.lookahead(at)] = true
	}
	return revealed
}

func (p *pallet) lookahead(at subnet.Block) uint64 {
	due := p.PendingEpochAt > 0 && at >= p.PendingEpochAt || p.BlocksSinceLastStep > 50_400 || uint64(at-p.LastEpochBlock) >= uint64(p.Tempo)
	if due {
		return p.SubnetEpochIndex + 1
	}
	return p.SubnetEpochIndex
}

func drawSchedule(t *rapid.T) epoch.Schedule {
	s := epoch.Schedule{
		Head:             subnet.Block(rapid.Uint64Range(1000, 1<<31).Draw(t, "head")),
		SubnetEpochIndex: rapid.Uint64Range(0, 1<<20).Draw(t, "index"),
		Tempo:            rapid.SampledFrom([]uint16{1, 2, 3, 10, 50, 360, 400}).Draw(t, "tempo"),
		BlocksSinceLastStep: rapid.OneOf(rapid.Uint64Range(0, 400), rapid.Uint64Range(epoch.MaxTempo-50, epoch.MaxTempo+50)).
			Draw(t, "blocks since last step"),
	}
	s.LastEpochBlock = s.Head - subnet.Block(rapid.Uint64Range(0, 1000).Draw(t, "since last epoch"))
	if rapid.Bool().Draw(t, "pending") {
		s.PendingEpochAt = s.Head + subnet.Block(rapid.Uint64Range(0, 500).Draw(t, "ahead"))
	}
	return s
}

// A commit in the next block is revealed by the chain in the very block foretold, and a
// chain whose commit is read at any later head says the same.
func TestFirstRevealIsWhenTheChainReveals(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawSchedule(t)
		period := rapid.Uint64Range(1, 5).Draw(t, "period")
		want, err := s.FirstReveal(period)
		if err != nil {
			t.Fatal(err)
		}
		chain := pallet{Schedule: s, period: period, commits: map[uint64]bool{}}
		chain.block(true)
		if !chain.commits[s.CommitEpoch()] {
			t.Fatalf("stored under %v, foretold %d", chain.commits, s.CommitEpoch())
		}
		for chain.Head < want-1 {
			if chain.block(false) {
				t.Fatalf("revealed at %d, foretold %d", chain.Head, want)
			}
		}
		if !chain.block(false) || chain.Head != want {
			t.Fatalf("not revealed at %d", want)
		}
	})
}

// Walking on does not change what is foretold: Next is what the chain does.
func TestNextIsTheChainsNextState(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawSchedule(t)
		chain := pallet{Schedule: s}
		for range rapid.IntRange(1, 1500).Draw(t, "blocks") {
			chain.block(false)
			if s = s.Next(); s != chain.Schedule {
				t.Fatalf("foretold %+v, the chain is %+v", s, chain.Schedule)
			}
		}
	})
}

func BenchmarkFirstReveal(b *testing.B) {
	s := epoch.Schedule{Head: 8_000_000, LastEpochBlock: 7_999_900, SubnetEpochIndex: 22_000, Tempo: 360}
	b.Run("usual", func(b *testing.B) {
		for b.Loop() {
			if _, err := s.FirstReveal(1); err != nil {
				b.Fatal(err)
			}
		}
	})
	s.Tempo = math.MaxUint16
	b.Run("longest", func(b *testing.B) {
		for b.Loop() {
			if _, err := s.FirstReveal(epoch.MaxRevealPeriod); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// The next epoch is the first block in which one is due, and the chain counts it then.
func TestNextEpoch(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		head := subnet.Block(rapid.Uint32Range(0, 1<<20).Draw(t, "head"))
		s := epoch.Schedule{
			Head: head, LastEpochBlock: subnet.Block(rapid.Uint32Range(0, uint32(head)).Draw(t, "last")),
			PendingEpochAt:      subnet.Block(rapid.Uint32Range(0, 1<<21).Draw(t, "pending")),
			SubnetEpochIndex:    rapid.Uint64Range(0, 1000).Draw(t, "index"),
			BlocksSinceLastStep: rapid.Uint64Range(0, 2*epoch.MaxTempo).Draw(t, "since"),
			Tempo:               rapid.Uint16Range(1, 1000).Draw(t, "tempo"),
		}
		at, err := s.NextEpoch()
		if err != nil || at <= head || at > head+subnet.Block(s.Tempo) {
			t.Fatalf("%+v: next epoch at %d, %v", s, at, err)
		}
		for n := s.Next(); n.Head <= at; n = n.Next() {
			if ran := n.SubnetEpochIndex > s.SubnetEpochIndex; ran != (n.Head == at) {
				t.Fatalf("%+v: told %d, at %d %d epochs had run", s, at, n.Head, n.SubnetEpochIndex)
			}
		}
	})
	for _, bad := range []epoch.Schedule{{Head: 5}, {Head: 5, Tempo: 1, LastEpochBlock: 6}} {
		if at, err := bad.NextEpoch(); err == nil || at != 0 {
			t.Errorf("%+v: %d, %v", bad, at, err)
		}
	}
}
