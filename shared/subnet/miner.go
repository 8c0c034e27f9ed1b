package subnet

import (
	"fmt"
	"time"
)

// MinerState says whether a committed miner may be sampled and paid, and if not,
// which check it failed.
type MinerState string

const (
	Valid             MinerState = "valid"
	NoCommitment      MinerState = "no_commitment"
	CommitmentInvalid MinerState = "commitment_invalid"
	NameMismatch      MinerState = "name_mismatch"
	RevisionMismatch  MinerState = "revision_mismatch"
	ChuteCold         MinerState = "chute_cold"
	ChuteMissing      MinerState = "chute_missing"
	DuplicateOf       MinerState = "duplicate_of"
	Blacklisted       MinerState = "blacklisted"
	Unregistered      MinerState = "unregistered" // the hotkey is no longer in the metagraph
	Unknown           MinerState = "unknown"      // a look failed through no fault of the miner's
)

// Miner is what the validator knows of one hotkey: its commitment, whether it may
// be sampled, why not, and how far each environment's plan has been handed out.
type Miner struct {
	Netuid Netuid `json:"netuid"`
	UID    UID    `json:"uid"`
	Hotkey Hotkey `json:"hotkey"`
	Commitment
	CommitBlock Block      `json:"commit_block"` // Commitment.Block, which its own JSON omits
	Slug        string     `json:"slug,omitempty"`
	State       MinerState `json:"state"`
	Reason      string     `json:"reason,omitempty"`
	Since       time.Time  `json:"since"`     // when State last changed
	LastGood    time.Time  `json:"last_good"` // when State was last valid
	SeenAt      Block      `json:"seen_at"`   // finalized block of the look
	// PausedUntil holds sampling back after faults of the miner's endpoint.
	PausedUntil time.Time             `json:"paused_until,omitzero"`
	Progress    map[EnvID]EnvProgress `json:"progress,omitempty"`
	Version     int64                 `json:"version"` // conditional writes compare it
}

// EnvProgress is how far a miner has come in one environment's plan. Indexes in
// [Start, Next) have been put on the queue; those without a row are outstanding.
type EnvProgress struct {
	Window   uint64    `json:"window"`
	Revision Revision  `json:"revision"`
	Start    uint32    `json:"start"` // the env's cursor when this miner joined the window
	Next     uint32    `json:"next"`
	Planned  time.Time `json:"planned"` // when Next last moved: the base of the next due time
}

// Neuron is one row of the metagraph.
type Neuron struct {
	UID        UID
	Hotkey     Hotkey
	Permit     bool   // may set weights
	Stake      uint64 // rao: by what the chain's rules weigh it
	LastUpdate Block  // block of its last weights
}

// Metagraph is the subnet at one finalized block: who is on it, what each
// committed, and the rules for setting weights.
type Metagraph struct {
	Netuid      Netuid
	Block       Block
	BlockHash   string
	Neurons     []Neuron // index = UID
	Commitments map[Hotkey]RawCommitment
	Rules       WeightRules
	Owner       Hotkey // of the subnet; sets weights without a permit. Empty when the chain names none
}

// RawCommitment is a commitment's text before it is trusted.
type RawCommitment struct {
	Text  []byte
	Block Block

	// Problem says why the chain has no text to show, fit to be read by the miner: it is
	// sealed still, or could not be opened. Empty when Text is what was committed.
	Problem string
}

// Parse reads the text as ParseCommitment does, and refuses one that is not there.
func (r RawCommitment) Parse() (Commitment, error) {
	if r.Problem != "" {
		return Commitment{}, fmt.Errorf("%w: %s", ErrCommitment, r.Problem)
	}
	return ParseCommitment(r.Text, r.Block)
}

// WeightRules are the chain's parameters that bind whoever sets weights.
type WeightRules struct {
	Tempo         uint16 // blocks between epochs
	RateLimit     uint64 // least number of blocks between two submissions
	CommitReveal  bool   // weights must be committed under a timelock
	VersionKey    uint64 // least version key accepted
	MinAllowed    uint16 // least number of uids in a submission
	MaxWeight     uint16 // 65535 means no ceiling
	BlockTime     time.Duration
	LastEpochHint Block // start of the running epoch, where the chain says so; 0 when unknown

	RevealPeriod   uint64 // epochs from a timelocked commit to its reveal, 1..100
	CommitVersion  uint16 // version number that a timelocked commit must carry
	Mechanisms     uint8  // how many mechanisms share the subnet's emission; 1 on most
	StakeThreshold uint64 // least stake, in rao, of whoever sets weights; 0 when none is known
}
