package validator

import (
	"context"
	"errors"
	"fmt"

	"github.com/affine-go/affine/shared/subnet"
)

// advance takes a record through its states until it is final or rests. It signs only
// when no earlier bytes of this epoch can still be included.
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
			if rec.State == subnet.Included {
				return rec, err
			}
		default:
			err = fmt.Errorf("record of epoch %d is in the unknown state %q", rec.Epoch, rec.State)
		}
	}
	return rec, err
}

// sign asks the signer and stores the bytes before anyone could send them. All that was
// looked at for the decision is looked at again, for it may have been left lying.
func (w *WeightSetter) sign(ctx context.Context, mg subnet.Metagraph, rec subnet.WeightsRecord) (subnet.WeightsRecord, error) {
	if now := epochOf(mg); now != rec.Epoch {
		return rec, fmt.Errorf("epoch %d began before the weights of epoch %d were signed", now, rec.Epoch)
	}
	if why, ok := reassigned(mg, rec); ok {
		return w.fail(ctx, rec, "%s before they were signed", why)
	}
	if err := w.preflight(ctx, mg); err != nil {
		return rec, err
	}
	own, _ := w.own(mg)
	last, err := w.lastUpdate(ctx, own)
	if err != nil {
		return rec, err
	}
	if last > rec.Block {
		return w.fail(ctx, rec, "other weights of the same hotkey were set at block %d, after the decision", last)
	}
	if err := w.alone(ctx, mg, rec); err != nil {
		return rec, err
	}
	if err := w.lease(ctx); err != nil {
		return rec, err
	}
	signed, err := w.Signer.SignWeights(ctx, intentOf(mg, rec))
	if err != nil {
		return rec, fmt.Errorf("sign the weights of epoch %d: %w", rec.Epoch, err)
	}
	if err := w.check(mg, signed); err != nil {
		return rec, err
	}
	rec.State, rec.Extrinsic, rec.Hash, rec.Birth, rec.Death = subnet.Signed, signed.Extrinsic, signed.Hash, mg.Block, signed.Death
	rec.Call, rec.Round, rec.Reveal = signed.Call, signed.Round, signed.Reveal
	return w.put(ctx, rec)
}

func intentOf(mg subnet.Metagraph, rec subnet.WeightsRecord) subnet.WeightsIntent {
	intent := subnet.WeightsIntent{
		Netuid: rec.Netuid, Mechanism: rec.Mechanism, VersionKey: mg.Rules.VersionKey,
		Head: mg.Block, HeadHash: mg.BlockHash, Epoch: rec.Epoch,
	}
	for _, x := range rec.Weights {
		intent.UIDs = append(intent.UIDs, x.UID)
		intent.Values = append(intent.Values, x.Value)
	}
	return intent
}

// longestEra is the longest life of signed bytes that is accepted, in blocks.
const longestEra = 128

// check refuses an answer of the signer that cannot be followed to its end. Bytes that
// were taken for dead while they live would be followed by others.
func (w *WeightSetter) check(mg subnet.Metagraph, signed subnet.SignedWeights) error {
	switch {
	case signed.Hotkey != w.Hotkey:
		return fmt.Errorf("the signer holds %s, the settings name %s", signed.Hotkey, w.Hotkey)
	case signed.Extrinsic == "" || signed.Hash == "":
		return errors.New("the signer answered without an extrinsic or its hash")
	case signed.Death <= mg.Block || signed.Death > mg.Block+longestEra:
		return fmt.Errorf("the signer's extrinsic dies at block %d: want one of the %d blocks after %d", signed.Death, longestEra, mg.Block)
	case signed.Round > 0 && signed.Reveal <= mg.Block:
		return fmt.Errorf("the signer's timelock is to open at block %d, which %d has passed", signed.Reveal, mg.Block)
	}
	return nil
}

// submit follows the stored bytes to their end, and signs anew when that is that they
// can no longer be included.
func (w *WeightSetter) submit(ctx context.Context, mg subnet.Metagraph, rec subnet.WeightsRecord) (subnet.WeightsRecord, error) {
	rec, dead, err := w.track(ctx, &mg, rec)
	if err != nil || dead == "" {
		return rec, err
	}
	return w.sign(ctx, mg, rec)
}

