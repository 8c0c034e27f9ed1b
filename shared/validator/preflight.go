package validator

import (
	"context"
	"fmt"

	"github.com/affine-go/affine/shared/subnet"
)

// TooSoonError says that nothing can be sent now, and from when on it is worth trying
// again. Nothing has gone wrong.
type TooSoonError struct {
	Block subnet.Block // finalized block of the look
	Until subnet.Block // first block at which the answer may be another
	Why   string       // what is waited for; empty for the chain's rate limit
}

// Error says how many blocks are left.
func (e *TooSoonError) Error() string {
	left := e.Until - min(e.Until, e.Block)
	if e.Why != "" {
		return fmt.Sprintf("%s: until block %d, in %d blocks", e.Why, e.Until, left)
	}
	return fmt.Sprintf("the chain accepts new weights from block %d, in %d blocks", e.Until, left)
}

// preflight refuses, before anything is recorded or signed, what the chain would refuse.
// What concerns the vector itself, conform sees to.
func (w *WeightSetter) preflight(ctx context.Context, mg subnet.Metagraph) error {
	own, ok := w.own(mg)
	switch {
	case w.Mechanism >= subnet.Mechanism(max(mg.Rules.Mechanisms, 1)):
		return fmt.Errorf("netuid %d has no mechanism %d at block %d, its last is %d: correct the setting", w.Netuid, w.Mechanism, mg.Block, max(mg.Rules.Mechanisms, 1)-1)
	case !ok:
		return fmt.Errorf("hotkey %s is not registered on netuid %d at block %d: register it first", w.Hotkey, w.Netuid, mg.Block)
	case own.Stake < mg.Rules.StakeThreshold:
		return fmt.Errorf("hotkey %s (uid %d) has a stake of %d rao on netuid %d at block %d, weights take %d: it needs more stake", w.Hotkey, own.UID, own.Stake, w.Netuid, mg.Block, mg.Rules.StakeThreshold)
	case !own.Permit && w.Hotkey != mg.Owner:
		return fmt.Errorf("hotkey %s (uid %d) has no validator permit on netuid %d at block %d: it needs more stake", w.Hotkey, own.UID, w.Netuid, mg.Block)
	}
	last, err := w.lastUpdate(ctx, own)
	if err != nil {
		return err
	}
	if until := last + subnet.Block(mg.Rules.RateLimit); last > 0 && mg.Block < until {
		return &TooSoonError{Block: mg.Block, Until: until}
	}
	return nil
}

// lastUpdate is when weights were last set. The metagraph says it for mechanism 0; the
// chain counts for each mechanism apart.
func (w *WeightSetter) lastUpdate(ctx context.Context, own subnet.Neuron) (subnet.Block, error) {
	if w.Mechanism == 0 {
		return own.LastUpdate, nil
	}
	row, err := w.Chain.Weights(ctx, w.Netuid, w.Mechanism, own.UID)
	if err != nil {
		return 0, fmt.Errorf("read when weights of mechanism %d were last set: %w", w.Mechanism, err)
	}
	return row.LastUpdate, nil
}

func (w *WeightSetter) own(mg subnet.Metagraph) (subnet.Neuron, bool) {
	for _, n := range mg.Neurons {
		if n.Hotkey == w.Hotkey {
			return n, true
		}
	}
	return subnet.Neuron{}, false
}

// epochOf is the first block of the running epoch, the key of its record. A chain
// that keeps its epochs in storage says it; before that, and as the submission
// window everywhere else, it is a span of tempo blocks.
func epochOf(mg subnet.Metagraph) subnet.Block {
	if mg.Rules.LastEpochHint > 0 {
		return mg.Rules.LastEpochHint
	}
	return mg.Block - mg.Block%tempoOf(mg)
}

func tempoOf(mg subnet.Metagraph) subnet.Block { return subnet.Block(max(mg.Rules.Tempo, 1)) }
