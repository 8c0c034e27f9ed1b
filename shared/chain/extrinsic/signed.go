package extrinsic

import (
	"fmt"
	"math/big"

	"github.com/affine-go/affine/shared/chain/keys"
	"github.com/affine-go/affine/shared/chain/metadata"
	"github.com/affine-go/affine/shared/chain/scale"
)

// signedVersion is the first byte of a signed extrinsic: the version under the top bit.
const signedVersion = 0x80 | version

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

// Assemble returns the signed extrinsic with its length prefix, ready for submission.
// It does not check the signature; Signed.Verify does.
func Assemble(ctx Context, call []byte, signer [32]byte, kind keys.Kind, sig [64]byte, opts Options) ([]byte, error) {
	extra, _, err := ctx.extensions(opts)
	if err != nil {
		return nil, fmt.Errorf("assemble extrinsic: %w", err)
	}
	var e scale.Encoder
	e.U8(signedVersion)
	if err := writeSignature(ctx.Metadata, &e, signer, kind, sig); err != nil {
		return nil, fmt.Errorf("assemble extrinsic: %w", err)
	}
	e.Raw(extra)
	e.Raw(call)
	var framed scale.Encoder
	framed.Bytes(e.Data())
	return framed.Data(), nil
}

// signatureVariants are the names of the kinds within MultiSignature.
var signatureVariants = map[keys.Kind]string{keys.Ed25519: "Ed25519", keys.Sr25519: "Sr25519"}

// writeSignature writes signer and signature in the runtime's own address and signature
// types.
func writeSignature(m *metadata.Metadata, e *scale.Encoder, signer [32]byte, kind keys.Kind, sig [64]byte) error {
	name, ok := signatureVariants[kind]
	if !ok {
		return fmt.Errorf("%w: signature by %s", ErrFormat, kind)
	}
	if err := m.EncodeType(e, m.AddressType, metadata.Variant{Name: "Id", Value: signer[:]}); err != nil {
		return fmt.Errorf("address: %w", err)
	}
	if err := m.EncodeType(e, m.SignatureType, metadata.Variant{Name: name, Value: sig[:]}); err != nil {
		return fmt.Errorf("signature: %w", err)
	}
	return nil
}

// Decode takes apart a signed extrinsic of version 4 with its length prefix. It is as
// strict as the chain: bytes left over, another version, an address or a signature of
// another kind and an extension that cannot be understood are refused.
func Decode(m *metadata.Metadata, raw []byte) (*Signed, error) {
	outer := scale.NewDecoder(raw)
	body := outer.Bytes()
	if err := outer.End(); err != nil {
		return nil, fmt.Errorf("%w: length: %w", ErrFormat, err)
	}
	d := scale.NewDecoder(body)
	if err := checkVersion(d.U8(), d.Err()); err != nil {
		return nil, err
	}
	if err := signable(m); err != nil {
		return nil, err
	}
	s := &Signed{}
	if err := s.readSignature(m, d); err != nil {
		return nil, err
	}
	if err := s.readExtensions(m, d); err != nil {
		return nil, err
	}
	s.Call = append([]byte(nil), d.Raw(d.Remaining())...)
	var err error
	if s.Pallet, s.Name, s.Args, err = m.DecodeCall(s.Call); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	return s, nil
}

func checkVersion(first uint8, err error) error {
	switch {
	case err != nil:
		return fmt.Errorf("%w: %w", ErrFormat, err)
	case first == signedVersion:
		return nil
	case first == 4 || first == 5:
		return fmt.Errorf("%w: bare, version %d", ErrUnsigned, first)
	case first&0xc0 == 0x40:
		return fmt.Errorf("%w: general, version %d", ErrVersion, first&0x3f)
	case first&0xc0 == 0x80:
		return fmt.Errorf("%w: signed, version %d", ErrVersion, first&0x3f)
	}
	return fmt.Errorf("%w: first byte %#02x", ErrVersion, first)
}

