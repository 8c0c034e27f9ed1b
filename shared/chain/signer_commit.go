package chain

import (
	"context"
	"fmt"

	"github.com/affine-go/affine/shared/chain/metadata"
	"github.com/affine-go/affine/shared/chain/scale"
	"github.com/affine-go/affine/shared/chain/timelock"
	"github.com/affine-go/affine/shared/signer"
	"github.com/affine-go/affine/shared/subnet"
)

// longestSeal is for how many blocks a commitment may be sealed: a day. The chain drops
// the beacon's rounds after about a week, and what was not opened by then never is.
const longestSeal = 7200

// draftCommitment writes a miner's commitment and the call that stores it. The text comes
// back as it will be read from the chain once it is open.
func (s *Signer) draftCommitment(ctx context.Context, intent subnet.CommitIntent) (*draft, []byte, error) {
	if err := s.serves(MinerProfile, intent.Netuid); err != nil {
		return nil, nil, err
	}
	text, err := commitmentText(intent)
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %w", ErrPolicy, err)
	}
	g, err := s.survey(ctx)
	if err != nil {
		return nil, nil, err
	}
	d, err := s.begin(ctx, g, Head{Number: intent.Head, Hash: intent.HeadHash})
	if err != nil {
		return nil, nil, err
	}
	if !g.registered {
		return nil, nil, fmt.Errorf("%w: hotkey %s is not registered on subnet %d", ErrPolicy, s.Hotkey(), intent.Netuid)
	}
	d.series, d.intent = signer.Commitment, intent
	if err := s.account(ctx, d); err != nil {
		return nil, nil, err
	}
	return d, text, s.writeCommitment(d, intent.After, text)
}

// commitmentText is the JSON that is committed, if it fits the chain once it is sealed.
func commitmentText(intent subnet.CommitIntent) ([]byte, error) {
	if intent.After < 1 || intent.After > longestSeal {
		return nil, fmt.Errorf("sealed for %d blocks, 1 to %d are allowed", intent.After, longestSeal)
	}
	text, err := intent.Commitment.Text()
	if err != nil {
		return nil, err
	}
	if size := len(scaleString(text)) + timelock.Overhead; size > timelock.MaxCommitment {
		return nil, fmt.Errorf("the commitment has %d bytes once it is sealed, the chain takes %d: shorten its names by %d",
			size, timelock.MaxCommitment, size-timelock.MaxCommitment)
	}
	return text, nil
}

// scaleString puts the text's length before it, as upstream's tools do before they seal.
func scaleString(text []byte) []byte {
	var e scale.Encoder
	e.Bytes(text)
	return e.Data()
}

// writeCommitment seals the text and encodes the call. The round is counted from the
// newest block: counted from the finalized one it would often be out already.
func (s *Signer) writeCommitment(d *draft, after subnet.Block, text []byte) error {
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
	lag := max(d.best, d.head.Number) - d.head.Number
	d.round = s.cfg.Beacon.CommitmentRound(now, lag+after, blockTime)
	sealed, err := s.cfg.Beacon.Encrypt(scaleString(text), d.round, s.cfg.Random)
	if err != nil {
		return fmt.Errorf("seal the commitment: %w", err)
	}
	d.pallet, d.name = "Commitments", "set_commitment"
	field := metadata.Variant{Name: "TimelockEncrypted", Value: map[string]any{"encrypted": sealed, "reveal_round": d.round}}
	d.call, err = d.Metadata.EncodeCall(d.pallet, d.name, map[string]any{
		"netuid": uint16(s.cfg.Netuid), "info": map[string]any{"fields": []any{field}},
	})
	if err != nil {
		return fmt.Errorf("build the call: %w", err)
	}
	return nil
}
