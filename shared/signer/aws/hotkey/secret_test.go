package hotkey_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	"github.com/affine-go/affine/shared/awstest"
	"github.com/affine-go/affine/shared/chain/keys"
	"github.com/affine-go/affine/shared/signer/aws/hotkey"
)

const seed = "0x0101010101010101010101010101010101010101010101010101010101010101"

// vault is a secrets manager that holds one secret.
type vault struct {
	out secretsmanager.GetSecretValueOutput
	err error
}

func (v vault) GetSecretValue(_ context.Context, in *secretsmanager.GetSecretValueInput, _ ...func(*secretsmanager.Options)) (*secretsmanager.GetSecretValueOutput, error) {
	if *in.SecretId != "hotkey" {
		return nil, &types.ResourceNotFoundException{}
	}
	return &v.out, v.err
}

func text(s string) secretsmanager.GetSecretValueOutput {
	return secretsmanager.GetSecretValueOutput{SecretString: aws.String(s)}
}

func own(t *testing.T) string {
	t.Helper()
	pair, err := keys.ParseKeyfile([]byte(seed), nil)
	if err != nil {
		t.Fatal(err)
	}
	return pair.Address()
}

func TestOpenSecret(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		vault   vault
		refused string // part of the error; empty when the key is taken
	}{
		"text":      {vault: vault{out: text(seed)}},
		"keyfile":   {vault: vault{out: text(`{"secretSeed":"` + seed + `","ss58Address":"` + own(t) + `"}`)}},
		"bytes":     {vault: vault{out: secretsmanager.GetSecretValueOutput{SecretBinary: []byte(seed)}}},
		"no key":    {vault: vault{out: text("0101 not a key")}, refused: "the secret hotkey"},
		"empty":     {refused: "the secret hotkey"},
		"no right":  {vault: vault{err: errors.New("AccessDenied")}, refused: "AccessDenied"},
		"encrypted": {vault: vault{out: text("$NACL" + strings.Repeat("x", 100))}, refused: "store the hotkey's 32-byte seed instead"},
	} {
		got, err := hotkey.OpenSecret(t.Context(), c.vault, "hotkey")
		switch {
		case c.refused != "" && (err == nil || !strings.Contains(err.Error(), c.refused)):
			t.Errorf("%s: error %v, want one with %q", name, err, c.refused)
		case c.refused == "" && (err != nil || got.Address() != own(t)):
			t.Errorf("%s: %v, %v; want the key of %s", name, got, err, own(t))
		}
		if err != nil && (strings.Contains(err.Error(), seed) || strings.Contains(err.Error(), "0101 not")) {
			t.Errorf("%s: the error shows the secret: %v", name, err)
		}
	}
}

func TestOpenSecretOnEmulators(t *testing.T) {
	awstest.Each(t, func(t *testing.T, e awstest.Endpoint) {
		client := secretsmanager.NewFromConfig(e.Config())
		id := awstest.Name("hotkey")
		if _, err := client.CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{Name: &id, SecretString: aws.String(seed)}); err != nil {
			t.Fatal(err)
		}
		if pair, err := hotkey.OpenSecret(t.Context(), client, id); err != nil || pair.Address() != own(t) {
			t.Errorf("%v, %v", pair, err)
		}
		var missing *types.ResourceNotFoundException
		if _, err := hotkey.OpenSecret(t.Context(), client, id+"-none"); !errors.As(err, &missing) {
			t.Errorf("no such secret: %v", err)
		}
	})
}

func TestOpenFile(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		text string
		want error
	}{
		"seed":      {seed, nil},
		"encrypted": {"$NACL" + strings.Repeat("x", 100), hotkey.ErrEncrypted},
		"no key":    {"hello", keys.ErrKeyfile},
	} {
		path := filepath.Join(t.TempDir(), "key")
		if err := os.WriteFile(path, []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		if pair, err := hotkey.OpenFile(path); !errors.Is(err, c.want) || err == nil && pair.Address() != own(t) {
			t.Errorf("%s: %v, %v; want %v", name, pair, err, c.want)
		}
	}
	if _, err := hotkey.OpenFile(filepath.Join(t.TempDir(), "none")); err == nil {
		t.Error("a file that is not there is opened")
	}
}
