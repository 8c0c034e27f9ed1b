// Package timelock seals bytes until a moment: what is encrypted to a round of a drand
// beacon can be read by anybody once the beacon has signed that round, and by nobody
// before. Subtensor follows the beacon quicknet. Subtensor opens two things this way: weights of subnets with
// commit-reveal, and miners' commitments.
//
// The scheme is the FullIdent construction of Boneh and Franklin, "Identity-Based
// Encryption from the Weil Pairing" (2001), over BLS12-381. A round is an identity, the
// beacon's key is the authority, and the signature of the round is the identity's secret
// key. It seals a random key; AES-256-GCM under that key seals the message. Byte layout
// and hash functions are those of Ideal Labs' tle crate, which Subtensor's runtime is
// built with; they are not those of drand's own tlock tool.
//
// The package is pure: time and randomness are handed in. The curve arithmetic of
// gnark-crypto does not run in constant time. That is acceptable here: every secret
// scalar is used once, and what it protects becomes public within hours.
package timelock

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"math/big"

	bls "github.com/consensys/gnark-crypto/ecc/bls12-381"
	"github.com/consensys/gnark-crypto/ecc/bls12-381/fp"
	"github.com/consensys/gnark-crypto/ecc/bls12-381/fr"
)

// Sizes in bytes.
const (
	// Overhead is how much longer a ciphertext is than its plaintext.
	Overhead = bls.SizeOfG2AffineCompressed + 2*(lengthSize+keySize) + 4*lengthSize + tagSize + nonceSize + len(suite)

	// MaxWeights is the longest ciphertext that the calls commit_timelocked_weights and
	// commit_timelocked_mechanism_weights take (MAX_CRV3_COMMIT_SIZE_BYTES).
	MaxWeights = 5000

	// MaxCommitment is the longest ciphertext that a TimelockEncrypted field of
	// Commitments.set_commitment takes (MAX_TIMELOCK_COMMITMENT_SIZE_BYTES).
	MaxCommitment = 1024

	keySize   = 32 // of the AES key, and of the value that masks it
	nonceSize = 12
	tagSize   = 16
)

var (
	// ErrTooLong is wrapped when a text does not fit the chain's largest commit.
	ErrTooLong = errors.New("timelock: longer than the chain takes")

	// ErrRound is wrapped when asked for a round that the beacon never signs.
	ErrRound = errors.New("timelock: drand counts rounds from 1")

	// ErrCiphertext is wrapped when bytes are not a ciphertext of this format.
	ErrCiphertext = errors.New("timelock: malformed ciphertext")

	// ErrSignature is wrapped when bytes are not a signature of the beacon, or not the
	// one of the round in question.
	ErrSignature = errors.New("timelock: not a signature of the round")

	// ErrSealed is wrapped when a well-formed signature does not open a well-formed
	// ciphertext: it is that of another round, or the ciphertext was altered.
	ErrSealed = errors.New("timelock: the signature does not open the ciphertext")
)

// Encrypt seals a plaintext until the beacon has signed round. It draws 76 bytes from
// random: the AES key (32), the seed of the value that masks it (32) and the nonce (12);
// the same bytes give the same ciphertext. In production random is crypto/rand.Reader:
// whoever can foretell it reads the plaintext at once.
//
// The result is Overhead bytes longer than the plaintext and at most MaxWeights long.
func (b Beacon) Encrypt(plaintext []byte, round uint64, random io.Reader) ([]byte, error) {
	if len(plaintext) > MaxWeights-Overhead {
		return nil, fmt.Errorf("%w: %d bytes of plaintext, at most %d", ErrTooLong, len(plaintext), MaxWeights-Overhead)
	}
	if round == 0 {
		return nil, fmt.Errorf("encrypt to round 0: %w", ErrRound)
	}
	var drawn [2*keySize + nonceSize]byte
	if _, err := io.ReadFull(random, drawn[:]); err != nil {
		return nil, fmt.Errorf("timelock: draw randomness: %w", err)
	}
	key, seed, nonce := drawn[:keySize], drawn[keySize:2*keySize], drawn[2*keySize:]
	sealed, err := seal(key, nonce, plaintext)
	if err != nil {
		return nil, err
	}
	c := ciphertext{body: sealed, nonce: nonce}
	if err := c.wrapKey(b, [keySize]byte(key), sha256.Sum256(seed), round); err != nil {
		return nil, err
	}
	return c.encode(), nil
}

