package extrinsic

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/bits"
)

// The shortest and the longest life of a mortal extrinsic, in blocks.
const (
	MinPeriod = 4
	MaxPeriod = 1 << 16
)

// Era is how long an extrinsic may be included. The zero value is immortal; otherwise
// it lives for Period blocks (a power of two from 4 to 65536) from its birth, the last
// block whose number is Phase modulo Period.
type Era struct {
	Period uint64
	Phase  uint64
}

// Mortal is an era of period blocks that is alive at the current block. The period is
// rounded up to a power of two from 4 to 65536. Periods above 4096 have room for a
// coarse phase only, so that their birth lies up to 15 blocks before current.
func Mortal(period, current uint64) Era {
	p := uint64(MinPeriod)
	for p < period && p < MaxPeriod {
		p *= 2
	}
	phase := current % p
	return Era{Period: p, Phase: phase - phase%quantum(p)}
}

// quantum is the step in which phases are kept: 12 bits have to do.
func quantum(period uint64) uint64 { return max(period>>12, 1) }

// Immortal reports whether the era never ends.
func (e Era) Immortal() bool { return e.Period == 0 }

// Birth is the block whose hash is signed, the first block of the era that current is
// in; 0 (genesis) for an immortal one. A current block before the first birth counts as
// the first birth, as on the chain.
func (e Era) Birth(current uint64) uint64 {
	if e.Immortal() {
		return 0
	}
	return (max(current, e.Phase)-e.Phase)/e.Period*e.Period + e.Phase
}

// Death is the first block at which the extrinsic is no longer valid; the greatest
// uint64 for an immortal one.
func (e Era) Death(current uint64) uint64 {
	if e.Immortal() {
		return math.MaxUint64
	}
	return e.Birth(current) + e.Period
}

// Encode returns the era's one byte (immortal) or two. It refuses an era that has no
// such form.
func (e Era) Encode() ([]byte, error) {
	if e == (Era{}) {
		return []byte{0}, nil
	}
	if e.Period < MinPeriod || e.Period > MaxPeriod || bits.OnesCount64(e.Period) != 1 {
		return nil, fmt.Errorf("%w: period %d", ErrEra, e.Period)
	}
	if e.Phase >= e.Period || e.Phase%quantum(e.Period) != 0 {
		return nil, fmt.Errorf("%w: phase %d of period %d", ErrEra, e.Phase, e.Period)
	}
	low := uint16(bits.TrailingZeros64(e.Period) - 1)
	high := uint16(e.Phase / quantum(e.Period))
	return binary.LittleEndian.AppendUint16(nil, low|high<<4), nil
}

// DecodeEra reads an era from the start of b and returns how many bytes it took.
func DecodeEra(b []byte) (Era, int, error) {
	if len(b) > 0 && b[0] == 0 {
		return Era{}, 1, nil
	}
	if len(b) < 2 {
		return Era{}, 0, fmt.Errorf("%w: %d bytes", ErrEra, len(b))
	}
	v := binary.LittleEndian.Uint16(b)
	period := uint64(2) << (v & 15)
	era := Era{Period: period, Phase: uint64(v>>4) * quantum(period)}
	if period < MinPeriod || era.Phase >= period {
		return Era{}, 0, fmt.Errorf("%w: bytes %x", ErrEra, b[:2])
	}
	return era, 2, nil
}
