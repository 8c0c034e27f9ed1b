package wasmhost

import (
	"math/big"

	"github.com/consensys/gnark-crypto/ecc/secp256k1/ecdsa"
	"github.com/consensys/gnark-crypto/ecc/secp256k1/fr"
	"golang.org/x/crypto/blake2b"

	"github.com/affine-go/affine/shared/chain/keys"
)

// cryptoFunctions check signatures.
var cryptoFunctions = map[string]hostFunction{
	"ext_crypto_ed25519_verify_version_1": verifier(keys.Ed25519),
	"ext_crypto_sr25519_verify_version_1": verifier(keys.Sr25519),
	"ext_crypto_sr25519_verify_version_2": verifier(keys.Sr25519),
	"ext_crypto_ecdsa_verify_version_1":   {"psp", "p", (*execution).verifyECDSA},
	"ext_crypto_ecdsa_verify_version_2":   {"psp", "p", (*execution).verifyECDSA},
	"ext_crypto_ecdsa_verify_prehashed_version_1": {"ppp", "p", func(x *execution, a []uint64) uint64 {
		return flag(signedBy(x.read(uint32(a[0]), 65), x.read(uint32(a[1]), 32), x.read(uint32(a[2]), 33)))
	}},
	"ext_crypto_secp256k1_ecdsa_recover_version_1":            {"pp", "s", recoverer(false)},
	"ext_crypto_secp256k1_ecdsa_recover_version_2":            {"pp", "s", recoverer(false)},
	"ext_crypto_secp256k1_ecdsa_recover_compressed_version_1": {"pp", "s", recoverer(true)},
	"ext_crypto_secp256k1_ecdsa_recover_compressed_version_2": {"pp", "s", recoverer(true)},

	// Batches are verified one by one, as they come, and the verdicts returned at once.
	"ext_crypto_start_batch_verify_version_1":   {"", "", func(*execution, []uint64) uint64 { return 0 }},
	"ext_crypto_finish_batch_verify_version_1":  {"", "p", func(*execution, []uint64) uint64 { return 1 }},
	"ext_crypto_ed25519_batch_verify_version_1": verifier(keys.Ed25519),
	"ext_crypto_sr25519_batch_verify_version_1": verifier(keys.Sr25519),
	"ext_crypto_ecdsa_batch_verify_version_1":   {"psp", "p", (*execution).verifyECDSA},
}

// verifier takes a signature, a message and a public key.
func verifier(kind keys.Kind) hostFunction {
	return hostFunction{"psp", "p", func(x *execution, a []uint64) uint64 {
		signature, message, public := x.read(uint32(a[0]), 64), x.bytes(a[1]), x.read(uint32(a[2]), 32)
		return flag(keys.Verify(kind, [32]byte(public), message, signature))
	}}
}

func (x *execution) verifyECDSA(a []uint64) uint64 {
	digest := blake2b.Sum256(x.bytes(a[1]))
	return flag(signedBy(x.read(uint32(a[0]), 65), digest[:], x.read(uint32(a[2]), 33)))
}

func signedBy(signature, digest, public []byte) bool {
	key, fault := recoverKey(signature, digest)
	return fault == 0 && string(compressed(key)) == string(public)
}

// recoverer answers with the key that signed a digest, or with what is wrong with the
// signature: a Result<[u8; 64], EcdsaVerifyError>, or of [u8; 33] when short.
func recoverer(short bool) func(x *execution, a []uint64) uint64 {
	return func(x *execution, a []uint64) uint64 {
		key, fault := recoverKey(x.read(uint32(a[0]), 65), x.read(uint32(a[1]), 32))
		switch {
		case fault != 0:
			return x.give([]byte{1, byte(fault - 1)})
		case short:
			return x.give(append([]byte{0}, compressed(key)...))
		}
		return x.give(append([]byte{0}, key...))
	}
}

// ecdsaFault is one more than the variant of EcdsaVerifyError; 0 means none.
type ecdsaFault byte

const (
	badRS ecdsaFault = iota + 1
	badV
	badSignature
)

// recoverKey finds the key, its two coordinates, behind a signature of secp256k1: r and s
// of 32 bytes each and the recovery id, which Ethereum counts from 27.
func recoverKey(signature, digest []byte) ([]byte, ecdsaFault) {
	v := uint(signature[64])
	if v > 26 {
		v -= 27
	}
	if v > 3 {
		return nil, badV
	}
	r, s := new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:64])
	order := fr.Modulus()
	if r.Cmp(order) >= 0 || s.Cmp(order) >= 0 {
		return nil, badRS
	}
	var key ecdsa.PublicKey
	if s.Sign() == 0 || key.RecoverFrom(digest, v, r, s) != nil || key.A.IsInfinity() {
		return nil, badSignature
	}
	x, y := key.A.X.Bytes(), key.A.Y.Bytes()
	return append(x[:], y[:]...), 0
}

// compressed is a key as its first coordinate and the parity of the second.
func compressed(key []byte) []byte {
	return append([]byte{2 | key[63]&1}, key[:32]...)
}
