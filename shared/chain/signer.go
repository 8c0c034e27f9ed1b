package chain

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/affine-go/affine/shared/chain/keys"
	"github.com/affine-go/affine/shared/chain/timelock"
	"github.com/affine-go/affine/shared/signer"
	"github.com/affine-go/affine/shared/subnet"
)

// ErrPolicy is wrapped when a signer will not sign what it is asked to. Asking again
// for the same will not help.
var ErrPolicy = errors.New("signer refuses")

// ErrUpgrade is wrapped when the newest block runs another runtime than the finalized
// one: a signature for either could die with it. Asking again in a minute helps.
var ErrUpgrade = errors.New("a runtime upgrade is under way")

// Key signs for one account, wherever the secret is kept: a *keys.Pair holds it itself.
type Key interface {
	Kind() keys.Kind
	Public() [32]byte
	Sign(ctx context.Context, message []byte) ([64]byte, error)
}

// Profile is what a signer's key is for. A signer signs for one profile only.
type Profile int

// The profiles.
const (
	ValidatorProfile Profile = iota // weights
	MinerProfile                    // commitments
)

// String names the profile.
func (p Profile) String() string {
	if p == MinerProfile {
		return "miner"
	}
	return "validator"
}

// eraPeriod is how many blocks a signature stays valid: about 13 minutes on finney,
// enough for a pool's queue and short enough that a failed submission can be decided
// within the hour. The chain's own tools take 128.
const eraPeriod = 64

// SignerConfig is a signer's policy. Zero fields take the defaults named with them.
type SignerConfig struct {
	Netuid  subnet.Netuid // the one subnet it signs for
	Genesis string        // hash of block 0 of the one chain; empty leaves it to the client
	Profile Profile       // ValidatorProfile

	// MaxPerWindow is how many signatures are given within one epoch of the subnet at
	// most, for each mechanism; 3: the first, and two after bytes died. All signatures
	// given before one of them is included share a nonce, so the chain accepts one of
	// them at most.
	MaxPerWindow int

	Ledger signer.Ledger    // where signatures are counted and logged; one in memory
	Beacon timelock.Beacon  // what weights and commitments are sealed to; Quicknet
	Random io.Reader        // what they are sealed with; crypto/rand
	Now    func() time.Time // for the ledger's lines only; time.Now
}

func (c SignerConfig) withDefaults() SignerConfig {
	setDefault(&c.MaxPerWindow, 3)
	setDefault(&c.Beacon, timelock.Quicknet())
	if c.Ledger == nil {
		c.Ledger = &signer.Memory{}
	}
	if c.Random == nil {
		c.Random = rand.Reader
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return c
}

// Signer is the only holder of a hotkey. It signs weights of one subnet, or commitments
// to it, and nothing else: it is told a decision, builds the call itself, and offers no
// way to have other bytes signed.
type Signer struct {
	client *Client
	key    Key
	cfg    SignerConfig
}

// NewSigner returns a signer for the key, reading the chain through the client.
func NewSigner(client *Client, key Key, cfg SignerConfig) *Signer {
	return &Signer{client: client, key: key, cfg: cfg.withDefaults()}
}

// Hotkey is the address of the key.
func (s *Signer) Hotkey() subnet.Hotkey {
	return subnet.Hotkey(keys.Address(s.key.Public(), keys.Prefix))
}

// SignWeights builds and signs the call that sets the weights: in the open, or sealed
// until the chain will reveal them where the subnet asks for that (commit-reveal). The
// chain's flags and the names of its calls decide, at the finalized block that is read.
//
// Errors wrap ErrPolicy when the intent or the chain is not what the signer's policy
// allows; others are the chain's, the ledger's or the key's and may be tried again.
func (s *Signer) SignWeights(ctx context.Context, intent subnet.WeightsIntent) (subnet.SignedWeights, error) {
	d, err := s.draftWeights(ctx, intent)
	if err != nil {
		return subnet.SignedWeights{}, fmt.Errorf("sign weights: %w", err)
	}
	signed, err := s.sign(ctx, d)
	if err != nil {
		return subnet.SignedWeights{}, fmt.Errorf("sign weights: %w", err)
	}
	return subnet.SignedWeights{
		Hotkey: s.Hotkey(), Extrinsic: signed.extrinsic, Hash: signed.hash, Nonce: d.nonce, Death: d.death(),
		Call: d.callName(), Round: d.round, Reveal: d.reveal,
	}, nil
}

// SignCommitment writes a miner's commitment as upstream writes it, seals it until
// intent.After blocks from now, and signs the call that stores it. Errors are as those of
// SignWeights.
func (s *Signer) SignCommitment(ctx context.Context, intent subnet.CommitIntent) (subnet.SignedCommit, error) {
	d, text, err := s.draftCommitment(ctx, intent)
	if err != nil {
		return subnet.SignedCommit{}, fmt.Errorf("sign commitment: %w", err)
	}
	signed, err := s.sign(ctx, d)
	if err != nil {
		return subnet.SignedCommit{}, fmt.Errorf("sign commitment: %w", err)
	}
	return subnet.SignedCommit{
		Hotkey: s.Hotkey(), Extrinsic: signed.extrinsic, Hash: signed.hash, Nonce: d.nonce, Death: d.death(),
		Round: d.round, Text: text,
	}, nil
}

// serves refuses what is meant for another profile, subnet or chain.
func (s *Signer) serves(p Profile, netuid subnet.Netuid) error {
	switch {
	case p != s.cfg.Profile:
		return fmt.Errorf("%w: this is the signer of a %s", ErrPolicy, s.cfg.Profile)
	case netuid != s.cfg.Netuid:
		return fmt.Errorf("%w: subnet %d, this signer serves %d", ErrPolicy, netuid, s.cfg.Netuid)
	case s.cfg.Genesis != "" && !strings.EqualFold(s.cfg.Genesis, s.client.Genesis()):
		return fmt.Errorf("%w: %w: genesis %s, pinned %s", ErrPolicy, ErrWrongChain, s.client.Genesis(), s.cfg.Genesis)
	}
	return nil
}
