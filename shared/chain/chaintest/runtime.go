package chaintest

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/affine-go/affine/shared/chain/metadata"
	"github.com/affine-go/affine/shared/chain/metadata/build"
)

// describe is the metadata of the runtime that this package plays: Subtensor's pallets
// under Subtensor's numbers, with what a validator and its miners use of them.
func describe(cfg Config, version uint8) ([]byte, error) {
	return build.Build(build.Spec{
		Version: version,
		Types:   types(),
		Pallets: []build.Pallet{system(), timestamp(), aura(cfg), subtensor(), commitmentsPallet()},
		APIs:    apis(),
	})
}

func newtype(path, inner string) build.Type {
	return build.Type{Path: path, Fields: []build.Field{{Type: inner}}}
}

func types() map[string]build.Type {
	return map[string]build.Type{
		"NetUid":         newtype("subtensor_runtime_common::NetUid", "u16"),
		"NetUidStorage":  newtype("subtensor_runtime_common::NetUidStorageIndex", "u16"),
		"AlphaCurrency":  newtype("subtensor_runtime_common::AlphaCurrency", "u64"),
		"SlotDuration":   newtype("sp_consensus_slots::SlotDuration", "u64"),
		"CommitmentInfo": {Path: "pallet_commitments::types::CommitmentInfo", Fields: []build.Field{{Name: "fields", Type: "BoundedVec<Data>"}}},
		"Registration": {Path: "pallet_commitments::types::Registration", Fields: []build.Field{
			{Name: "deposit", Type: "u64"}, {Name: "block", Type: "u32"}, {Name: "info", Type: "CommitmentInfo"},
		}},
		"Data":           data(),
		"NeuronInfoLite": neuronInfoLite(),
		"AxonInfo": {Path: "pallet_subtensor::pallet::AxonInfo", Fields: []build.Field{
			{Name: "block", Type: "u64"}, {Name: "version", Type: "u32"}, {Name: "ip", Type: "u128"}, {Name: "port", Type: "u16"},
			{Name: "ip_type", Type: "u8"}, {Name: "protocol", Type: "u8"}, {Name: "placeholder1", Type: "u8"}, {Name: "placeholder2", Type: "u8"},
		}},
		"PrometheusInfo": {Path: "pallet_subtensor::pallet::PrometheusInfo", Fields: []build.Field{
			{Name: "block", Type: "u64"}, {Name: "version", Type: "u32"}, {Name: "ip", Type: "u128"}, {Name: "port", Type: "u16"}, {Name: "ip_type", Type: "u8"},
		}},
		"TransactionSource":   {Path: "sp_runtime::transaction_validity::TransactionSource", Variants: build.Names("InBlock", "Local", "External")},
		"ValidTransaction":    validTransaction(),
		"InvalidTransaction":  invalidTransaction(),
		"UnknownTransaction":  {Path: "sp_runtime::transaction_validity::UnknownTransaction", Variants: build.Names("CannotLookup", "NoUnsignedValidator")},
		"TransactionValidity": transactionValidityError(),
	}
}

// data is the enum of a commitment's fields: the length of a short text is part of the
// variant.
func data() build.Type {
	variants := []build.Variant{{Name: "None", Index: 0}}
	for length := range 129 {
		variants = append(variants, variant(fmt.Sprintf("Raw%d", length), uint8(length+1), "", fmt.Sprintf("[u8; %d]", length)))
	}
	for i, hash := range []string{"BlakeTwo256", "Sha256", "Keccak256", "ShaThree256"} {
		variants = append(variants, variant(hash, uint8(130+i), "", "[u8; 32]"))
	}
	variants = append(variants,
		build.Variant{Name: "TimelockEncrypted", Index: 134, Fields: []build.Field{{Name: "encrypted", Type: "BoundedVec<u8>"}, {Name: "reveal_round", Type: "u64"}}},
		build.Variant{Name: "ResetBondsFlag", Index: 135},
		variant("BigRaw", 136, "", "BoundedVec<u8>"),
	)
	return build.Type{Path: "pallet_commitments::types::Data", Variants: variants}
}

