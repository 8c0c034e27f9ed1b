package wasmhost

import (
	"encoding/binary"
	"errors"
	"slices"

	bls "github.com/consensys/gnark-crypto/ecc/bls12-381"
	"github.com/consensys/gnark-crypto/ecc/bls12-381/fp"

	"github.com/affine-go/affine/shared/chain/scale"
)

// curveFunctions compute on BLS12-381. Runtimes verify the pulses of the drand beacon with
// them. Points and fields are as arkworks writes them without compression: affine points
// in ZCash's form, all else in little-endian coordinates.
var curveFunctions = map[string]hostFunction{
	"ext_host_calls_bls12_381_multi_miller_loop_version_1":    {"ss", "s", curve(millerLoop)},
	"ext_host_calls_bls12_381_final_exponentiation_version_1": {"s", "s", curve(finalExponentiation)},
	"ext_host_calls_bls12_381_mul_projective_g1_version_1":    {"ss", "s", curve(multiplyG1)},
	"ext_host_calls_bls12_381_mul_projective_g2_version_1":    {"ss", "s", curve(multiplyG2)},
}

var errCurve = errors.New("not of the curve")

// curve makes a computation a host function. It answers with a Result<Vec<u8>, ()>.
func curve(compute func(args [][]byte) ([]byte, error)) func(x *execution, a []uint64) uint64 {
	return func(x *execution, a []uint64) uint64 {
		args := make([][]byte, min(len(a), 2))
		for i := range args {
			args[i] = x.bytes(a[i])
		}
		var e scale.Encoder
		if out, err := compute(args); err != nil {
			e.U8(1)
		} else {
			e.U8(0)
			e.Bytes(out)
		}
		return x.give(e.Data())
	}
}

// list reads a vector: a count of 64 bits and as many items of a size.
func list(b []byte, size int) ([][]byte, error) {
	if len(b) < 8 || (len(b)-8)%size != 0 || binary.LittleEndian.Uint64(b) != uint64((len(b)-8)/size) {
		return nil, errCurve
	}
	return slices.Collect(slices.Chunk(b[8:], size)), nil
}

// millerLoop takes as many points of G1 as of G2.
func millerLoop(args [][]byte) ([]byte, error) {
	first, err := list(args[0], bls.SizeOfG1AffineUncompressed)
	if err != nil {
		return nil, err
	}
	second, err := list(args[1], bls.SizeOfG2AffineUncompressed)
	if err != nil {
		return nil, err
	}
	p, q := make([]bls.G1Affine, len(first)), make([]bls.G2Affine, len(second))
	for i, b := range first {
		if _, err := p[i].SetBytes(b); err != nil {
			return nil, err
		}
	}
	for i, b := range second {
		if _, err := q[i].SetBytes(b); err != nil {
			return nil, err
		}
	}
	out, err := bls.MillerLoop(p, q)
	if err != nil {
		return nil, err
	}
	return target(&out), nil
}

func finalExponentiation(args [][]byte) ([]byte, error) {
	var in bls.GT
	parts := coordinates(&in)
	if err := read(args[0], parts...); err != nil {
		return nil, err
	}
	out := bls.FinalExponentiation(&in)
	return target(&out), nil
}

// target is an element of the target group.
func target(z *bls.GT) []byte { return written(coordinates(z)...) }

func coordinates(z *bls.GT) []*fp.Element {
	return []*fp.Element{
		&z.C0.B0.A0, &z.C0.B0.A1, &z.C0.B1.A0, &z.C0.B1.A1, &z.C0.B2.A0, &z.C0.B2.A1,
		&z.C1.B0.A0, &z.C1.B0.A1, &z.C1.B1.A0, &z.C1.B1.A1, &z.C1.B2.A0, &z.C1.B2.A1,
	}
}

// read fills coordinates; each has to be less than the field's modulus.
func read(b []byte, into ...*fp.Element) error {
	if len(b) != fp.Bytes*len(into) {
		return errCurve
	}
	for i, part := range into {
		var err error
		if *part, err = fp.LittleEndian.Element((*[fp.Bytes]byte)(b[i*fp.Bytes:])); err != nil {
			return err
		}
	}
	return nil
}

func written(from ...*fp.Element) []byte {
	out := make([]byte, fp.Bytes*len(from))
	for i, part := range from {
		fp.LittleEndian.PutElement((*[fp.Bytes]byte)(out[i*fp.Bytes:]), *part)
	}
	return out
}

// maxScalar bounds a scalar, in words of 64 bits; those of the curve have four.
const maxScalar = 64

// doublings are the bits of a scalar, a vector of words with the least significant first; the
// most significant bit comes first.
func doublings(scalar []byte) ([]bool, error) {
	words, err := list(scalar, 8)
	if err != nil || len(words) > maxScalar {
		return nil, errCurve
	}
	var out []bool
	for _, word := range slices.Backward(words) {
		w := binary.LittleEndian.Uint64(word)
		for i := 63; i >= 0; i-- {
			out = append(out, w>>i&1 == 1)
		}
	}
	return out, nil
}

// multiplyG1 adds and doubles, since the point need not be of the subgroup for which there
// are faster ways: that it is one is found out like this.
func multiplyG1(args [][]byte) ([]byte, error) {
	var base, sum bls.G1Jac
	if err := read(args[0], &base.X, &base.Y, &base.Z); err != nil {
		return nil, err
	}
	steps, err := doublings(args[1])
	if err != nil {
		return nil, err
	}
	sum.X.SetOne()
	sum.Y.SetOne()
	for _, add := range steps {
		sum.DoubleAssign()
		if add {
			sum.AddAssign(&base)
		}
	}
	return written(&sum.X, &sum.Y, &sum.Z), nil
}

func multiplyG2(args [][]byte) ([]byte, error) {
	var base, sum bls.G2Jac
	if err := read(args[0], &base.X.A0, &base.X.A1, &base.Y.A0, &base.Y.A1, &base.Z.A0, &base.Z.A1); err != nil {
		return nil, err
	}
	steps, err := doublings(args[1])
	if err != nil {
		return nil, err
	}
	sum.X.SetOne()
	sum.Y.SetOne()
	for _, add := range steps {
		sum.DoubleAssign()
		if add {
			sum.AddAssign(&base)
		}
	}
	return written(&sum.X.A0, &sum.X.A1, &sum.Y.A0, &sum.Y.A1, &sum.Z.A0, &sum.Z.A1), nil
}
