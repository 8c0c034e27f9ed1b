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
