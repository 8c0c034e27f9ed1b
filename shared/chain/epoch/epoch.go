// Package epoch foretells when a subnet's epochs run, which is when the chain opens
// timelocked weights: a commit belongs to the epoch in which it is included, and is
// revealed at the first block of the epoch a reveal period later. To seal weights until
// the right moment that block must be known beforehand.
//
// Two rules exist. Since spec 425 the schedule is state of the chain (Schedule): an epoch
// runs a tempo after the last one, an owner may have one run earlier, and whoever changes
// the tempo starts the count anew. Before, the block's number alone decided (Fixed).
//
// What neither rule foretells: that the chain puts an epoch off because too many subnets
// are due in the same block, or that an owner changes the tempo after the commit.
//
// The package is pure. Its source is the pallet SubtensorModule of Subtensor's runtime
// (run_coinbase, reveal_crv3_commits and current_epoch_with_lookahead).
package epoch

import (
	"errors"
	"fmt"
	"math"

	"github.com/affine-go/affine/shared/subnet"
)

// MaxTempo is the longest tempo in blocks that a subnet's owner may set, a week.
const MaxTempo = 50_400

// The reveal periods, in epochs, that the chain lets an owner set.
const (
	MinRevealPeriod = 1
	MaxRevealPeriod = 100
)

var (
	// ErrNoEpochs means that the subnet's tempo is 0: it never runs an epoch.
	ErrNoEpochs = errors.New("epoch: tempo 0, the subnet runs no epochs")

	// ErrPeriod is wrapped when a reveal period is not one that the chain allows.
	ErrPeriod = errors.New("epoch: reveal period that the chain does not allow")

	// ErrState is wrapped when a schedule is not one that a chain can be in.
	ErrState = errors.New("epoch: no state of a chain")
)

// Schedule is a subnet's epoch schedule as the chain's state has it after block Head:
// five storage items of the pallet SubtensorModule under the netuid, read at that block.
type Schedule struct {
	Head                subnet.Block
	LastEpochBlock      subnet.Block // when the last epoch ran, or the tempo was last set
	PendingEpochAt      subnet.Block // an epoch runs then, early or put off; 0 for none
	SubnetEpochIndex    uint64       // epochs run so far
	BlocksSinceLastStep uint64
	Tempo               uint16 // blocks from epoch to epoch

	// StallLimit is the number that BlocksSinceLastStep must exceed for an epoch to be
	// due whatever the other items say; 0 stands for MaxTempo, which is the limit at
	// specs 425 to 438. Later sources of the runtime have the tempo itself. The two
	// differ only after the tempo was set anew or epochs were skipped.
	StallLimit uint64
}

// Due says whether an epoch is due in a block, judging by the state as it is: what the
// chain finds before the block's epochs have run.
func (s Schedule) Due(at subnet.Block) bool {
	if s.Tempo == 0 {
		return false
	}
	if s.PendingEpochAt > 0 && at >= s.PendingEpochAt {
		return true
	}
	if s.BlocksSinceLastStep > s.stallLimit() {
		return true
	}
	return at >= s.LastEpochBlock && at-s.LastEpochBlock >= subnet.Block(s.Tempo)
}

func (s Schedule) stallLimit() uint64 {
	if s.StallLimit == 0 {
		return MaxTempo
	}
	return s.StallLimit
}

// Epoch is the epoch that the chain counts a block to, judging by the state as it is: the
// epochs run so far and the one that is due. The reveals of a block go by it.
func (s Schedule) Epoch(at subnet.Block) uint64 {
	if s.Due(at) {
		return s.SubnetEpochIndex + 1
	}
	return s.SubnetEpochIndex
}

// Next is the schedule after one more block.
func (s Schedule) Next() Schedule {
	s.Head++
	if s.BlocksSinceLastStep < math.MaxUint64 {
		s.BlocksSinceLastStep++
	}
	if s.Due(s.Head) {
		s.SubnetEpochIndex++
		s.LastEpochBlock, s.PendingEpochAt, s.BlocksSinceLastStep = s.Head, 0, 0
	}
	return s
}

// CommitEpoch is the epoch to which a commit will belong that is included in the block
// after Head: extrinsics come after the block's epochs, so one that is due has run.
func (s Schedule) CommitEpoch() uint64 { return s.Next().SubnetEpochIndex }

// FirstReveal is the first block in which the chain reveals a commit that is included in
// the block after Head, with a reveal period in epochs (RevealPeriodEpochs): reveals come
// before the block's epochs, so it is the block in which the epoch falls due.
//
// It walks block by block, at most 101 times 65,535 of them. It returns ErrNoEpochs, or
// an error that wraps ErrPeriod or ErrState.
func (s Schedule) FirstReveal(period uint64) (subnet.Block, error) {
	if err := s.check(period); err != nil {
		return 0, err
	}
	reveal := s.CommitEpoch() + period
	for s.Epoch(s.Head+1) != reveal {
		s = s.Next()
	}
	return s.Head + 1, nil
}

// NextEpoch is the first block after Head in which an epoch is due. It returns
// ErrNoEpochs, or an error that wraps ErrState.
func (s Schedule) NextEpoch() (subnet.Block, error) {
	if err := s.check(MinRevealPeriod); err != nil {
		return 0, err
	}
	for last := s.SubnetEpochIndex; s.SubnetEpochIndex == last; {
		s = s.Next()
	}
	return s.Head, nil
}

// check refuses what would make FirstReveal walk without end. With a last epoch in the
// past, each epoch comes within a tempo, and two are never counted in one block.
func (s Schedule) check(period uint64) error {
	switch {
	case s.Tempo == 0:
		return ErrNoEpochs
	case s.Head > math.MaxUint32:
		return fmt.Errorf("%w: block %d, blocks are counted in 32 bits", ErrState, s.Head)
	case s.SubnetEpochIndex > math.MaxUint32:
		return fmt.Errorf("%w: %d epochs, more than blocks", ErrState, s.SubnetEpochIndex)
	case s.LastEpochBlock > s.Head:
		return fmt.Errorf("%w: at block %d the last epoch ran at %d", ErrState, s.Head, s.LastEpochBlock)
	}
	return checkPeriod(period)
}

func checkPeriod(period uint64) error {
	if period < MinRevealPeriod || period > MaxRevealPeriod {
		return fmt.Errorf("%w: %d epochs, %d to %d are", ErrPeriod, period, MinRevealPeriod, MaxRevealPeriod)
	}
	return nil
}
