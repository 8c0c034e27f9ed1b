package validator

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/affine-go/affine/shared/archive"
	"github.com/affine-go/affine/shared/dominance"
	"github.com/affine-go/affine/shared/store"
	"github.com/affine-go/affine/shared/subnet"
)

// WeightSetter turns the samples of the last window into weights on chain, at most
// once per epoch.
type WeightSetter struct {
	Netuid  subnet.Netuid
	Hotkey  subnet.Hotkey // the validator's own
	Chain   Chain
	Signer  Signer
	Store   store.Store
	Archive archive.Archive
	Envs    []subnet.EnvID // scored environments, in display order
	Rule    dominance.Rule
	Mode    string       // names Rule in records: "seed"
	Window  subnet.Block // span of a window: samples older than this are not scored
	Burn    float64      // share kept for uid 0
	Owner   string       // names this process in the lease
	Clock   Clock
	Log     *slog.Logger
}

// TooSoonError says that the chain would refuse weights now.
type TooSoonError struct {
	Block subnet.Block // finalized block of the look
	Until subnet.Block // first block at which the chain accepts them
}

// Error says how many blocks are left.
func (e *TooSoonError) Error() string {
	return fmt.Sprintf("the chain accepts new weights from block %d, in %d blocks", e.Until, e.Until-e.Block)
}

const weightsLease = "weights"

// leaseTime outlasts the slowest submission: an era of 64 blocks of 12 s.
const leaseTime = 15 * time.Minute

// Run brings the current epoch's record to its end: scored, planned, signed,
// included, confirmed. A run that was cut off anywhere is taken up where the record
// says it stopped, after asking the chain what became of it. Records of other
// epochs that were left unfinished are closed first.
//
// It returns the record as it stands, also together with an error. A *TooSoonError
// means that nothing was done because the chain's rate limit has not passed.
func (w *WeightSetter) Run(ctx context.Context) (subnet.WeightsRecord, error) {
	if err := w.Store.Acquire(ctx, weightsLease, w.Owner, w.Clock(), leaseTime); err != nil {
		return subnet.WeightsRecord{}, fmt.Errorf("set weights: take the lease: %w", err)
	}
	rec, err := w.run(ctx)
	if rerr := w.Store.Release(context.WithoutCancel(ctx), weightsLease, w.Owner); rerr != nil {
		w.Log.WarnContext(ctx, "lease not given back", "err", rerr)
	}
	if err != nil {
		return rec, fmt.Errorf("set weights: %w", err)
	}
	return rec, nil
}

func (w *WeightSetter) run(ctx context.Context) (subnet.WeightsRecord, error) {
	mg, err := w.Chain.Metagraph(ctx, w.Netuid)
	if err != nil {
		return subnet.WeightsRecord{}, fmt.Errorf("read the metagraph: %w", err)
	}
	closed, err := w.closeOld(ctx, mg)
	if err != nil {
		return subnet.WeightsRecord{}, err
	}
	if closed { // its bytes may have been included since, and the rate limit counts from there
		if mg, err = w.Chain.Metagraph(ctx, w.Netuid); err != nil {
			return subnet.WeightsRecord{}, fmt.Errorf("read the metagraph again: %w", err)
		}
	}
	rec, err := w.Store.Weights(ctx, w.Netuid, epochOf(mg))
	if errors.Is(err, store.ErrNotFound) {
		rec, err = w.decide(ctx, mg)
	}
	if err != nil {
		return rec, err
	}
	return w.advance(ctx, mg, rec)
}

// epochOf is the first block of the running epoch, the key of its record. A chain
// that keeps its epochs in storage says it; before that, and as the submission
// window everywhere else, it is a span of tempo blocks.
func epochOf(mg subnet.Metagraph) subnet.Block {
	if mg.Rules.LastEpochHint > 0 {
		return mg.Rules.LastEpochHint
	}
	tempo := subnet.Block(max(mg.Rules.Tempo, 1))
	return mg.Block - mg.Block%tempo
}