// track finds out whether the stored bytes are on chain already; if not, and they can
// still get there, it sends them, the same ones, again. The record comes back included
// or failed, or as it was with the reason why its bytes are dead for good. It may look
// at the chain anew, and then leaves that in mg.
func (w *WeightSetter) track(ctx context.Context, mg *subnet.Metagraph, rec subnet.WeightsRecord) (_ subnet.WeightsRecord, dead string, err error) {
	rec, found, err := w.find(ctx, *mg, rec)
	if found || err != nil {
		return rec, "", err
	}
	if mg.Block >= rec.Death {
		return rec, fmt.Sprintf("not included before block %d, when its era ended", rec.Death), nil
	}
	inc, err := w.send(ctx, *mg, rec)
	if err == nil {
		rec, err = w.record(ctx, rec, inc)
		return rec, "", err
	}
	old, ok := errors.AsType[*subnet.OutdatedError](err)
	if !ok || old.At < rec.Birth+lag {
		return rec, "", fmt.Errorf("submit the weights of epoch %d: %w", rec.Epoch, err)
	}
	if *mg, err = w.again(ctx, old.At); err != nil {
		return rec, "", err
	}
	rec, found, err = w.find(ctx, *mg, rec)
	if found || err != nil {
		return rec, "", err
	}
	return rec, fmt.Sprintf("signed for a runtime that ended before block %d, without them", old.At), nil
}

// lag is how many blocks an endpoint may be behind the one that was signed at: for so
// long, bytes that do not fit a finalized runtime may belong to the next one.
const lag = 16

// find looks for the stored bytes in the blocks up to mg's, and records what became of
// them there. Where a node has thrown away how their dispatch ended, that stops a search
// that can be repeated; once the bytes are dead, what is stored will tell.
func (w *WeightSetter) find(ctx context.Context, mg subnet.Metagraph, rec subnet.WeightsRecord) (subnet.WeightsRecord, bool, error) {
	inc, found, err := w.Chain.Find(ctx, rec.Hash, max(rec.Block, rec.Birth), min(mg.Block, rec.Death))
	if err != nil && !(found && mg.Block >= rec.Death) {
		return rec, false, fmt.Errorf("look for extrinsic %s: %w", rec.Hash, err)
	}
	err = nil
	if found {
		rec, err = w.record(ctx, rec, inc)
	}
	return rec, found, err
}

// send submits the stored bytes, unless they would do harm by now.
func (w *WeightSetter) send(ctx context.Context, mg subnet.Metagraph, rec subnet.WeightsRecord) (subnet.Inclusion, error) {
	if why, ok := reassigned(mg, rec); ok {
		return subnet.Inclusion{}, &TooSoonError{mg.Block, rec.Death, why + " after they were signed: the bytes are left to die"}
	}
	if err := w.alone(ctx, mg, rec); err != nil {
		return subnet.Inclusion{}, err
	}
	return w.Chain.Submit(ctx, rec.Extrinsic)
}

// alone makes sure that no other epoch's weights are on their way or have come in
// between. It is asked after the record's bytes are stored and before they are sent, by
// every process: of two that hold bytes of different epochs, because one was stopped for
// long or lost the lease, at least one sees the other.
func (w *WeightSetter) alone(ctx context.Context, mg subnet.Metagraph, rec subnet.WeightsRecord) error {
	recs, err := w.Store.LatestWeights(ctx, w.Netuid, unfinished)
	if err != nil {
		return fmt.Errorf("read the weights records: %w", err)
	}
	epoch := epochOf(mg)
	for _, other := range recs {
		if other.Epoch == rec.Epoch || other.Mechanism != rec.Mechanism {
			continue
		}
		switch sent := other.At > 0; {
		case other.State == subnet.Signed && mg.Block < other.Death:
			return &TooSoonError{mg.Block, other.Death, fmt.Sprintf("bytes of epoch %d may still be included", other.Epoch)}
		case sent && other.Block > rec.Block:
			return &TooSoonError{mg.Block, max(rec.Death, mg.Block+1), fmt.Sprintf("weights of epoch %d, which are newer, were sent", other.Epoch)}
		case sent && other.At >= epoch:
			return &TooSoonError{mg.Block, max(epoch+tempoOf(mg), mg.Block+1), fmt.Sprintf("weights of epoch %d are this epoch's", other.Epoch)}
		}
	}
	return nil
}

func (w *WeightSetter) record(ctx context.Context, rec subnet.WeightsRecord, inc subnet.Inclusion) (subnet.WeightsRecord, error) {
	if inc.Failure != "" {
		return w.fail(ctx, rec, "the chain refused them in block %d: %s", inc.Block, inc.Failure)
	}
	rec.State, rec.At = subnet.Included, inc.Block
	return w.put(ctx, rec)
}
