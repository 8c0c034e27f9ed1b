package epoch_test

import (
	"errors"
	"math"
	"testing"

	"pgregory.net/rapid"

	"github.com/affine-go/affine/shared/chain/epoch"
	"github.com/affine-go/affine/shared/subnet"
)

func TestFixed(t *testing.T) {
	f := epoch.Fixed{Netuid: 120, Tempo: 360} // numbers of 361 blocks, the first begins at 240
	tests := []struct {
		head   subnet.Block
		period uint64
		commit uint64
		want   subnet.Block
	}{
		{0, 1, 0, 240},
		{237, 1, 0, 240},
		{238, 1, 1, 601}, // included in the block that runs the epoch
		{239, 1, 1, 601},
		{240, 1, 1, 601},
		{240, 3, 1, 601 + 2*361},
		{8_000_000, 1, 22_161, 361*22_162 - 121},
	}
	for _, test := range tests {
		if got := f.CommitEpoch(test.head); got != test.commit {
			t.Errorf("head %d: commit epoch %d, want %d", test.head, got, test.commit)
		}
		if got, err := f.FirstReveal(test.head, test.period); err != nil || got != test.want {
			t.Errorf("head %d, period %d: first reveal %d, %v, want %d", test.head, test.period, got, err, test.want)
		}
		once := f
		once.Once = true
		if got, err := once.FirstReveal(test.head, test.period); err != nil || got != test.want-1 || !f.Due(got) {
			t.Errorf("head %d, period %d: only reveal %d, %v, want %d", test.head, test.period, got, err, test.want-1)
		}
	}
}

func TestFixedRefuses(t *testing.T) {
	tests := []struct {
		name   string
		tempo  uint16
		head   subnet.Block
		period uint64
		want   error
	}{
		{"no tempo", 0, 1, 1, epoch.ErrNoEpochs},
		{"period 0", 360, 1, 0, epoch.ErrPeriod},
		{"period 101", 360, 1, 101, epoch.ErrPeriod},
		{"a block beyond 32 bits", 360, math.MaxUint32 + 1, 1, epoch.ErrState},
	}
	for _, test := range tests {
		got, err := epoch.Fixed{Netuid: 1, Tempo: test.tempo}.FirstReveal(test.head, test.period)
		if !errors.Is(err, test.want) || got != 0 {
			t.Errorf("%s: %d, %v, want %v", test.name, got, err, test.want)
		}
	}
	if (epoch.Fixed{Netuid: 1}).Due(0) {
		t.Error("an epoch is due with tempo 0")
	}
}

// The first reveal lies ahead, is the first block of its epoch, and of an epoch a period
// after the commit's.
func TestFixedFirstRevealStartsItsEpoch(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := epoch.Fixed{Netuid: subnet.Netuid(rapid.Uint16().Draw(t, "netuid")), Tempo: rapid.Uint16Min(1).Draw(t, "tempo")}
		head := subnet.Block(rapid.Uint32().Draw(t, "head"))
		period := rapid.Uint64Range(1, 100).Draw(t, "period")
		at, err := f.FirstReveal(head, period)
		if err != nil {
			t.Fatal(err)
		}
		if at <= head+2 || !f.Due(at-1) || f.Epoch(at) != f.CommitEpoch(head)+period || f.Epoch(at-1) == f.Epoch(at) {
			t.Fatalf("head %d in epoch %d: first reveal %d in epoch %d, due before it %v", head, f.Epoch(head), at, f.Epoch(at), f.Due(at-1))
		}
		commit := f.Epoch(head + 1)
		if f.Due(head + 1) {
			commit++
		}
		if f.CommitEpoch(head) != commit {
			t.Fatalf("committed in block %d: epoch %d, want %d", head+1, f.CommitEpoch(head), commit)
		}
	})
}

func TestFixedNextEpoch(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := epoch.Fixed{Netuid: subnet.Netuid(rapid.Uint16().Draw(t, "netuid")), Tempo: rapid.Uint16Min(1).Draw(t, "tempo")}
		head := subnet.Block(rapid.Uint32().Draw(t, "head"))
		at, err := f.NextEpoch(head)
		if err != nil || at <= head || !f.Due(at) || f.Epoch(at) != f.Epoch(head+1) {
			t.Fatalf("head %d: next epoch at %d, due %v, %v", head, at, f.Due(at), err)
		}
	})
	if at, err := (epoch.Fixed{}).NextEpoch(1); !errors.Is(err, epoch.ErrNoEpochs) || at != 0 {
		t.Errorf("tempo 0: %d, %v", at, err)
	}
	if at, err := (epoch.Fixed{Tempo: 1}).NextEpoch(math.MaxUint32 + 1); !errors.Is(err, epoch.ErrState) || at != 0 {
		t.Errorf("a block beyond 32 bits: %d, %v", at, err)
	}
}
