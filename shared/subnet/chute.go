package subnet

import "errors"

// ErrNoChute is wrapped by a look at a chute that does not exist, which is the
// miner's doing; every other error of a look is the provider's or ours.
var ErrNoChute = errors.New("no such chute")

// Chute is a serving deployment on Chutes as its control plane describes it.
type Chute struct {
	ID       string
	Name     string   // must equal the committed model
	Slug     string   // names the inference host
	Revision Revision // empty when the deployer set none
	Hot      bool     // some instance is active and verified
}

// Completion is a model's whole reply to one prompt.
type Completion struct {
	Text         string // content without the separate reasoning stream
	Reasoning    string // the separate reasoning stream, which is never graded
	PromptTokens int    // as the provider counted; 0 when it did not say
	Tokens       int    // likewise, of the reply
}

// WeightsIntent is what the signer is asked to do. It names a decision, never
// bytes: the signer builds the call itself.
type WeightsIntent struct {
	Netuid     Netuid   `json:"netuid"`
	UIDs       []UID    `json:"uids"`
	Values     []uint16 `json:"values"`
	VersionKey uint64   `json:"version_key"`
	Head       Block    `json:"head"`      // finalized block the decision was made at
	HeadHash   string   `json:"head_hash"` // its hash, 0x-prefixed hex: the era's birth block
	Epoch      Block    `json:"epoch"`     // submission window: the signer caps how often it signs within one
}

// SignedWeights is the signer's answer.
type SignedWeights struct {
	Hotkey    Hotkey `json:"hotkey"`
	Extrinsic string `json:"extrinsic"` // 0x-prefixed hex, ready to submit
	Hash      string `json:"hash"`      // blake2-256 of the extrinsic, 0x-prefixed hex
	Nonce     uint32 `json:"nonce"`
	Death     Block  `json:"death"` // first block at which the extrinsic is no longer valid
}

// Inclusion says what became of a submitted extrinsic.
type Inclusion struct {
	Block     Block
	BlockHash string
	Failure   string // the dispatch error's name, "SubtensorModule.SettingWeightsTooFast"; empty on success
}
