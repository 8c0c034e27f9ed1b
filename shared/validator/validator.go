// Package validator holds the use cases of a validator: Enumerator finds the
// miners and plans their tasks, Runner attempts the tasks, WeightSetter turns the
// samples into weights on chain. All policy lives here.
//
// It knows contracts and pure packages only. Mains construct the implementations
// and hand them in; tests hand in local ones and strict fakes.
package validator

import (
	"context"
	"time"

	"github.com/affine-go/affine/shared/subnet"
)

// Chain is what the use cases need of Subtensor.
type Chain interface {
	// Metagraph reads neurons, commitments and rules at one finalized block.
	Metagraph(ctx context.Context, netuid subnet.Netuid) (subnet.Metagraph, error)

	// Weights reads a neuron's weights row and when it was last updated, at the
	// newest finalized block.
	Weights(ctx context.Context, netuid subnet.Netuid, mechanism subnet.Mechanism, uid subnet.UID) (subnet.WeightsRow, error)

	// Submit sends a signed extrinsic and follows it to its dispatch result in a
	// finalized block. Sending the same bytes again is safe. The error wraps a
	// *subnet.OutdatedError when the bytes do not fit the finalized runtime; after any
	// other it is open whether they will be included.
	Submit(ctx context.Context, extrinsic string) (subnet.Inclusion, error)

	// Find looks for an extrinsic by hash in the finalized blocks from..to, both
	// included; false when it is in none of them, an error when not all of them can be
	// looked at.
	Find(ctx context.Context, hash string, from, to subnet.Block) (subnet.Inclusion, bool, error)

	// Revealed says what became of timelocked weights that were included.
	Revealed(ctx context.Context, commit subnet.TimelockCommit) (subnet.Reveal, error)
}

// Signer holds the hotkey. It is asked for a decision to be signed, never for bytes.
type Signer interface {
	SignWeights(ctx context.Context, intent subnet.WeightsIntent) (subnet.SignedWeights, error)
}

// Chutes is the control plane of the miners' provider.
type Chutes interface {
	// Chute describes one chute; an error wrapping subnet.ErrNoChute when there is none of that id.
	Chute(ctx context.Context, id string) (subnet.Chute, error)
}

// Model answers a prompt with a miner's model. Errors that have a method
// Outcome() subnet.Outcome say what kind of failure it was; any other error counts
// as a transport failure, which blames nobody.
type Model interface {
	Complete(ctx context.Context, task subnet.Task, prompt string, seed uint32) (subnet.Completion, error)
}

// Clock tells the time. Production passes time.Now.
type Clock func() time.Time
