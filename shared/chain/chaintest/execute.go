package chaintest

import (
	"fmt"

	"github.com/affine-go/affine/shared/chain/extrinsic"
	"github.com/affine-go/affine/shared/chain/metadata"
	"github.com/affine-go/affine/shared/chain/scale"
)

// execution is the making of one block: what it writes and the events it records.
type execution struct {
	node   *Node
	number uint64
	events []any
}

// put writes a storage item as metadata describes it.
func (x *execution) put(pallet, entry string, value any, keys ...any) error {
	m := x.node.runtime.Metadata
	key, err := m.StorageKey(pallet, entry, keys...)
	if err != nil {
		return err
	}
	item, err := m.StorageEntry(pallet, entry)
	if err != nil {
		return err
	}
	var e scale.Encoder
	if err := m.EncodeType(&e, item.Value, value); err != nil {
		return fmt.Errorf("%s.%s: %w", pallet, entry, err)
	}
	x.node.state.put(x.number, key, e.Data())
	return nil
}

// remove deletes a storage item, if it is there.
func (x *execution) remove(pallet, entry string, keys ...any) error {
	key, err := x.node.runtime.Metadata.StorageKey(pallet, entry, keys...)
	if err == nil && x.node.state.has(x.number, string(key)) {
		x.node.state.put(x.number, key, nil)
	}
	return err
}

// read decodes a storage item as it stands now: the block's own writes included.
func (x *execution) read(pallet, entry string, keys ...any) (any, error) {
	return x.node.read(x.number, pallet, entry, keys...)
}

// read decodes a storage item as it stood after a block, or its default.
func (n *Node) read(at uint64, pallet, entry string, keys ...any) (any, error) {
	m := n.metadataAt(at)
	key, err := m.StorageKey(pallet, entry, keys...)
	if err != nil {
		return nil, err
	}
	return m.DecodeStorage(pallet, entry, n.state.get(at, key))
}

// get is read for items whose type the node's own metadata fixes.
func get[T any](n *Node, at uint64, pallet, entry string, keys ...any) (out T, err error) {
	value, err := n.read(at, pallet, entry, keys...)
	if err != nil {
		return out, err
	}
	out, ok := value.(T)
	if !ok {
		err = fmt.Errorf("%s.%s is a %T", pallet, entry, value)
	}
	return out, err
}

// initialize is what the chain does at the beginning of a block, before its extrinsics:
// weights whose time has come are opened, then epochs run, then commitments are opened.
func (x *execution) initialize() error {
	if err := x.put("System", "Number", x.number); err != nil {
		return err
	}
	for _, step := range []func() error{x.migrate, x.revealWeights, x.turnEpoch, x.openCommitments} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// apply executes a signed extrinsic. A dispatch that fails leaves its nonce used and a
// System.ExtrinsicFailed event; the error returned is the node's own.
func (x *execution) apply(index int, signed *extrinsic.Signed) error {
	account, err := get[map[string]any](x.node, x.number, "System", "Account", signed.Signer[:])
	if err != nil {
		return err
	}
	account["nonce"] = signed.Nonce + 1
	if err := x.put("System", "Account", account, signed.Signer[:]); err != nil {
		return err
	}
	failed, err := x.dispatch(index, signed)
	if err != nil {
		return err
	}
	if failed == nil {
		x.succeeded(index)
		return nil
	}
	cause, err := failed.encoded(x.node.runtime.Metadata)
	if err != nil {
		return err
	}
	x.record(index, "System", "ExtrinsicFailed", map[string]any{"dispatch_error": cause, "dispatch_info": dispatchInfo(index)})
	return nil
}

// weightCalls are the calls of SubtensorModule that this package plays.
var weightCalls = []string{
	"set_weights", "set_mechanism_weights", "commit_timelocked_weights", "commit_timelocked_mechanism_weights", "commit_crv3_mechanism_weights",
	"commit_crv3_weights",
}

// dispatch runs the call; nil means that it succeeded.
func (x *execution) dispatch(index int, signed *extrinsic.Signed) (*refusal, error) {
	switch signed.Pallet + "." + signed.Name {
	case "SubtensorModule.set_weights", "SubtensorModule.set_mechanism_weights":
		return x.setWeights(index, signed)
	case "SubtensorModule.commit_timelocked_weights", "SubtensorModule.commit_timelocked_mechanism_weights",
		"SubtensorModule.commit_crv3_mechanism_weights", "SubtensorModule.commit_crv3_weights":
		return x.commitWeights(index, signed)
	case "Commitments.set_commitment":
		return x.setCommitment(index, signed)
	case "System.remark":
		return nil, nil
	}
	return &refusal{name: "BadOrigin"}, nil // Timestamp.set is for the block's author only
}

// refusal is why a dispatch fails: a pallet's error, or a general one without a pallet.
type refusal struct{ pallet, name string }

// hasError reports whether the runtime in force has that error, which tells older
// runtimes from newer ones.
func (n *Node) hasError(pallet, name string) bool {
	_, err := (&refusal{pallet, name}).encoded(n.runtime.Metadata)
	return err == nil
}

// encoded is the DispatchError, with the error's number as this metadata has it.
func (r *refusal) encoded(m *metadata.Metadata) (any, error) {
	if r.pallet == "" {
		return r.name, nil
	}
	p, err := m.Pallet(r.pallet)
	if err != nil {
		return nil, err
	}
	if p.ErrorType == nil {
		return nil, fmt.Errorf("pallet %s has no errors", r.pallet)
	}
	errors, err := m.Type(*p.ErrorType)
	if err != nil {
		return nil, err
	}
	for _, v := range errors.Variants {
		if v.Name == r.name {
			code := []byte{v.Index, 0, 0, 0}
			return metadata.Variant{Name: "Module", Value: map[string]any{"index": p.Index, "error": code}}, nil
		}
	}
	return nil, fmt.Errorf("pallet %s has no error %s", r.pallet, r.name)
}

func (x *execution) succeeded(index int) {
	x.record(index, "System", "ExtrinsicSuccess", map[string]any{"dispatch_info": dispatchInfo(index)})
}

// dispatchInfo is what an event says about an extrinsic's cost: all of them are free
// here, and the first of a block is the author's own.
func dispatchInfo(index int) map[string]any {
	class := "Normal"
	if index == 0 {
		class = "Mandatory"
	}
	return map[string]any{
		"weight": map[string]any{"ref_time": 1_000_000, "proof_size": 0}, "class": class, "pays_fee": "No",
	}
}

// Where events come from that no extrinsic causes.
const (
	atStart = -1 // of the block
	atEnd   = -2
)

// record adds an event of an extrinsic, or of the block's start or end.
func (x *execution) record(index int, pallet, name string, fields any) {
	phase := metadata.Variant{Name: "ApplyExtrinsic", Value: index}
	switch index {
	case atStart:
		phase = metadata.Variant{Name: "Initialization"}
	case atEnd:
		phase = metadata.Variant{Name: "Finalization"}
	}
	x.events = append(x.events, map[string]any{
		"phase":  phase,
		"event":  metadata.Variant{Name: pallet, Value: metadata.Variant{Name: name, Value: fields}},
		"topics": []any{},
	})
}

// finish writes the block's events.
func (x *execution) finish() error { return x.put("System", "Events", x.events) }
