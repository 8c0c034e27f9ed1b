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
	"fmt"
	"slices"

	"golang.org/x/crypto/blake2b"

	"github.com/affine-go/affine/shared/chain/metadata"
	"github.com/affine-go/affine/shared/chain/scale"
)

// Errors that callers tell apart.
var (
	ErrExtension = errors.New("extrinsic: transaction extensions not understood") // refuse to sign
	ErrFormat    = errors.New("extrinsic: malformed")
	ErrUnsigned  = errors.New("extrinsic: not signed")    // a bare extrinsic, of version 4 or 5
	ErrVersion   = errors.New("extrinsic: version not 4") // signed or general of another version
	ErrSignature = errors.New("extrinsic: signature is wrong")
	ErrEra       = errors.New("extrinsic: no such era")
)

// version is the format that is signed here.
const version = 4

// maxUnhashed is the longest payload that is signed as it is.
const maxUnhashed = 256

// Context is what a signature is bound to besides the extrinsic: the runtime and the
// chain.
type Context struct {
	Metadata    *metadata.Metadata
	SpecVersion uint32
	TxVersion   uint32
	Genesis     [32]byte
}

// Options are what the signer chooses.
type Options struct {
	Nonce        uint64
	Tip          uint64 // in the chain's smallest unit
	Era          Era
	EraBlockHash [32]byte // hash of the era's birth block; not used when immortal
}

// Payload returns the whole payload (call, extensions, implicit data) and the bytes to
// be signed: the payload itself, or its BLAKE2b-256 when it is longer than 256 bytes.
// A call that the metadata cannot take apart is refused: nobody knows what it would do.
func Payload(ctx Context, call []byte, opts Options) (payload, signedBytes []byte, err error) {
	if _, _, _, err := ctx.Metadata.DecodeCall(call); err != nil {
		return nil, nil, fmt.Errorf("payload: %w", err)
	}
	return payloadOf(ctx, call, opts)
}

// payloadOf is Payload for a call that has been taken apart already.
func payloadOf(ctx Context, call []byte, opts Options) (payload, signedBytes []byte, err error) {
	extra, implicit, err := ctx.extensions(opts)
	if err != nil {
		return nil, nil, fmt.Errorf("payload: %w", err)
	}
	payload = slices.Concat(call, extra, implicit)
	if len(payload) <= maxUnhashed {
		return payload, payload, nil
	}
	hash := blake2b.Sum256(payload)
	return payload, hash[:], nil
}

// Hash is the extrinsic's hash: BLAKE2b-256 of all its bytes, length prefix included.
func Hash(extrinsic []byte) [32]byte { return blake2b.Sum256(extrinsic) }

// extensions walks the runtime's list and returns what travels in the extrinsic and
// what is only signed.
func (ctx Context) extensions(opts Options) (extra, implicit []byte, err error) {
	if err := signable(ctx.Metadata); err != nil {
		return nil, nil, err
	}
	for _, x := range ctx.Metadata.Extensions() {
		a, b, err := ctx.halves(x, opts)
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", x.Name, err)
		}
		if err := ctx.shaped(x, a, b); err != nil {
			return nil, nil, err
		}
		extra, implicit = append(extra, a...), append(implicit, b...)
	}
	return extra, implicit, nil
}

// signable refuses a runtime whose extrinsics are of another version, and one whose
// extensions would not bind a signature to chain, runtime, account nonce and time: such
// a signature could be used again elsewhere.
func signable(m *metadata.Metadata) error {
	if !slices.Contains(m.ExtrinsicVersions, version) {
		return fmt.Errorf("%w: the runtime takes versions %d", ErrVersion, m.ExtrinsicVersions)
	}
	var names []string
	for _, x := range m.Extensions() {
		names = append(names, x.Name)
	}
	for _, needed := range []string{"CheckSpecVersion", "CheckGenesis", "CheckMortality", "CheckNonce"} {
		if !slices.Contains(names, needed) {
			return fmt.Errorf("%w: the runtime's list lacks %s", ErrExtension, needed)
		}
	}
	return nil
}

// halves returns both halves of one extension's data.
func (ctx Context) halves(x metadata.Extension, opts Options) (extra, implicit []byte, err error) {
	var e scale.Encoder
	switch x.Name {
	case "CheckSpecVersion":
		e.U32(ctx.SpecVersion)
		return nil, e.Data(), nil
	case "CheckTxVersion":
		e.U32(ctx.TxVersion)
		return nil, e.Data(), nil
	case "CheckGenesis":
		return nil, ctx.Genesis[:], nil
	case "CheckMortality":
		extra, err = opts.Era.Encode()
		return extra, ctx.birthHash(opts), err
	case "CheckNonce":
		e.Compact(opts.Nonce)
		return e.Data(), nil, nil
	case "ChargeTransactionPayment":
		e.Compact(opts.Tip)
		return e.Data(), nil, nil
	case "CheckMetadataHash":
		return []byte{0}, []byte{0}, nil // mode Disabled; no hash
	}
	return nil, nil, ctx.unknown(x)
}

func (ctx Context) birthHash(opts Options) []byte {
	if opts.Era.Immortal() {
		return ctx.Genesis[:]
	}
	return opts.EraBlockHash[:]
}

// unknown accepts an extension that this package does not know only when both of its
// halves are of no size.
func (ctx Context) unknown(x metadata.Extension) error {
	for _, half := range []uint32{x.Extra, x.Implicit} {
		zero, err := ctx.Metadata.ZeroSize(half)
		if err != nil {
			return err
		}
		if !zero {
			return fmt.Errorf("%w: it is not known here and carries data", ErrExtension)
		}
	}
	return nil
}

// shaped refuses to go on when what was written for an extension is not what its types
// in the metadata say: the runtime has come to mean something else by the name.
func (ctx Context) shaped(x metadata.Extension, extra, implicit []byte) error {
	for _, half := range []struct {
		id    uint32
		bytes []byte
	}{{x.Extra, extra}, {x.Implicit, implicit}} {
		d := scale.NewDecoder(half.bytes)
		if _, err := ctx.Metadata.DecodeType(d, half.id); err != nil || d.End() != nil {
			return fmt.Errorf("%w: %s has another form in this runtime", ErrExtension, x.Name)
		}
	}
	return nil
}
