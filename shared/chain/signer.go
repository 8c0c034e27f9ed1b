package chain

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/affine-go/affine/shared/chain/extrinsic"
	"github.com/affine-go/affine/shared/chain/keys"
	"github.com/affine-go/affine/shared/subnet"
)

// ErrPolicy is wrapped when a signer will not sign what it is asked to. Asking again
// for the same will not help.
var ErrPolicy = errors.New("signer refuses")

// eraPeriod is how many blocks a signature stays valid: about 13 minutes on finney,
// enough for a pool's queue and short enough that a failed submission can be decided
// within the hour. maxEra is the longest that policy would allow.
const eraPeriod = 64

// SignerConfig is a signer's policy.
type SignerConfig struct {
	Netuid  subnet.Netuid // the one subnet whose weights it signs
	Genesis string        // hash of block 0 of the one chain; empty leaves it to the client

	// MaxPerWindow is how many signatures are given within one submission window
	// (WeightsIntent.Epoch) at most. Zero means 3: the first, and two after bytes died.
	// All signatures given before one of them is included share a nonce, so the chain
	// accepts one of them at most.
	MaxPerWindow int

	Log io.Writer        // takes one line of JSON per signature, before it is given; nil discards
	Now func() time.Time // time.Now when nil
}

// Signer is the only holder of a hotkey. It signs set_weights calls of one subnet and
// nothing else: it is told a decision, builds the call itself, and offers no way to have
// other bytes signed.
type Signer struct {
	client *Client
	pair   *keys.Pair
	cfg    SignerConfig

	mu    sync.Mutex
	given map[subnet.Block]int // signatures per window
}

// NewSigner returns a signer for the key, reading the chain through the client.
func NewSigner(client *Client, pair *keys.Pair, cfg SignerConfig) *Signer {
	setDefault(&cfg.MaxPerWindow, 3)
	if cfg.Log == nil {
		cfg.Log = io.Discard
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Signer{client: client, pair: pair, cfg: cfg, given: make(map[subnet.Block]int)}
}

// Hotkey is the address of the key.
func (s *Signer) Hotkey() subnet.Hotkey { return subnet.Hotkey(s.pair.Address()) }

// SignWeights builds and signs a set_weights call. Errors wrap ErrPolicy when the
// intent or the chain is not what the signer's policy allows; others are the chain's
// and may be tried again.
func (s *Signer) SignWeights(ctx context.Context, intent subnet.WeightsIntent) (subnet.SignedWeights, error) {
	if err := s.allow(intent); err != nil {
		return subnet.SignedWeights{}, fmt.Errorf("%w: %w", ErrPolicy, err)
	}
	at, err := s.inspect(ctx, intent)
	if err != nil {
		return subnet.SignedWeights{}, fmt.Errorf("sign weights: %w", err)
	}
	nonce, err := s.client.Nonce(ctx, s.Hotkey())
	if err != nil {
		return subnet.SignedWeights{}, fmt.Errorf("sign weights: %w", err)
	}
	if err := s.count(intent.Epoch); err != nil {
		return subnet.SignedWeights{}, fmt.Errorf("%w: %w", ErrPolicy, err)
	}
	signed, err := s.sign(at.Context, intent, nonce)
	if err != nil {
		return subnet.SignedWeights{}, fmt.Errorf("sign weights: %w", err)
	}
	if err := s.record(intent, signed); err != nil {
		return subnet.SignedWeights{}, fmt.Errorf("sign weights: %w", err)
	}
	return signed, nil
}

// allow judges the intent by itself.
func (s *Signer) allow(intent subnet.WeightsIntent) error {
	switch {
	case intent.Netuid != s.cfg.Netuid:
		return fmt.Errorf("subnet %d, this signer serves %d", intent.Netuid, s.cfg.Netuid)
	case s.cfg.Genesis != "" && !strings.EqualFold(s.cfg.Genesis, s.client.Genesis()):
		return fmt.Errorf("%w: genesis %s, pinned %s", ErrWrongChain, s.client.Genesis(), s.cfg.Genesis)
	case len(intent.UIDs) == 0:
		return errors.New("no weights")
	case len(intent.UIDs) != len(intent.Values):
		return fmt.Errorf("%d uids and %d values", len(intent.UIDs), len(intent.Values))
	}
	top := uint16(0)
	for i, uid := range intent.UIDs {
		if i > 0 && uid <= intent.UIDs[i-1] {
			return fmt.Errorf("uid %d after uid %d: uids must ascend, each once", uid, intent.UIDs[i-1])
		}
		top = max(top, intent.Values[i])
	}
	if top == 0 {
		return errors.New("all weights are zero")
	}
	return nil
}

// inspect compares the intent with the chain: its head is a finalized block whose era
// still runs, and the subnet takes weights in the open.
func (s *Signer) inspect(ctx context.Context, intent subnet.WeightsIntent) (*snapshot, error) {
	at, err := s.client.snapshot(ctx)
	if err != nil {
		return nil, err
	}
	born, err := s.client.header(ctx, intent.HeadHash)
	if err != nil {
		return nil, err
	}
	switch {
	case born.number != intent.Head:
		return nil, fmt.Errorf("%w: head %s is block %d, the intent says %d", ErrPolicy, intent.HeadHash, born.number, intent.Head)
	case born.number > at.head.Number:
		return nil, fmt.Errorf("head %d is not finalized here, which block %d is", born.number, at.head.Number) // the node may lag
	case at.head.Number >= intent.Head+eraPeriod:
		return nil, fmt.Errorf("%w: decided at block %d, %d blocks ago", ErrPolicy, intent.Head, at.head.Number-intent.Head)
	}
	var hidden bool
	err = at.read(ctx, []item{{pallet: "SubtensorModule", entry: "CommitRevealWeightsEnabled",
		keys: []any{uint16(intent.Netuid)}, into: truth(&hidden)}})
	if err == nil && hidden {
		err = fmt.Errorf("%w: subnet %d takes weights under a timelock only (commit-reveal is on)", ErrPolicy, intent.Netuid)
	}
	return at, err
}

// count takes one of the window's signatures, before the key is used.
func (s *Signer) count(window subnet.Block) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.given[window] >= s.cfg.MaxPerWindow {
		return fmt.Errorf("%d signatures given in window %d already", s.given[window], window)
	}
	s.given[window]++
	return nil
}

