package validator

import (
	"context"
	"fmt"

	"github.com/affine-go/affine/shared/subnet"
)

// confirm reads the weights back: what was included must be what is stored. Weights
// under a timelock come back as they were, without an error, until they have opened.
func (w *WeightSetter) confirm(ctx context.Context, mg subnet.Metagraph, rec subnet.WeightsRecord) (subnet.WeightsRecord, error) {
	if rec.Sealed() && mg.Block < rec.Reveal {
		return rec, nil
	}
	own, ok := w.own(mg)
	if !ok {
		return w.fail(ctx, rec, "the hotkey left the subnet before the weights could be read back")
	}
	if rec.Sealed() {
		return w.open(ctx, rec, own.UID)
	}
	row, err := w.Chain.Weights(ctx, w.Netuid, rec.Mechanism, own.UID)
	if err != nil {
		return rec, fmt.Errorf("read the weights back: %w", err)
	}
	if row.At < rec.At {
		return rec, fmt.Errorf("read the weights back at block %d: they were included at %d, the endpoint lags behind", row.At, rec.At)
	}
	wrong := difference(row.Values, rec)
	switch {
	case row.LastUpdate < rec.At:
		return w.fail(ctx, rec, "the chain did not take them in block %d: its last update is of block %d", rec.At, row.LastUpdate)
	case row.LastUpdate > rec.At && wrong != "":
		return w.replaced(ctx, rec, row.LastUpdate)
	case wrong != "":
		return w.fail(ctx, rec, "the chain stores other weights than were sent: %s", wrong)
	case row.LastUpdate > rec.At: // by weights that are sealed still, or the same ones
		rec.Reason = fmt.Sprintf("they are still stored, although the last update is of block %d", row.LastUpdate)
	}
	rec.State = subnet.Confirmed
	return w.put(ctx, rec)
}

// replaced fails a record whose weights gave way to those of a later block before they
// could be read back, and says whose these are.
func (w *WeightSetter) replaced(ctx context.Context, rec subnet.WeightsRecord, by subnet.Block) (subnet.WeightsRecord, error) {
	recs, err := w.Store.LatestWeights(ctx, w.Netuid, unfinished)
	if err != nil {
		return rec, fmt.Errorf("read the weights records: %w", err)
	}
	for _, other := range recs {
		if other.At == by && other.Mechanism == rec.Mechanism {
			return w.fail(ctx, rec, "replaced at block %d by the weights of epoch %d before they could be read back", by, other.Epoch)
		}
	}
	return w.fail(ctx, rec, "overwritten at block %d by another submission of the same hotkey", by)
}

// open finds out what became of weights under a timelock whose reveal was due.
func (w *WeightSetter) open(ctx context.Context, rec subnet.WeightsRecord, own subnet.UID) (subnet.WeightsRecord, error) {
	got, err := w.Chain.Revealed(ctx, subnet.TimelockCommit{
		Netuid: rec.Netuid, Mechanism: rec.Mechanism, UID: own, Hotkey: w.Hotkey, At: rec.At, Round: rec.Round, Due: rec.Reveal,
	})
	if err != nil {
		return rec, fmt.Errorf("find out whether the weights were opened: %w", err)
	}
	if got.Waiting {
		return rec, nil
	}
	if got.Block == 0 && got.Row.At < rec.Reveal {
		return rec, fmt.Errorf("the chain answers as of block %d, the weights open at %d: the endpoint lags behind", got.Row.At, rec.Reveal)
	}
	wrong := difference(got.Row.Values, rec)
	switch {
	case got.Block > 0 && wrong != "":
		return w.fail(ctx, rec, "the chain opened them at block %d to other weights than were sent: %s", got.Block, wrong)
	case got.Unknown && wrong != "":
		return w.fail(ctx, rec, "nobody can tell any more whether the chain opened them: drand round %d, due at block %d; no node keeps that state, and at block %d, the first that is kept, %s", rec.Round, rec.Reveal, got.Row.At, wrong)
	case got.Block == 0 && wrong != "":
		return w.fail(ctx, rec, "the chain did not open them: drand round %d, due at block %d; at block %d %s", rec.Round, rec.Reveal, got.Row.At, wrong)
	case got.Unknown:
		rec.Reason = fmt.Sprintf("no node keeps the state of the block that opened them; at block %d, the first that is kept, the chain stores them", got.Row.At)
	case got.Block == 0:
		rec.Reason = fmt.Sprintf("the chain did not open them, and stores the same weights at block %d", got.Row.At)
	}
	rec.State, rec.RevealAt = subnet.Confirmed, got.Block
	return w.put(ctx, rec)
}

// closeAll brings the unfinished among the records that old selects to an end, leaves
// each in recs as it then stands, and says whether bytes were followed for that. One whose
// bytes may still be included is waited for, by submitting those bytes again, and stops
// the run when that fails: two live submissions never exist side by side. So does one
// whose end cannot be written down. One that can do no harm any more stops nobody.
func (w *WeightSetter) closeAll(ctx context.Context, mg subnet.Metagraph, recs []subnet.WeightsRecord, old func(subnet.WeightsRecord) bool) (moved bool, err error) {
	for i, rec := range recs {
		if rec.State.Final() || !old(rec) {
			continue
		}
		signed := rec.State == subnet.Signed
		moved = moved || signed
		closed, err := w.closeOne(ctx, mg, rec)
		switch {
		case err == nil:
			recs[i] = closed
		case signed && mg.Block < rec.Death || closed.State != rec.State:
			return moved, fmt.Errorf("close the weights of epoch %d: %w", rec.Epoch, err)
		default:
			w.Log.ErrorContext(ctx, "old weights record not closed", "epoch", rec.Epoch, "err", err)
		}
	}
	return moved, nil
}

func (w *WeightSetter) closeOne(ctx context.Context, mg subnet.Metagraph, rec subnet.WeightsRecord) (subnet.WeightsRecord, error) {
	if rec.State == subnet.Planned {
		return w.fail(ctx, rec, "its epoch ended before it was signed")
	}
	if rec.State == subnet.Signed {
		var dead string
		var err error
		rec, dead, err = w.track(ctx, &mg, rec)
		if dead != "" {
			return w.fail(ctx, rec, "%s", dead)
		}
		if err != nil || rec.State.Final() {
			return rec, err
		}
	}
	return w.confirm(ctx, mg, rec)
}
