package hotkey

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/affine-go/affine/shared/chain/keys"
	"github.com/affine-go/affine/shared/chain/keys/wallet"
)

// ErrEncrypted is wrapped when a function is to open a keyfile that takes a password.
var ErrEncrypted = errors.New("the keyfile is encrypted; opening it takes 512 MiB and 8 seconds, which a function does not have: store the hotkey's 32-byte seed instead")

// Secrets is the one call that reads a hotkey.
type Secrets interface {
	GetSecretValue(context.Context, *secretsmanager.GetSecretValueInput, ...func(*secretsmanager.Options)) (*secretsmanager.GetSecretValueOutput, error)
}

// OpenSecret reads a hotkey from Secrets Manager: its seed or private key in hex, or a
// plain keyfile.
func OpenSecret(ctx context.Context, client Secrets, id string) (*keys.Pair, error) {
	out, err := client.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: &id})
	if err != nil {
		return nil, fmt.Errorf("read the secret %s: %w", id, err)
	}
	text := out.SecretBinary
	if out.SecretString != nil {
		text = []byte(*out.SecretString)
	}
	defer clear(text)
	if keys.Encrypted(text) {
		return nil, fmt.Errorf("the secret %s: %w", id, ErrEncrypted)
	}
	pair, err := keys.ParseKeyfile(text, nil)
	if err != nil {
		return nil, fmt.Errorf("the secret %s: %w", id, err)
	}
	return pair, nil
}

// OpenFile reads a hotkey from a plain keyfile.
func OpenFile(path string) (*keys.Pair, error) {
	return wallet.OpenFile(path, func() ([]byte, error) { return nil, ErrEncrypted })
}
