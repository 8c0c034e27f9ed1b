// Package hotkey finds the hotkey of a signer that runs on AWS: one that Secrets Manager
// keeps and hands out, one that KMS holds and signs with itself, or one in a file.
package hotkey

import (
	"context"
	"errors"
	"fmt"

	"github.com/affine-go/affine/shared/chain/keys"
	"github.com/affine-go/affine/shared/config"
	"github.com/affine-go/affine/shared/subnet"
)

// ErrAnother is wrapped when the key found is not the one that the settings name.
var ErrAnother = errors.New("another hotkey than the settings name")

// Key is a hotkey that signs: a *keys.Pair or a *KMSKey.
type Key interface {
	Kind() keys.Kind
	Public() [32]byte
	Sign(ctx context.Context, message []byte) ([64]byte, error)
}

// Open finds the hotkey where the settings say it is. Unless own is empty, the key must
// be the one of that address.
func Open(ctx context.Context, where config.Signer, own subnet.Hotkey, secrets Secrets, service KMS) (key Key, err error) {
	place := where.File
	switch {
	case where.KMS != "":
		place = "KMS key " + where.KMS
		key, err = OpenKMS(ctx, service, where.KMS)
	case where.Secret != "":
		place = "secret " + where.Secret
		key, err = OpenSecret(ctx, secrets, where.Secret)
	default:
		key, err = OpenFile(where.File)
	}
	if err != nil {
		return nil, err
	}
	if found := keys.Address(key.Public(), keys.Prefix); own != "" && subnet.Hotkey(found) != own {
		return nil, fmt.Errorf("%w: %s is %s, the settings name %s", ErrAnother, place, found, own)
	}
	return key, nil
}
