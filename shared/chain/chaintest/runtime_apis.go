package chaintest

import (
	"strings"

	"golang.org/x/crypto/blake2b"

	"github.com/affine-go/affine/shared/chain/metadata/build"
)

// apis are the runtime APIs that the node answers.
func apis() []build.API {
	netuid := []build.Field{{Name: "netuid", Type: "NetUid"}}
	return []build.API{
		{Name: "Core", Version: 5, Methods: []build.Method{{Name: "version", Output: "RuntimeVersion"}}},
		{Name: "Metadata", Version: 2, Methods: []build.Method{
			{Name: "metadata", Output: "Vec<u8>"},
			{Name: "metadata_at_version", Inputs: []build.Field{{Name: "version", Type: "u32"}}, Output: "Option<Vec<u8>>"},
			{Name: "metadata_versions", Output: "Vec<u32>"},
		}},
		{Name: "TaggedTransactionQueue", Version: 3, Methods: []build.Method{
			{Name: "validate_transaction", Inputs: []build.Field{{Name: "source", Type: "TransactionSource"}, {Name: "tx", Type: "Vec<u8>"}, {Name: "block_hash", Type: "H256"}},
				Output: "Result<ValidTransaction, TransactionValidity>"},
		}},
		{Name: "AccountNonceApi", Version: 1, Methods: []build.Method{
			{Name: "account_nonce", Inputs: []build.Field{{Name: "account", Type: "AccountId32"}}, Output: "u32"},
		}},
		{Name: "TransactionPaymentApi", Version: 4, Methods: []build.Method{
			{Name: "query_info", Inputs: []build.Field{{Name: "uxt", Type: "Vec<u8>"}, {Name: "len", Type: "u32"}}, Output: "RuntimeDispatchInfo"},
		}},
		{Name: "NeuronInfoRuntimeApi", Version: 1, Methods: []build.Method{
			{Name: "get_neurons_lite", Inputs: netuid, Output: "Vec<NeuronInfoLite>"},
		}},
		{Name: "SubnetInfoRuntimeApi", Version: 1, Methods: []build.Method{
			{Name: "get_subnet_hyperparams", Inputs: netuid, Output: "Option<SubnetHyperparams>"},
			{Name: "get_selective_metagraph", Inputs: append(netuid, build.Field{Name: "metagraph_indexes", Type: "Vec<u16>"}), Output: "Option<SelectiveMetagraph>"},
		}},
	}
}

// apiID is how a runtime's version names an API: the first eight bytes of its name's hash.
func apiID(name string) (id [8]byte) {
	h, err := blake2b.New(len(id), nil)
	if err != nil {
		panic(err) // 8 is a size that BLAKE2b has
	}
	h.Write([]byte(name))
	copy(id[:], h.Sum(nil))
	return id
}

// fieldsOf reads "name type" lines.
func fieldsOf(path, lines string) build.Type {
	t := build.Type{Path: path}
	for line := range strings.Lines(lines) {
		if name, typ, found := strings.Cut(strings.TrimSpace(line), " "); found {
			t.Fields = append(t.Fields, build.Field{Name: name, Type: typ})
		}
	}
	return t
}

// neuronInfoLite is what the runtime tells of a neuron, in the order of its bytes.
func neuronInfoLite() build.Type {
	return fieldsOf("pallet_subtensor::rpc_info::neuron_info::NeuronInfoLite", `
		hotkey AccountId32
		coldkey AccountId32
		uid Compact<u16>
		netuid Compact<NetUid>
		active bool
		axon_info AxonInfo
		prometheus_info PrometheusInfo
		stake Vec<(AccountId32, Compact<AlphaCurrency>)>
		rank Compact<u16>
		emission Compact<AlphaCurrency>
		incentive Compact<u16>
		consensus Compact<u16>
		trust Compact<u16>
		validator_trust Compact<u16>
		dividends Compact<u16>
		last_update Compact<u64>
		validator_permit bool
		pruning_score Compact<u16>`)
}

