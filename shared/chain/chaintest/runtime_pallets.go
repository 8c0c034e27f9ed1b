package chaintest

import (
	"encoding/binary"

	"github.com/affine-go/affine/shared/chain/metadata"
	"github.com/affine-go/affine/shared/chain/metadata/build"
	"github.com/affine-go/affine/shared/chain/scale"
)

func plain(name, value string) build.Entry { return build.Entry{Name: name, Value: value} }

func perSubnet(name, value string) build.Entry {
	return build.Entry{Name: name, Keys: []string{"NetUid"}, Hashers: []metadata.Hasher{metadata.Identity}, Value: value}
}

func perAccount(name, value string) build.Entry {
	return build.Entry{Name: name, Keys: []string{"NetUid", "AccountId32"},
		Hashers: []metadata.Hasher{metadata.Identity, metadata.Twox64Concat}, Value: value, Optional: true}
}

// orDefault is the entry with what the chain takes when nothing is stored.
func orDefault(entry build.Entry, absent uint64) build.Entry {
	size := map[string]int{"bool": 1, "u8": 1, "u16": 2, "u32": 4, "u64": 8}[entry.Value]
	entry.Default = binary.LittleEndian.AppendUint64(nil, absent)[:size]
	return entry
}

func u32Constant(name string, value uint32) build.Constant {
	return build.Constant{Name: name, Type: "u32", Value: binary.LittleEndian.AppendUint32(nil, value)}
}

func u64Constant(name string, value uint64) build.Constant {
	return build.Constant{Name: name, Type: "u64", Value: binary.LittleEndian.AppendUint64(nil, value)}
}

func system(spec uint32) build.Pallet {
	account := build.Entry{Name: "Account", Keys: []string{"AccountId32"}, Hashers: []metadata.Hasher{metadata.Blake2_128Concat}, Value: "AccountInfo"}
	account.Default = make([]byte, 4*4+3*8+16)
	account.Default[len(account.Default)-1] = 0x80 // the flag that new accounts start with
	return build.Pallet{
		Name: "System", Index: 0, Crate: "frame_system",
		Storage: []build.Entry{account, plain("Number", "u32"), plain("Events", "Vec<EventRecord>")},
		Calls:   []build.Variant{variant("remark", 0, "remark", "Vec<u8>")},
		Events: []build.Variant{
			variant("ExtrinsicSuccess", 0, "dispatch_info", "DispatchInfo"),
			variantOf("ExtrinsicFailed", 1, "dispatch_error", "DispatchError", "dispatch_info", "DispatchInfo"),
		},
		Constants: []build.Constant{
			u32Constant("BlockHashCount", keepBlocks),
			{Name: "Version", Type: "RuntimeVersion", Value: encodedVersion(spec)},
			{Name: "SS58Prefix", Type: "u16", Value: []byte{42, 0}},
		},
	}
}

// encodedVersion is the constant System.Version.
func encodedVersion(spec uint32) []byte {
	var e scale.Encoder
	e.Str("node-subtensor")
	e.Str("node-subtensor")
	e.U32(1)
	e.U32(spec)
	e.U32(1)
	described := apis()
	e.Compact(uint64(len(described)))
	for _, api := range described {
		id := apiID(api.Name)
		e.Raw(id[:])
		e.U32(api.Version)
	}
	e.U32(1)
	e.U8(1)
	return e.Data()
}

func timestamp(cfg Config) build.Pallet {
	return build.Pallet{
		Name: "Timestamp", Index: 2,
		Storage:   []build.Entry{plain("Now", "u64")},
		Calls:     []build.Variant{variant("set", 0, "now", "Compact<u64>")},
		Constants: []build.Constant{u64Constant("MinimumPeriod", uint64(cfg.Rules.BlockTime.Milliseconds())/2)},
	}
}

func aura(cfg Config) build.Pallet {
	slot := binary.LittleEndian.AppendUint64(nil, uint64(cfg.Rules.BlockTime.Milliseconds()))
	return build.Pallet{Name: "Aura", Index: 3, Constants: []build.Constant{{Name: "SlotDuration", Type: "SlotDuration", Value: slot}}}
}

func transactionPayment() build.Pallet {
	return build.Pallet{
		Name: "TransactionPayment", Index: 6, Crate: "pallet_transaction_payment",
		Events: []build.Variant{variantOf("TransactionFeePaid", 0, "who", "AccountId32", "actual_fee", "u64", "tip", "u64")},
	}
}

func commitmentsPallet(spec uint32) build.Pallet {
	p := build.Pallet{
		Name: "Commitments", Index: 18,
		Storage: []build.Entry{
			plain("TimelockedIndex", "BTreeSet<(NetUid, AccountId32)>"),
			perAccount("CommitmentOf", "Registration"),
			perAccount("LastCommitment", "u32"),
			perAccount("LastBondsReset", "u32"),
			perAccount("RevealedCommitments", "Vec<(Vec<u8>, u64)>"),
			perAccount("UsedSpaceOf", "UsageTracker"),
			orDefault(plain("MaxSpace", "u32"), 3100),
		},
		Calls: []build.Variant{variantOf("set_commitment", 0, "netuid", "NetUid", "info", "CommitmentInfo")},
		Events: []build.Variant{
			variantOf("Commitment", 0, "netuid", "NetUid", "who", "AccountId32"),
			variantOf("TimelockCommitment", 1, "netuid", "NetUid", "who", "AccountId32", "reveal_round", "u64"),
			variantOf("CommitmentRevealed", 2, "netuid", "NetUid", "who", "AccountId32"),
		},
		Errors:    build.Names("TooManyFieldsInCommitmentInfo", "AccountNotAllowedCommit", "SpaceLimitExceeded", "UnexpectedUnreserveLeftover"),
		Constants: []build.Constant{u32Constant("MaxFields", maxFields), u64Constant("InitialDeposit", 0), u64Constant("FieldDeposit", 0)},
	}
	if spec >= specKeepsFailed {
		p.Errors = append(p.Errors, build.Variant{Name: "TimelockRevealFailedNotAllowed", Index: uint8(len(p.Errors))})
		p.Events = append(p.Events, variantOf("CommitmentRevealFailed", 3, "netuid", "NetUid", "who", "AccountId32", "reveal_round", "u64", "error", "RevealFailure"))
	}
	return p
}

func drand() build.Pallet {
	return build.Pallet{
		Name: "Drand", Index: 26,
		Storage: []build.Entry{
			{Name: "Pulses", Keys: []string{"u64"}, Hashers: []metadata.Hasher{metadata.Blake2_128Concat}, Value: "Pulse", Optional: true},
			{Name: "BeaconConfig", Value: "BeaconConfiguration", Default: quicknetConfig()},
			plain("LastStoredRound", "u64"),
			plain("OldestStoredRound", "u64"),
		},
		Events: []build.Variant{unnamed("BeaconConfigChanged", 0), variant("NewPulse", 1, "rounds", "Vec<u64>"), unnamed("SetOldestStoredRound", 2, "u64")},
	}
}
