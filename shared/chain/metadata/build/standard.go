package build

import (
	"fmt"
	"maps"
)

// Standard returns the types that every Substrate runtime has, under the names by which
// type expressions use them. Paths, variants and indices are the chain's own.
func Standard() map[string]Type {
	types := map[string]Type{}
	for _, group := range []map[string]Type{primitives(), dispatch(), system(), extensionTypes()} {
		maps.Copy(types, group)
	}
	return types
}

func primitives() map[string]Type {
	return map[string]Type{
		"AccountId32": newtype("sp_core::crypto::AccountId32", "[u8; 32]"),
		"H256":        newtype("primitive_types::H256", "[u8; 32]"),
		"MultiAddress": {
			Path:   "sp_runtime::multiaddress::MultiAddress",
			Params: []Field{{"AccountId", "AccountId32"}, {"AccountIndex", "()"}},
			Variants: []Variant{
				one("Id", 0, "AccountId32"), one("Index", 1, "Compact<()>"), one("Raw", 2, "Vec<u8>"),
				one("Address32", 3, "[u8; 32]"), one("Address20", 4, "[u8; 20]"),
			},
		},
		"MultiSignature": {
			Path:     "sp_runtime::MultiSignature",
			Variants: []Variant{one("Ed25519", 0, "[u8; 64]"), one("Sr25519", 1, "[u8; 64]"), one("Ecdsa", 2, "[u8; 65]")},
		},
		"Era": era(),
	}
}

// era is the chain's odd enum: the first of the two bytes picks one of 255 variants.
func era() Type {
	t := Type{Path: "sp_runtime::generic::era::Era", Variants: []Variant{{Name: "Immortal"}}}
	for i := 1; i < 256; i++ {
		t.Variants = append(t.Variants, one(fmt.Sprintf("Mortal%d", i), uint8(i), "u8"))
	}
	return t
}

func dispatch() map[string]Type {
	return map[string]Type{
		"Weight":             {Path: "sp_weights::weight_v2::Weight", Fields: []Field{{"ref_time", "Compact<u64>"}, {"proof_size", "Compact<u64>"}}},
		"DispatchClass":      {Path: "frame_support::dispatch::DispatchClass", Variants: Names("Normal", "Operational", "Mandatory")},
		"Pays":               {Path: "frame_support::dispatch::Pays", Variants: Names("Yes", "No")},
		"DispatchInfo":       {Path: "frame_system::DispatchEventInfo", Fields: []Field{{"weight", "Weight"}, {"class", "DispatchClass"}, {"pays_fee", "Pays"}}},
		"ModuleError":        {Path: "sp_runtime::ModuleError", Fields: []Field{{"index", "u8"}, {"error", "[u8; 4]"}}},
		"TokenError":         {Path: "sp_runtime::TokenError", Variants: Names("FundsUnavailable", "OnlyProvider", "BelowMinimum", "CannotCreate", "UnknownAsset", "Frozen", "Unsupported", "CannotCreateHold", "NotExpendable", "Blocked")},
		"ArithmeticError":    {Path: "sp_arithmetic::ArithmeticError", Variants: Names("Underflow", "Overflow", "DivisionByZero")},
		"TransactionalError": {Path: "sp_runtime::TransactionalError", Variants: Names("LimitReached", "NoLayer")},
		"DispatchError": {Path: "sp_runtime::DispatchError", Variants: []Variant{
			{Name: "Other", Index: 0}, {Name: "CannotLookup", Index: 1}, {Name: "BadOrigin", Index: 2},
			one("Module", 3, "ModuleError"),
			{Name: "ConsumerRemaining", Index: 4}, {Name: "NoProviders", Index: 5}, {Name: "TooManyConsumers", Index: 6},
			one("Token", 7, "TokenError"), one("Arithmetic", 8, "ArithmeticError"), one("Transactional", 9, "TransactionalError"),
			{Name: "Exhausted", Index: 10}, {Name: "Corruption", Index: 11}, {Name: "Unavailable", Index: 12}, {Name: "RootNotAllowed", Index: 13},
		}},
	}
}

