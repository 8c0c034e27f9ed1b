package hotkey_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/affine-go/affine/shared/chain/keys"
	"github.com/affine-go/affine/shared/config"
	"github.com/affine-go/affine/shared/signer/aws/hotkey"
	"github.com/affine-go/affine/shared/subnet"
)

func TestOpenFindsTheKeyWhereTheSettingsSay(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(path, []byte(seed), 0o600); err != nil {
		t.Fatal(err)
	}
	fake := newFakeKMS(t)
	held, err := hotkey.OpenKMS(t.Context(), fake.client(t, 1), keyID)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		where config.Signer
		own   string
		kind  keys.Kind
	}{
		"secret": {config.Signer{Secret: "hotkey"}, own(t), keys.Sr25519},
		"file":   {config.Signer{File: path}, own(t), keys.Sr25519},
		"KMS":    {config.Signer{KMS: keyID}, keys.Address(held.Public(), keys.Prefix), keys.Ed25519},
	} {
		secrets := vault{out: text(seed)}
		for _, address := range []string{c.own, ""} {
			key, err := hotkey.Open(t.Context(), c.where, subnet.Hotkey(address), secrets, fake.client(t, 1))
			if err != nil || keys.Address(key.Public(), keys.Prefix) != c.own || key.Kind() != c.kind {
				t.Errorf("%s, settings name %q: %v, %v", name, address, key, err)
			}
		}
		if key, err := hotkey.Open(t.Context(), c.where, "5Another", secrets, fake.client(t, 1)); !errors.Is(err, hotkey.ErrAnother) || key != nil {
			t.Errorf("%s, settings name another: %v, %v", name, key, err)
		}
	}
}

func TestOpenFails(t *testing.T) {
	t.Parallel()
	fake := newFakeKMS(t)
	fake.state = "Disabled"
	for name, where := range map[string]config.Signer{"secret": {Secret: "other"}, "file": {File: "/nonexistent"}, "KMS": {KMS: keyID}} {
		if key, err := hotkey.Open(t.Context(), where, "", vault{out: text(seed)}, fake.client(t, 1)); err == nil || key != nil {
			t.Errorf("%s: %v, %v; want an error and no key", name, key, err)
		}
	}
}
