package subnet

import (
	"math"
	"time"
)

// Weight is one miner's share.
type Weight struct {
	UID    UID     `json:"uid"`
	Hotkey Hotkey  `json:"hotkey"`
	Share  float64 `json:"share"` // of 1
	Value  uint16  `json:"value"` // as sent to the chain: round(share / max share × 65535)
}

// WeightsState is how far a submission has come. It moves only forward, by
// conditional writes, so that a crash at any point is found out by the next run.
type WeightsState string

const (
	Planned   WeightsState = "planned"   // computed and recorded, nothing sent
	Signed    WeightsState = "signed"    // signed bytes stored: may have been sent
	Included  WeightsState = "included"  // in a block, and its dispatch succeeded; sealed weights wait here for their reveal
	Confirmed WeightsState = "confirmed" // read back from the chain's storage
	Failed    WeightsState = "failed"    // will never be on chain, or nothing tells any more that they were; Reason says why
)

// Final reports whether the state can no longer change.
func (s WeightsState) Final() bool { return s == Confirmed || s == Failed }

// WeightsRecord is one decision about the weights and what became of it.
type WeightsRecord struct {
	Netuid    Netuid       `json:"netuid"`
	Mechanism Mechanism    `json:"mechanism,omitempty"`
	Epoch     Block        `json:"epoch"` // first block of the submission window: the record's key
	Block     Block        `json:"block"` // finalized block whose snapshot was scored
	BlockHash string       `json:"block_hash"`
	Mode      string       `json:"mode"` // scoring rule, "seed"
	Weights   []Weight     `json:"weights"`
	Why       string       `json:"why"` // who won and why, one sentence
	State     WeightsState `json:"state"`
	Reason    string       `json:"reason,omitempty"`
	Extrinsic string       `json:"extrinsic,omitempty"` // signed bytes, hex
	Hash      string       `json:"extrinsic_hash,omitempty"`
	Birth     Block        `json:"era_birth,omitempty"`   // finalized block at which they were signed: no earlier one holds them
	Death     Block        `json:"era_death,omitempty"`   // from this block on the bytes are dead
	At        Block        `json:"included_at,omitempty"` // block that included them and took them
	Call      string       `json:"call,omitempty"`        // the call signed, "SubtensorModule.set_weights"
	Round     uint64       `json:"round,omitempty"`       // drand round to which the weights are sealed; 0 in the open
	Reveal    Block        `json:"reveal,omitempty"`      // block in which the chain is expected to open them
	RevealAt  Block        `json:"revealed_at,omitempty"` // block that did
	Updated   time.Time    `json:"updated"`
	Version   int64        `json:"version"`
}

// Sealed reports whether the weights are on chain and not open yet. Reveal is the block
// from which it is worth looking again.
func (r WeightsRecord) Sealed() bool { return r.State == Included && r.Round > 0 }

// WeightsRow is a neuron's weights as the chain stores them.
type WeightsRow struct {
	At         Block // finalized block of the read
	LastUpdate Block
	Values     map[UID]uint16
}

// Quantise turns shares into the values sent to the chain: round(share / largest
// share × 65535), as upstream's SDK does. All zero when no share is positive.
func Quantise(shares []float64) []uint16 {
	values := make([]uint16, len(shares))
	largest := 0.0
	for _, s := range shares {
		largest = max(largest, s)
	}
	if !(largest > 0) || math.IsInf(largest, 1) {
		return values
	}
	for i, s := range shares {
		if s > 0 {
			values[i] = uint16(math.RoundToEven(s / largest * math.MaxUint16))
		}
	}
	return values
}
