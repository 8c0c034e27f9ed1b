package timelock

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math/big"
	"time"

	bls "github.com/consensys/gnark-crypto/ecc/bls12-381"

	"github.com/affine-go/affine/shared/subnet"
)

// domain separates the beacon's hashes to the curve from all others.
const domain = "BLS_SIG_BLS12381G1_XMD:SHA-256_SSWU_RO_NUL_"

// ingestion is how many blocks after the first reveal a round is due to be published: the
// chain's own nodes fetch a round some blocks after it is out, and a commit whose round
// is not there yet is tried again in every block of the reveal epoch.
const ingestion = 3

// SignatureSize is the size of the beacon's signature of a round: a compressed point.
const SignatureSize = bls.SizeOfG1AffineCompressed

// Round is the round to which weights are sealed that the chain is to reveal at block
// firstReveal, with head the chain's newest block at time now and blocks of blockTime:
// the round before the one under way three blocks after firstReveal, and 1 at least.
//
// It is published 3 to 6 seconds before that block's expected time (see RoundTime), which
// leaves the chain's nodes time to bring it in. It is the formula of the Bittensor SDK
// (generate_commit_v2). Numbers that no chain has are computed as they stand; the result
// ends at the largest number of 64 bits.
func (b Beacon) Round(now time.Time, firstReveal, head subnet.Block, blockTime time.Duration) uint64 {
	ahead := new(big.Int).SetUint64(uint64(firstReveal))
	ahead.Sub(ahead, new(big.Int).SetUint64(uint64(head)))
	return b.roundAfter(now, ahead.Add(ahead, big.NewInt(ingestion)), blockTime)
}

// CommitmentRound is the round to which a miner's commitment is sealed that the chain is
// to reveal blocks after now: Round's formula without its three blocks of grace, as a
// commitment is tried again in every block until its round is there (encrypt_commitment
// in the Bittensor SDK).
func (b Beacon) CommitmentRound(now time.Time, blocks subnet.Block, blockTime time.Duration) uint64 {
	return b.roundAfter(now, new(big.Int).SetUint64(uint64(blocks)), blockTime)
}

// roundAfter counts whole periods from genesis to some blocks after now.
func (b Beacon) roundAfter(now time.Time, blocks *big.Int, blockTime time.Duration) uint64 {
	at := new(big.Int).Mul(blocks, big.NewInt(int64(blockTime)))
	at.Add(at, big.NewInt(int64(now.Sub(b.Genesis))))
	round := at.Div(at, big.NewInt(int64(b.Period)))
	switch {
	case round.Sign() <= 0:
		return 1
	case !round.IsUint64():
		return 1<<64 - 1
	}
	return round.Uint64()
}

// RoundTime is when the beacon publishes a round: round 1 at its genesis and one every
// period since. Rounds are counted from 1, and far above 2^60 they have no time.
func (b Beacon) RoundTime(round uint64) time.Time {
	return time.Unix(b.Genesis.Unix()+int64(round-1)*int64(b.Period/time.Second), 0).UTC()
}

// VerifyPulse says whether signature (48 bytes) is the beacon's signature of round: nil,
// or an error that wraps ErrSignature. The randomness of the pulse is its SHA-256.
func (b Beacon) VerifyPulse(round uint64, signature []byte) error {
	point, err := parseSignature(signature)
	if err != nil {
		return err
	}
	identity, err := identityOf(round)
	if err != nil {
		return err
	}
	key, err := b.key()
	if err != nil {
		return err
	}
	_, _, _, generator := bls.Generators()
	generator.Neg(&generator)
	ok, err := bls.PairingCheck([]bls.G1Affine{*point, identity}, []bls.G2Affine{generator, *key})
	if err != nil {
		return fmt.Errorf("timelock: pairing: %w", err)
	}
	if !ok {
		return fmt.Errorf("%w %d", ErrSignature, round)
	}
	return nil
}

// identityOf is the point that the beacon signs in a round: the hash of the round's
// number.
func identityOf(round uint64) (bls.G1Affine, error) {
	number := sha256.Sum256(binary.BigEndian.AppendUint64(nil, round))
	point, err := bls.HashToG1(number[:], []byte(domain))
	if err != nil {
		return point, fmt.Errorf("timelock: hash round %d to the curve: %w", round, err)
	}
	return point, nil
}

// parseSignature refuses points off the curve, outside the group, and infinity.
func parseSignature(signature []byte) (*bls.G1Affine, error) {
	if len(signature) != SignatureSize {
		return nil, fmt.Errorf("%w: %d bytes instead of %d", ErrSignature, len(signature), SignatureSize)
	}
	point := new(bls.G1Affine)
	if _, err := point.SetBytes(signature); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSignature, err)
	}
	if point.IsInfinity() {
		return nil, fmt.Errorf("%w: infinity", ErrSignature)
	}
	return point, nil
}
