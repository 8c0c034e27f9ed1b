package epoch

import (
	"fmt"
	"math"

	"github.com/affine-go/affine/shared/subnet"
)

// Fixed is the rule of runtimes before spec 425: epochs follow from the block's number,
// and each lasts one block more than the tempo.
type Fixed struct {
	Netuid subnet.Netuid
	Tempo  uint16
}

// Epoch is the epoch of a block: (block + netuid + 1) / (tempo + 1). It has no meaning
// with tempo 0.
func (f Fixed) Epoch(at subnet.Block) uint64 {
	return (uint64(at) + uint64(f.Netuid) + 1) / (uint64(f.Tempo) + 1)
}

// Due says whether a block is the first of its epoch, in which the epoch runs.
func (f Fixed) Due(at subnet.Block) bool {
	return f.Tempo > 0 && (uint64(at)+uint64(f.Netuid)+1)%(uint64(f.Tempo)+1) == 0
}

// CommitEpoch is the epoch to which a commit will belong that is included in the block
// after head.
func (f Fixed) CommitEpoch(head subnet.Block) uint64 { return f.Epoch(head + 1) }

// FirstReveal is the first block in which the chain reveals a commit that is included in
// the block after head: the first of the epoch that lies a reveal period after the
// commit's. It returns ErrNoEpochs, or an error that wraps ErrPeriod or ErrState.
func (f Fixed) FirstReveal(head subnet.Block, period uint64) (subnet.Block, error) {
	if f.Tempo == 0 {
		return 0, ErrNoEpochs
	}
	if head > math.MaxUint32 {
		return 0, fmt.Errorf("%w: block %d, blocks are counted in 32 bits", ErrState, head)
	}
	if err := checkPeriod(period); err != nil {
		return 0, err
	}
	reveal := f.CommitEpoch(head) + period
	return subnet.Block(reveal*(uint64(f.Tempo)+1) - uint64(f.Netuid) - 1), nil
}

// NextEpoch is the first block after head in which an epoch runs. It returns ErrNoEpochs,
// or an error that wraps ErrState.
func (f Fixed) NextEpoch(head subnet.Block) (subnet.Block, error) {
	if f.Tempo == 0 {
		return 0, ErrNoEpochs
	}
	if head > math.MaxUint32 {
		return 0, fmt.Errorf("%w: block %d, blocks are counted in 32 bits", ErrState, head)
	}
	return subnet.Block((f.Epoch(head)+1)*(uint64(f.Tempo)+1) - uint64(f.Netuid) - 1), nil
}
