package validator

import (
	"context"
	"fmt"
	"maps"

	"github.com/affine-go/affine/shared/subnet"
)

// unfinished is how many of the newest records are looked through for unfinished ones.
const unfinished = 16

// advance takes a record through its states until it is final. It signs only when
// no earlier bytes of this epoch can still be included.
func (w *WeightSetter) advance(ctx context.Context, mg subnet.Metagraph, rec subnet.WeightsRecord) (subnet.WeightsRecord, error) {
	var err error
	for err == nil && !rec.State.Final() {
		switch rec.State {
		case subnet.Planned:
			rec, err = w.sign(ctx, mg, rec)
		case subnet.Signed:
			rec, err = w.submit(ctx, mg, rec)
		case subnet.Included:
			rec, err = w.confirm(ctx, mg, rec)
		default:
			err = fmt.Errorf("record of epoch %d is in the unknown state %q", rec.Epoch, rec.State)
		}
	}
	if err == nil && rec.State == subnet.Confirmed {
		err = w.publish(ctx, rec)
	}
	return rec, err
}

// sign asks the signer and stores the bytes before anyone could send them. A record
// that was left lying may pay a uid that has been given to somebody else since.
func (w *WeightSetter) sign(ctx context.Context, mg subnet.Metagraph, rec subnet.WeightsRecord) (subnet.WeightsRecord, error) {
	intent := subnet.WeightsIntent{
		Netuid: w.Netuid, VersionKey: mg.Rules.VersionKey, Head: mg.Block, HeadHash: mg.BlockHash, Epoch: rec.Epoch,
	}
	for _, x := range rec.Weights {
		if x.Value > 0 && !holds(mg, x.UID, x.Hotkey) {
			rec.State, rec.Reason = subnet.Failed, fmt.Sprintf("uid %d ceased to be %s before they were signed", x.UID, x.Hotkey)
			return w.put(ctx, rec)
		}
		intent.UIDs = append(intent.UIDs, x.UID)
		intent.Values = append(intent.Values, x.Value)
	}
	signed, err := w.Signer.SignWeights(ctx, intent)
	if err != nil {
		return rec, fmt.Errorf("sign the weights of epoch %d: %w", rec.Epoch, err)
	}
	if signed.Hotkey != w.Hotkey {
		return rec, fmt.Errorf("the signer holds %s, the settings name %s", signed.Hotkey, w.Hotkey)
	}
	rec.State, rec.Extrinsic, rec.Hash, rec.Death = subnet.Signed, signed.Extrinsic, signed.Hash, signed.Death
	return w.put(ctx, rec)
}

func holds(mg subnet.Metagraph, uid subnet.UID, hotkey subnet.Hotkey) bool {
	return int(uid) < len(mg.Neurons) && mg.Neurons[uid].Hotkey == hotkey
}

// submit finds out whether the stored bytes are on chain already; if they can no
// longer get there it signs anew, otherwise it sends them, the same ones, again.
func (w *WeightSetter) submit(ctx context.Context, mg subnet.Metagraph, rec subnet.WeightsRecord) (subnet.WeightsRecord, error) {
	inc, found, err := w.Chain.Find(ctx, rec.Hash, rec.Block, min(mg.Block, rec.Death))
	if err != nil {
		return rec, fmt.Errorf("look for extrinsic %s: %w", rec.Hash, err)
	}
	if !found && mg.Block >= rec.Death {
		return w.sign(ctx, mg, rec)
	}
	if !found {
		if inc, err = w.Chain.Submit(ctx, rec.Extrinsic); err != nil {
			return rec, fmt.Errorf("submit the weights of epoch %d: %w", rec.Epoch, err)
		}
	}
	return w.record(ctx, rec, inc)
}

func (w *WeightSetter) record(ctx context.Context, rec subnet.WeightsRecord, inc subnet.Inclusion) (subnet.WeightsRecord, error) {
	rec.State, rec.At = subnet.Included, inc.Block
	if inc.Failure != "" {
		rec.State, rec.Reason = subnet.Failed, "the chain refused them: "+inc.Failure
	}
	return w.put(ctx, rec)
}

