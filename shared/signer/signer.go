// Package signer is the contract of a signer's ledger: the place where every signature
// is entered before the key is used, and which keeps their number within a ceiling.
//
// The ceiling holds for all signers that share a ledger. It bounds what a stolen right
// to ask for signatures is worth, and what a fault that asks again and again can do.
package signer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/affine-go/affine/shared/subnet"
)

// ErrCeiling is wrapped when all slots of a window are taken.
var ErrCeiling = errors.New("signatures of this window are used up")

// ErrEntry is wrapped when an entry cannot be told from others by its place.
var ErrEntry = errors.New("no entry of a ledger")

// Series says which signatures are counted together.
type Series string

// The series of a subnet. Weights of a mechanism above 0 have one of their own.
const (
	Weights    Series = "weights"
	Commitment Series = "commitment"
)

// WeightsOf is the series of a mechanism's weights.
func WeightsOf(m subnet.Mechanism) Series {
	if m == 0 {
		return Weights
	}
	return Series(fmt.Sprintf("%s-%d", Weights, m))
}

// Entry is the line that a ledger keeps of one signature. It says all that is signed and
// nothing that is secret; the signature itself is made afterwards.
type Entry struct {
	At      time.Time       `json:"at"`
	Netuid  subnet.Netuid   `json:"netuid"`
	Series  Series          `json:"series"`
	Window  subnet.Block    `json:"window"` // first block of the span in which Slot counts
	Slot    int             `json:"slot"`   // from 0; set by the ledger
	Hotkey  subnet.Hotkey   `json:"hotkey"`
	Call    string          `json:"call"`    // "SubtensorModule.set_weights"
	Message string          `json:"message"` // BLAKE2b-256 of the bytes to be signed, 0x-prefixed hex
	Nonce   uint32          `json:"nonce"`
	Death   subnet.Block    `json:"era_death"`
	Round   uint64          `json:"round,omitempty"` // drand round to which the contents are sealed
	Intent  json.RawMessage `json:"intent"`          // what was asked for, in the clear
}

// Ledger keeps entries for ever and never changes one.
type Ledger interface {
	// Claim takes the lowest free slot of the entry's netuid, series and window, of which
	// there are most, and enters the entry under it. When it returns nil the entry is
	// durable and the slot is nobody else's. With no slot left the error wraps ErrCeiling.
	//
	// After any other error the entry may stand or not: the caller must not sign, and the
	// slot may be lost. No slot is ever given twice, whatever fails.
	Claim(ctx context.Context, e Entry, most int) (slot int, err error)
}

// Check refuses an entry that a ledger could not keep apart from others.
func (e Entry) Check() error {
	if e.Series == "" || len(e.Series) > 32 {
		return fmt.Errorf("%w: series %.40q", ErrEntry, e.Series)
	}
	for _, r := range e.Series {
		if (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-' {
			return fmt.Errorf("%w: series %.40q", ErrEntry, e.Series)
		}
	}
	return nil
}

// Full is the error of a window without a free slot.
func (e Entry) Full(most int) error {
	return fmt.Errorf("%w: %d of %s for subnet %d in the window from block %d", ErrCeiling, most, e.Series, e.Netuid, e.Window)
}
