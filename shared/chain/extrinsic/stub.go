// Package extrinsic builds, signs for, and takes apart signed extrinsics of version 4,
// the transactions of a Substrate chain.
//
// What is signed is decided by the runtime: the list of transaction extensions in its
// metadata is walked, and one that this package does not know is accepted only when it
// carries no bytes. The package holds no key: Payload says what to sign, Assemble puts
// the signature in place, so that a signer elsewhere can stand between the two.
package extrinsic

import (
	"errors"

	"github.com/affine-go/affine/shared/chain/keys"
	"github.com/affine-go/affine/shared/chain/metadata"
)

// Errors that callers tell apart.
var (
	ErrExtension = errors.New("extrinsic: transaction extension not understood") // refuse to sign
	ErrFormat    = errors.New("extrinsic: malformed")
	ErrUnsigned  = errors.New("extrinsic: not signed")         // a bare extrinsic, of version 4 or 5
	ErrVersion   = errors.New("extrinsic: version not 4")      // signed or general of another version
	ErrSignature = errors.New("extrinsic: signature is wrong") // by Signed.Verify
	ErrEra       = errors.New("extrinsic: era is wrong")
)

// Context is what a signature is bound to besides the extrinsic: the runtime and the chain.
type Context struct {
	Metadata    *metadata.Metadata
	SpecVersion uint32
	TxVersion   uint32
	Genesis     [32]byte
}

// Era is how long an extrinsic may be included. The zero value is immortal; otherwise
// it lives for Period blocks (a power of two from 4 to 65536) from its birth, the last
// block whose number is Phase modulo Period.
type Era struct {
	Period uint64
	Phase  uint64
}

// Mortal is an era of period blocks that is alive at the current block. The period is
// rounded up to a power of two from 4 to 65536.
func Mortal(period, current uint64) Era { return Era{} }

// Immortal reports whether the era never ends.
func (e Era) Immortal() bool { return e.Period == 0 }

// Birth is the block whose hash is signed: the first of the era that current is in.
func (e Era) Birth(current uint64) uint64 { return 0 }

// Death is the first block at which the extrinsic is no longer valid; the greatest
// uint64 for an immortal one.
func (e Era) Death(current uint64) uint64 { return 0 }

// Encode returns the era's one byte (immortal) or two.
func (e Era) Encode() ([]byte, error) { return nil, ErrEra }

// DecodeEra reads an era from the start of b and returns how many bytes it took.
func DecodeEra(b []byte) (Era, int, error) { return Era{}, 0, ErrEra }

// Options are what the signer chooses.
type Options struct {
	Nonce        uint64
	Tip          uint64 // in the chain's smallest unit
	Era          Era
	EraBlockHash [32]byte // hash of the era's birth block; not used when immortal
}

// Payload returns the whole payload (call, extensions, implicit data) and the bytes to
// be signed: the payload itself, or its BLAKE2b-256 when longer than 256 bytes.
func Payload(ctx Context, call []byte, opts Options) (payload, signedBytes []byte, err error) {
	return nil, nil, ErrExtension
}

// Assemble returns the signed extrinsic with its length prefix, ready for submission.
func Assemble(ctx Context, call []byte, signer [32]byte, kind keys.Kind, sig [64]byte, opts Options) ([]byte, error) {
	return nil, ErrExtension
}

// Signed is a signed extrinsic taken apart.
type Signed struct {
	Signer    [32]byte
	Kind      keys.Kind
	Signature [64]byte
	Era       Era
	Nonce     uint64
	Tip       uint64
	Call      []byte // encoded
	Pallet    string
	Name      string // of the call
	Args      map[string]any
}

// Decode takes apart a signed extrinsic of version 4 with its length prefix. It is as
// strict as the chain: bytes left over, another version, an address or signature of
// another kind and an extension that cannot be understood are refused.
func Decode(m *metadata.Metadata, raw []byte) (*Signed, error) { return nil, ErrFormat }

// Verify checks the signature against the chain that ctx describes and the hash of the
// era's birth block (not used when immortal). A failure wraps ErrSignature.
func (s *Signed) Verify(ctx Context, eraBlockHash [32]byte) error { return ErrSignature }

// Hash is the extrinsic's hash: BLAKE2b-256 of all its bytes, length prefix included.
func Hash(extrinsic []byte) [32]byte { return [32]byte{} }