// confirm reads the weights back: what was included must be what is stored.
func (w *WeightSetter) confirm(ctx context.Context, mg subnet.Metagraph, rec subnet.WeightsRecord) (subnet.WeightsRecord, error) {
	own, ok := w.own(mg)
	if !ok {
		rec.State, rec.Reason = subnet.Failed, "the hotkey left the subnet before the weights could be read back"
		return w.put(ctx, rec)
	}
	row, err := w.Chain.Weights(ctx, w.Netuid, rec.Mechanism, own.UID)
	if err != nil {
		return rec, fmt.Errorf("read the weights back: %w", err)
	}
	switch {
	case row.LastUpdate < rec.At:
		return rec, fmt.Errorf("read the weights back at block %d: last update is %d, they were included at %d", row.At, row.LastUpdate, rec.At)
	case row.LastUpdate > rec.At:
		rec.State, rec.Reason = subnet.Failed, fmt.Sprintf("overwritten at block %d by another submission of the same hotkey", row.LastUpdate)
	case !maps.Equal(row.Values, valuesOf(rec)):
		rec.State, rec.Reason = subnet.Failed, "the chain stores other weights than were sent"
	default:
		rec.State = subnet.Confirmed
	}
	return w.put(ctx, rec)
}

func valuesOf(rec subnet.WeightsRecord) map[subnet.UID]uint16 {
	out := make(map[subnet.UID]uint16, len(rec.Weights))
	for _, x := range rec.Weights {
		out[x.UID] = x.Value
	}
	return out
}

// closeOld brings the records of other epochs to an end and says whether it closed
// any. One whose bytes may still be included is waited for, by submitting those bytes
// again, and stops the run when that fails: two live submissions never exist side by
// side. One that can do no harm any more stops nobody.
func (w *WeightSetter) closeOld(ctx context.Context, mg subnet.Metagraph) (closed bool, err error) {
	recs, err := w.Store.LatestWeights(ctx, w.Netuid, unfinished)
	if err != nil {
		return false, fmt.Errorf("read the weights records: %w", err)
	}
	for _, rec := range recs {
		// A change of tempo can move the running epoch's first block back, so that
		// an unfinished record stands under a later one.
		if rec.Epoch == epochOf(mg) || rec.State.Final() {
			continue
		}
		err := w.closeOne(ctx, mg, rec)
		if err != nil && rec.State == subnet.Signed && mg.Block < rec.Death {
			return closed, fmt.Errorf("close the weights of epoch %d: %w", rec.Epoch, err)
		}
		if err != nil {
			w.Log.ErrorContext(ctx, "old weights record not closed", "epoch", rec.Epoch, "err", err)
		}
		closed = closed || err == nil
	}
	return closed, nil
}

func (w *WeightSetter) closeOne(ctx context.Context, mg subnet.Metagraph, rec subnet.WeightsRecord) error {
	var err error
	if rec.State == subnet.Signed {
		inc, found, ferr := w.Chain.Find(ctx, rec.Hash, rec.Block, min(mg.Block, rec.Death))
		switch {
		case ferr != nil:
			return fmt.Errorf("look for extrinsic %s: %w", rec.Hash, ferr)
		case found:
			rec, err = w.record(ctx, rec, inc)
		case mg.Block >= rec.Death:
			rec.State, rec.Reason = subnet.Failed, fmt.Sprintf("not included before block %d, when its era ended", rec.Death)
			_, err = w.put(ctx, rec)
			return err
		default:
			rec, err = w.submit(ctx, mg, rec)
		}
		if err != nil || rec.State.Final() {
			return err
		}
	}
	if rec.State == subnet.Planned {
		rec.State, rec.Reason = subnet.Failed, "its epoch ended before it was signed"
		_, err = w.put(ctx, rec)
		return err
	}
	_, err = w.confirm(ctx, mg, rec)
	return err
}
