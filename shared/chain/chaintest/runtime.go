package chaintest

import (
	"fmt"
	"slices"

	"github.com/affine-go/affine/shared/chain/metadata/build"
)

// The spec versions from which on a runtime has what earlier ones lack.
const (
	specMechanisms  = 343 // mechanisms, and sealed weights that are tried again: the first version known to have them
	specSchedules   = 425 // epochs are kept in storage
	specKeepsFailed = 446 // a timelock that cannot be opened stays, marked
)

// describe is the metadata of the runtime that this package plays: Subtensor's pallets
// under Subtensor's numbers, with what a validator and its miners use of them.
func describe(cfg Config, spec uint32, version uint8) ([]byte, error) {
	return build.Build(build.Spec{
		Version: version,
		Types:   types(spec),
		Pallets: []build.Pallet{
			system(spec), timestamp(cfg), aura(cfg), transactionPayment(), subtensor(spec), commitmentsPallet(spec), drand(),
		},
		APIs: apis(),
	})
}

func newtype(path, inner string) build.Type {
	return build.Type{Path: path, Fields: []build.Field{{Type: inner}}}
}

// record is a composite whose fields are given as names and types, two by two.
func record(path string, fields ...string) build.Type {
	t := build.Type{Path: path}
	for pair := range slices.Chunk(fields, 2) {
		t.Fields = append(t.Fields, build.Field{Name: pair[0], Type: pair[1]})
	}
	return t
}

func variant(name string, index uint8, field, typ string) build.Variant {
	return build.Variant{Name: name, Index: index, Fields: []build.Field{{Name: field, Type: typ}}}
}

// variantOf is a variant whose fields are given as names and types, two by two.
func variantOf(name string, index uint8, fields ...string) build.Variant {
	return build.Variant{Name: name, Index: index, Fields: record("", fields...).Fields}
}

// unnamed is a variant whose fields have no names.
func unnamed(name string, index uint8, types ...string) build.Variant {
	v := build.Variant{Name: name, Index: index}
	for _, t := range types {
		v.Fields = append(v.Fields, build.Field{Type: t})
	}
	return v
}

func types(spec uint32) map[string]build.Type {
	return map[string]build.Type{
		"NetUid":         newtype("subtensor_runtime_common::NetUid", "u16"),
		"NetUidStorage":  newtype("subtensor_runtime_common::NetUidStorageIndex", "u16"),
		"MechId":         newtype("subtensor_runtime_common::MechId", "u8"),
		"AlphaCurrency":  newtype("subtensor_runtime_common::AlphaCurrency", "u64"),
		"TaoCurrency":    newtype("subtensor_runtime_common::TaoCurrency", "u64"),
		"SlotDuration":   newtype("sp_consensus_slots::SlotDuration", "u64"),
		"RuntimeVersion": runtimeVersion(),
		"CommitmentInfo": record("pallet_commitments::types::CommitmentInfo", "fields", "BoundedVec<Data>"),
		"Registration":   record("pallet_commitments::types::Registration", "deposit", "u64", "block", "u32", "info", "CommitmentInfo"),
		"UsageTracker":   record("pallet_commitments::types::UsageTracker", "last_epoch", "u64", "used_space", "u64"),
		"Data":           data(spec),
		"RevealFailure": {Path: "pallet_commitments::types::RevealFailure",
			Variants: build.Names("CiphertextDeserialize", "SignatureDeserialize", "Decrypt", "EmptyPlaintext", "PulseExpired")},
		"Pulse":          record("pallet_drand::types::Pulse", "round", "u64", "randomness", "BoundedVec<u8>", "signature", "BoundedVec<u8>"),
		"BeaconMetadata": record("pallet_drand::types::Metadata", "beacon_id", "BoundedVec<u8>"),
		"BeaconConfiguration": record("pallet_drand::types::BeaconConfiguration", "public_key", "BoundedVec<u8>", "period", "u32", "genesis_time", "u32",
			"hash", "BoundedVec<u8>", "group_hash", "BoundedVec<u8>", "scheme_id", "BoundedVec<u8>", "metadata", "BeaconMetadata"),
		"NeuronInfoLite": neuronInfoLite(),
		"AxonInfo": record("pallet_subtensor::pallet::AxonInfo", "block", "u64", "version", "u32", "ip", "u128", "port", "u16",
			"ip_type", "u8", "protocol", "u8", "placeholder1", "u8", "placeholder2", "u8"),
		"PrometheusInfo":      record("pallet_subtensor::pallet::PrometheusInfo", "block", "u64", "version", "u32", "ip", "u128", "port", "u16", "ip_type", "u8"),
		"SubnetIdentityV3":    identity("pallet_subtensor::pallet::SubnetIdentityV3", "subnet_name", "github_repo", "subnet_contact", "subnet_url", "discord", "description", "logo_url", "additional"),
		"ChainIdentityV2":     identity("pallet_subtensor::pallet::ChainIdentityV2", "name", "url", "github_repo", "image", "discord", "description", "additional"),
		"FixedI128":           record("substrate_fixed::FixedI128", "bits", "i128"),
		"SelectiveMetagraph":  selectiveMetagraph(),
		"SubnetHyperparams":   hyperparams(),
		"RuntimeDispatchInfo": record("pallet_transaction_payment::types::RuntimeDispatchInfo", "weight", "Weight", "class", "DispatchClass", "partial_fee", "u64"),
		"TransactionSource":   {Path: "sp_runtime::transaction_validity::TransactionSource", Variants: build.Names("InBlock", "Local", "External")},
		"ValidTransaction":    validTransaction(),
		"InvalidTransaction":  invalidTransaction(),
		"UnknownTransaction":  {Path: "sp_runtime::transaction_validity::UnknownTransaction", Variants: append(build.Names("CannotLookup", "NoUnsignedValidator"), variant("Custom", 2, "", "u8"))},
		"TransactionValidity": transactionValidityError(),
	}
}

