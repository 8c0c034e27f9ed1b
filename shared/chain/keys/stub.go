// Package keys holds the keys of a Subtensor account: SS58 addresses, sr25519 and
// ed25519 pairs, the mnemonics, //Uris and keyfiles they come from.
//
// A secret never leaves a Pair in print: every way of formatting one shows its address
// only. Zero wipes what this package holds of it.
package keys

import (
	"errors"
	"log/slog"
)

// Errors that callers tell apart.
var (
	ErrAddress  = errors.New("keys: not an SS58 address")
	ErrSecret   = errors.New("keys: not a secret")                   // malformed seed, mnemonic or URI
	ErrMismatch = errors.New("keys: address and secret disagree")    // the key found is not the key named
	ErrKind     = errors.New("keys: kind not supported")             // of key, keyfile or encryption; the text names it
	ErrPassword = errors.New("keys: wrong password or damaged file") // of an encrypted keyfile
	ErrLocked   = errors.New("keys: keyfile is encrypted")           // and no password was given
	ErrPublic   = errors.New("keys: keyfile holds no secret")        // a …pub file
	ErrZeroed   = errors.New("keys: secret was wiped")
)

// Prefix is the SS58 prefix of Bittensor, as of Substrate in general.
const Prefix = 42

// Kind is a signature scheme; the numbers are those of the chain's MultiSignature.
type Kind uint8

// The kinds that this package signs with.
const (
	Ed25519 Kind = 0
	Sr25519 Kind = 1
)

// String returns "ed25519" or "sr25519".
func (k Kind) String() string { return "" }

// Address is the SS58 form of a public key under a prefix (0 to 16383).
func Address(public [32]byte, prefix uint16) string { return "" }

// ParseAddress reads an SS58 address of a 32-byte public key and returns its prefix.
func ParseAddress(text string) (public [32]byte, prefix uint16, err error) {
	return public, 0, ErrAddress
}

// Pair is a secret key with its public key.
type Pair struct{}

// FromSeed makes the pair of a 32-byte seed (sr25519: the mini secret).
func FromSeed(kind Kind, seed [32]byte) (*Pair, error) { return nil, ErrSecret }

// FromMnemonic makes the pair of a BIP-39 phrase and a password (mostly empty), by
// Substrate's rule: PBKDF2 over the entropy, not over the words.
func FromMnemonic(kind Kind, phrase, password string) (*Pair, error) { return nil, ErrSecret }

// FromURI makes the pair of a secret URI: [phrase or 0x seed][/soft][//hard]…[///password].
// Without a phrase the well-known development phrase is meant, so that //Alice works.
func FromURI(kind Kind, uri string) (*Pair, error) { return nil, ErrSecret }

// ParseKeyfile reads a Bittensor keyfile: plain JSON, a bare seed or mnemonic as of old,
// or $NACL encrypted. password is used for encrypted files only; nil means none is known
// (ErrLocked). Deriving the key from the password takes 512 MiB and seconds, by design.
// The pair's address is compared with the one the file states.
func ParseKeyfile(file []byte, password []byte) (*Pair, error) { return nil, ErrSecret }

// Kind is the pair's signature scheme.
func (p *Pair) Kind() Kind { return 0 }

// Public is the pair's public key, the account id.
func (p *Pair) Public() [32]byte { return [32]byte{} }

// Address is the pair's SS58 address under Prefix.
func (p *Pair) Address() string { return "" }

// Sign signs msg; sr25519 signatures differ each time. After Zero it returns ErrZeroed.
func (p *Pair) Sign(msg []byte) (sig [64]byte, err error) { return sig, ErrZeroed }

// Zero wipes the secret. The pair can tell its address afterwards, but not sign.
func (p *Pair) Zero() {}

// String returns kind and address.
func (p *Pair) String() string { return "" }

// LogValue is what a log shows: kind and address.
func (p *Pair) LogValue() slog.Value { return slog.Value{} }

// Verify reports whether sig is the signature of msg by the public key.
func Verify(kind Kind, public [32]byte, msg, sig []byte) bool { return false }