// decide scores the window and records the decision, if the chain would take it.
func (w *WeightSetter) decide(ctx context.Context, mg subnet.Metagraph) (subnet.WeightsRecord, error) {
	if err := w.preflight(mg); err != nil {
		return subnet.WeightsRecord{}, err
	}
	verdict, err := w.Score(ctx, mg)
	if err != nil {
		return subnet.WeightsRecord{}, err
	}
	weights, err := weightsOf(verdict, mg)
	if err != nil {
		return subnet.WeightsRecord{}, err
	}
	rec := subnet.WeightsRecord{
		Netuid: w.Netuid, Epoch: epochOf(mg), Block: mg.Block, BlockHash: mg.BlockHash, Mode: w.Mode,
		Weights: weights, Why: verdict.Why, State: subnet.Planned, Updated: w.Clock().UTC(),
	}
	if err := w.explain(ctx, rec, verdict); err != nil {
		return rec, err
	}
	return w.put(ctx, rec)
}

// preflight refuses, before anything is recorded, what the chain would refuse.
func (w *WeightSetter) preflight(mg subnet.Metagraph) error {
	own, ok := w.own(mg)
	switch {
	case !ok:
		return fmt.Errorf("hotkey %s is not registered on netuid %d at block %d: register it first", w.Hotkey, w.Netuid, mg.Block)
	case !own.Permit:
		return fmt.Errorf("hotkey %s (uid %d) has no validator permit on netuid %d at block %d: it needs more stake", w.Hotkey, own.UID, w.Netuid, mg.Block)
	case mg.Rules.CommitReveal:
		return fmt.Errorf("netuid %d takes weights only under a timelock (commit-reveal is on), which this build cannot make", w.Netuid)
	}
	if own.LastUpdate > 0 && mg.Block < own.LastUpdate+subnet.Block(mg.Rules.RateLimit) {
		return &TooSoonError{Block: mg.Block, Until: own.LastUpdate + subnet.Block(mg.Rules.RateLimit)}
	}
	return nil
}

func (w *WeightSetter) own(mg subnet.Metagraph) (subnet.Neuron, bool) {
	for _, n := range mg.Neurons {
		if n.Hotkey == w.Hotkey {
			return n, true
		}
	}
	return subnet.Neuron{}, false
}

// weightsOf turns a verdict's shares into what is sent, in order of uid: every
// positive value, and as many zeros as the chain's least length asks for.
func weightsOf(v dominance.Verdict, mg subnet.Metagraph) ([]subnet.Weight, error) {
	shares := make([]float64, len(mg.Neurons))
	for _, x := range v.Weights {
		if int(x.UID) >= len(shares) {
			return nil, fmt.Errorf("the verdict pays uid %d, the metagraph ends at %d", x.UID, len(shares)-1)
		}
		shares[x.UID] = x.Share
	}
	values := subnet.Quantise(shares)
	var sent, spare []subnet.Weight
	for uid, value := range values {
		weight := subnet.Weight{UID: subnet.UID(uid), Hotkey: mg.Neurons[uid].Hotkey, Share: shares[uid], Value: value}
		if value > 0 {
			sent = append(sent, weight)
		} else {
			spare = append(spare, weight)
		}
	}
	if len(sent) == 0 {
		return nil, errors.New("the verdict pays nobody")
	}
	least := min(int(mg.Rules.MinAllowed), len(mg.Neurons))
	for len(sent) < least {
		sent, spare = append(sent, spare[0]), spare[1:]
	}
	slices.SortFunc(sent, func(a, b subnet.Weight) int { return cmp.Compare(a.UID, b.UID) })
	return sent, nil
}

// put writes a record and returns it as written.
func (w *WeightSetter) put(ctx context.Context, rec subnet.WeightsRecord) (subnet.WeightsRecord, error) {
	rec.Updated = w.Clock().UTC()
	written, err := w.Store.PutWeights(ctx, rec)
	if err != nil {
		return rec, fmt.Errorf("record weights of epoch %d as %s: %w", rec.Epoch, rec.State, err)
	}
	level := slog.LevelInfo
	if rec.State == subnet.Failed {
		level = slog.LevelError // nothing else tells whoever watches the log
	}
	w.Log.Log(ctx, level, "weights", "epoch", rec.Epoch, "state", rec.State, "reason", rec.Reason)
	return written, nil
}