// hyperparams is the first version of what the runtime tells of a subnet's parameters.
func hyperparams() build.Type {
	return fieldsOf("pallet_subtensor::rpc_info::subnet_info::SubnetHyperparams", `
		rho Compact<u16>
		kappa Compact<u16>
		immunity_period Compact<u16>
		min_allowed_weights Compact<u16>
		max_weights_limit Compact<u16>
		tempo Compact<u16>
		min_difficulty Compact<u64>
		max_difficulty Compact<u64>
		weights_version Compact<u64>
		weights_rate_limit Compact<u64>
		adjustment_interval Compact<u16>
		activity_cutoff Compact<u16>
		registration_allowed bool
		target_regs_per_interval Compact<u16>
		min_burn Compact<TaoCurrency>
		max_burn Compact<TaoCurrency>
		bonds_moving_avg Compact<u64>
		max_regs_per_block Compact<u16>
		serving_rate_limit Compact<u64>
		max_validators Compact<u16>
		adjustment_alpha Compact<u64>
		difficulty Compact<u64>
		commit_reveal_period Compact<u64>
		commit_reveal_weights_enabled bool
		alpha_high Compact<u16>
		alpha_low Compact<u16>
		liquid_alpha_enabled bool`)
}

// selectiveMetagraph is the metagraph by columns: a field's place is the index by which
// it is asked for, and all but the netuid are there only when asked for.
func selectiveMetagraph() build.Type {
	t := fieldsOf("pallet_subtensor::rpc_info::metagraph::SelectiveMetagraph", `
		netuid Compact<NetUid>
		name Vec<Compact<u8>>
		symbol Vec<Compact<u8>>
		identity Option<SubnetIdentityV3>
		network_registered_at Compact<u64>
		owner_hotkey AccountId32
		owner_coldkey AccountId32
		block Compact<u64>
		tempo Compact<u16>
		last_step Compact<u64>
		blocks_since_last_step Compact<u64>
		subnet_emission Compact<TaoCurrency>
		alpha_in Compact<AlphaCurrency>
		alpha_out Compact<AlphaCurrency>
		tao_in Compact<TaoCurrency>
		alpha_out_emission Compact<AlphaCurrency>
		alpha_in_emission Compact<AlphaCurrency>
		tao_in_emission Compact<TaoCurrency>
		pending_alpha_emission Compact<AlphaCurrency>
		pending_root_emission Compact<TaoCurrency>
		subnet_volume Compact<u128>
		moving_price FixedI128
		rho Compact<u16>
		kappa Compact<u16>
		min_allowed_weights Compact<u16>
		max_weights_limit Compact<u16>
		weights_version Compact<u64>
		weights_rate_limit Compact<u64>
		activity_cutoff Compact<u16>
		max_validators Compact<u16>
		num_uids Compact<u16>
		max_uids Compact<u16>
		burn Compact<TaoCurrency>
		difficulty Compact<u64>
		registration_allowed bool
		pow_registration_allowed bool
		immunity_period Compact<u16>
		min_difficulty Compact<u64>
		max_difficulty Compact<u64>
		min_burn Compact<TaoCurrency>
		max_burn Compact<TaoCurrency>
		adjustment_alpha Compact<u64>
		adjustment_interval Compact<u16>
		target_regs_per_interval Compact<u16>
		max_regs_per_block Compact<u16>
		serving_rate_limit Compact<u64>
		commit_reveal_weights_enabled bool
		commit_reveal_period Compact<u64>
		liquid_alpha_enabled bool
		alpha_high Compact<u16>
		alpha_low Compact<u16>
		bonds_moving_avg Compact<u64>
		hotkeys Vec<AccountId32>
		coldkeys Vec<AccountId32>
		identities Vec<Option<ChainIdentityV2>>
		axons Vec<AxonInfo>
		active Vec<bool>
		validator_permit Vec<bool>
		pruning_score Vec<Compact<u16>>
		last_update Vec<Compact<u64>>
		emission Vec<Compact<AlphaCurrency>>
		dividends Vec<Compact<u16>>
		incentives Vec<Compact<u16>>
		consensus Vec<Compact<u16>>
		trust Vec<Compact<u16>>
		rank Vec<Compact<u16>>
		block_at_registration Vec<Compact<u64>>
		alpha_stake Vec<Compact<AlphaCurrency>>
		tao_stake Vec<Compact<TaoCurrency>>
		total_stake Vec<Compact<TaoCurrency>>
		tao_dividends_per_hotkey Vec<(AccountId32, Compact<TaoCurrency>)>
		alpha_dividends_per_hotkey Vec<(AccountId32, Compact<AlphaCurrency>)>
		validators Vec<Compact<u16>>
		commitments Vec<(AccountId32, Vec<Compact<u8>>)>`)
	for i := range t.Fields[1:] {
		t.Fields[i+1].Type = "Option<" + t.Fields[i+1].Type + ">"
	}
	return t
}
