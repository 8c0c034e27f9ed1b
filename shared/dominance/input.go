package dominance

import (
	"errors"
	"fmt"
	"math"

	"github.com/affine-go/affine/shared/subnet"
)

// Record is one scored attempt as a rule sees it.
type Record struct {
	Hotkey   subnet.Hotkey
	Model    string // Hugging Face repository, owner/name
	Revision subnet.Revision
	Env      subnet.EnvID
	Score    float64       // within the environment's ScoreRange
	Block    *subnet.Block // block of the miner's commitment; nil is quarantined
}

// Input is everything a rule may look at.
type Input struct {
	Envs         []subnet.EnvID  // the environments that count, 1 to MaxEnvs, in display order
	Hotkeys      []subnet.Hotkey // the metagraph: index = uid
	CurrentBlock subnet.Block
	CommitBlocks map[subnet.Hotkey]subnet.Block // first block to show for miners without records
	Queryable    []subnet.Hotkey                // miners that passed the validity checks
	Burn         float64                        // share kept back for uid 0; 1 and above keeps all
	Samples      []Record                       // in order of arrival
}

// Rule is a scoring mode. It returns an error wrapping ErrInput for an input that
// no verdict can be made of; single bad records never cause one.
type Rule func(Input) (Verdict, error)

// Bounds of an Input. Time and memory grow with the square of the hotkeys and with
// two to the environments; a subnet has had 256 hotkeys, and eight environments.
const (
	MaxEnvs    = 16
	MaxHotkeys = 4096
)

// ErrInput is wrapped by every refusal of an Input.
var ErrInput = errors.New("dominance: input refused")

// ScoreRange is the range of an environment's raw scores. Only sciworld's differs
// from 0..1.
func ScoreRange(e subnet.EnvID) (lo, hi float64) {
	if e == "agentgym:sciworld" {
		return -100, 100
	}
	return 0, 1
}

func (in Input) check() error {
	switch {
	case len(in.Envs) == 0:
		return fmt.Errorf("%w: no environments", ErrInput)
	case len(in.Envs) > MaxEnvs:
		return fmt.Errorf("%w: %d environments, at most %d", ErrInput, len(in.Envs), MaxEnvs)
	case len(in.Hotkeys) == 0:
		return fmt.Errorf("%w: the metagraph has no hotkeys", ErrInput)
	case len(in.Hotkeys) > MaxHotkeys:
		return fmt.Errorf("%w: %d hotkeys, at most %d", ErrInput, len(in.Hotkeys), MaxHotkeys)
	case math.IsNaN(in.Burn) || in.Burn < 0:
		return fmt.Errorf("%w: burn %v is not a share", ErrInput, in.Burn)
	}
	if e, twice := repeated(in.Envs); twice {
		return fmt.Errorf("%w: environment %.80q twice", ErrInput, e)
	}
	if h, twice := repeated(in.Hotkeys); twice {
		return fmt.Errorf("%w: hotkey %.80q twice in the metagraph", ErrInput, h)
	}
	return nil
}

func repeated[T comparable](list []T) (T, bool) {
	seen := make(map[T]bool, len(list))
	for _, x := range list {
		if seen[x] {
			return x, true
		}
		seen[x] = true
	}
	var none T
	return none, false
}