func (s *Signed) readSignature(m *metadata.Metadata, d *scale.Decoder) error {
	address, err := m.DecodeType(d, m.AddressType)
	if err != nil {
		return fmt.Errorf("%w: address: %w", ErrFormat, err)
	}
	id, ok := variantBytes(address, "Id", 32)
	if !ok {
		return fmt.Errorf("%w: address is not an account id", ErrFormat)
	}
	s.Signer = [32]byte(id)
	signature, err := m.DecodeType(d, m.SignatureType)
	if err != nil {
		return fmt.Errorf("%w: signature: %w", ErrFormat, err)
	}
	for kind, name := range signatureVariants {
		if sig, ok := variantBytes(signature, name, 64); ok {
			s.Kind, s.Signature = kind, [64]byte(sig)
			return nil
		}
	}
	return fmt.Errorf("%w: signature is neither ed25519 nor sr25519", ErrFormat)
}

// variantBytes returns what the named variant carries, if v is that.
func variantBytes(v any, name string, size int) ([]byte, bool) {
	variant, _ := v.(metadata.Variant)
	b, ok := variant.Value.([]byte)
	return b, ok && variant.Name == name && len(b) == size
}

// readExtensions reads the extensions' half that travels in the extrinsic.
func (s *Signed) readExtensions(m *metadata.Metadata, d *scale.Decoder) error {
	for _, x := range m.Extensions() {
		switch x.Name {
		case "CheckMortality":
			s.readEra(d)
		case "CheckNonce":
			s.Nonce = readNumber(m, d, x.Extra)
		case "ChargeTransactionPayment":
			s.Tip = readNumber(m, d, x.Extra)
		case "CheckMetadataHash":
			if mode := d.U8(); mode != 0 {
				d.Fail(fmt.Errorf("%w: metadata hash mode %d", ErrExtension, mode))
			}
		default:
			if zero, err := m.ZeroSize(x.Extra); err != nil || !zero {
				return fmt.Errorf("%w: %s carries data", ErrExtension, x.Name)
			}
		}
		if d.Err() != nil {
			return fmt.Errorf("%w: %s: %w", ErrFormat, x.Name, d.Err())
		}
	}
	return nil
}

// readNumber reads an integer in the runtime's own type, and so within its range.
func readNumber(m *metadata.Metadata, d *scale.Decoder, id uint32) uint64 {
	v, err := m.DecodeType(d, id)
	if err != nil {
		return 0 // the failure is the decoder's as well
	}
	switch n := v.(type) {
	case uint64:
		return n
	case *big.Int:
		if n.IsUint64() {
			return n.Uint64()
		}
	}
	d.Fail(fmt.Errorf("%w: %v is not a number of at most 64 bits", ErrFormat, v))
	return 0
}

func (s *Signed) readEra(d *scale.Decoder) {
	first := d.Raw(1)
	if d.Err() != nil {
		return
	}
	if first[0] != 0 {
		first = append([]byte{first[0]}, d.Raw(1)...)
	}
	era, _, err := DecodeEra(first)
	if err != nil {
		d.Fail(err)
	}
	s.Era = era
}

// Verify checks the signature against the chain that ctx describes and the hash of the
// era's birth block (not used when immortal). A wrong one gives ErrSignature.
func (s *Signed) Verify(ctx Context, eraBlockHash [32]byte) error {
	opts := Options{Nonce: s.Nonce, Tip: s.Tip, Era: s.Era, EraBlockHash: eraBlockHash}
	_, signed, err := payloadOf(ctx, s.Call, opts)
	if err != nil {
		return fmt.Errorf("verify extrinsic: %w", err)
	}
	if !keys.Verify(s.Kind, s.Signer, signed, s.Signature[:]) {
		return fmt.Errorf("%w: by %s of %s", ErrSignature, s.Kind, keys.Address(s.Signer, keys.Prefix))
	}
	return nil
}
