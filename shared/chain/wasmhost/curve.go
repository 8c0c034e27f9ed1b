package wasmhost

// curveFunctions compute on BLS12-381.
var curveFunctions = absent(map[string][2]string{
	"ext_host_calls_bls12_381_multi_miller_loop_version_1":    {"ss", "s"},
	"ext_host_calls_bls12_381_final_exponentiation_version_1": {"s", "s"},
	"ext_host_calls_bls12_381_mul_projective_g1_version_1":    {"ss", "s"},
	"ext_host_calls_bls12_381_mul_projective_g2_version_1":    {"ss", "s"},
})
