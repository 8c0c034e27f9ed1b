package timelock_test

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"io"
	"slices"
	"testing"
	"testing/iotest"
	"time"

	bls "github.com/consensys/gnark-crypto/ecc/bls12-381"
	"github.com/consensys/gnark-crypto/ecc/bls12-381/fp"
	"pgregory.net/rapid"

	"github.com/affine-go/affine/shared/chain/timelock"
)

func TestRoundTrip(t *testing.T) {
	_, signature := vectors(t)
	rapid.Check(t, func(t *rapid.T) {
		plaintext := rapid.SliceOfN(rapid.Byte(), 0, timelock.MaxWeights-timelock.Overhead).Draw(t, "plaintext")
		random := rapid.SliceOfN(rapid.Byte(), 76, 76).Draw(t, "random")
		sealed, err := quicknet.Encrypt(plaintext, 1000, bytes.NewReader(random))
		if err != nil {
			t.Fatal(err)
		}
		opened, err := timelock.Decrypt(sealed, signature)
		if err != nil || !bytes.Equal(opened, plaintext) {
			t.Fatalf("%d bytes came back as %d: %v", len(plaintext), len(opened), err)
		}
	})
}

// Only the signature of its round opens a ciphertext, whichever the round.
func TestEveryRoundHasItsOwnKey(t *testing.T) {
	all := pulses(t)
	for _, to := range all {
		sealed, err := quicknet.Encrypt([]byte("weights"), to.Round, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		for _, with := range all {
			opened, err := timelock.Decrypt(sealed, with.Signature)
			switch {
			case to.Round == with.Round && (err != nil || string(opened) != "weights"):
				t.Errorf("round %d: %q, %v", to.Round, opened, err)
			case to.Round != with.Round && !errors.Is(err, timelock.ErrSealed):
				t.Errorf("round %d opened with the signature of %d: %q, %v", to.Round, with.Round, opened, err)
			}
		}
	}
}

func TestEncryptDrawsFreshly(t *testing.T) {
	first, err := quicknet.Encrypt([]byte("same"), 1000, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	second, err := quicknet.Encrypt([]byte("same"), 1000, rand.Reader)
	if err != nil || bytes.Equal(first, second) {
		t.Errorf("two ciphertexts of one text are the same (%v)", err)
	}
}

func TestEncryptRefuses(t *testing.T) {
	broken := errors.New("no entropy")
	tests := []struct {
		name   string
		size   int
		round  uint64
		random io.Reader
		want   error
	}{
		{"round 0", 10, 0, rand.Reader, timelock.ErrRound},
		{"one byte too long", timelock.MaxWeights - timelock.Overhead + 1, 1, rand.Reader, timelock.ErrTooLong},
		{"huge", 1 << 24, 1, rand.Reader, timelock.ErrTooLong},
		{"randomness that ends", 10, 1, bytes.NewReader(make([]byte, 75)), io.ErrUnexpectedEOF},
		{"no randomness", 10, 1, bytes.NewReader(nil), io.EOF},
		{"randomness that fails", 10, 1, iotest.ErrReader(broken), broken},
	}
	for _, test := range tests {
		if got, err := quicknet.Encrypt(make([]byte, test.size), test.round, test.random); !errors.Is(err, test.want) || got != nil {
			t.Errorf("%s: %d bytes, %v, want %v", test.name, len(got), err, test.want)
		}
	}
}

// Random sources may give their bytes in any portions.
func TestEncryptReadsAllRandomness(t *testing.T) {
	list, _ := vectors(t)
	got, err := quicknet.Encrypt(list[0].Plaintext, list[0].Round, iotest.OneByteReader(list[0].random()))
	if err != nil || !bytes.Equal(got, list[0].Ciphertext) {
		t.Errorf("byte by byte the ciphertext is another: %v", err)
	}
}

func TestLongestMessages(t *testing.T) {
	_, signature := vectors(t)
	for _, limit := range []int{timelock.MaxCommitment, timelock.MaxWeights} {
		plaintext := bytes.Repeat([]byte{7}, limit-timelock.Overhead)
		sealed, err := quicknet.Encrypt(plaintext, 1000, rand.Reader)
		if err != nil || len(sealed) != limit {
			t.Fatalf("%d bytes instead of %d: %v", len(sealed), limit, err)
		}
		if opened, err := timelock.Decrypt(sealed, signature); err != nil || !bytes.Equal(opened, plaintext) {
			t.Errorf("%d bytes do not come back: %v", limit, err)
		}
	}
}

// Offsets of the length prefixes in a ciphertext, from the front for the first three and
// from the end for the others.
const (
	atSigma = bls.SizeOfG2AffineCompressed
	atKey   = atSigma + 8 + 32
	atInner = atKey + 8 + 32
	atBody  = atInner + 8
)

func TestDecryptRefusesMalformedCiphertexts(t *testing.T) {
	list, signature := vectors(t)
	good := list[0].Ciphertext
	prefixes := map[string]int{"sigma": atSigma, "key": atKey, "inner": atInner, "body": atBody, "nonce": len(good) - 36, "suite": len(good) - 16}
	for name, at := range prefixes {
		right := binary.LittleEndian.Uint64(good[at:])
		for _, n := range []uint64{0, right - 1, right + 1, 1 << 31, 1 << 63, 1<<64 - 1, right | 1<<32} {
			bad := slices.Clone(good)
			binary.LittleEndian.PutUint64(bad[at:], n)
			if _, err := timelock.Decrypt(bad, signature); !errors.Is(err, timelock.ErrCiphertext) {
				t.Errorf("length of %s %d instead of %d: %v", name, n, right, err)
			}
		}
	}
	for n := range good {
		if _, err := timelock.Decrypt(good[:n], signature); !errors.Is(err, timelock.ErrCiphertext) {
			t.Fatalf("the first %d bytes: %v", n, err)
		}
	}
	tests := map[string][]byte{
		"left over":     append(slices.Clone(good), 0),
		"other cipher":  append(slices.Clone(good[:len(good)-8]), "AES_CBC_"...),
		"too long":      append(slices.Clone(good), make([]byte, timelock.MaxWeights)...),
		"inner surplus": withInnerSurplus(good),
	}
	for name, bad := range tests {
		if _, err := timelock.Decrypt(bad, signature); !errors.Is(err, timelock.ErrCiphertext) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := timelock.Decrypt(tests["too long"], signature); !errors.Is(err, timelock.ErrTooLong) {
		t.Errorf("too long: %v", err)
	}
}

// The frame is whole and says what it holds, but a part of it has another size.
func TestDecryptRefusesPartsOfOtherSizes(t *testing.T) {
	list, signature := vectors(t)
	good := list[0].Ciphertext
	sizes := map[string]struct{ at, size int }{"sigma": {atSigma, 32}, "key": {atKey, 32}, "nonce": {len(good) - 36, 12}, "suite": {len(good) - 16, 8}}
	for name, part := range sizes {
		for _, bad := range [][]byte{
			slices.Insert(slices.Clone(good), part.at+8+part.size, 0),
			slices.Delete(slices.Clone(good), part.at+8+part.size-1, part.at+8+part.size),
		} {
			grown := uint64(len(bad) - len(good)) // 1, or -1
			binary.LittleEndian.PutUint64(bad[part.at:], uint64(part.size)+grown)
			if name == "nonce" {
				binary.LittleEndian.PutUint64(bad[atInner:], binary.LittleEndian.Uint64(good[atInner:])+grown)
			}
			if _, err := timelock.Decrypt(bad, signature); !errors.Is(err, timelock.ErrCiphertext) {
				t.Errorf("a whole %s of %d bytes: %v", name, part.size+int(grown), err)
			}
		}
	}
}

// withInnerSurplus adds a byte after the nonce and counts it in the inner length.
func withInnerSurplus(good []byte) []byte {
	bad := slices.Insert(slices.Clone(good), len(good)-16, 0)
	binary.LittleEndian.PutUint64(bad[atInner:], binary.LittleEndian.Uint64(good[atInner:])+1)
	return bad
}

func TestDecryptRefusesPointsOutsideTheGroup(t *testing.T) {
	list, signature := vectors(t)
	for name, point := range hostilePoints(list[0].Ciphertext[:96], compressedOutsideG2()) {
		bad := append(slices.Clone(point), list[0].Ciphertext[96:]...)
		if _, err := timelock.Decrypt(bad, signature); !errors.Is(err, timelock.ErrCiphertext) {
			t.Errorf("point %s: %v", name, err)
		}
	}
}

func TestDecryptRefusesMalformedSignatures(t *testing.T) {
	list, signature := vectors(t)
	for name, bad := range hostileSignatures(signature) {
		if _, err := timelock.Decrypt(list[0].Ciphertext, bad); !errors.Is(err, timelock.ErrSignature) {
			t.Errorf("signature %s: %v", name, err)
		}
	}
}

// No altered bit goes unnoticed: of the key's part by the check of the key, of the
// message by its tag, of the frame by its form.
func TestDecryptNoticesEveryAlteredByte(t *testing.T) {
	list, signature := vectors(t)
	good := list[0].Ciphertext
	for at := range good {
		bad := slices.Clone(good)
		bad[at] ^= 1 << (at % 8)
		opened, err := timelock.Decrypt(bad, signature)
		if !errors.Is(err, timelock.ErrCiphertext) && !errors.Is(err, timelock.ErrSealed) || opened != nil {
			t.Fatalf("byte %d altered: %q, %v", at, opened, err)
		}
	}
}

// hostileSignatures are byte strings that are no signature of any round, made from one.
func hostileSignatures(good []byte) map[string][]byte {
	outside := bls.GeneratePointNotInG1(*new(fp.Element).SetUint64(3))
	affine := new(bls.G1Affine).FromJacobian(&outside)
	compressed := affine.Bytes()
	bad := hostilePoints(good, compressed[:])
	bad["empty"] = nil
	bad["short"] = good[:len(good)-1]
	bad["long"] = append(slices.Clone(good), 0)
	bad["uncompressed and whole"] = affine.Marshal()
	return bad
}

func compressedOutsideG2() []byte {
	outside := bls.GeneratePointNotInG2(bls.E2{A0: *new(fp.Element).SetUint64(3)})
	compressed := new(bls.G2Affine).FromJacobian(&outside).Bytes()
	return compressed[:]
}

// hostilePoints are byte strings of a compressed point's size that are none of the group.
func hostilePoints(good, outside []byte) map[string][]byte {
	infinity := append([]byte{0xc0}, make([]byte, len(good)-1)...)
	return map[string][]byte{
		"zeros":                 make([]byte, len(good)),
		"ones":                  bytes.Repeat([]byte{0xff}, len(good)),
		"outside the group":     outside,
		"off the curve":         offCurve(good),
		"infinity":              infinity,
		"infinity with a sign":  append([]byte{0xe0}, infinity[1:]...),
		"infinity with content": append(slices.Clone(infinity[:len(good)-1]), 1),
		"uncompressed":          append([]byte{good[0] &^ 0x80}, good[1:]...),
		"not reduced":           append([]byte{0x9f}, bytes.Repeat([]byte{0xff}, len(good)-1)...),
	}
}

// offCurve counts a compressed coordinate up until no point has it.
func offCurve(good []byte) []byte {
	bad := slices.Clone(good)
	for {
		bad[len(bad)-1]++
		var err error
		if len(bad) == bls.SizeOfG1AffineCompressed {
			err = bls.NewDecoder(bytes.NewReader(bad), bls.NoSubgroupChecks()).Decode(new(bls.G1Affine))
		} else {
			err = bls.NewDecoder(bytes.NewReader(bad), bls.NoSubgroupChecks()).Decode(new(bls.G2Affine))
		}
		if err != nil {
			return bad
		}
	}
}

// Whatever opens must have been sealed: the known ciphertexts, and nothing that differs
// from them.
func FuzzDecrypt(f *testing.F) {
	list, signature := vectors(f)
	for _, v := range list {
		f.Add([]byte(v.Ciphertext), signature)
		f.Add([]byte(v.Ciphertext[:len(v.Ciphertext)/2]), signature)
	}
	f.Add([]byte{}, []byte{})
	f.Fuzz(func(t *testing.T, sealed, signature []byte) {
		opened, err := timelock.Decrypt(sealed, signature)
		if err == nil && len(opened)+timelock.Overhead != len(sealed) {
			t.Errorf("%d bytes from %d", len(opened), len(sealed))
		}
		known := errors.Is(err, timelock.ErrCiphertext) || errors.Is(err, timelock.ErrSignature) || errors.Is(err, timelock.ErrSealed)
		if err != nil && (!known || opened != nil) {
			t.Errorf("%d bytes, %v", len(opened), err)
		}
	})
}

// BenchmarkEncrypt tells how many pairings, of which it needs one, the sealing of 256
// weights is worth.
func BenchmarkEncrypt(b *testing.B) {
	list, _ := vectors(b)
	_, _, g1, g2 := bls.Generators()
	const pairings = 20
	begun := time.Now()
	for range pairings {
		if _, err := bls.Pair([]bls.G1Affine{g1}, []bls.G2Affine{g2}); err != nil {
			b.Fatal(err)
		}
	}
	one := time.Since(begun) / pairings
	for b.Loop() {
		if _, err := quicknet.Encrypt(list[1].Plaintext, 30_000_000, rand.Reader); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed())/float64(b.N)/float64(one), "pairings/op")
}

func BenchmarkDecrypt(b *testing.B) {
	list, signature := vectors(b)
	for b.Loop() {
		if _, err := timelock.Decrypt(list[1].Ciphertext, signature); err != nil {
			b.Fatal(err)
		}
	}
}
