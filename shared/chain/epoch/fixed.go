package epoch

import (
	"fmt"
	"math"

	"github.com/affine-go/affine/shared/subnet"
)

// Fixed is the rule of runtimes before spec 425: epochs follow from the block's number,
// and each lasts one block more than the tempo.
//
// An epoch's number begins one block after the block in which the epoch runs: the last
// block of a number runs the next epoch before its extrinsics, and what is committed in
// it belongs to the next number already.
type Fixed struct {
	Netuid subnet.Netuid
	Tempo  uint16

	// Once is the rule of runtimes that know commit_crv3_weights and none after it: they
	// try to open a commit once, in the block that runs the epoch, where later ones begin
	// in the block after it and try again in every block of the epoch.
	Once bool
}

// Epoch is the number of a block: (block + netuid + 1) / (tempo + 1). It has no meaning
// with tempo 0.
func (f Fixed) Epoch(at subnet.Block) uint64 {
	return (uint64(at) + uint64(f.Netuid) + 1) / (uint64(f.Tempo) + 1)
}

// Due says whether an epoch runs in a block: the last of its number.
func (f Fixed) Due(at subnet.Block) bool {
	return f.Tempo > 0 && f.Epoch(at+1) != f.Epoch(at)
}

// CommitEpoch is the epoch to which a commit will belong that is included in the block
// after head.
func (f Fixed) CommitEpoch(head subnet.Block) uint64 { return f.Epoch(head + 2) }

// FirstReveal is the first block in which the chain reveals a commit that is included in
// the block after head, with Once the only one. It returns ErrNoEpochs, or an error that
// wraps ErrPeriod or ErrState.
func (f Fixed) FirstReveal(head subnet.Block, period uint64) (subnet.Block, error) {
	if err := f.check(head); err != nil {
		return 0, err
	}
	if err := checkPeriod(period); err != nil {
		return 0, err
	}
	first := f.first(f.CommitEpoch(head) + period)
	if f.Once {
		first--
	}
	return first, nil
}

// NextEpoch is the first block after head in which an epoch runs. It returns ErrNoEpochs,
// or an error that wraps ErrState.
func (f Fixed) NextEpoch(head subnet.Block) (subnet.Block, error) {
	if err := f.check(head); err != nil {
		return 0, err
	}
	return f.first(f.Epoch(head+1)+1) - 1, nil
}

// first is the first block of an epoch's number.
func (f Fixed) first(number uint64) subnet.Block {
	return subnet.Block(number*(uint64(f.Tempo)+1) - uint64(f.Netuid) - 1)
}

func (f Fixed) check(head subnet.Block) error {
	if f.Tempo == 0 {
		return ErrNoEpochs
	}
	if head > math.MaxUint32 {
		return fmt.Errorf("%w: block %d, blocks are counted in 32 bits", ErrState, head)
	}
	return nil
}
