package validator

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/affine-go/affine/shared/archive"
	"github.com/affine-go/affine/shared/dominance"
	"github.com/affine-go/affine/shared/store"
	"github.com/affine-go/affine/shared/subnet"
)

// WeightSetter turns the samples of the last window into weights on chain, at most
// once per epoch.
type WeightSetter struct {
	Netuid    subnet.Netuid
	Mechanism subnet.Mechanism // 0 on a subnet that has one
	Hotkey    subnet.Hotkey    // the validator's own
	Chain     Chain
	Signer    Signer
	Store     store.Store // one mechanism's records
	Archive   archive.Archive
	Envs      []subnet.EnvID // scored environments, in display order
	Rule      dominance.Rule
	Mode      string       // names Rule in records: "seed"
	Window    subnet.Block // span of a window: samples older than this are not scored
	Burn      float64      // share kept for uid 0
	Owner     string       // names this process in the lease
	Clock     Clock
	Log       *slog.Logger
}

const weightsLease = "weights"

// leaseTime outlasts the slowest submission: an era of 64 blocks of 12 s. It is taken
// anew before each signature. Should it run out all the same, the records' versions and
// what alone looks for keep two runs from both having bytes on their way.
const leaseTime = 15 * time.Minute

// Run brings the current epoch's record as far as it can get: scored, planned, signed,
// included, confirmed. A run that was cut off anywhere is taken up where the record
// says it stopped, after asking the chain what became of it. Records of other epochs
// that were left unfinished are closed first, and the newest that is confirmed is
// published.
//
// It returns the record as it stands, also together with an error. Weights under a
// timelock rest as included until the chain opens them, which no run waits for: the
// record is Sealed and says from which block it is worth looking again. When bytes of
// an earlier epoch got into this one, the record is that epoch's, for they are this
// epoch's weights then. A *TooSoonError means that nothing can be sent now.
func (w *WeightSetter) Run(ctx context.Context) (subnet.WeightsRecord, error) {
	rec, err := w.leased(ctx, w.run)
	if err != nil {
		return rec, fmt.Errorf("set weights: %w", err)
	}
	return rec, nil
}

// Settle finds out what has become of weights that are on chain and not confirmed yet,
// and returns the record of an epoch as it then stands. It decides, signs and sends nothing.
func (w *WeightSetter) Settle(ctx context.Context, epoch subnet.Block) (subnet.WeightsRecord, error) {
	rec, err := w.leased(ctx, func(ctx context.Context) (subnet.WeightsRecord, error) {
		mg, recs, err := w.look(ctx)
		if err != nil {
			return subnet.WeightsRecord{}, err
		}
		_, err = w.closeAll(ctx, mg, recs, func(rec subnet.WeightsRecord) bool { return rec.State == subnet.Included })
		if err = w.publishNewest(ctx, recs, err); err != nil {
			return subnet.WeightsRecord{}, err
		}
		return w.Store.Weights(ctx, w.Netuid, epoch)
	})
	if err != nil {
		return rec, fmt.Errorf("settle the weights of epoch %d: %w", epoch, err)
	}
	return rec, nil
}

// leased does something while no other process sets weights.
func (w *WeightSetter) leased(ctx context.Context, do func(context.Context) (subnet.WeightsRecord, error)) (subnet.WeightsRecord, error) {
	if err := w.lease(ctx); err != nil {
		return subnet.WeightsRecord{}, err
	}
	rec, err := do(ctx)
	if rerr := w.Store.Release(context.WithoutCancel(ctx), weightsLease, w.Owner); rerr != nil {
		w.Log.WarnContext(ctx, "lease not given back", "err", rerr)
	}
	return rec, err
}

// lease takes the lease, or takes it for longer.
func (w *WeightSetter) lease(ctx context.Context) error {
	if err := w.Store.Acquire(ctx, weightsLease, w.Owner, w.Clock(), leaseTime); err != nil {
		return fmt.Errorf("take the lease: %w", err)
	}
	return nil
}

func (w *WeightSetter) run(ctx context.Context) (subnet.WeightsRecord, error) {
	mg, recs, err := w.look(ctx)
	if err != nil {
		return subnet.WeightsRecord{}, err
	}
	rec, err := w.proceed(ctx, mg, recs)
	if err == nil {
		recs = append(recs, rec)
	}
	return rec, w.publishNewest(ctx, recs, err)
}

// unfinished is how many of the newest records are looked through for unfinished ones,
// besides those that wait for their reveals.
const unfinished = 16

