package main

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/affine-go/affine/shared/chain/keys"
	"github.com/affine-go/affine/shared/config"
	"github.com/affine-go/affine/shared/subnet"
)

const seed = "0x0101010101010101010101010101010101010101010101010101010101010101"

// vault is a secrets manager that holds one secret.
type vault struct {
	out secretsmanager.GetSecretValueOutput
	err error
}

func (v vault) GetSecretValue(_ context.Context, in *secretsmanager.GetSecretValueInput, _ ...func(*secretsmanager.Options)) (*secretsmanager.GetSecretValueOutput, error) {
	if *in.SecretId != "hotkey" {
		return nil, errors.New("no such secret")
	}
	return &v.out, v.err
}

func TestHotkey(t *testing.T) {
	t.Parallel()
	pair, err := keys.ParseKeyfile([]byte(seed), nil)
	if err != nil {
		t.Fatal(err)
	}
	own := subnet.Hotkey(pair.Address())
	for name, c := range map[string]struct {
		vault   vault
		settled subnet.Hotkey
		refused string // part of the error; empty when the key is taken
	}{
		"text":        {vault: vault{out: secretsmanager.GetSecretValueOutput{SecretString: aws.String(seed)}}, settled: own},
		"bytes":       {vault: vault{out: secretsmanager.GetSecretValueOutput{SecretBinary: []byte(seed)}}},
		"another key": {vault: vault{out: secretsmanager.GetSecretValueOutput{SecretString: aws.String(seed)}}, settled: "5F3sa2", refused: "the settings name 5F3sa2"},
		"no key":      {vault: vault{out: secretsmanager.GetSecretValueOutput{SecretString: aws.String("0101 not a key")}}, refused: "the secret hotkey"},
		"empty":       {refused: "the secret hotkey"},
		"no right":    {vault: vault{err: errors.New("AccessDenied")}, refused: "AccessDenied"},
	} {
		f := &function{settings: config.Settings{HotkeySecret: "hotkey", Hotkey: c.settled}, secrets: c.vault}
		got, err := f.hotkey(t.Context())
		switch {
		case c.refused != "" && (err == nil || !strings.Contains(err.Error(), c.refused)):
			t.Errorf("%s: error %v, want one with %q", name, err, c.refused)
		case c.refused == "" && (err != nil || subnet.Hotkey(got.Address()) != own):
			t.Errorf("%s: %v, %v; want the key of %s", name, got, err, own)
		}
		if err != nil && (strings.Contains(err.Error(), seed) || strings.Contains(err.Error(), "0101 not")) {
			t.Errorf("%s: the error shows the secret: %v", name, err)
		}
	}
}
