package chain

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/affine-go/affine/shared/chain/metadata"
	"github.com/affine-go/affine/shared/chain/timelock"
	"github.com/affine-go/affine/shared/signer"
	"github.com/affine-go/affine/shared/subnet"
)

// weightsCall is a call of the pallet SubtensorModule that sets weights.
type weightsCall struct {
	name      string
	sealed    bool // under a timelock
	mechanism bool // takes a mechanism
	args      []string
}

// weightsCalls are the calls that a signer signs, the preferred ones first. Those of
// timelocked weights carry the version of their payload, but for commit_crv3_weights,
// which they took the place of.
var weightsCalls = []weightsCall{
	{name: "set_weights", args: []string{"netuid", "dests", "weights", "version_key"}},
	{name: "set_mechanism_weights", mechanism: true, args: []string{"netuid", "mecid", "dests", "weights", "version_key"}},
	{name: "commit_timelocked_weights", sealed: true, args: []string{"netuid", "commit", "reveal_round", "commit_reveal_version"}},
	{name: "commit_timelocked_mechanism_weights", sealed: true, mechanism: true, args: []string{"netuid", "mecid", "commit", "reveal_round", "commit_reveal_version"}},
	{name: firstSealed, sealed: true, args: []string{"netuid", "commit", "reveal_round"}},
}

// firstSealed is the call that sealed weights before their payload named its hotkey.
const firstSealed = "commit_crv3_weights"

// chooseCall is the first call of the runtime that does what is wanted.
func chooseCall(m *metadata.Metadata, sealed bool, of subnet.Mechanism) (weightsCall, error) {
	for _, c := range weightsCalls {
		if c.sealed != sealed || of > 0 && !c.mechanism {
			continue
		}
		_, _, err := m.Call("SubtensorModule", c.name)
		if err == nil {
			return c, nil
		}
		if !errors.Is(err, metadata.ErrUnknown) {
			return c, err
		}
	}
	how := "in the open"
	if sealed {
		how = "under a timelock"
	}
	return weightsCall{}, fmt.Errorf("%w: this runtime has no call that sets weights of mechanism %d %s", ErrPolicy, of, how)
}

// draftWeights judges the intent, first by itself and then by the chain, and writes the
// call.
func (s *Signer) draftWeights(ctx context.Context, intent subnet.WeightsIntent) (*draft, error) {
	if err := s.serves(ValidatorProfile, intent.Netuid); err != nil {
		return nil, err
	}
	if err := wellFormed(intent); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrPolicy, err)
	}
	g, err := s.survey(ctx)
	if err != nil {
		return nil, err
	}
	d, err := s.begin(ctx, g, Head{Number: intent.Head, Hash: intent.HeadHash})
	if err != nil {
		return nil, err
	}
	if err := g.takes(intent); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrPolicy, err)
	}
	if err := g.staked(ctx, intent.Netuid); err != nil {
		return nil, err
	}
	d.series, d.intent = signer.WeightsOf(intent.Mechanism), intent
	if err := s.account(ctx, d); err != nil {
		return nil, err
	}
	return d, s.writeWeights(d, intent)
}

// wellFormed judges the intent by itself.
func wellFormed(intent subnet.WeightsIntent) error {
	switch {
	case len(intent.UIDs) == 0:
		return errors.New("no weights")
	case len(intent.UIDs) != len(intent.Values):
		return fmt.Errorf("%d uids and %d values", len(intent.UIDs), len(intent.Values))
	case slices.Max(intent.Values) == 0:
		return errors.New("all weights are zero")
	case intent.Epoch > intent.Head:
		return fmt.Errorf("submission window %d begins after its head %d", intent.Epoch, intent.Head)
	}
	for i, uid := range intent.UIDs[1:] {
		if uid <= intent.UIDs[i] {
			return fmt.Errorf("uid %d after uid %d: uids must ascend, each once", uid, intent.UIDs[i])
		}
	}
	return nil
}

// takes judges the intent by the rules that the chain will apply, so that what would fail
// in a block is refused here, with the reason. The rate limit is left to the chain: it is
// counted at the block of inclusion.
func (g *ground) takes(intent subnet.WeightsIntent) error {
	alone := len(intent.UIDs) == 1 && intent.UIDs[0] == g.uid // a neuron may always weigh itself
	last := intent.UIDs[len(intent.UIDs)-1]
	least := min(g.rules.MinAllowed, g.size)
	switch {
	case !g.registered:
		return fmt.Errorf("the hotkey is not registered on subnet %d", intent.Netuid)
	case uint8(intent.Mechanism) >= g.rules.Mechanisms:
		return fmt.Errorf("mechanism %d, the subnet has %d", intent.Mechanism, g.rules.Mechanisms)
	case uint16(last) >= g.size:
		return fmt.Errorf("uid %d, the subnet has %d neurons", last, g.size)
	case intent.VersionKey < g.rules.VersionKey:
		return fmt.Errorf("version key %d, the chain asks for %d at least", intent.VersionKey, g.rules.VersionKey)
	case alone:
		return nil
	case !g.permit && !g.owner:
		return fmt.Errorf("uid %d has no validator permit", g.uid)
	case len(intent.UIDs) < int(least):
		return fmt.Errorf("%d weights, the chain asks for %d at least", len(intent.UIDs), least)
	}
	return withinCeiling(intent.Values, g.rules.MaxWeight)
}

