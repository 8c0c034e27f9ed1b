package wasmhost

import (
	"math"
	"strings"
	"unicode/utf8"
)

// otherFunctions are allocator, log and what remains.
var otherFunctions = map[string]hostFunction{
	"ext_allocator_malloc_version_1": {"p", "p", func(x *execution, a []uint64) uint64 {
		at, err := x.heap.alloc(uint32(a[0]))
		if err != nil {
			trap("%w", err)
		}
		return uint64(at)
	}},
	"ext_allocator_free_version_1": {"p", "", func(x *execution, a []uint64) uint64 {
		if err := x.heap.release(uint32(a[0])); err != nil {
			trap("%w", err)
		}
		return 0
	}},

	"ext_logging_log_version_1":       {"pss", "", (*execution).log},
	"ext_logging_max_level_version_1": {"", "p", func(*execution, []uint64) uint64 { return errorsOnly }},
	"ext_panic_handler_abort_on_panic_version_1": {"s", "", func(x *execution, a []uint64) uint64 {
		x.lastWords = plainText(x.bytes(a[0]))
		trap("panic")
		return 0
	}},

	"ext_misc_print_num_version_1":  silent("s"),
	"ext_misc_print_utf8_version_1": silent("s"),
	"ext_misc_print_hex_version_1":  silent("s"),
	"ext_misc_runtime_version_version_1": {"s", "s", func(x *execution, a []uint64) uint64 {
		return x.give(option(versionIn(x.bytes(a[0]))))
	}},

	// Nobody indexes transactions or the offchain database here.
	"ext_offchain_index_set_version_1":      silent("ss"),
	"ext_offchain_index_clear_version_1":    silent("s"),
	"ext_transaction_index_index_version_1": silent("psp"),
	"ext_transaction_index_renew_version_1": silent("pp"),

	// The size of a proof of what was read; this is how a node says that it keeps none.
	"ext_storage_proof_size_storage_proof_size_version_1": {"", "s", func(*execution, []uint64) uint64 { return math.MaxUint64 }},
}

func silent(params string) hostFunction {
	return hostFunction{params, "", func(*execution, []uint64) uint64 { return 0 }}
}

// Runtimes are asked to log errors only: this is how they tell why they panic. Levels of
// messages count from 0, and filters, of which the first lets nothing through, too.
const (
	logError   = 0
	errorsOnly = 1
)

func (x *execution) log(a []uint64) uint64 {
	if uint32(a[0]) == logError {
		x.lastWords = plainText(x.bytes(a[2]))
	}
	return 0
}

// plainText is what a runtime says, on one line of bounded length.
func plainText(said []byte) string {
	const longest = 500
	text := strings.ToValidUTF8(string(said[:min(len(said), longest)]), string(utf8.RuneError))
	return strings.Join(strings.Fields(text), " ")
}

// versionIn is the version that some code tells of itself; nil when it is no runtime.
func versionIn(code []byte) []byte {
	wasm, err := unpack(code)
	if err != nil {
		return nil
	}
	v, err := versionOf(wasm)
	if err != nil {
		return nil
	}
	return v.encoded
}

// absentFunctions are imported for offchain workers and session keys. A chain of one
// node has neither, and blocks never call them.
var absentFunctions = absent(map[string][2]string{
	"ext_crypto_ed25519_generate_version_1":                {"ps", "p"},
	"ext_crypto_ed25519_public_keys_version_1":             {"p", "s"},
	"ext_crypto_ed25519_sign_version_1":                    {"pps", "s"},
	"ext_crypto_sr25519_generate_version_1":                {"ps", "p"},
	"ext_crypto_sr25519_public_keys_version_1":             {"p", "s"},
	"ext_crypto_sr25519_sign_version_1":                    {"pps", "s"},
	"ext_crypto_ecdsa_generate_version_1":                  {"ps", "p"},
	"ext_crypto_ecdsa_public_keys_version_1":               {"p", "s"},
	"ext_crypto_ecdsa_sign_version_1":                      {"pps", "s"},
	"ext_crypto_ecdsa_sign_prehashed_version_1":            {"ppp", "s"},
	"ext_offchain_is_validator_version_1":                  {"", "p"},
	"ext_offchain_submit_transaction_version_1":            {"s", "s"},
	"ext_offchain_network_state_version_1":                 {"", "s"},
	"ext_offchain_timestamp_version_1":                     {"", "s"},
	"ext_offchain_sleep_until_version_1":                   {"s", ""},
	"ext_offchain_random_seed_version_1":                   {"", "p"},
	"ext_offchain_local_storage_set_version_1":             {"pss", ""},
	"ext_offchain_local_storage_clear_version_1":           {"ps", ""},
	"ext_offchain_local_storage_compare_and_set_version_1": {"psss", "p"},
	"ext_offchain_local_storage_get_version_1":             {"ps", "s"},
	"ext_offchain_http_request_start_version_1":            {"sss", "s"},
	"ext_offchain_http_request_add_header_version_1":       {"pss", "s"},
	"ext_offchain_http_request_write_body_version_1":       {"pss", "s"},
	"ext_offchain_http_response_wait_version_1":            {"ss", "s"},
	"ext_offchain_http_response_headers_version_1":         {"p", "s"},
	"ext_offchain_http_response_read_body_version_1":       {"pss", "s"},
})

func absent(forms map[string][2]string) map[string]hostFunction {
	table := make(map[string]hostFunction, len(forms))
	for name, form := range forms {
		table[name] = hostFunction{form[0], form[1], func(*execution, []uint64) uint64 {
			trap("%s: there is no offchain worker and no keystore here", name)
			return 0
		}}
	}
	return table
}
