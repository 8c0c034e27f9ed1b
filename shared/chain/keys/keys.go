// Package keys holds the keys of a Subtensor account: SS58 addresses, sr25519 and
// ed25519 pairs, and the mnemonics, //Uris and keyfiles they come from.
//
// A secret never leaves a Pair in print: every way of formatting one shows kind and
// address only. Zero wipes what this package holds of it.
package keys

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"log/slog"
	"runtime"

	schnorrkel "github.com/ChainSafe/go-schnorrkel"
)

// Errors that callers tell apart.
var (
	ErrAddress  = errors.New("keys: not an SS58 address")
	ErrSecret   = errors.New("keys: not a secret")                   // malformed seed, mnemonic or URI
	ErrKeyfile  = errors.New("keys: not a keyfile")                  // no kind of keyfile, or damaged
	ErrMismatch = errors.New("keys: address and secret disagree")    // the key found is not the key named
	ErrKind     = errors.New("keys: kind not supported")             // of key, keyfile or encryption; the text names it
	ErrPassword = errors.New("keys: wrong password or damaged file") // of an encrypted keyfile
	ErrLocked   = errors.New("keys: keyfile is encrypted")           // and no password was given
	ErrPublic   = errors.New("keys: keyfile holds no secret")        // a file with the public half only
	ErrZeroed   = errors.New("keys: secret was wiped")
)

// Kind is a signature scheme; the numbers are those of the chain's MultiSignature.
type Kind uint8

// The kinds that this package signs with.
const (
	Ed25519 Kind = 0
	Sr25519 Kind = 1
)

// String returns "ed25519" or "sr25519".
func (k Kind) String() string {
	switch k {
	case Ed25519:
		return "ed25519"
	case Sr25519:
		return "sr25519"
	}
	return fmt.Sprintf("key kind %d", uint8(k))
}

// Pair is a secret key with its public key. It is safe for concurrent use, Zero
// excepted.
type Pair struct {
	kind   Kind
	public [32]byte
	secret func() *secret
}

// secret is reached through a function: no printer, however it came by a Pair (a struct
// that holds one in an unexported field escapes its methods), shows what functions hold.
type secret struct {
	key    [32]byte // sr25519: the scalar; ed25519: the seed
	zeroed bool
}

func newPair(kind Kind, key [32]byte) *Pair {
	kept := &secret{key: key}
	return &Pair{kind: kind, secret: func() *secret { return kept }}
}

// FromSeed makes the pair of a 32-byte seed (sr25519: the mini secret).
func FromSeed(kind Kind, seed [32]byte) (*Pair, error) {
	switch kind {
	case Ed25519:
		return fromEd25519(seed), nil
	case Sr25519:
		return fromMini(seed)
	}
	return nil, fmt.Errorf("%w: %s", ErrKind, kind)
}

func fromEd25519(seed [32]byte) *Pair {
	p := newPair(Ed25519, seed)
	key := ed25519.NewKeyFromSeed(seed[:])
	copy(p.public[:], key[32:])
	clear(key)
	return p
}

func fromMini(seed [32]byte) (*Pair, error) {
	mini, err := schnorrkel.NewMiniSecretKeyFromRaw(seed)
	if err != nil {
		return nil, fmt.Errorf("%w: %v", ErrSecret, err)
	}
	return fromScalar(mini.ExpandEd25519().Encode())
}

// fromScalar makes an sr25519 pair of its expanded secret. The nonce that goes with a
// scalar in key files is not kept: signatures draw their own.
func fromScalar(scalar [32]byte) (*Pair, error) {
	public, err := schnorrkel.NewSecretKey(scalar, [32]byte{}).Public()
	if err != nil || scalar == [32]byte{} {
		return nil, fmt.Errorf("%w: scalar is zero or not in its canonical form", ErrSecret)
	}
	p := newPair(Sr25519, scalar)
	p.public = public.Encode()
	return p, nil
}

// Kind is the pair's signature scheme.
func (p *Pair) Kind() Kind { return p.kind }

// Public is the pair's public key, the account id.
func (p *Pair) Public() [32]byte { return p.public }

// Address is the pair's SS58 address under Prefix.
func (p *Pair) Address() string { return Address(p.public, Prefix) }

// Sign signs msg; sr25519 signatures differ each time. After Zero it returns ErrZeroed.
// The context is for keys that are held elsewhere and sign over a network; this one is
// asked nothing.
func (p *Pair) Sign(_ context.Context, msg []byte) (sig [64]byte, err error) {
	secret := p.secret()
	if secret.zeroed {
		return sig, ErrZeroed
	}
	if p.kind == Ed25519 {
		key := ed25519.NewKeyFromSeed(secret.key[:])
		copy(sig[:], ed25519.Sign(key, msg))
		clear(key)
		return sig, nil
	}
	s, err := schnorrkel.NewSecretKey(secret.key, [32]byte{}).Sign(schnorrkel.NewSigningContext(signingContext, msg))
	if err != nil {
		return sig, fmt.Errorf("sign with sr25519: %w", err)
	}
	return s.Encode(), nil
}

// signingContext is the domain of every sr25519 signature on Substrate chains.
var signingContext = []byte("substrate")

// Verify reports whether sig is the signature of msg by the public key. No signature
// is valid under an unknown kind.
func Verify(kind Kind, public [32]byte, msg, sig []byte) bool {
	if len(sig) != 64 {
		return false
	}
	switch kind {
	case Ed25519:
		return ed25519.Verify(public[:], msg, sig)
	case Sr25519:
		return verifySr25519(public, msg, [64]byte(sig))
	}
	return false
}

func verifySr25519(public [32]byte, msg []byte, sig [64]byte) bool {
	key, err := schnorrkel.NewPublicKey(public)
	if err != nil {
		return false
	}
	var s schnorrkel.Signature
	if err := s.Decode(sig); err != nil {
		return false
	}
	ok, err := key.Verify(&s, schnorrkel.NewSigningContext(signingContext, msg))
	return ok && err == nil
}

// Zero wipes the secret. The pair can tell its address afterwards, but not sign.
// Copies that the runtime or the libraries made in passing are out of reach.
func (p *Pair) Zero() {
	secret := p.secret()
	clear(secret.key[:])
	secret.zeroed = true
	runtime.KeepAlive(secret)
}

// String returns kind and address.
func (p Pair) String() string { return p.kind.String() + " " + p.Address() }

// GoString is String: %#v shows no more than %v.
func (p Pair) GoString() string { return p.String() }

// Format writes String whatever the verb.
func (p Pair) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(p.String())) }

// LogValue is what a log shows: kind and address.
func (p Pair) LogValue() slog.Value { return slog.StringValue(p.String()) }

// MarshalText is String, so that JSON and other encodings show no more.
func (p Pair) MarshalText() ([]byte, error) { return []byte(p.String()), nil }
