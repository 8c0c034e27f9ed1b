package timelock_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/affine-go/affine/shared/chain/timelock"
	"github.com/affine-go/affine/shared/sharedtest"
)

var quicknet = timelock.Quicknet()

// vector is a ciphertext made with fixed randomness. The weights payload and the
// commitment were opened by a Subtensor runtime (spec 293) with the real signature of the
// round, to exactly these plaintexts.
type vector struct {
	Name       string
	Round      uint64
	Key        hexBytes
	Seed       hexBytes
	Nonce      hexBytes
	Plaintext  hexBytes
	Ciphertext hexBytes
}

// random is the randomness in the order in which Encrypt draws it.
func (v vector) random() *bytes.Reader {
	return bytes.NewReader(slices.Concat(v.Key, v.Seed, v.Nonce))
}

type hexBytes []byte

func (h *hexBytes) UnmarshalText(text []byte) (err error) {
	*h, err = hex.DecodeString(strings.TrimPrefix(string(text), "0x"))
	return err
}

// vectors reads testdata/vectors.json: the vectors, all of round 1000, and the beacon's
// signature of that round.
func vectors(t testing.TB) (list []vector, signature []byte) {
	t.Helper()
	var file struct {
		Signature1000 hexBytes
		Vectors       []vector
	}
	text, err := os.ReadFile("testdata/vectors.json")
	if err == nil {
		err = json.Unmarshal(text, &file)
	}
	if err != nil || len(file.Vectors) != 3 {
		t.Fatalf("testdata/vectors.json: %d vectors, %v", len(file.Vectors), err)
	}
	return file.Vectors, file.Signature1000
}

func TestEncryptReproducesTheVectors(t *testing.T) {
	list, _ := vectors(t)
	for _, v := range list {
		got, err := quicknet.Encrypt(v.Plaintext, v.Round, v.random())
		if err != nil {
			t.Fatalf("%s: %v", v.Name, err)
		}
		if !bytes.Equal(got, v.Ciphertext) {
			t.Errorf("%s:\n got %x\nwant %x", v.Name, got, v.Ciphertext)
		}
		if len(got) != len(v.Plaintext)+timelock.Overhead {
			t.Errorf("%s: %d bytes for %d, Overhead says %d more", v.Name, len(got), len(v.Plaintext), timelock.Overhead)
		}
	}
}

func TestDecryptOpensTheVectors(t *testing.T) {
	list, signature := vectors(t)
	for _, v := range list {
		got, err := timelock.Decrypt(v.Ciphertext, signature)
		if err != nil || !bytes.Equal(got, v.Plaintext) {
			t.Errorf("%s: %x, %v", v.Name, got, err)
		}
	}
}

// The project's copy of the vectors is the one that was checked against the runtime.
func TestVectorsAreTheGoldenOnes(t *testing.T) {
	text, err := os.ReadFile(sharedtest.Dir(t, "vectors", "chain", "tlock-vectors.json"))
	if err != nil {
		t.Fatal(err)
	}
	var golden struct {
		Vectors []struct {
			Round                    uint64
			PlainHex, CiphertextHex  hexBytes
			Esk, SigmaSeed, AESNonce hexBytes
		}
	}
	if err := json.Unmarshal(text, &golden); err != nil {
		t.Fatal(err)
	}
	list, _ := vectors(t)
	if len(golden.Vectors) != len(list) {
		t.Fatalf("%d golden vectors, %d here", len(golden.Vectors), len(list))
	}
	for i, g := range golden.Vectors {
		v := list[i]
		same := v.Round == g.Round && bytes.Equal(v.Plaintext, g.PlainHex) && bytes.Equal(v.Ciphertext, g.CiphertextHex)
		if !same || !bytes.Equal(slices.Concat(v.Key, v.Seed, v.Nonce), slices.Concat(g.Esk, g.SigmaSeed, g.AESNonce)) {
			t.Errorf("%s differs from the golden vector", v.Name)
		}
	}
}

// pulse is what the beacon published for a round.
type pulse struct {
	Round      uint64
	Signature  hexBytes
	Randomness hexBytes
}

func pulses(t *testing.T) []pulse {
	t.Helper()
	text, err := os.ReadFile(sharedtest.Dir(t, "vectors", "chain", "upstream-sdk-438.json"))
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ DrandPulses []pulse }
	if err := json.Unmarshal(text, &file); err != nil || len(file.DrandPulses) != 5 {
		t.Fatalf("%d pulses, %v", len(file.DrandPulses), err)
	}
	return file.DrandPulses
}