// neuronInfoLite is what the runtime tells of a neuron, in the order of its bytes.
func neuronInfoLite() build.Type {
	t := build.Type{Path: "pallet_subtensor::rpc_info::neuron_info::NeuronInfoLite"}
	for _, f := range [][2]string{
		{"hotkey", "AccountId32"}, {"coldkey", "AccountId32"}, {"uid", "Compact<u16>"}, {"netuid", "Compact<NetUid>"}, {"active", "bool"},
		{"axon_info", "AxonInfo"}, {"prometheus_info", "PrometheusInfo"}, {"stake", "Vec<(AccountId32, Compact<AlphaCurrency>)>"},
		{"rank", "Compact<u16>"}, {"emission", "Compact<AlphaCurrency>"}, {"incentive", "Compact<u16>"}, {"consensus", "Compact<u16>"},
		{"trust", "Compact<u16>"}, {"validator_trust", "Compact<u16>"}, {"dividends", "Compact<u16>"}, {"last_update", "Compact<u64>"},
		{"validator_permit", "bool"}, {"pruning_score", "Compact<u16>"},
	} {
		t.Fields = append(t.Fields, build.Field{Name: f[0], Type: f[1]})
	}
	return t
}

func validTransaction() build.Type {
	return build.Type{Path: "sp_runtime::transaction_validity::ValidTransaction", Fields: []build.Field{
		{Name: "priority", Type: "u64"}, {Name: "requires", Type: "Vec<Vec<u8>>"}, {Name: "provides", Type: "Vec<Vec<u8>>"},
		{Name: "longevity", Type: "u64"}, {Name: "propagate", Type: "bool"},
	}}
}

func invalidTransaction() build.Type {
	variants := build.Names("Call", "Payment", "Future", "Stale", "BadProof", "AncientBirthBlock", "ExhaustsResources", "Custom", "BadMandatory", "MandatoryValidation", "BadSigner")
	variants[7].Fields = []build.Field{{Type: "u8"}}
	return build.Type{Path: "sp_runtime::transaction_validity::InvalidTransaction", Variants: variants}
}

func transactionValidityError() build.Type {
	return build.Type{Path: "sp_runtime::transaction_validity::TransactionValidityError",
		Variants: []build.Variant{variant("Invalid", 0, "", "InvalidTransaction"), variant("Unknown", 1, "", "UnknownTransaction")}}
}

func apis() []build.API {
	netuid := []build.Field{{Name: "netuid", Type: "NetUid"}}
	return []build.API{
		{Name: "NeuronInfoRuntimeApi", Version: 1, Methods: []build.Method{
			{Name: "get_neurons_lite", Inputs: netuid, Output: "Vec<NeuronInfoLite>"},
		}},
		{Name: "AccountNonceApi", Version: 1, Methods: []build.Method{
			{Name: "account_nonce", Inputs: []build.Field{{Name: "account", Type: "AccountId32"}}, Output: "u32"},
		}},
		{Name: "TaggedTransactionQueue", Version: 3, Methods: []build.Method{
			{Name: "validate_transaction", Inputs: []build.Field{{Name: "source", Type: "TransactionSource"}, {Name: "tx", Type: "Vec<u8>"}, {Name: "block_hash", Type: "H256"}},
				Output: "Result<ValidTransaction, TransactionValidity>"},
		}},
	}
}

func variant(name string, index uint8, field, typ string) build.Variant {
	return build.Variant{Name: name, Index: index, Fields: []build.Field{{Name: field, Type: typ}}}
}

func plain(name, value string) build.Entry { return build.Entry{Name: name, Value: value} }

func perSubnet(name, value string) build.Entry {
	return build.Entry{Name: name, Keys: []string{"NetUid"}, Hashers: []metadata.Hasher{metadata.Identity}, Value: value}
}

func perAccount(name, value string) build.Entry {
	return build.Entry{Name: name, Keys: []string{"NetUid", "AccountId32"},
		Hashers: []metadata.Hasher{metadata.Identity, metadata.Twox64Concat}, Value: value, Optional: true}
}

func system() build.Pallet {
	account := build.Entry{Name: "Account", Keys: []string{"AccountId32"}, Hashers: []metadata.Hasher{metadata.Blake2_128Concat}, Value: "AccountInfo"}
	account.Default = make([]byte, 4*4+3*8+16)
	account.Default[len(account.Default)-1] = 0x80 // the flag that new accounts start with
	return build.Pallet{
		Name: "System", Index: 0, Crate: "frame_system",
		Storage: []build.Entry{account, plain("Number", "u32"), plain("Events", "Vec<EventRecord>")},
		Calls:   []build.Variant{variant("remark", 0, "remark", "Vec<u8>")},
		Events: []build.Variant{
			variant("ExtrinsicSuccess", 0, "dispatch_info", "DispatchInfo"),
			{Name: "ExtrinsicFailed", Index: 1, Fields: []build.Field{{Name: "dispatch_error", Type: "DispatchError"}, {Name: "dispatch_info", Type: "DispatchInfo"}}},
		},
		Constants: []build.Constant{{Name: "SS58Prefix", Type: "u16", Value: []byte{42, 0}}},
	}
}

