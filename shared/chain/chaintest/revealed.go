package chaintest

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"github.com/affine-go/affine/shared/chain/metadata"
	"github.com/affine-go/affine/shared/chain/scale"
	"github.com/affine-go/affine/shared/chain/timelock"
)

// maxReveals is how many opened commitments of a hotkey the chain keeps.
const maxReveals = 10

// sealedField reads a TimelockEncrypted field.
func sealedField(v metadata.Variant) (sealed []byte, round uint64, err error) {
	a := arguments{}
	a.of, _ = v.Value.(map[string]any)
	sealed, round = a.bytes("encrypted"), a.number("reveal_round")
	if a.err != nil {
		return nil, 0, fmt.Errorf("%s: %w", v.Name, a.err)
	}
	return sealed, round, nil
}

// indexTimelock notes whether a hotkey has a commitment to be opened, in an ordered set.
func (x *execution) indexTimelock(netuid uint16, who []byte, waits bool) error {
	index, err := get[[]any](x.node, x.number, "Commitments", "TimelockedIndex")
	if err != nil {
		return err
	}
	place, found := slices.BinarySearchFunc(index, who, func(entry any, who []byte) int {
		pair := entry.([]any)
		if pair[0] != uint64(netuid) {
			return int(pair[0].(uint64)) - int(netuid)
		}
		return bytes.Compare(pair[1].([]byte), who)
	})
	switch {
	case found == waits:
		return nil
	case found:
		index = slices.Delete(index, place, place+1)
	default:
		index = slices.Insert(index, place, any([]any{netuid, who}))
	}
	return x.put("Commitments", "TimelockedIndex", index)
}

// openCommitments opens what is sealed to rounds that have come in.
func (x *execution) openCommitments() error {
	index, err := get[[]any](x.node, x.number, "Commitments", "TimelockedIndex")
	if err != nil {
		return err
	}
	for _, entry := range index {
		pair := entry.([]any)
		if err := x.openCommitment(uint16(pair[0].(uint64)), pair[1].([]byte)); err != nil {
			return err
		}
	}
	return nil
}

// opening is one commitment on its way to being opened.
type opening struct {
	netuid   uint16
	who      []byte
	keeps    bool               // the runtime keeps what it cannot open
	oldest   uint64             // round; what is sealed to an older one will never be opened
	remain   []metadata.Variant // fields that stay
	revealed [][]byte
	waits    bool // a field is still sealed
	changed  bool
}

func (x *execution) openCommitment(netuid uint16, who []byte) error {
	value, err := x.read("Commitments", "CommitmentOf", netuid, who)
	if err != nil {
		return err
	}
	registration := arguments{}
	registration.of, _ = value.(map[string]any)
	fields, err := fieldsOfInfo(argument[map[string]any](&registration, "info"))
	if err != nil {
		return err
	}
	o := &opening{netuid: netuid, who: who, keeps: x.node.hasError("Commitments", "TimelockRevealFailedNotAllowed")}
	if o.oldest, err = get[uint64](x.node, x.number, "Drand", "OldestStoredRound"); err != nil {
		return err
	}
	for _, f := range fields {
		if err := x.openField(o, f); err != nil {
			return err
		}
	}
	if !o.changed {
		return nil
	}
	return x.opened(o, registration.of)
}

// openField sorts one field of a commitment into what stays and what is revealed.
func (x *execution) openField(o *opening, f metadata.Variant) error {
	if f.Name != "TimelockEncrypted" {
		o.remain = append(o.remain, f)
		return nil
	}
	sealed, round, err := sealedField(f)
	if err != nil {
		return err
	}
	signature, err := x.pulse(round)
	if err != nil {
		return err
	}
	if signature == nil {
		if o.keeps && round < o.oldest {
			x.failed(o, f, round, "PulseExpired")
			return nil
		}
		o.remain, o.waits = append(o.remain, f), true
		return nil
	}
	text, failure := openText(sealed, signature, o.keeps)
	if failure == "" {
		o.revealed, o.changed = append(o.revealed, text), true
		return nil
	}
	x.failed(o, f, round, failure)
	return nil
}

// failed keeps a field that cannot be opened under another name; older runtimes dropped
// it without a word.
func (x *execution) failed(o *opening, f metadata.Variant, round uint64, failure string) {
	o.changed = true
	if !o.keeps {
		return
	}
	o.remain = append(o.remain, metadata.Variant{Name: "TimelockRevealFailed", Value: f.Value})
	x.record(atStart, "Commitments", "CommitmentRevealFailed",
		map[string]any{"netuid": o.netuid, "who": o.who, "reveal_round": round, "error": failure})
}

// openText decrypts, or says what is against it. Runtimes that keep what fails also open
// the envelope in which the SDK hands out ciphertexts: their bytes and the round.
func openText(sealed, signature []byte, envelopes bool) (text []byte, failure string) {
	text, err := timelock.Decrypt(sealed, signature)
	if err != nil && envelopes {
		d := scale.NewDecoder(sealed)
		inner := d.Bytes()
		if d.U64(); d.End() == nil {
			text, err = timelock.Decrypt(inner, signature)
		}
	}
	switch {
	case errors.Is(err, timelock.ErrCiphertext):
		return nil, "CiphertextDeserialize"
	case err != nil:
		return nil, "Decrypt"
	case len(text) == 0:
		return nil, "EmptyPlaintext"
	}
	return text, ""
}

// opened writes what has become of a commitment.
func (x *execution) opened(o *opening, registration map[string]any) error {
	if len(o.revealed) > 0 {
		if err := x.keepReveals(o); err != nil {
			return err
		}
	}
	if !o.waits {
		if err := x.indexTimelock(o.netuid, o.who, false); err != nil {
			return err
		}
	}
	if len(o.remain) == 0 {
		return x.remove("Commitments", "CommitmentOf", o.netuid, o.who)
	}
	registration["info"] = map[string]any{"fields": o.remain}
	return x.put("Commitments", "CommitmentOf", registration, o.netuid, o.who)
}

// keepReveals appends to RevealedCommitments, of which the newest stay.
func (x *execution) keepReveals(o *opening) error {
	value, err := x.read("Commitments", "RevealedCommitments", o.netuid, o.who)
	if err != nil {
		return err
	}
	list, _ := value.([]any)
	for _, text := range o.revealed {
		list = append(list, []any{text, x.number})
		x.record(atStart, "Commitments", "CommitmentRevealed", map[string]any{"netuid": o.netuid, "who": o.who})
	}
	return x.put("Commitments", "RevealedCommitments", list[max(0, len(list)-maxReveals):], o.netuid, o.who)
}