func (s *Signer) sign(rt extrinsic.Context, intent subnet.WeightsIntent, nonce uint32) (subnet.SignedWeights, error) {
	call, err := rt.Metadata.EncodeCall("SubtensorModule", "set_weights", map[string]any{
		"netuid": uint16(intent.Netuid), "dests": intent.UIDs, "weights": intent.Values, "version_key": intent.VersionKey,
	})
	if err != nil {
		return subnet.SignedWeights{}, fmt.Errorf("build the call: %w", err)
	}
	birth, err := hash32(intent.HeadHash)
	if err != nil {
		return subnet.SignedWeights{}, err
	}
	era := extrinsic.Mortal(eraPeriod, uint64(intent.Head))
	opts := extrinsic.Options{Nonce: uint64(nonce), Era: era, EraBlockHash: birth}
	_, message, err := extrinsic.Payload(rt, call, opts)
	if err != nil {
		return subnet.SignedWeights{}, err
	}
	sig, err := s.pair.Sign(message)
	if err != nil {
		return subnet.SignedWeights{}, err
	}
	raw, err := extrinsic.Assemble(rt, call, s.pair.Public(), s.pair.Kind(), sig, opts)
	if err != nil {
		return subnet.SignedWeights{}, err
	}
	hash := extrinsic.Hash(raw)
	return subnet.SignedWeights{
		Hotkey: s.Hotkey(), Extrinsic: toHex(raw), Hash: toHex(hash[:]),
		Nonce: nonce, Death: subnet.Block(era.Death(uint64(intent.Head))),
	}, nil
}

// record writes the signature to the log. What cannot be recorded is not given.
func (s *Signer) record(intent subnet.WeightsIntent, signed subnet.SignedWeights) error {
	line, err := json.Marshal(struct {
		At     time.Time            `json:"at"`
		Hotkey subnet.Hotkey        `json:"hotkey"`
		Hash   string               `json:"hash"`
		Nonce  uint32               `json:"nonce"`
		Death  subnet.Block         `json:"era_death"`
		Intent subnet.WeightsIntent `json:"intent"`
	}{s.cfg.Now().UTC(), signed.Hotkey, signed.Hash, signed.Nonce, signed.Death, intent})
	if err != nil {
		return fmt.Errorf("encode the log line: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, err := s.cfg.Log.Write(append(line, '\n')); err != nil {
		return fmt.Errorf("write the log: %w", err)
	}
	return nil
}
