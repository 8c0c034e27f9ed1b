package timelock

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"math/big"
	"os"
	"testing"
)

// A ciphertext whose point does not follow from what it seals would open but for the
// check of the key: its maker could give one sealed text many forms. The chain refuses
// it, and so does Decrypt.
func TestDecryptChecksTheKey(t *testing.T) {
	var file struct{ Signature1000 string }
	text, err := os.ReadFile("testdata/vectors.json")
	if err != nil || json.Unmarshal(text, &file) != nil {
		t.Fatal(err)
	}
	signature, err := hex.DecodeString(file.Signature1000)
	if err != nil {
		t.Fatal(err)
	}
	key, sigma := [keySize]byte{1}, [keySize]byte{2}
	for _, test := range []struct {
		scalar *big.Int
		want   error
	}{{scalarOf(sigma, key), nil}, {big.NewInt(5), ErrSealed}} {
		opened, err := Decrypt(sealWith(t, test.scalar, key, sigma), signature)
		if !errors.Is(err, test.want) || err == nil && string(opened) != "weights" {
			t.Errorf("scalar %v: %q, %v, want %v", test.scalar, opened, err, test.want)
		}
	}
}

// sealWith encrypts to round 1000 with a scalar of the caller's choice.
func sealWith(t *testing.T, scalar *big.Int, key, sigma [keySize]byte) []byte {
	t.Helper()
	c := ciphertext{nonce: make([]byte, nonceSize)}
	identity, err := identityOf(1000)
	if err != nil {
		t.Fatal(err)
	}
	c.point.ScalarMultiplicationBase(scalar)
	identity.ScalarMultiplication(&identity, scalar)
	public, err := Quicknet().key()
	if err != nil {
		t.Fatal(err)
	}
	mask, err := pairingHash(&identity, public)
	if err != nil {
		t.Fatal(err)
	}
	c.sigma, c.key = xor(sigma, mask), xor(key, sha256.Sum256(sigma[:]))
	if c.body, err = seal(key[:], c.nonce, []byte("weights")); err != nil {
		t.Fatal(err)
	}
	return c.encode()
}
