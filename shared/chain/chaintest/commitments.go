package chaintest

import (
	"fmt"

	"github.com/affine-go/affine/shared/chain/extrinsic"
)

// maxFields is how many fields a commitment may have.
const maxFields = 3

// setCommitment is Commitments.set_commitment: registered hotkeys may write up to three
// fields, which replace what they wrote before. A timelocked
// field is kept as it is: nothing opens it here.
func (x *execution) setCommitment(index int, signed *extrinsic.Signed) (*refusal, error) {
	netuid, ok := signed.Args["netuid"].(uint64)
	if !ok {
		return nil, fmt.Errorf("set_commitment: netuid is a %T", signed.Args["netuid"])
	}
	info, ok := signed.Args["info"].(map[string]any)
	if !ok {
		return nil, fmt.Errorf("set_commitment: info is a %T", signed.Args["info"])
	}
	fields, ok := info["fields"].([]any)
	if !ok {
		return nil, fmt.Errorf("set_commitment: fields is a %T", info["fields"])
	}
	uid, err := x.read("SubtensorModule", "Uids", uint16(netuid), signed.Signer[:])
	switch {
	case err != nil:
		return nil, err
	case uid == nil:
		return &refusal{"Commitments", "AccountNotAllowedCommit"}, nil
	case len(fields) > maxFields:
		return &refusal{"Commitments", "TooManyFieldsInCommitmentInfo"}, nil
	}
	record := map[string]any{"deposit": 0, "block": x.number, "info": info}
	if err := x.put("Commitments", "CommitmentOf", record, uint16(netuid), signed.Signer[:]); err != nil {
		return nil, err
	}
	x.record(index, "Commitments", "Commitment", map[string]any{"netuid": netuid, "who": signed.Signer[:]})
	return nil, nil
}
