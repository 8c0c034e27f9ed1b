// Function weights scores the samples of the last window and sets weights, at most
// once an epoch. A schedule calls it several times each tempo: a call that finds
// nothing to do, or finds its predecessor cut off, does what is left.
package main

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	lambdaapi "github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/affine-go/affine/shared/awsstack"
	"github.com/affine-go/affine/shared/chain"
	"github.com/affine-go/affine/shared/config"
	"github.com/affine-go/affine/shared/dominance"
	signeraws "github.com/affine-go/affine/shared/signer/aws"
	"github.com/affine-go/affine/shared/store"
	"github.com/affine-go/affine/shared/subnet"
	"github.com/affine-go/affine/shared/validator"
)

func main() {
	f, err := newFunction(context.Background(), os.LookupEnv)
	if err != nil {
		slog.Error("weights cannot start", "err", err)
		os.Exit(1)
	}
	lambda.Start(f.handle)
}

type function struct {
	chain  chain.Config
	setter validator.WeightSetter
}

func newFunction(ctx context.Context, lookup config.Lookup) (*function, error) {
	s, err := config.ForWeights(lookup)
	if err != nil {
		return nil, err
	}
	cfg, err := awsstack.Load(ctx)
	if err != nil {
		return nil, err
	}
	archive := awsstack.Archive(cfg, s)
	return &function{
		chain: awsstack.Chain(s, archive),
		setter: validator.WeightSetter{
			Netuid: s.Netuid, Hotkey: s.Hotkey,
			Signer:  signeraws.New(lambdaapi.NewFromConfig(cfg), s.SignerFunction),
			Store:   awsstack.Store(cfg, s),
			Archive: archive,
			Envs:    s.Envs, Rule: dominance.Seed, Mode: "seed", Window: s.WindowBlocks, Burn: s.Burn,
			Owner: rand.Text(), Clock: time.Now,
			Log: awsstack.Logger("weights", s, os.Environ()),
		},
	}, nil
}

// summary is what an invocation returns.
type summary struct {
	State    subnet.WeightsState `json:"state"` // or too_soon, busy
	Epoch    subnet.Block        `json:"epoch,omitempty"`
	Block    subnet.Block        `json:"included_at,omitempty"`
	Sealed   subnet.Block        `json:"sealed_until,omitempty"` // block at which a later call finds them opened
	Revealed subnet.Block        `json:"revealed_at,omitempty"`
	Why      string              `json:"why,omitempty"`
	Reason   string              `json:"reason,omitempty"`
}

func summarise(rec subnet.WeightsRecord) summary {
	s := summary{State: rec.State, Epoch: rec.Epoch, Block: rec.At, Revealed: rec.RevealAt, Why: rec.Why, Reason: rec.Reason}
	if rec.Sealed() {
		s.Sealed = rec.Reveal
	}
	return s
}

const (
	tooSoon subnet.WeightsState = "too_soon" // nothing can be sent now; the reason says until when
	busy    subnet.WeightsState = "busy"     // another run is under way
)

// handle runs once. The socket to the chain lasts for one invocation. No invocation waits
// for a reveal: weights under a timelock are left sealed, and a later call finds them
// opened. What takes long is to follow an extrinsic through its era of 64 blocks, and one
// that runs out of time in it leaves the signed bytes to the next.
func (f *function) handle(ctx context.Context) (out summary, err error) {
	ctx, done := awsstack.Invocation(ctx)
	defer done()
	client, err := chain.Dial(ctx, f.chain)
	if err != nil {
		return out, err
	}
	defer func() { err = errors.Join(err, client.Close()) }()
	w := f.setter
	w.Chain = client
	rec, err := w.Run(ctx)
	if soon, ok := errors.AsType[*validator.TooSoonError](err); ok {
		return summary{State: tooSoon, Reason: soon.Error()}, nil
	}
	if errors.Is(err, store.ErrHeld) {
		return summary{State: busy, Reason: err.Error()}, nil
	}
	return summarise(rec), err
}
