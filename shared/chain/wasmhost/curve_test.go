package wasmhost

import (
	"bytes"
	"encoding/binary"
	"math/big"
	"slices"
	"testing"

	bls "github.com/consensys/gnark-crypto/ecc/bls12-381"
	"github.com/consensys/gnark-crypto/ecc/bls12-381/fp"
	"github.com/consensys/gnark-crypto/ecc/bls12-381/fr"
)

// counted is a vector as arkworks writes it.
func counted(items ...[]byte) []byte {
	return append(binary.LittleEndian.AppendUint64(nil, uint64(len(items))), slices.Concat(items...)...)
}

// scalar is a number as words of 64 bits, the least significant first.
func scalar(n *big.Int) []byte {
	var words [][]byte
	for rest := new(big.Int).Set(n); rest.Sign() > 0; rest.Rsh(rest, 64) {
		words = append(words, binary.LittleEndian.AppendUint64(nil, new(big.Int).And(rest, new(big.Int).SetUint64(1<<64-1)).Uint64()))
	}
	return counted(words...)
}

func pairing(t *testing.T, p []bls.G1Affine, q []bls.G2Affine) []byte {
	t.Helper()
	var first, second [][]byte
	for i := range p {
		a, b := p[i].RawBytes(), q[i].RawBytes()
		first, second = append(first, a[:]), append(second, b[:])
	}
	looped, err := millerLoop([][]byte{counted(first...), counted(second...)})
	if err != nil {
		t.Fatal(err)
	}
	out, err := finalExponentiation([][]byte{looped})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestPairingsAreBilinear(t *testing.T) {
	_, _, g1, g2 := bls.Generators()
	seven := big.NewInt(7)
	var p, minus bls.G1Affine
	var q bls.G2Affine
	p.ScalarMultiplication(&g1, seven)
	q.ScalarMultiplication(&g2, seven)
	left, right := pairing(t, []bls.G1Affine{p}, []bls.G2Affine{g2}), pairing(t, []bls.G1Affine{g1}, []bls.G2Affine{q})
	if !bytes.Equal(left, right) || len(left) != 12*fp.Bytes {
		t.Error("a factor counts otherwise in one group than in the other")
	}
	minus.Neg(&p)
	one := make([]byte, 12*fp.Bytes)
	one[0] = 1
	if got := pairing(t, []bls.G1Affine{minus, g1}, []bls.G2Affine{g2, q}); !bytes.Equal(got, one) {
		t.Errorf("what cancels out gives %x", got)
	}
}

func TestMultiplesAgreeWithTheLibrarys(t *testing.T) {
	j1, j2, _, _ := bls.Generators()
	big65 := new(big.Int).Lsh(big.NewInt(3), 64)
	for _, n := range []*big.Int{big.NewInt(0), big.NewInt(1), big.NewInt(2), big.NewInt(12345), big65, new(big.Int).Sub(fr.Modulus(), big.NewInt(1)), fr.Modulus()} {
		out, err := multiplyG1([][]byte{written(&j1.X, &j1.Y, &j1.Z), scalar(n)})
		if err != nil {
			t.Fatal(err)
		}
		var got, want bls.G1Jac
		if err := read(out, &got.X, &got.Y, &got.Z); err != nil {
			t.Fatal(err)
		}
		if want.ScalarMultiplication(&j1, n); !got.Equal(&want) {
			t.Errorf("G1 times %v is another point", n)
		}
		out, err = multiplyG2([][]byte{written(&j2.X.A0, &j2.X.A1, &j2.Y.A0, &j2.Y.A1, &j2.Z.A0, &j2.Z.A1), scalar(n)})
		if err != nil {
			t.Fatal(err)
		}
		var got2, want2 bls.G2Jac
		if err := read(out, &got2.X.A0, &got2.X.A1, &got2.Y.A0, &got2.Y.A1, &got2.Z.A0, &got2.Z.A1); err != nil {
			t.Fatal(err)
		}
		if want2.ScalarMultiplication(&j2, n); !got2.Equal(&want2) {
			t.Errorf("G2 times %v is another point", n)
		}
	}
}

func TestWhatIsNotOfTheCurveIsAnswered(t *testing.T) {
	_, _, g1, g2 := bls.Generators()
	p, q := g1.RawBytes(), g2.RawBytes()
	off := p
	off[95] ^= 1
	large := bytes.Repeat([]byte{0xff}, 12*fp.Bytes)
	for name, compute := range map[string]func() ([]byte, error){
		"a point off the curve":    func() ([]byte, error) { return millerLoop([][]byte{counted(off[:]), counted(q[:])}) },
		"a point of G1 as of G2":   func() ([]byte, error) { return millerLoop([][]byte{counted(p[:]), counted(p[:])}) },
		"more of one than another": func() ([]byte, error) { return millerLoop([][]byte{counted(p[:], p[:]), counted(q[:])}) },
		"a wrong count":            func() ([]byte, error) { return millerLoop([][]byte{append(counted(p[:]), 0), counted(q[:])}) },
		"a large coordinate":       func() ([]byte, error) { return finalExponentiation([][]byte{large}) },
		"half a field element":     func() ([]byte, error) { return finalExponentiation([][]byte{large[:100]}) },
		"a point in pieces":        func() ([]byte, error) { return multiplyG1([][]byte{p[:], scalar(big.NewInt(1))}) },
		"a scalar too long": func() ([]byte, error) {
			return multiplyG2([][]byte{make([]byte, 6*fp.Bytes), counted(slices.Repeat([][]byte{make([]byte, 8)}, maxScalar+1)...)})
		},
	} {
		if out, err := compute(); err == nil {
			t.Errorf("%s gives %x", name, out)
		}
	}
	// The runtime is told, and goes on.
	r := load(t, one("ext_host_calls_bls12_381_final_exponentiation_version_1", "", arguments(), nil), Config{})
	if got, _ := ask(t, r, State{}, "run", large); !bytes.Equal(got, []byte{1}) {
		t.Errorf("answered %x", got)
	}
	sound := make([]byte, 12*fp.Bytes)
	sound[0] = 1
	if got, _ := ask(t, r, State{}, "run", sound); len(got) != 3+len(sound) || got[0] != 0 {
		t.Errorf("answered %x", got)
	}
}
