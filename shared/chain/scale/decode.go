package scale

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/big"
	"unicode/utf8"
)

// Errors that every failed read wraps.
var (
	ErrShort     = errors.New("scale: input ends too early")
	ErrTrailing  = errors.New("scale: bytes left over")
	ErrCanonical = errors.New("scale: compact integer not in its shortest form")
	ErrLength    = errors.New("scale: length greater than the input can hold")
	ErrDepth     = errors.New("scale: nested too deeply")
	ErrValue     = errors.New("scale: byte with no meaning here")
)

// MaxDepth is how deeply values may nest: as deep as the chain itself allows calls
// within calls to be.
const MaxDepth = 256

// Decoder reads values from a byte string. Its error is sticky: after the first
// failed read every read returns the zero value and Err reports the failure, so a run
// of reads needs one check at its end. No read allocates more than the input holds.
type Decoder struct {
	buf   []byte
	pos   int
	depth int
	err   error
}

// NewDecoder reads from b, which must not change meanwhile.
func NewDecoder(b []byte) *Decoder { return &Decoder{buf: b} }

// Err returns the first failure.
func (d *Decoder) Err() error { return d.err }

// Fail makes err the decoder's failure unless it has one already.
func (d *Decoder) Fail(err error) {
	if d.err == nil {
		d.err = fmt.Errorf("%w (at byte %d of %d)", err, d.pos, len(d.buf))
	}
}

// Offset is the number of bytes read.
func (d *Decoder) Offset() int { return d.pos }

// Since returns what has been read from an earlier offset on. The result shares the
// input's memory.
func (d *Decoder) Since(offset int) []byte { return d.buf[offset:d.pos:d.pos] }

// Remaining is the number of bytes not yet read; 0 after a failure.
func (d *Decoder) Remaining() int {
	if d.err != nil {
		return 0
	}
	return len(d.buf) - d.pos
}

// End returns the first failure, or ErrTrailing when input is left over.
func (d *Decoder) End() error {
	if d.Remaining() > 0 {
		d.Fail(fmt.Errorf("%w: %d", ErrTrailing, d.Remaining()))
	}
	return d.err
}

// Enter goes one level down; it reports false, and fails the decoder, when that is
// too deep. Leave comes up again.
func (d *Decoder) Enter() bool {
	if d.depth == MaxDepth {
		d.Fail(ErrDepth)
	}
	if d.err != nil {
		return false
	}
	d.depth++
	return true
}

// Leave undoes one Enter.
func (d *Decoder) Leave() { d.depth-- }

// Raw reads n bytes. The result shares the input's memory; nil after a failure.
func (d *Decoder) Raw(n int) []byte {
	if d.err != nil {
		return nil
	}
	if n < 0 || n > len(d.buf)-d.pos {
		d.Fail(fmt.Errorf("%w: %d bytes wanted, %d left", ErrShort, n, len(d.buf)-d.pos))
		return nil
	}
	b := d.buf[d.pos : d.pos+n : d.pos+n]
	d.pos += n
	return b
}

// U8 reads one byte.
func (d *Decoder) U8() uint8 {
	if b := d.Raw(1); b != nil {
		return b[0]
	}
	return 0
}

// U16 reads two bytes, little-endian.
func (d *Decoder) U16() uint16 {
	if b := d.Raw(2); b != nil {
		return binary.LittleEndian.Uint16(b)
	}
	return 0
}

// U32 reads four bytes, little-endian.
func (d *Decoder) U32() uint32 {
	if b := d.Raw(4); b != nil {
		return binary.LittleEndian.Uint32(b)
	}
	return 0
}

// U64 reads eight bytes, little-endian.
func (d *Decoder) U64() uint64 {
	if b := d.Raw(8); b != nil {
		return binary.LittleEndian.Uint64(b)
	}
	return 0
}

// U128 reads sixteen bytes, little-endian. It never returns nil.
func (d *Decoder) U128() *big.Int { return d.Uint(16) }

// Uint reads an unsigned little-endian integer of size bytes. It never returns nil.
func (d *Decoder) Uint(size int) *big.Int {
	b := append([]byte(nil), d.Raw(size)...)
	reverse(b)
	return new(big.Int).SetBytes(b)
}

// Int reads a signed (two's complement) little-endian integer of size bytes.
func (d *Decoder) Int(size int) *big.Int {
	v := d.Uint(size)
	if v.BitLen() == 8*size {
		v.Sub(v, new(big.Int).Lsh(big.NewInt(1), uint(8*size)))
	}
	return v
}

// Bool reads 0 or 1.
func (d *Decoder) Bool() bool {
	b := d.U8()
	if b > 1 {
		d.Fail(fmt.Errorf("%w: boolean %#02x", ErrValue, b))
		return false
	}
	return b == 1
}

// Compact reads a compact integer of at most 64 bits.
func (d *Decoder) Compact() uint64 {
	first := d.U8()
	if d.err != nil {
		return 0
	}
	switch first & 3 {
	case 0:
		return uint64(first >> 2)
	case 1:
		return d.atLeast(uint64(first>>2)|uint64(d.U8())<<6, 1<<6)
	case 2:
		b := d.Raw(3)
		if b == nil {
			return 0
		}
		return d.atLeast(uint64(first>>2)|uint64(b[0])<<6|uint64(b[1])<<14|uint64(b[2])<<22, 1<<14)
	}
	v := d.compactBody(int(first>>2) + 4)
	if !v.IsUint64() {
		d.Fail(fmt.Errorf("%w: compact integer of %d bits, at most 64 here", ErrValue, v.BitLen()))
		return 0
	}
	return v.Uint64()
}

// CompactBig reads a compact integer of any size. It never returns nil.
func (d *Decoder) CompactBig() *big.Int {
	if d.Remaining() > 0 && d.buf[d.pos]&3 == 3 {
		return d.compactBody(int(d.U8()>>2) + 4)
	}
	return new(big.Int).SetUint64(d.Compact())
}

func (d *Decoder) compactBody(size int) *big.Int {
	v := d.Uint(size)
	if d.err == nil && (v.BitLen() <= 8*(size-1) || v.BitLen() <= 30) {
		d.Fail(ErrCanonical)
	}
	if d.err != nil {
		return new(big.Int)
	}
	return v
}

func (d *Decoder) atLeast(v, least uint64) uint64 {
	if d.err != nil {
		return 0
	}
	if v < least {
		d.Fail(ErrCanonical)
		return 0
	}
	return v
}

// Len reads a compact length of items that take at least minSize bytes each, and
// refuses one that the rest of the input cannot hold. With minSize 0 any length that
// fits an int passes; the caller then has to bound the work.
func (d *Decoder) Len(minSize int) int {
	n := d.Compact()
	if d.err != nil {
		return 0
	}
	if n > 1<<31-1 || n*uint64(minSize) > uint64(d.Remaining()) {
		d.Fail(fmt.Errorf("%w: %d items, %d bytes left", ErrLength, n, d.Remaining()))
		return 0
	}
	return int(n)
}

// Bytes reads a compact length and as many bytes. The result shares the input's
// memory; nil after a failure.
func (d *Decoder) Bytes() []byte { return d.Raw(d.Len(1)) }

// Str reads a compact length and as many bytes of UTF-8.
func (d *Decoder) Str() string {
	b := d.Bytes()
	if !utf8.Valid(b) {
		d.Fail(fmt.Errorf("%w: text is not UTF-8", ErrValue))
		return ""
	}
	return string(b)
}
