package chaintest

import (
	"fmt"
	"slices"
	"strings"

	"github.com/affine-go/affine/shared/chain/extrinsic"
	"github.com/affine-go/affine/shared/chain/metadata"
)

// The limits of commitments: how many fields one may have, how long fields are at most
// (the chain cannot even decode longer ones), and what the least counts as used space.
const (
	maxFields    = 3
	maxSealed    = 1024
	maxBigRaw    = 512
	minUsedSpace = 100
)

// commitCall is a call of set_commitment.
type commitCall struct {
	who    []byte
	netuid uint16
	fields []metadata.Variant
}

func commitCallOf(signed *extrinsic.Signed) (*commitCall, error) {
	a := arguments{of: signed.Args}
	info := arguments{of: argument[map[string]any](&a, "info")}
	c := &commitCall{who: signed.Signer[:], netuid: uint16(a.number("netuid"))}
	var err error
	if c.fields, err = fieldsOfInfo(info.of); err == nil {
		err = a.err
	}
	if err != nil {
		return nil, fmt.Errorf("set_commitment: %w", err)
	}
	return c, nil
}

// fieldsOfInfo reads a decoded CommitmentInfo.
func fieldsOfInfo(info map[string]any) ([]metadata.Variant, error) {
	a := arguments{of: info}
	list := argument[[]any](&a, "fields")
	fields := make([]metadata.Variant, len(list))
	for i, field := range list {
		v, ok := field.(metadata.Variant)
		if !ok {
			return nil, fmt.Errorf("a field is a %T", field)
		}
		fields[i] = v
	}
	return fields, a.err
}

// setCommitment is Commitments.set_commitment: what a registered hotkey writes takes the
// place of what it wrote before.
func (x *execution) setCommitment(index int, signed *extrinsic.Signed) (*refusal, error) {
	c, err := commitCallOf(signed)
	if err != nil {
		return nil, err
	}
	usage, err := x.usage(c)
	if err != nil {
		return nil, err
	}
	name, err := x.commitmentRefused(c, usage)
	if err != nil || name != "" {
		return &refusal{"Commitments", name}, err
	}
	info := map[string]any{"fields": c.fields}
	for _, item := range []struct {
		entry string
		value any
	}{
		{"UsedSpaceOf", map[string]any{"last_epoch": usage.epoch, "used_space": usage.space}},
		{"CommitmentOf", map[string]any{"deposit": 0, "block": x.number, "info": info}},
		{"LastCommitment", x.number},
	} {
		if err := x.put("Commitments", item.entry, item.value, c.netuid, c.who); err != nil {
			return nil, err
		}
	}
	if slices.ContainsFunc(c.fields, named("ResetBondsFlag")) {
		if err := x.put("Commitments", "LastBondsReset", x.number, c.netuid, c.who); err != nil {
			return nil, err
		}
	}
	return nil, x.announce(index, c)
}

// announce records the commitment's event and keeps the list of those that the chain
// has to open.
func (x *execution) announce(index int, c *commitCall) error {
	event := map[string]any{"netuid": c.netuid, "who": c.who}
	i := slices.IndexFunc(c.fields, named("TimelockEncrypted"))
	if i < 0 {
		x.record(index, "Commitments", "Commitment", event)
		return x.indexTimelock(c.netuid, c.who, false)
	}
	_, round, err := sealedField(c.fields[i])
	event["reveal_round"] = round
	if err != nil {
		return err
	}
	x.record(index, "Commitments", "TimelockCommitment", event)
	return x.indexTimelock(c.netuid, c.who, true)
}

// named looks for a field's kind.
func named(name string) func(metadata.Variant) bool {
	return func(v metadata.Variant) bool { return v.Name == name }
}

// usage is how much a hotkey has written in an epoch.
type usage struct {
	epoch, space uint64
	limit        uint64
}

// usage is what it will be with this commitment.
func (x *execution) usage(c *commitCall) (usage, error) {
	s, err := x.schedule(c.netuid)
	if err != nil {
		return usage{}, err
	}
	u := usage{epoch: s.index}
	if !s.kept {
		u.epoch = s.reveals(x.number)
	}
	if u.limit, err = get[uint64](x.node, x.number, "Commitments", "MaxSpace"); err != nil {
		return usage{}, err
	}
	before, err := x.read("Commitments", "UsedSpaceOf", c.netuid, c.who)
	if err != nil {
		return usage{}, err
	}
	if fields, written := before.(map[string]any); written && fields["last_epoch"] == u.epoch {
		a := arguments{of: fields}
		if u.space = a.number("used_space"); a.err != nil {
			return usage{}, a.err
		}
	}
	u.space += max(minUsedSpace, spaceOf(c.fields))
	return u, nil
}

// spaceOf counts the bytes that fields hold.
func spaceOf(fields []metadata.Variant) (size uint64) {
	for _, f := range fields {
		switch value := f.Value.(type) {
		case []byte:
			size += uint64(len(value))
		case map[string]any:
			sealed, _ := value["encrypted"].([]byte)
			size += uint64(len(sealed))
		}
	}
	return size
}

// commitmentRefused names the first of the pallet's rules that a commitment breaks.
func (x *execution) commitmentRefused(c *commitCall, u usage) (string, error) {
	uid, err := x.read("SubtensorModule", "Uids", c.netuid, c.who)
	switch {
	case err != nil:
		return "", err
	case uid == nil:
		return "AccountNotAllowedCommit", nil
	case slices.ContainsFunc(c.fields, named("TimelockRevealFailed")):
		return "TimelockRevealFailedNotAllowed", nil
	case u.space > u.limit:
		return "SpaceLimitExceeded", nil
	}
	return "", nil
}

// bounds refuses calls that the chain cannot decode because a list is longer than its
// type allows. Metadata does not tell these bounds.
func bounds(signed *extrinsic.Signed) error {
	switch {
	case strings.HasPrefix(signed.Name, "commit_"):
		if commit, _ := signed.Args["commit"].([]byte); len(commit) > maxCommit {
			return fmt.Errorf("commit of %d bytes, at most %d", len(commit), maxCommit)
		}
	case signed.Name == "set_commitment":
		c, err := commitCallOf(signed)
		if err != nil {
			return err
		}
		return fieldBounds(c.fields)
	}
	return nil
}

func fieldBounds(fields []metadata.Variant) error {
	if len(fields) > maxFields {
		return fmt.Errorf("%d fields, at most %d", len(fields), maxFields)
	}
	for _, f := range fields {
		limit := map[string]uint64{"TimelockEncrypted": maxSealed, "TimelockRevealFailed": maxSealed, "BigRaw": maxBigRaw}[f.Name]
		if size := spaceOf([]metadata.Variant{f}); limit > 0 && size > limit {
			return fmt.Errorf("%s of %d bytes, at most %d", f.Name, size, limit)
		}
	}
	return nil
}
