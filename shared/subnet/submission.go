package subnet

import "fmt"

// WeightsIntent is what the signer is asked to do. It names a decision, never
// bytes: the signer builds the call itself.
type WeightsIntent struct {
	Netuid     Netuid    `json:"netuid"`
	Mechanism  Mechanism `json:"mechanism"`
	UIDs       []UID     `json:"uids"`
	Values     []uint16  `json:"values"`
	VersionKey uint64    `json:"version_key"`
	Head       Block     `json:"head"`      // finalized block the decision was made at
	HeadHash   string    `json:"head_hash"` // its hash, 0x-prefixed hex: the era's birth block
	Epoch      Block     `json:"epoch"`     // submission window: the signer caps how often it signs within one
}

// SignedWeights is the signer's answer.
type SignedWeights struct {
	Hotkey    Hotkey `json:"hotkey"`
	Extrinsic string `json:"extrinsic"` // 0x-prefixed hex, ready to submit
	Hash      string `json:"hash"`      // blake2-256 of the extrinsic, 0x-prefixed hex
	Nonce     uint32 `json:"nonce"`
	Death     Block  `json:"death"` // first block at which the extrinsic is no longer valid
	Call      string `json:"call"`  // the call it carries, "SubtensorModule.set_weights"

	// Round is the drand round to which the weights are sealed, and Reveal the block in
	// which the chain is expected to open them. Both are 0 when they are in the open.
	Round  uint64 `json:"round,omitempty"`
	Reveal Block  `json:"reveal,omitempty"`
}

// CommitIntent is what the signer of a miner is asked to do: commit this model. The
// signer writes the text, seals it and builds the call itself.
type CommitIntent struct {
	Netuid     Netuid     `json:"netuid"`
	Commitment Commitment `json:"commitment"` // its Block is not looked at
	After      Block      `json:"after"`      // blocks from now until it opens; upstream's tools take 1
	Head       Block      `json:"head"`       // as in WeightsIntent
	HeadHash   string     `json:"head_hash"`
}

// SignedCommit is the signer's answer.
type SignedCommit struct {
	Hotkey    Hotkey `json:"hotkey"`
	Extrinsic string `json:"extrinsic"` // 0x-prefixed hex, ready to submit
	Hash      string `json:"hash"`      // blake2-256 of the extrinsic, 0x-prefixed hex
	Nonce     uint32 `json:"nonce"`
	Death     Block  `json:"death"` // first block at which the extrinsic is no longer valid
	Round     uint64 `json:"round"` // drand round to which the text is sealed
	Text      []byte `json:"text"`  // what will be read from the chain once it has opened
}

// TimelockCommit names weights that were committed under a timelock.
type TimelockCommit struct {
	Netuid    Netuid
	Mechanism Mechanism
	UID       UID
	Hotkey    Hotkey
	At        Block  // block that included the commit
	Round     uint64 // as sealed
	Due       Block  // block in which the chain was expected to open them
}

// Reveal is what became of a TimelockCommit.
type Reveal struct {
	Waiting bool  // the chain still holds the sealed bytes
	Block   Block // block that opened them; 0 while waiting, and when no block did
	Unknown bool  // no node keeps the state of the blocks that would tell; Block is 0

	// Row is the neuron's weights as that block left them; when no block opened the
	// commit, as they stand at the newest finalized block; and when it is unknown, as they
	// stood at the first block after the reveal, or the loss, whose state is kept.
	Row WeightsRow
}

// Inclusion says what became of a submitted extrinsic.
type Inclusion struct {
	Block     Block
	BlockHash string
	Failure   string // the dispatch error's name, "SubtensorModule.SettingWeightsTooFast"; empty on success
}

// OutdatedError says that an extrinsic does not fit the runtime of a finalized block,
// because it was signed for an earlier one: no later block will include it.
type OutdatedError struct {
	At  Block // the finalized block
	Err error // what the runtime would say to it
}

// Error names the block.
func (e *OutdatedError) Error() string {
	return fmt.Sprintf("signed for another runtime than that of block %d: %v", e.At, e.Err)
}

// Unwrap is the runtime's own answer.
func (e *OutdatedError) Unwrap() error { return e.Err }
