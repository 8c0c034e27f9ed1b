// Package subnet holds the words of the field: who is on the subnet, what they
// committed, what is attempted, what came of it and who is paid.
//
// It is pure. It knows no clock, no network, no settings and no SDK, and imports
// nothing but the standard library; every other package speaks in its types.
package subnet

// Netuid numbers a subnet. Affine's is 120.
type Netuid uint16

// Mechanism numbers one of a subnet's ways to judge its miners, each with weights of
// its own. Every subnet has number 0, most have no other.
type Mechanism uint8

// mechanisms is how far apart the storage indexes of a subnet's mechanisms lie
// (pallet SubtensorModule, GLOBAL_MAX_SUBNET_COUNT).
const mechanisms = 4096

// Index is under what the chain stores a subnet's weights and last updates for a
// mechanism: the netuid itself for mechanism 0.
func (m Mechanism) Index(netuid Netuid) uint16 { return uint16(m)*mechanisms + uint16(netuid) }

// UID is a neuron's slot in the metagraph. Slots are recycled: a UID names a
// miner only together with a block, so nothing durable is keyed by it.
type UID uint16

// Hotkey is an account's SS58 address (prefix 42), the durable name of a miner.
type Hotkey string

// Short is the hotkey's first eight characters, for tables read by people.
func (h Hotkey) Short() string {
	if len(h) <= 8 {
		return string(h)
	}
	return string(h[:8]) + "…"
}

// Block is a block number of the chain; a block lasts 12 s on finney.
type Block uint64

// Revision is the commit hash of a model repository.
type Revision string

// Short is the revision's first five characters, as the leaderboard shows it.
func (r Revision) Short() string {
	if len(r) <= 5 {
		return string(r)
	}
	return string(r[:5])
}