// wrapKey encrypts the AES key to the identity of a round. sigma is the random value
// from which the scalar of the encryption follows, so that whoever opens the ciphertext
// can compute it again and see that nothing was altered.
func (c *ciphertext) wrapKey(b Beacon, key, sigma [keySize]byte, round uint64) error {
	public, err := b.key()
	if err != nil {
		return err
	}
	identity, err := identityOf(round)
	if err != nil {
		return err
	}
	scalar := scalarOf(sigma, key)
	c.point.ScalarMultiplicationBase(scalar)
	identity.ScalarMultiplication(&identity, scalar) // e(r*Q, P) is e(Q, P) to the r, and cheapest on this side
	mask, err := pairingHash(&identity, public)
	if err != nil {
		return err
	}
	c.sigma, c.key = xor(sigma, mask), xor(key, sha256.Sum256(sigma[:]))
	return nil
}

// Decrypt opens a ciphertext with the beacon's signature (48 bytes) of its round. A
// ciphertext does not name its round, so one opened with the wrong signature cannot be
// told from an altered one: both are ErrSealed.
//
// It is stricter than the chain in one thing: the chain ignores bytes after the
// ciphertext and after the sealed message within it, here they are ErrCiphertext.
func Decrypt(sealed, signature []byte) ([]byte, error) {
	c, err := parse(sealed)
	if err != nil {
		return nil, err
	}
	secret, err := parseSignature(signature)
	if err != nil {
		return nil, err
	}
	key, err := c.unwrapKey(secret)
	if err != nil {
		return nil, err
	}
	aead, err := gcm(key[:])
	if err != nil {
		return nil, err
	}
	plaintext, err := aead.Open(nil, c.nonce, c.body, nil)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSealed, err)
	}
	return plaintext, nil
}

func (c *ciphertext) unwrapKey(secret *bls.G1Affine) (key [keySize]byte, err error) {
	mask, err := pairingHash(secret, &c.point)
	if err != nil {
		return key, err
	}
	sigma := xor(c.sigma, mask)
	key = xor(c.key, sha256.Sum256(sigma[:]))
	var again bls.G2Affine
	if again.ScalarMultiplicationBase(scalarOf(sigma, key)); !again.Equal(&c.point) {
		return key, fmt.Errorf("%w: the key's check fails", ErrSealed)
	}
	return key, nil
}

// scalarOf is the paper's H3: a hash of both values, as a big-endian number modulo the
// group's order.
func scalarOf(sigma, key [keySize]byte) *big.Int {
	sum := sha256.Sum256(append(sigma[:], key[:]...))
	var scalar fr.Element
	return scalar.SetBytes(sum[:]).BigInt(new(big.Int))
}

// pairingHash is the paper's H2: the SHA-256 of e(p, q), written as twelve numbers of 48
// bytes, little-endian, each pair of the field's tower from its lower part up.
func pairingHash(p *bls.G1Affine, q *bls.G2Affine) (sum [keySize]byte, err error) {
	g, err := bls.Pair([]bls.G1Affine{*p}, []bls.G2Affine{*q})
	if err != nil {
		return sum, fmt.Errorf("timelock: pairing: %w", err)
	}
	text := make([]byte, 0, bls.SizeOfGT)
	var le [fp.Bytes]byte
	for _, six := range []*bls.E6{&g.C0, &g.C1} {
		for _, two := range []*bls.E2{&six.B0, &six.B1, &six.B2} {
			for _, number := range []*fp.Element{&two.A0, &two.A1} {
				fp.LittleEndian.PutElement(&le, *number)
				text = append(text, le[:]...)
			}
		}
	}
	return sha256.Sum256(text), nil
}

func xor(a, b [keySize]byte) (out [keySize]byte) {
	subtle.XORBytes(out[:], a[:], b[:])
	return out
}

func seal(key, nonce, plaintext []byte) ([]byte, error) {
	aead, err := gcm(key)
	if err != nil {
		return nil, err
	}
	return aead.Seal(nil, nonce, plaintext, nil), nil
}

func gcm(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("timelock: AES-256: %w", err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, fmt.Errorf("timelock: GCM: %w", err)
	}
	return aead, nil
}