// staked makes sure that the hotkey's stake lets it set weights, where the chain asks for
// any and the runtime says what it compares.
func (g *ground) staked(ctx context.Context, netuid subnet.Netuid) error {
	if g.rules.StakeThreshold == 0 {
		return nil
	}
	neurons, whole, err := g.roster(ctx, netuid)
	if errors.Is(err, ErrNoNeurons) {
		return nil // the chain will judge
	}
	if err != nil || !whole {
		return err
	}
	if int(g.uid) >= len(neurons) {
		return fmt.Errorf("chain: uid %d among %d neurons: %w", g.uid, len(neurons), ErrAnswer)
	}
	if stake := neurons[g.uid].Stake; stake < g.rules.StakeThreshold {
		return fmt.Errorf("%w: uid %d has a stake of %d rao, the chain asks for %d to set weights", ErrPolicy, g.uid, stake, g.rules.StakeThreshold)
	}
	return nil
}

// withinCeiling refuses weights of which one exceeds ceiling/65535 of their sum, as the
// chain does with MaxWeightExceeded.
func withinCeiling(values []uint16, ceiling uint16) error {
	const all = 65535
	sum, top := uint64(0), uint64(slices.Max(values))
	for _, v := range values {
		sum += uint64(v)
	}
	if ceiling == all || top*all <= uint64(ceiling)*sum {
		return nil
	}
	return fmt.Errorf("a weight of %d in a sum of %d, the chain allows %d/65535 of it", top, sum, ceiling)
}

// writeWeights encodes the call that the chain's flags ask for.
func (s *Signer) writeWeights(d *draft, intent subnet.WeightsIntent) error {
	call, err := chooseCall(d.Metadata, d.rules.CommitReveal, intent.Mechanism)
	if err != nil {
		return err
	}
	args := map[string]any{
		"netuid": uint16(intent.Netuid), "mecid": uint8(intent.Mechanism),
		"dests": intent.UIDs, "weights": intent.Values, "version_key": intent.VersionKey,
		"commit_reveal_version": d.rules.CommitVersion,
	}
	if call.sealed {
		if args["commit"], err = s.seal(d, intent, call); err != nil {
			return err
		}
		args["reveal_round"] = d.round
	}
	d.pallet, d.name = "SubtensorModule", call.name
	wanted := make(map[string]any, len(call.args))
	for _, name := range call.args {
		wanted[name] = args[name]
	}
	if d.call, err = d.Metadata.EncodeCall(d.pallet, d.name, wanted); err != nil {
		return fmt.Errorf("build the call: %w", err)
	}
	return nil
}

// seal encrypts the weights until the chain will reveal them, and sets the draft's round
// and the block of the reveal.
func (s *Signer) seal(d *draft, intent subnet.WeightsIntent, call weightsCall) ([]byte, error) {
	if err := s.foretell(d, call.name == firstSealed); err != nil {
		return nil, err
	}
	plain, err := sealedPayload(s.key.Public(), intent, call)
	if err != nil {
		return nil, err
	}
	sealed, err := s.cfg.Beacon.Encrypt(plain, d.round, s.cfg.Random)
	if err != nil {
		return nil, fmt.Errorf("seal the weights: %w", err)
	}
	return sealed, nil
}

// sealedPayload is what a call's ciphertext holds.
func sealedPayload(hotkey [32]byte, intent subnet.WeightsIntent, call weightsCall) ([]byte, error) {
	payload := timelock.WeightsPayload{Hotkey: hotkey, UIDs: intent.UIDs, Values: intent.Values, VersionKey: intent.VersionKey}
	plain, err := payload.Encode()
	if err == nil && call.name == firstSealed {
		return plain[1+len(hotkey):], nil // it begins with the uids there
	}
	return plain, err
}

// early is for how many blocks a round may be on its way into the chain.
const early = 3

// foretell sets the block that will reveal a commit included after the newest block, and
// the round that is published just before it.
//
// The schedule is that of the finalized block, carried on to the newest one: an epoch that
// begins in between is the commit's own already, and the reveal comes after it.
//
// A chain that tries once only, as one does that knows no call but firstSealed, must have
// the round by then: it is one published early blocks before.
func (s *Signer) foretell(d *draft, once bool) error {
	if err := d.opens(s.cfg.Beacon); err != nil {
		return err
	}
	now, err := d.chainTime()
	if err != nil {
		return err
	}
	blockTime, err := d.blockTime()
	if err != nil {
		return err
	}
	if d.reveal, err = d.plan.until(d.best).calendar().FirstReveal(d.rules.RevealPeriod); err != nil {
		return fmt.Errorf("foretell the reveal: %w", err)
	}
	d.round = s.cfg.Beacon.Round(now, d.reveal, d.head.Number, blockTime)
	if once {
		d.round = s.cfg.Beacon.CommitmentRound(now, max(d.reveal, d.head.Number+early)-early-d.head.Number, blockTime)
	}
	return nil
}