func runtimeVersion() build.Type {
	return record("sp_version::RuntimeVersion", "spec_name", "str", "impl_name", "str", "authoring_version", "u32", "spec_version", "u32",
		"impl_version", "u32", "apis", "Vec<([u8; 8], u32)>", "transaction_version", "u32", "system_version", "u8")
}

// identity is a record of texts.
func identity(path string, names ...string) build.Type {
	t := build.Type{Path: path}
	for _, name := range names {
		t.Fields = append(t.Fields, build.Field{Name: name, Type: "Vec<u8>"})
	}
	return t
}

// data is the enum of a commitment's fields: the length of a short text is part of the
// variant.
func data(spec uint32) build.Type {
	variants := []build.Variant{{Name: "None", Index: 0}}
	for length := range 129 {
		variants = append(variants, variant(fmt.Sprintf("Raw%d", length), uint8(length+1), "", fmt.Sprintf("[u8; %d]", length)))
	}
	for i, hash := range []string{"BlakeTwo256", "Sha256", "Keccak256", "ShaThree256"} {
		variants = append(variants, variant(hash, uint8(130+i), "", "[u8; 32]"))
	}
	variants = append(variants,
		variantOf("TimelockEncrypted", 134, "encrypted", "BoundedVec<u8>", "reveal_round", "u64"),
		build.Variant{Name: "ResetBondsFlag", Index: 135},
		variant("BigRaw", 136, "", "BoundedVec<u8>"),
	)
	if spec >= specKeepsFailed {
		variants = append(variants, variantOf("TimelockRevealFailed", 137, "encrypted", "BoundedVec<u8>", "reveal_round", "u64"))
	}
	return build.Type{Path: "pallet_commitments::types::Data", Variants: variants}
}

func validTransaction() build.Type {
	return record("sp_runtime::transaction_validity::ValidTransaction", "priority", "u64", "requires", "Vec<Vec<u8>>", "provides", "Vec<Vec<u8>>",
		"longevity", "u64", "propagate", "bool")
}

func invalidTransaction() build.Type {
	variants := build.Names("Call", "Payment", "Future", "Stale", "BadProof", "AncientBirthBlock", "ExhaustsResources", "Custom", "BadMandatory", "MandatoryValidation", "BadSigner",
		"IndeterminateImplicit", "UnknownOrigin")
	variants[7].Fields = []build.Field{{Type: "u8"}}
	return build.Type{Path: "sp_runtime::transaction_validity::InvalidTransaction", Variants: variants}
}

func transactionValidityError() build.Type {
	return build.Type{Path: "sp_runtime::transaction_validity::TransactionValidityError",
		Variants: []build.Variant{variant("Invalid", 0, "", "InvalidTransaction"), variant("Unknown", 1, "", "UnknownTransaction")}}
}
