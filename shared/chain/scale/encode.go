// Package scale reads and writes the primitives of SCALE, the byte format of
// Substrate chains: little-endian integers, compact integers, length-prefixed bytes
// and text. What a value means is not its business; package metadata walks types.
//
// Both directions are strict in the chain's way: what the chain's own codec refuses
// (a compact integer that is not in its shortest form, a boolean other than 0 or 1,
// text that is not UTF-8) is refused here.
package scale

import (
	"encoding/binary"
	"fmt"
	"math/big"
)

// Encoder appends values to a growing byte string. The zero value is ready for use.
type Encoder struct {
	buf []byte
}

// Data returns what has been written so far. The encoder still owns the bytes.
func (e *Encoder) Data() []byte { return e.buf }

// Raw writes b as it is, without a length.
func (e *Encoder) Raw(b []byte) { e.buf = append(e.buf, b...) }

// U8 writes one byte.
func (e *Encoder) U8(v uint8) { e.buf = append(e.buf, v) }

// U16 writes two bytes, little-endian.
func (e *Encoder) U16(v uint16) { e.buf = binary.LittleEndian.AppendUint16(e.buf, v) }

// U32 writes four bytes, little-endian.
func (e *Encoder) U32(v uint32) { e.buf = binary.LittleEndian.AppendUint32(e.buf, v) }

// U64 writes eight bytes, little-endian.
func (e *Encoder) U64(v uint64) { e.buf = binary.LittleEndian.AppendUint64(e.buf, v) }

// U128 writes sixteen bytes, little-endian. It refuses what does not fit.
func (e *Encoder) U128(v *big.Int) error { return e.Uint(v, 16) }

// Uint writes v as an unsigned integer of size bytes, little-endian. It refuses a
// negative v and one that does not fit.
func (e *Encoder) Uint(v *big.Int, size int) error {
	if v.Sign() < 0 || v.BitLen() > 8*size {
		return fmt.Errorf("scale: %s does not fit an unsigned integer of %d bits", v, 8*size)
	}
	e.buf = append(e.buf, littleEndian(v, size)...)
	return nil
}

// Int writes v as a signed integer (two's complement) of size bytes, little-endian.
func (e *Encoder) Int(v *big.Int, size int) error {
	half := new(big.Int).Lsh(big.NewInt(1), uint(8*size-1))
	if v.Cmp(half) >= 0 || v.Cmp(new(big.Int).Neg(half)) < 0 {
		return fmt.Errorf("scale: %s does not fit a signed integer of %d bits", v, 8*size)
	}
	wrapped := v
	if v.Sign() < 0 {
		wrapped = new(big.Int).Add(v, new(big.Int).Lsh(half, 1))
	}
	return e.Uint(wrapped, size)
}

// Bool writes 1 or 0.
func (e *Encoder) Bool(v bool) {
	if v {
		e.U8(1)
		return
	}
	e.U8(0)
}

// Compact writes v in the shortest compact form: one, two or four bytes for values
// below 2^6, 2^14 and 2^30, else a byte that holds the number of bytes to follow.
func (e *Encoder) Compact(v uint64) {
	switch {
	case v < 1<<6:
		e.U8(uint8(v << 2))
	case v < 1<<14:
		e.U16(uint16(v<<2) | 1)
	case v < 1<<30:
		e.U32(uint32(v<<2) | 2)
	default:
		size := max(4, byteLen(v))
		e.U8(uint8(size-4)<<2 | 3)
		for range size {
			e.U8(uint8(v))
			v >>= 8
		}
	}
}

// maxCompactBytes is the longest integer that the compact form can hold.
const maxCompactBytes = 67

// CompactBig writes v in compact form. It refuses a negative v and one of more than
// 536 bits.
func (e *Encoder) CompactBig(v *big.Int) error {
	if v.IsUint64() {
		e.Compact(v.Uint64())
		return nil
	}
	size := (v.BitLen() + 7) / 8
	if v.Sign() < 0 || size > maxCompactBytes {
		return fmt.Errorf("scale: a number of %d bits and sign %d has no compact form", v.BitLen(), v.Sign())
	}
	e.U8(uint8(size-4)<<2 | 3)
	e.Raw(littleEndian(v, size))
	return nil
}

// Bytes writes the length of b in compact form, then b.
func (e *Encoder) Bytes(b []byte) {
	e.Compact(uint64(len(b)))
	e.Raw(b)
}

// Str writes the length of s in bytes in compact form, then s.
func (e *Encoder) Str(s string) {
	e.Compact(uint64(len(s)))
	e.buf = append(e.buf, s...)
}

func byteLen(v uint64) int {
	n := 0
	for ; v > 0; v >>= 8 {
		n++
	}
	return n
}

func littleEndian(v *big.Int, size int) []byte {
	b := v.FillBytes(make([]byte, size))
	reverse(b)
	return b
}

func reverse(b []byte) {
	for i, j := 0, len(b)-1; i < j; i, j = i+1, j-1 {
		b[i], b[j] = b[j], b[i]
	}
}