func system() map[string]Type {
	return map[string]Type{
		"Phase": {Path: "frame_system::Phase", Variants: []Variant{one("ApplyExtrinsic", 0, "u32"), {Name: "Finalization", Index: 1}, {Name: "Initialization", Index: 2}}},
		"EventRecord": {
			Path:   "frame_system::EventRecord",
			Params: []Field{{"E", "RuntimeEvent"}, {"T", "H256"}},
			Fields: []Field{{"phase", "Phase"}, {"event", "RuntimeEvent"}, {"topics", "Vec<H256>"}},
		},
		"AccountInfo": {
			Path:   "frame_system::AccountInfo",
			Params: []Field{{"Nonce", "u32"}, {"AccountData", "AccountData"}},
			Fields: []Field{{"nonce", "u32"}, {"consumers", "u32"}, {"providers", "u32"}, {"sufficients", "u32"}, {"data", "AccountData"}},
		},
		"AccountData": {
			Path:   "pallet_balances::types::AccountData",
			Params: []Field{{"Balance", "u64"}},
			Fields: []Field{{"free", "u64"}, {"reserved", "u64"}, {"frozen", "u64"}, {"flags", "ExtraFlags"}},
		},
		"ExtraFlags": newtype("pallet_balances::types::ExtraFlags", "u128"),
	}
}

// SubtensorExtensions is the list of transaction extensions of Subtensor (specs 393 and
// 438), in its order.
func SubtensorExtensions() []Extension {
	return []Extension{
		{Name: "CheckNonZeroSender", Extra: "CheckNonZeroSender"},
		{Name: "CheckSpecVersion", Extra: "CheckSpecVersion", Implicit: "u32"},
		{Name: "CheckTxVersion", Extra: "CheckTxVersion", Implicit: "u32"},
		{Name: "CheckGenesis", Extra: "CheckGenesis", Implicit: "H256"},
		{Name: "CheckMortality", Extra: "CheckMortality", Implicit: "H256"},
		{Name: "CheckNonce", Extra: "CheckNonce"},
		{Name: "CheckWeight", Extra: "CheckWeight"},
		{Name: "ChargeTransactionPayment", Extra: "ChargeTransactionPayment"},
		{Name: "SudoTransactionExtension", Extra: "SudoTransactionExtension"},
		{Name: "CheckShieldedTxValidity", Extra: "CheckShieldedTxValidity"},
		{Name: "SubtensorTransactionExtension", Extra: "SubtensorTransactionExtension"},
		{Name: "DrandPriority", Extra: "DrandPriority"},
		{Name: "CheckMetadataHash", Extra: "CheckMetadataHash", Implicit: "Option<[u8; 32]>"},
	}
}

func extensionTypes() map[string]Type {
	types := map[string]Type{
		"CheckMortality":           newtype("frame_system::extensions::check_mortality::CheckMortality", "Era"),
		"CheckNonce":               newtype("frame_system::extensions::check_nonce::CheckNonce", "Compact<u32>"),
		"ChargeTransactionPayment": newtype("pallet_transaction_payment::ChargeTransactionPayment", "Compact<u64>"),
		"CheckMetadataHash":        {Path: "frame_metadata_hash_extension::CheckMetadataHash", Fields: []Field{{"mode", "MetadataHashMode"}}},
		"MetadataHashMode":         {Path: "frame_metadata_hash_extension::Mode", Variants: Names("Disabled", "Enabled")},
	}
	for name, path := range map[string]string{
		"CheckNonZeroSender":            "frame_system::extensions::check_non_zero_sender",
		"CheckSpecVersion":              "frame_system::extensions::check_spec_version",
		"CheckTxVersion":                "frame_system::extensions::check_tx_version",
		"CheckGenesis":                  "frame_system::extensions::check_genesis",
		"CheckWeight":                   "frame_system::extensions::check_weight",
		"SudoTransactionExtension":      "node_subtensor_runtime::sudo_wrapper",
		"CheckShieldedTxValidity":       "pallet_shield::extension",
		"SubtensorTransactionExtension": "pallet_subtensor::extensions::subtensor",
		"DrandPriority":                 "pallet_drand::drand_priority",
	} {
		types[name] = Type{Path: path + "::" + name}
	}
	return types
}

// Names makes variants without fields, with indices from 0 on.
func Names(names ...string) []Variant {
	variants := make([]Variant, len(names))
	for i, name := range names {
		variants[i] = Variant{Name: name, Index: uint8(i)}
	}
	return variants
}

func newtype(path, inner string) Type { return Type{Path: path, Fields: []Field{{Type: inner}}} }

func one(name string, index uint8, field string) Variant {
	return Variant{Name: name, Index: index, Fields: []Field{{Type: field}}}
}
