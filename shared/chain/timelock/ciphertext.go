package timelock

import (
	"encoding/binary"
	"fmt"
	"math"

	bls "github.com/consensys/gnark-crypto/ecc/bls12-381"

	"github.com/affine-go/affine/shared/chain/scale"
)

// suite names the cipher of the message; it ends every ciphertext.
const suite = "AES_GCM_"

// lengthSize is the size of a length prefix: arkworks writes lengths as 64-bit
// little-endian numbers, where SCALE would write them compactly.
const lengthSize = 8

// ciphertext is a ciphertext's parts. On the wire:
//
//	point (96, compressed) ++ len ++ sigma ++ len ++ key ++
//	len ++ [len ++ body ++ len ++ nonce] ++ len ++ suite
type ciphertext struct {
	point bls.G2Affine  // U = r*G2
	sigma [keySize]byte // V: sigma, masked by a hash of the pairing
	key   [keySize]byte // W: the AES key, masked by a hash of sigma
	body  []byte        // the sealed message and its tag
	nonce []byte
}

func (c *ciphertext) encode() []byte {
	point := c.point.Bytes()
	out := append(make([]byte, 0, len(c.body)-tagSize+Overhead), point[:]...)
	out = appendBytes(out, c.sigma[:])
	out = appendBytes(out, c.key[:])
	out = binary.LittleEndian.AppendUint64(out, uint64(2*lengthSize+len(c.body)+len(c.nonce)))
	out = appendBytes(out, c.body)
	out = appendBytes(out, c.nonce)
	return appendBytes(out, []byte(suite))
}

func appendBytes(out, b []byte) []byte {
	return append(binary.LittleEndian.AppendUint64(out, uint64(len(b))), b...)
}

// parse takes a ciphertext apart. The body shares the input's memory.
func parse(sealed []byte) (*ciphertext, error) {
	if len(sealed) > MaxWeights {
		return nil, fmt.Errorf("%w: %w: %d bytes, at most %d", ErrCiphertext, ErrTooLong, len(sealed), MaxWeights)
	}
	d := scale.NewDecoder(sealed)
	point := d.Raw(bls.SizeOfG2AffineCompressed)
	sigma, key := readFixed(d, keySize), readFixed(d, keySize)
	inner := scale.NewDecoder(readBytes(d))
	name := readFixed(d, len(suite))
	if err := d.End(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCiphertext, err)
	}
	if string(name) != suite {
		return nil, fmt.Errorf("%w: cipher %q, only %q is known", ErrCiphertext, name, suite)
	}
	c := &ciphertext{sigma: [keySize]byte(sigma), key: [keySize]byte(key)}
	c.body, c.nonce = readBytes(inner), readFixed(inner, nonceSize)
	if err := inner.End(); err != nil {
		return nil, fmt.Errorf("%w: sealed message: %w", ErrCiphertext, err)
	}
	return c, c.setPoint(point)
}

// setPoint refuses points off the curve and outside the group, as the chain does, and
// infinity, which no encryption gives.
func (c *ciphertext) setPoint(compressed []byte) error {
	if _, err := c.point.SetBytes(compressed); err != nil {
		return fmt.Errorf("%w: point: %w", ErrCiphertext, err)
	}
	if c.point.IsInfinity() {
		return fmt.Errorf("%w: the point is infinity", ErrCiphertext)
	}
	return nil
}

// readBytes reads a length and as many bytes.
func readBytes(d *scale.Decoder) []byte {
	return d.Raw(int(min(d.U64(), math.MaxInt32))) // no input holds more
}

// readFixed reads a length, which must be size, and as many bytes.
func readFixed(d *scale.Decoder, size int) []byte {
	b := readBytes(d)
	if d.Err() == nil && len(b) != size {
		d.Fail(fmt.Errorf("%w: %d bytes instead of %d", scale.ErrLength, len(b), size))
	}
	return b
}