func timestamp() build.Pallet {
	return build.Pallet{
		Name: "Timestamp", Index: 2,
		Storage: []build.Entry{plain("Now", "u64")},
		Calls:   []build.Variant{variant("set", 0, "now", "Compact<u64>")},
	}
}

func aura(cfg Config) build.Pallet {
	slot := binary.LittleEndian.AppendUint64(nil, uint64(cfg.Rules.BlockTime.Milliseconds()))
	return build.Pallet{Name: "Aura", Index: 3, Constants: []build.Constant{{Name: "SlotDuration", Type: "SlotDuration", Value: slot}}}
}

func subtensor() build.Pallet {
	return build.Pallet{
		Name: "SubtensorModule", Index: 7, Crate: "pallet_subtensor",
		Storage: subtensorStorage(),
		Calls: []build.Variant{{Name: "set_weights", Index: 0, Fields: []build.Field{
			{Name: "netuid", Type: "NetUid"}, {Name: "dests", Type: "Vec<u16>"}, {Name: "weights", Type: "Vec<u16>"}, {Name: "version_key", Type: "u64"},
		}}},
		Events: []build.Variant{{Name: "WeightsSet", Index: 5, Fields: []build.Field{{Type: "NetUidStorage"}, {Type: "u16"}}}},
		Errors: build.Names("RootNetworkDoesNotExist", "MechanismDoesNotExist", "HotKeyNotRegisteredInSubNet", "CanNotSetRootNetworkWeights",
			"WeightVecNotEqualSize", "UidsLengthExceedUidsInSubNet", "NotEnoughStakeToSetWeights", "IncorrectWeightVersionKey", "SettingWeightsTooFast",
			"NeuronNoValidatorPermit", "DuplicateUids", "UidVecContainInvalidOne", "WeightVecLengthIsLow", "MaxWeightExceeded", "CommitRevealEnabled"),
	}
}

func subtensorStorage() []build.Entry {
	identity := []metadata.Hasher{metadata.Identity, metadata.Identity}
	entries := []build.Entry{
		{Name: "Uids", Keys: []string{"NetUid", "AccountId32"}, Hashers: []metadata.Hasher{metadata.Identity, metadata.Blake2_128Concat}, Value: "u16", Optional: true},
		{Name: "Keys", Keys: []string{"NetUid", "u16"}, Hashers: identity, Value: "AccountId32"},
		{Name: "Weights", Keys: []string{"NetUidStorage", "u16"}, Hashers: identity, Value: "Vec<(u16, u16)>"},
		{Name: "TotalHotkeyAlpha", Keys: []string{"AccountId32", "NetUid"}, Hashers: []metadata.Hasher{metadata.Blake2_128Concat, metadata.Identity}, Value: "AlphaCurrency"},
		{Name: "LastUpdate", Keys: []string{"NetUidStorage"}, Hashers: identity[:1], Value: "Vec<u64>"},
		perSubnet("ValidatorPermit", "Vec<bool>"),
		perSubnet("NetworksAdded", "bool"),
		perSubnet("SubnetworkN", "u16"),
		perSubnet("WeightsVersionKey", "u64"),
		perSubnet("LastEpochBlock", "u64"),
		perSubnet("SubnetEpochIndex", "u64"),
	}
	for _, e := range []struct {
		name, value string
		absent      uint64 // what the chain takes when nothing is stored
	}{
		{"Tempo", "u16", 360}, {"MinAllowedWeights", "u16", 1024}, {"MaxWeightsLimit", "u16", math.MaxUint16},
		{"WeightsSetRateLimit", "u64", 100}, {"CommitRevealWeightsEnabled", "bool", 1},
	} {
		entry := perSubnet(e.name, e.value)
		size := map[string]int{"bool": 1, "u16": 2, "u64": 8}[e.value]
		entry.Default = binary.LittleEndian.AppendUint64(nil, e.absent)[:size]
		entries = append(entries, entry)
	}
	return entries
}

func commitmentsPallet() build.Pallet {
	return build.Pallet{
		Name: "Commitments", Index: 18,
		Storage: []build.Entry{perAccount("CommitmentOf", "Registration"), perAccount("RevealedCommitments", "Vec<(Vec<u8>, u64)>")},
		Calls: []build.Variant{{Name: "set_commitment", Index: 0, Fields: []build.Field{
			{Name: "netuid", Type: "NetUid"}, {Name: "info", Type: "CommitmentInfo"},
		}}},
		Events: []build.Variant{{Name: "Commitment", Index: 0, Fields: []build.Field{{Name: "netuid", Type: "NetUid"}, {Name: "who", Type: "AccountId32"}}}},
		Errors: build.Names("TooManyFieldsInCommitmentInfo", "AccountNotAllowedCommit", "SpaceLimitExceeded"),
	}
}
