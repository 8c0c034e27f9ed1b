// Function signer holds the hotkey and signs weights or, for a miner, commitments. It is
// asked for a decision, builds the call itself, and has no path that signs bytes of its
// caller's. Its role alone may use the key; functions/weights alone may invoke it.
package main

import (
	"context"
	"encoding/json"
	"log/slog"
	"os"
	"sync"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/affine-go/affine/shared/awsstack"
	"github.com/affine-go/affine/shared/chain"
	"github.com/affine-go/affine/shared/config"
	"github.com/affine-go/affine/shared/signer"
	signeraws "github.com/affine-go/affine/shared/signer/aws"
	"github.com/affine-go/affine/shared/signer/aws/hotkey"
	"github.com/affine-go/affine/shared/subnet"
)

func main() {
	f, err := newFunction(context.Background(), os.LookupEnv)
	if err != nil {
		slog.Error("signer cannot start", "err", err)
		os.Exit(1)
	}
	if f.settings.Signer.Miner {
		lambda.Start(f.commit)
	}
	lambda.Start(f.weigh)
}

type function struct {
	settings config.Settings
	aws      aws.Config
	log      *slog.Logger

	mu     sync.Mutex
	signer *chain.Signer // made at the first invocation
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
		settings: s, aws: cfg,
		log: awsstack.Logger("signer", s, os.Environ()),
	}, nil
}

// weigh signs a decision about the weights.
func (f *function) weigh(ctx context.Context, event json.RawMessage) (subnet.SignedWeights, error) {
	return handle(ctx, f, event, (*chain.Signer).SignWeights)
}

// commit signs a miner's commitment.
func (f *function) commit(ctx context.Context, event json.RawMessage) (subnet.SignedCommit, error) {
	return handle(ctx, f, event, (*chain.Signer).SignCommitment)
}

func handle[I signer.Intent, O any](ctx context.Context, f *function, event json.RawMessage, sign func(*chain.Signer, context.Context, I) (O, error)) (signed O, err error) {
	ctx, cancel := awsstack.Invocation(ctx)
	defer cancel()
	intent, err := signer.Parse[I](event)
	if err == nil {
		var holder *chain.Signer
		if holder, err = f.open(ctx); err == nil {
			signed, err = sign(holder, ctx, intent)
		}
	}
	if err != nil {
		f.log.ErrorContext(ctx, "not signed", "err", err)
	}
	return signed, err
}

// open finds the hotkey and dials the chain, once. The client dials again by itself when
// the instance was frozen and its socket has died.
func (f *function) open(ctx context.Context) (*chain.Signer, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.signer != nil {
		return f.signer, nil
	}
	s := f.settings
	key, err := hotkey.Open(ctx, s.Signer, s.Hotkey, secretsmanager.NewFromConfig(f.aws), kms.NewFromConfig(f.aws))
	if err != nil {
		return nil, err
	}
	client, err := chain.Dial(ctx, chain.Config{Endpoints: s.Chain.Endpoints, Archive: s.Chain.Archive, Genesis: s.Chain.Genesis})
	if err != nil {
		return nil, err
	}
	cfg := chain.SignerConfig{
		Netuid: s.Netuid, Genesis: s.Chain.Genesis, MaxPerWindow: s.Signer.Signatures,
		Ledger: signeraws.NewLedger(dynamodb.NewFromConfig(f.aws), s.Table),
	}
	if s.Signer.Miner {
		cfg.Profile = chain.MinerProfile
	}
	f.signer = chain.NewSigner(client, key, cfg)
	return f.signer, nil
}