// look reads the chain and the newest records. Endpoints can lag behind one another: an
// answer older than what is recorded already would make the past look like the present.
func (w *WeightSetter) look(ctx context.Context) (subnet.Metagraph, []subnet.WeightsRecord, error) {
	mg, err := w.Chain.Metagraph(ctx, w.Netuid)
	if err != nil {
		return mg, nil, fmt.Errorf("read the metagraph: %w", err)
	}
	recs, err := w.Store.LatestWeights(ctx, w.Netuid, unfinished+int(min(mg.Rules.RevealPeriod, 100)))
	if err != nil {
		return mg, nil, fmt.Errorf("read the weights records: %w", err)
	}
	for _, rec := range recs {
		if err := reached(mg, max(rec.Block, rec.Birth, rec.At)); err != nil {
			return mg, nil, err
		}
	}
	return mg, recs, nil
}

// again reads the metagraph as of a block that has been seen already, or a later one.
func (w *WeightSetter) again(ctx context.Context, seen subnet.Block) (subnet.Metagraph, error) {
	mg, err := w.Chain.Metagraph(ctx, w.Netuid)
	if err != nil {
		return mg, fmt.Errorf("read the metagraph again: %w", err)
	}
	return mg, reached(mg, seen)
}

func reached(mg subnet.Metagraph, seen subnet.Block) error {
	if mg.Block < seen {
		return fmt.Errorf("the chain answers as of block %d, and block %d has been seen: the endpoint lags behind", mg.Block, seen)
	}
	return nil
}

// proceed closes old records, in recs too, and then does what the running epoch needs.
func (w *WeightSetter) proceed(ctx context.Context, mg subnet.Metagraph, recs []subnet.WeightsRecord) (subnet.WeightsRecord, error) {
	moved, err := w.closeAll(ctx, mg, recs, func(rec subnet.WeightsRecord) bool {
		// A change of tempo can move the running epoch's first block back, so that an
		// unfinished record stands under a later one.
		return rec.Epoch != epochOf(mg) || rec.Mechanism != w.Mechanism
	})
	if err != nil {
		return subnet.WeightsRecord{}, err
	}
	if moved { // following its bytes took time
		if mg, err = w.again(ctx, mg.Block); err != nil {
			return subnet.WeightsRecord{}, err
		}
	}
	rec, err := w.Store.Weights(ctx, w.Netuid, epochOf(mg))
	if errors.Is(err, store.ErrNotFound) {
		if used, ok := usedBy(recs, epochOf(mg), w.Mechanism); ok {
			return used, nil
		}
		rec, err = w.decide(ctx, mg, 0)
	}
	if err != nil {
		return rec, err
	}
	if rec.Mechanism != w.Mechanism {
		return rec, fmt.Errorf("the table holds weights of mechanism %d for epoch %d, the setting is %d: each mechanism needs a table of its own", rec.Mechanism, rec.Epoch, w.Mechanism)
	}
	if rec.State == subnet.Planned && rec.Block < mg.Block { // nobody has bytes of it, and it may be out of date
		anew, err := w.decide(ctx, mg, rec.Version)
		if err != nil {
			return rec, err
		}
		rec = anew
	}
	return w.advance(ctx, mg, rec)
}

// usedBy finds the record of another epoch whose bytes were included in this one.
func usedBy(recs []subnet.WeightsRecord, epoch subnet.Block, mechanism subnet.Mechanism) (subnet.WeightsRecord, bool) {
	for _, rec := range recs {
		if rec.Epoch != epoch && rec.At >= epoch && rec.Mechanism == mechanism {
			return rec, rec.At > 0
		}
	}
	return subnet.WeightsRecord{}, false
}

// decide scores the window and records the decision, if the chain would take it, in the
// place of the version of the epoch's record that was found, if any.
func (w *WeightSetter) decide(ctx context.Context, mg subnet.Metagraph, found int64) (subnet.WeightsRecord, error) {
	if err := w.preflight(ctx, mg); err != nil {
		return subnet.WeightsRecord{}, err
	}
	verdict, err := w.Score(ctx, mg)
	if err != nil {
		return subnet.WeightsRecord{}, err
	}
	weights, note, err := weightsOf(verdict, mg)
	if err != nil {
		return subnet.WeightsRecord{}, err
	}
	rec := subnet.WeightsRecord{
		Netuid: w.Netuid, Mechanism: w.Mechanism, Epoch: epochOf(mg), Block: mg.Block, BlockHash: mg.BlockHash, Mode: w.Mode,
		Weights: weights, Why: verdict.Why, State: subnet.Planned, Updated: w.Clock().UTC(), Version: found,
	}
	if note != "" {
		rec.Why += "; " + note
	}
	if err := w.explain(ctx, rec, verdict); err != nil {
		return rec, err
	}
	return w.put(ctx, rec)
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

// fail records why a decision will never be on chain.
func (w *WeightSetter) fail(ctx context.Context, rec subnet.WeightsRecord, reason string, args ...any) (subnet.WeightsRecord, error) {
	rec.State, rec.Reason = subnet.Failed, fmt.Sprintf(reason, args...)
	return w.put(ctx, rec)
}
