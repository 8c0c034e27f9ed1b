package chaintest

import (
	"math"

	"github.com/affine-go/affine/shared/chain/metadata"
	"github.com/affine-go/affine/shared/chain/metadata/build"
)

func subtensor(spec uint32) build.Pallet {
	return build.Pallet{
		Name: "SubtensorModule", Index: 7, Crate: "pallet_subtensor",
		Storage: append(append(subtensorStorage(), subtensorSealed(spec)...), subtensorSchedule(spec)...),
		Calls:   subtensorCalls(spec),
		Events: []build.Variant{
			unnamed("WeightsSet", 5, "NetUidStorage", "u16"),
			unnamed("CRV3WeightsCommitted", 82, "AccountId32", "NetUidStorage", "H256"),
			unnamed("CRV3WeightsRevealed", 97, "NetUidStorage", "AccountId32"),
			unnamed("TimelockedWeightsCommitted", 105, "AccountId32", "NetUidStorage", "H256", "u64"),
			unnamed("TimelockedWeightsRevealed", 106, "NetUidStorage", "AccountId32"),
		},
		Errors: build.Names("RootNetworkDoesNotExist", "MechanismDoesNotExist", "HotKeyNotRegisteredInSubNet", "CanNotSetRootNetworkWeights",
			"WeightVecNotEqualSize", "UidsLengthExceedUidsInSubNet", "NotEnoughStakeToSetWeights", "IncorrectWeightVersionKey", "SettingWeightsTooFast",
			"NeuronNoValidatorPermit", "DuplicateUids", "UidVecContainInvalidOne", "WeightVecLengthIsLow", "MaxWeightExceeded", "CommitRevealEnabled",
			"CommitRevealDisabled", "TooManyUnrevealedCommits", "CommittingWeightsTooFast", "IncorrectCommitRevealVersion"),
	}
}

func subtensorCalls(spec uint32) []build.Variant {
	calls := []build.Variant{
		variantOf("set_weights", 0, "netuid", "NetUid", "dests", "Vec<u16>", "weights", "Vec<u16>", "version_key", "u64"),
	}
	if spec < specMechanisms {
		return append(calls, variantOf("commit_crv3_weights", 99, "netuid", "NetUid", "commit", "BoundedVec<u8>", "reveal_round", "u64"))
	}
	return append(calls,
		variantOf("set_mechanism_weights", 119, "netuid", "NetUid", "mecid", "MechId", "dests", "Vec<u16>", "weights", "Vec<u16>", "version_key", "u64"),
		variantOf("commit_timelocked_weights", 113, "netuid", "NetUid", "commit", "BoundedVec<u8>", "reveal_round", "u64", "commit_reveal_version", "u16"),
		variantOf("commit_timelocked_mechanism_weights", 118, "netuid", "NetUid", "mecid", "MechId", "commit", "BoundedVec<u8>", "reveal_round", "u64", "commit_reveal_version", "u16"),
		variantOf("commit_crv3_mechanism_weights", 117, "netuid", "NetUid", "mecid", "MechId", "commit", "BoundedVec<u8>", "reveal_round", "u64"),
	)
}

func subtensorStorage() []build.Entry {
	identity := []metadata.Hasher{metadata.Identity, metadata.Identity}
	return []build.Entry{
		{Name: "Uids", Keys: []string{"NetUid", "AccountId32"}, Hashers: []metadata.Hasher{metadata.Identity, metadata.Blake2_128Concat}, Value: "u16", Optional: true},
		{Name: "Keys", Keys: []string{"NetUid", "u16"}, Hashers: identity, Value: "AccountId32"},
		{Name: "BlockAtRegistration", Keys: []string{"NetUid", "u16"}, Hashers: identity, Value: "u64"},
		{Name: "Weights", Keys: []string{"NetUidStorage", "u16"}, Hashers: identity, Value: "Vec<(u16, u16)>"},
		{Name: "TotalHotkeyAlpha", Keys: []string{"AccountId32", "NetUid"}, Hashers: []metadata.Hasher{metadata.Blake2_128Concat, metadata.Identity}, Value: "AlphaCurrency"},
		{Name: "LastUpdate", Keys: []string{"NetUidStorage"}, Hashers: identity[:1], Value: "Vec<u64>"},
		orDefault(build.Entry{Name: "RevealPeriodEpochs", Keys: []string{"NetUid"}, Hashers: []metadata.Hasher{metadata.Twox64Concat}, Value: "u64"}, 1),
		plain("StakeThreshold", "u64"),
		perSubnet("ValidatorPermit", "Vec<bool>"),
		perSubnet("NetworksAdded", "bool"),
		perSubnet("SubnetOwnerHotkey", "AccountId32"),
		perSubnet("SubnetworkN", "u16"),
		perSubnet("WeightsVersionKey", "u64"),
		perSubnet("BlocksSinceLastStep", "u64"),
		perSubnet("LastMechansimStepBlock", "u64"),
		orDefault(perSubnet("Tempo", "u16"), 360),
		orDefault(perSubnet("MinAllowedWeights", "u16"), 1024),
		orDefault(perSubnet("MaxWeightsLimit", "u16"), math.MaxUint16),
		orDefault(perSubnet("WeightsSetRateLimit", "u64"), 100),
		orDefault(perSubnet("CommitRevealWeightsEnabled", "bool"), 1),
	}
}

// subtensorSealed are the items for sealed weights and for mechanisms.
func subtensorSealed(spec uint32) []build.Entry {
	twox := []metadata.Hasher{metadata.Twox64Concat, metadata.Twox64Concat}
	if spec < specMechanisms {
		return []build.Entry{{Name: "CRV3WeightCommits", Keys: []string{"NetUidStorage", "u64"}, Hashers: twox, Value: "Vec<(AccountId32, BoundedVec<u8>, u64)>"}}
	}
	return []build.Entry{
		{Name: "TimelockedWeightCommits", Keys: []string{"NetUidStorage", "u64"}, Hashers: twox, Value: "Vec<(AccountId32, u64, BoundedVec<u8>, u64)>"},
		{Name: "MechanismCountCurrent", Keys: []string{"NetUid"}, Hashers: twox[:1], Value: "MechId", Default: []byte{1}},
		orDefault(plain("CommitRevealWeightsVersion", "u16"), 4),
	}
}

// subtensorSchedule are the items in which the chain keeps its epochs since it does.
func subtensorSchedule(spec uint32) []build.Entry {
	if spec < specSchedules {
		return nil
	}
	return []build.Entry{perSubnet("LastEpochBlock", "u64"), perSubnet("PendingEpochAt", "u64"), perSubnet("SubnetEpochIndex", "u64")}
}
