// Function signer holds the hotkey and signs weights. It is asked for a decision,
// builds the call itself, and has no path that signs bytes of its caller's. Its role
// alone may read the secret; functions/weights alone may invoke it.
package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"sync"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/affine-go/affine/shared/awsstack"
	"github.com/affine-go/affine/shared/chain"
	"github.com/affine-go/affine/shared/chain/keys"
	"github.com/affine-go/affine/shared/config"
	"github.com/affine-go/affine/shared/subnet"
	"github.com/affine-go/affine/shared/telemetry"
)

func main() {
	f, err := newFunction(context.Background(), os.LookupEnv)
	if err != nil {
		slog.Error("signer cannot start", "err", err)
		os.Exit(1)
	}
	lambda.Start(f.handle)
}

// secrets is the one SDK call that reads the hotkey.
type secrets interface {
	GetSecretValue(context.Context, *secretsmanager.GetSecretValueInput, ...func(*secretsmanager.Options)) (*secretsmanager.GetSecretValueOutput, error)
}

type function struct {
	settings config.Settings
	secrets  secrets
	log      *slog.Logger

	mu     sync.Mutex
	signer *chain.Signer // made at the first invocation; counts what it signs while the instance lives
}

func newFunction(ctx context.Context, lookup config.Lookup) (*function, error) {
	s, err := config.ForSigner(lookup)
	if err != nil {
		return nil, err
	}
	cfg, err := awsstack.Load(ctx)
	if err != nil {
		return nil, err
	}
	return &function{
		settings: s,
		secrets:  secretsmanager.NewFromConfig(cfg),
		log:      telemetry.NewLogger(os.Stdout, telemetry.Options{Program: "signer", Level: s.LogLevel}),
	}, nil
}

// handle signs one decision.
func (f *function) handle(ctx context.Context, intent subnet.WeightsIntent) (subnet.SignedWeights, error) {
	signer, err := f.open(ctx)
	if err != nil {
		return subnet.SignedWeights{}, err
	}
	signed, err := signer.SignWeights(ctx, intent)
	if err != nil {
		f.log.ErrorContext(ctx, "not signed", "epoch", intent.Epoch, "err", err)
	}
	return signed, err
}

// open reads the hotkey and dials the chain, once. The client dials again by itself
// when the instance was frozen and its socket has died.
func (f *function) open(ctx context.Context) (*chain.Signer, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.signer != nil {
		return f.signer, nil
	}
	pair, err := f.hotkey(ctx)
	if err != nil {
		return nil, err
	}
	s := f.settings
	client, err := chain.Dial(ctx, chain.Config{Endpoints: s.Chain.Endpoints, Genesis: s.Chain.Genesis})
	if err != nil {
		return nil, err
	}
	f.signer = chain.NewSigner(client, pair, chain.SignerConfig{Netuid: s.Netuid, Genesis: s.Chain.Genesis})
	return f.signer, nil
}

// hotkey reads the key and checks that it is the one the settings name.
func (f *function) hotkey(ctx context.Context) (*keys.Pair, error) {
	id := f.settings.HotkeySecret
	out, err := f.secrets.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: &id})
	if err != nil {
		return nil, fmt.Errorf("read the secret %s: %w", id, err)
	}
	text := out.SecretBinary
	if out.SecretString != nil {
		text = []byte(*out.SecretString)
	}
	defer clear(text)
	pair, err := keys.ParseKeyfile(text, nil)
	if err != nil {
		return nil, fmt.Errorf("the secret %s: %w", id, err)
	}
	if want := f.settings.Hotkey; want != "" && subnet.Hotkey(pair.Address()) != want {
		return nil, fmt.Errorf("the secret %s holds %s, the settings name %s", id, pair.Address(), want)
	}
	return pair, nil
}
