package hotkey

import (
	"context"
	"crypto/ed25519"
	"crypto/x509"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"
	"github.com/aws/smithy-go"

	"github.com/affine-go/affine/shared/chain/keys"
)

// Why KMS does not sign, for whoever is to mend it.
var (
	ErrThrottled = errors.New("KMS is asked too often, try again later")
	ErrDenied    = errors.New("the role may not use the KMS key: it needs kms:GetPublicKey and kms:Sign on it")
	ErrDisabled  = errors.New("the KMS key is disabled or waiting to be deleted")
	ErrNoKey     = errors.New("there is no such KMS key in this account and region")
	ErrWrongKey  = errors.New("the KMS key cannot be a hotkey: one of spec ECC_NIST_EDWARDS25519 for SIGN_VERIFY can")
	ErrSignature = errors.New("KMS gave a signature that does not verify")
	ErrTooLong   = errors.New("the message is longer than the 4096 bytes that KMS signs as they are")
)

// maxMessage is the longest message that KMS signs under MessageType RAW.
const maxMessage = 4096

// KMS is the part of *kms.Client that a key uses.
type KMS interface {
	GetPublicKey(context.Context, *kms.GetPublicKeyInput, ...func(*kms.Options)) (*kms.GetPublicKeyOutput, error)
	Sign(context.Context, *kms.SignInput, ...func(*kms.Options)) (*kms.SignOutput, error)
}

// KMSKey is an ed25519 hotkey that KMS holds and never hands out. Subtensor takes
// ed25519 hotkeys like sr25519 ones; a hotkey that exists already cannot be moved to KMS.
type KMSKey struct {
	client KMS
	id     string
	public [32]byte
}

// OpenKMS reads the public half of the key (an id, ARN or alias) and makes sure that it
// can sign as Subtensor wants it. Errors wrap one of this package's.
func OpenKMS(ctx context.Context, client KMS, id string) (*KMSKey, error) {
	out, err := client.GetPublicKey(ctx, &kms.GetPublicKeyInput{KeyId: &id})
	if err != nil {
		return nil, fmt.Errorf("KMS key %s: read its public half: %w", id, explained(err))
	}
	if out.KeySpec != types.KeySpecEccNistEdwards25519 || out.KeyUsage != types.KeyUsageTypeSignVerify {
		return nil, fmt.Errorf("KMS key %s: %w: it is of spec %s for %s", id, ErrWrongKey, out.KeySpec, out.KeyUsage)
	}
	parsed, err := x509.ParsePKIXPublicKey(out.PublicKey)
	public, ok := parsed.(ed25519.PublicKey)
	if err != nil || !ok {
		return nil, fmt.Errorf("KMS key %s: %w: its public half is no ed25519 key in DER", id, ErrWrongKey)
	}
	return &KMSKey{client: client, id: id, public: [32]byte(public)}, nil
}

// Kind is ed25519.
func (k *KMSKey) Kind() keys.Kind { return keys.Ed25519 }

// Public is the public key, the account id.
func (k *KMSKey) Public() [32]byte { return k.public }

// Sign has KMS sign the message, and checks what it gave. Errors wrap one of this
// package's where a cause is known.
func (k *KMSKey) Sign(ctx context.Context, message []byte) (sig [64]byte, err error) {
	if len(message) > maxMessage {
		return sig, fmt.Errorf("KMS key %s: %w: %d bytes", k.id, ErrTooLong, len(message))
	}
	out, err := k.client.Sign(ctx, &kms.SignInput{
		KeyId: &k.id, Message: message, MessageType: types.MessageTypeRaw, SigningAlgorithm: types.SigningAlgorithmSpecEd25519Sha512,
	})
	if err != nil {
		return sig, fmt.Errorf("KMS key %s: %w", k.id, explained(err))
	}
	if !keys.Verify(keys.Ed25519, k.public, message, out.Signature) {
		return sig, fmt.Errorf("KMS key %s: %w", k.id, ErrSignature)
	}
	return [64]byte(out.Signature), nil
}

// causes are the codes of KMS's errors that have a meaning of their own here.
var causes = map[string]error{
	"ThrottlingException":           ErrThrottled,
	"LimitExceededException":        ErrThrottled,
	"AccessDeniedException":         ErrDenied,
	"DisabledException":             ErrDisabled,
	"KMSInvalidStateException":      ErrDisabled,
	"NotFoundException":             ErrNoKey,
	"InvalidKeyUsageException":      ErrWrongKey,
	"UnsupportedOperationException": ErrWrongKey,
}

// explained puts the meaning before the service's own words.
func explained(err error) error {
	var api smithy.APIError
	if !errors.As(err, &api) {
		return err
	}
	if cause, known := causes[api.ErrorCode()]; known {
		return fmt.Errorf("%w: %w", cause, err)
	}
	return err
}
