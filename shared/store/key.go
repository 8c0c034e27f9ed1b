package store

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/affine-go/affine/shared/subnet"
)

// Key is a row's place in the table: rows of one partition are ordered by Sort,
// byte by byte.
type Key struct{ Partition, Sort string }

// SampleKey is where a sample stands: S#<hotkey>#<revision>#<env> and
// T#<window>#<index>#<attempt>.
func SampleKey(t subnet.Task) Key {
	shelf := Shelf{t.Hotkey, t.Revision, t.Env}
	return Key{shelf.Partition(), fmt.Sprintf("T#%s#%06d#%03d", ordinal(t.Window), t.Index, t.Attempt)}
}

// Partition is the partition of a shelf's samples. Its parts are escaped, so that
// two shelves never share a partition whatever their names contain.
func (s Shelf) Partition() string {
	return "S#" + escape(string(s.Hotkey)) + "#" + escape(string(s.Revision)) + "#" + escape(string(s.Env))
}

// SampleRange is the least and the greatest Sort that samples of windows from..to
// can have.
func SampleRange(from, to uint64) (low, high string) {
	return "T#" + ordinal(min(from, MaxOrdinal)), "T#" + ordinal(min(to, MaxOrdinal)) + "$" // '$' follows '#'
}

// MinerKey is where a miner stands: M#<netuid> and the hotkey.
func MinerKey(n subnet.Netuid, h subnet.Hotkey) Key {
	return Key{"M#" + number(n), string(h)}
}

// PlanKey is where a window's plan stands: P#<netuid> and the window.
func PlanKey(n subnet.Netuid, window uint64) Key {
	return Key{"P#" + number(n), ordinal(window)}
}

// WeightsKey is where an epoch's weights record stands: W#<netuid> and its block.
func WeightsKey(n subnet.Netuid, epoch subnet.Block) Key {
	return Key{"W#" + number(n), ordinal(uint64(epoch))}
}

// LeaseKey is where a lease stands: L#<name> and "-".
func LeaseKey(name string) Key { return Key{"L#" + escape(name), "-"} }

// MaxOrdinal bounds window and block numbers: keys hold them in twelve digits, so
// that their order as text is their order as numbers. Blocks of 12 s take 380,000
// years to get there.
const MaxOrdinal = 999_999_999_999

func ordinal(n uint64) string { return fmt.Sprintf("%012d", n) }

func number(n subnet.Netuid) string { return strconv.FormatUint(uint64(n), 10) }

var escaper = strings.NewReplacer("%", "%25", "#", "%23")

// escape makes '#' a separator and nothing else.
func escape(part string) string { return escaper.Replace(part) }
