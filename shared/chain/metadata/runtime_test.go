package metadata_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/affine-go/affine/shared/chain/metadata"
	"github.com/affine-go/affine/shared/chain/metadata/build"
)

// sdkAnswers are answers of a node at spec 438, with what the SDK made of them.
type sdkAnswers struct {
	RuntimeCalls []struct {
		API     string         `json:"api"`
		Params  string         `json:"paramsHex"`
		Result  string         `json:"resultHex"`
		Decoded map[string]any `json:"decoded"`
	} `json:"runtimeCalls"`
	Calls []struct {
		Pallet  string         `json:"pallet"`
		Call    string         `json:"call"`
		Args    map[string]any `json:"args"`
		CallHex string         `json:"callHex"`
	} `json:"calls"`
	Extensions []string `json:"signedExtensions"`
}

func TestNeuronsAgreeWithSDK(t *testing.T) {
	var sdk sdkAnswers
	readVectors(t, "upstream-sdk-438.json", &sdk)
	answer := sdk.RuntimeCalls[0]
	for _, name := range []string{"metadata-343.v15.hex", "metadata-393.v16.scale"} {
		m := runtime(t, name)
		params, err := m.EncodeAPIArgs("NeuronInfoRuntimeApi", "get_neurons_lite", 1)
		if err != nil || !bytes.Equal(params, unhex(t, answer.Params)) {
			t.Errorf("%s: parameters %x, %v", name, params, err)
		}
		decoded, err := m.DecodeAPIResult("NeuronInfoRuntimeApi", "get_neurons_lite", unhex(t, answer.Result))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		neurons := decoded.([]any)
		neuron := neurons[0].(map[string]any)
		got := map[string]any{
			"count": len(neurons), "uid": neuron["uid"], "netuid": neuron["netuid"], "active": neuron["active"],
			"stake0":           neuron["stake"].([]any)[0].([]any)[1],
			"validator_permit": neuron["validator_permit"], "pruning_score": neuron["pruning_score"], "last_update": neuron["last_update"],
		}
		sameFacts(t, name, answer.Decoded, got)
	}
}

func TestHyperparametersAgreeWithSDK(t *testing.T) {
	var sdk sdkAnswers
	readVectors(t, "upstream-sdk-438.json", &sdk)
	answer := sdk.RuntimeCalls[1]
	decoded, err := runtime(t, "metadata-393.v16.scale").DecodeAPIResult("SubnetInfoRuntimeApi", "get_subnet_hyperparams", unhex(t, answer.Result))
	if err != nil {
		t.Fatal(err)
	}
	sameFacts(t, "393", answer.Decoded, decoded.(map[string]any))
}

// sameFacts compares by text: the file's numbers are JSON's.
func sameFacts(t *testing.T, label string, want, got map[string]any) {
	t.Helper()
	for name, w := range want {
		if fmt.Sprint(w) != fmt.Sprint(got[name]) {
			t.Errorf("%s: %s is %v, want %v", label, name, got[name], w)
		}
	}
}

func TestCallsAgreeWithSDK(t *testing.T) {
	var sdk sdkAnswers
	readVectors(t, "upstream-sdk-438.json", &sdk)
	m := runtime(t, "metadata-393.v16.scale")
	for _, c := range sdk.Calls {
		args := c.Args
		if dest, ok := args["dest_ss58"]; ok { // the SDK's own name and form of an address
			args = map[string]any{"dest": dest, "value": args["value"]}
		}
		got, err := m.EncodeCall(c.Pallet, c.Call, args)
		if err != nil || !bytes.Equal(got, unhex(t, c.CallHex)) {
			t.Errorf("%s.%s is %x, %v; want %s", c.Pallet, c.Call, got, err, c.CallHex)
		}
	}
	var names []string
	for _, x := range m.Extensions() {
		names = append(names, x.Name)
	}
	if diff := cmp.Diff(sdk.Extensions, names); diff != "" {
		t.Errorf("extensions (-want +got):\n%s", diff)
	}
}

// TestNamesOfRealRuntimes holds on to what the rest of the project looks up by name.
func TestNamesOfRealRuntimes(t *testing.T) {
	for _, name := range []string{"metadata-343.v14.hex", "metadata-343.v15.hex", "metadata-393.v16.scale"} {
		m := runtime(t, name)
		for _, c := range []struct {
			pallet, call string
			index        [2]uint8
		}{
			{"SubtensorModule", "set_weights", [2]uint8{7, 0}},
			{"SubtensorModule", "set_mechanism_weights", [2]uint8{7, 119}},
			{"SubtensorModule", "commit_timelocked_weights", [2]uint8{7, 113}},
			{"SubtensorModule", "commit_timelocked_mechanism_weights", [2]uint8{7, 118}},
			{"SubtensorModule", "burned_register", [2]uint8{7, 7}},
			{"Commitments", "set_commitment", [2]uint8{18, 0}},
		} {
			pallet, def, err := m.Call(c.pallet, c.call)
			if err != nil || [2]uint8{pallet, def.Index} != c.index {
				t.Errorf("%s: %s.%s: %v, %v", name, c.pallet, c.call, def, err)
			}
		}
		if v, err := m.Constant("Aura", "SlotDuration"); err != nil || v != uint64(12000) {
			t.Errorf("%s: slot duration %v, %v", name, v, err)
		}
		for entry, want := range map[string]any{
			"Tempo": uint64(360), "WeightsSetRateLimit": uint64(100), "CommitRevealWeightsEnabled": true,
			"CommitRevealWeightsVersion": uint64(4), "RevealPeriodEpochs": uint64(1), "MechanismCountCurrent": uint64(1), "Uids": nil,
		} {
			if v, err := m.DecodeStorage("SubtensorModule", entry, nil); err != nil || v != want {
				t.Errorf("%s: absent %s is %v, %v; want %v", name, entry, v, err, want)
			}
		}
	}
}

// TestErrorsAreResolvedByMetadata finds an error's number in the metadata and asks for
// its name: the number is another in every runtime.
func TestErrorsAreResolvedByMetadata(t *testing.T) {
	for _, name := range []string{"metadata-343.v14.hex", "metadata-393.v16.scale"} {
		m := runtime(t, name)
		p, err := m.Pallet("SubtensorModule")
		if err != nil {
			t.Fatal(err)
		}
		errorType, err := m.Type(*p.ErrorType)
		if err != nil {
			t.Fatal(err)
		}
		i := slices.IndexFunc(errorType.Variants, func(v metadata.VariantDef) bool { return v.Name == "SettingWeightsTooFast" })
		code := [4]byte{errorType.Variants[i].Index}
		if got := m.ErrorName(7, code); got != "SubtensorModule.SettingWeightsTooFast" {
			t.Errorf("%s: error %v is named %s", name, code, got)
		}
		module := metadata.Variant{Name: "Module", Value: map[string]any{"index": uint64(7), "error": code[:]}}
		if got := m.DispatchError(module); got != "SubtensorModule.SettingWeightsTooFast" {
			t.Errorf("%s: dispatch error is named %s", name, got)
		}
		if got := m.ErrorName(7, [4]byte{255}); got != "SubtensorModule error 0xff000000" {
			t.Errorf("%s: unknown error is named %s", name, got)
		}
		if got := m.ErrorName(250, [4]byte{1}); got != "pallet 250 error 0x01000000" {
			t.Errorf("%s: error of an unknown pallet is named %s", name, got)
		}
	}
}

func TestDispatchErrorsOfOtherKinds(t *testing.T) {
	m := runtime(t, "metadata-393.v16.scale")
	for want, v := range map[string]any{
		"BadOrigin":                    metadata.Variant{Name: "BadOrigin"},
		"Token.FundsUnavailable":       metadata.Variant{Name: "Token", Value: metadata.Variant{Name: "FundsUnavailable"}},
		"Module":                       metadata.Variant{Name: "Module", Value: map[string]any{"index": uint64(7), "error": []byte{1}}},
		"dispatch error 7":             7,
		"Balances.InsufficientBalance": metadata.Variant{Name: "Module", Value: map[string]any{"index": uint64(5), "error": []byte{2, 0, 0, 0}}},
	} {
		if got := m.DispatchError(v); got != want {
			t.Errorf("%v is named %q, want %q", v, got, want)
		}
	}
}

func TestUnknownNames(t *testing.T) {
	m := runtime(t, "metadata-393.v16.scale")
	for name, err := range map[string]error{
		"pallet":      second(m.Pallet("Nope")),
		"call":        second(m.EncodeCall("SubtensorModule", "nope", nil)),
		"call pallet": second(m.EncodeCall("Nope", "nope", nil)),
		"no calls":    second(m.EncodeCall("Aura", "nope", nil)),
		"storage":     second(m.StorageKey("SubtensorModule", "Nope")),
		"prefix":      second(m.StoragePrefix("Nope", "Nope")),
		"value":       second(m.DecodeStorage("SubtensorModule", "Nope", nil)),
		"constant":    second(m.Constant("SubtensorModule", "Nope")),
		"API":         second(m.RuntimeAPI("NeuronInfoRuntimeApi", "nope")),
		"API args":    second(m.EncodeAPIArgs("Nope", "nope")),
		"API of V14":  second(runtime(t, "metadata-343.v14.hex").RuntimeAPI("NeuronInfoRuntimeApi", "get_neurons")),
		"type":        second(m.Type(1 << 31)),
		"variant":     second(m.EncodeCall("Balances", "transfer_keep_alive", map[string]any{"dest": metadata.Variant{Name: "Nope"}, "value": 1})),
	} {
		if !errors.Is(err, metadata.ErrUnknown) {
			t.Errorf("%s: %v, ErrUnknown wanted", name, err)
		}
	}
}

func second[T any](_ T, err error) error { return err }

func TestCallsRefuse(t *testing.T) {
	m := runtime(t, "metadata-393.v16.scale")
	good := map[string]any{"netuid": 1, "dests": []any{0}, "weights": []any{1}, "version_key": 0}
	call, err := m.EncodeCall("SubtensorModule", "set_weights", good)
	if err != nil {
		t.Fatal(err)
	}
	for name, b := range map[string][]byte{
		"empty": nil, "one byte": {7}, "pallet": {250, 0}, "call": {7, 250}, "pallet without calls": {1, 0},
		"cut": call[:len(call)-1], "longer": append(slices.Clone(call), 0),
	} {
		if _, _, _, err := m.DecodeCall(b); err == nil {
			t.Errorf("%s: %x is taken apart", name, b)
		}
	}
	for name, args := range map[string]map[string]any{
		"missing":  {"netuid": 1, "dests": []any{0}, "weights": []any{1}},
		"too many": {"netuid": 1, "dests": []any{0}, "weights": []any{1}, "version_key": 0, "extra": 1},
		"none":     nil,
		"range":    {"netuid": 65536, "dests": []any{0}, "weights": []any{1}, "version_key": 0},
	} {
		if b, err := m.EncodeCall("SubtensorModule", "set_weights", args); !errors.Is(err, metadata.ErrValue) {
			t.Errorf("%s: %x, %v; ErrValue wanted", name, b, err)
		}
	}
}

func TestStorageRefuses(t *testing.T) {
	m := runtime(t, "metadata-393.v16.scale")
	account := make([]byte, 32)
	key, err := m.StorageKey("Commitments", "CommitmentOf", 120, account)
	if err != nil {
		t.Fatal(err)
	}
	wrongHash := slices.Clone(key)
	wrongHash[34] ^= 1
	for name, b := range map[string][]byte{
		"nothing": nil, "another item": key[1:], "cut key": key[:len(key)-1], "cut hash": key[:38], "hash": wrongHash, "longer": append(slices.Clone(key), 0),
	} {
		if v, err := m.DecodeStorageKey("Commitments", "CommitmentOf", b); !errors.Is(err, metadata.ErrDecode) {
			t.Errorf("%s: %v, %v; ErrDecode wanted", name, v, err)
		}
	}
	for name, err := range map[string]error{
		"few keys":     second(m.StorageKey("Commitments", "CommitmentOf", 120)),
		"many keys":    second(m.StorageKey("SubtensorModule", "Tempo", 120, 1)),
		"many in part": second(m.StoragePrefix("SubtensorModule", "Tempo", 120, 1)),
		"key's shape":  second(m.StorageKey("SubtensorModule", "Tempo", "x")),
	} {
		if !errors.Is(err, metadata.ErrValue) {
			t.Errorf("%s: %v, ErrValue wanted", name, err)
		}
	}
	for name, b := range map[string][]byte{"short": {1}, "long": {1, 2, 3}, "empty": {}} {
		if v, err := m.DecodeStorage("SubtensorModule", "Tempo", b); !errors.Is(err, metadata.ErrDecode) {
			t.Errorf("%s: %v, %v; ErrDecode wanted", name, v, err)
		}
	}
}

// TestHashers checks all of them on one item each; the expected bytes of the four that
// Subtensor does not use for maps follow from the hash functions' published vectors for
// the empty input.
func TestHashers(t *testing.T) {
	const (
		blake128 = "cae66941d9efbd404e4d88758ea67670"
		blake256 = "0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8"
		xx0      = "99e9d85137db46ef" // xxHash64 of nothing, seed 0: ef46db3751d8e999
	)
	for h, want := range map[metadata.Hasher]string{
		metadata.Blake2_128: blake128, metadata.Blake2_256: blake256, metadata.Blake2_128Concat: blake128,
		metadata.Twox64Concat: xx0, metadata.Identity: "",
		metadata.Twox128: xx0 + xxSeeded(t, 1), metadata.Twox256: xx0 + xxSeeded(t, 1) + xxSeeded(t, 2) + xxSeeded(t, 3),
	} {
		m := hashed(t, h, "()")
		key, err := m.StorageKey("P", "E", []any{})
		if err != nil || !bytes.Equal(key[32:], unhex(t, want)) {
			t.Errorf("%s: %x, %v; want %s", h, key[32:], err, want)
		}
		_, err = m.DecodeStorageKey("P", "E", key)
		kept := h == metadata.Blake2_128Concat || h == metadata.Twox64Concat || h == metadata.Identity
		if kept != (err == nil) {
			t.Errorf("%s: key taken apart: %v", h, err)
		}
	}
	if got := metadata.Hasher(9).String(); !strings.Contains(got, "9") {
		t.Errorf("unknown hasher is named %s", got)
	}
}

// xxSeeded is xxHash64 of nothing: its three last steps, as its description has them.
func xxSeeded(t *testing.T, seed uint64) string {
	t.Helper()
	h := seed + 0x27d4eb2f165667c5
	h ^= h >> 33
	h *= 0xc2b2ae3d27d4eb4f
	h ^= h >> 29
	h *= 0x165667b19e3779f9
	h ^= h >> 32
	return fmt.Sprintf("%x", binary.LittleEndian.AppendUint64(nil, h))
}

func hashed(t *testing.T, h metadata.Hasher, key string) *metadata.Metadata {
	t.Helper()
	raw, err := build.Build(build.Spec{Version: 14, Pallets: []build.Pallet{{Name: "P", Storage: []build.Entry{
		{Name: "E", Keys: []string{key}, Hashers: []metadata.Hasher{h}, Value: "u8"}}}}})
	if err != nil {
		t.Fatal(err)
	}
	m, err := metadata.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestEventsOutsideExtrinsics(t *testing.T) {
	m := runtime(t, "metadata-393.v16.scale")
	// One event in the phase Finalization, System.CodeUpdated, without topics.
	events, err := m.DecodeEvents(unhex(t, "04"+"01"+"0002"+"00"))
	want := []metadata.Event{{ExtrinsicIndex: -1, Pallet: "System", Name: "CodeUpdated"}}
	if diff := cmp.Diff(want, events); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	for _, bad := range []string{"", "04", "0400", "08010002" + "00", "04010002" + "0000", "0401fa02" + "00", "03ffffff3f"} {
		if events, err := m.DecodeEvents(unhex(t, bad)); !errors.Is(err, metadata.ErrDecode) {
			t.Errorf("%s: %v, %v; ErrDecode wanted", bad, events, err)
		}
	}
}

func TestRuntimeVersion(t *testing.T) {
	for name, want := range map[string]uint32{"metadata-343.v14.hex": 343, "metadata-343.v15.hex": 343, "metadata-393.v16.scale": 393} {
		if spec, tx, err := runtime(t, name).RuntimeVersion(); err != nil || spec != want || tx != 1 {
			t.Errorf("%s: spec %d, tx %d, %v", name, spec, tx, err)
		}
	}
	for name, c := range map[string]struct {
		typ  string
		want error
	}{"no constant": {"", metadata.ErrUnknown}, "a number": {"u32", metadata.ErrFormat}} {
		constants := []build.Constant{{Name: "Version", Type: c.typ, Value: make([]byte, 4)}}
		if c.typ == "" {
			constants = nil
		}
		raw, err := build.Build(build.Spec{Version: 15, Pallets: []build.Pallet{{Name: "System", Constants: constants}}})
		if err != nil {
			t.Fatal(err)
		}
		m, err := metadata.Parse(raw)
		if err != nil {
			t.Fatal(err)
		}
		if spec, _, err := m.RuntimeVersion(); !errors.Is(err, c.want) {
			t.Errorf("%s: spec %d, %v; want %v", name, spec, err, c.want)
		}
	}
}

// TestCallsWithinCalls: a batch takes calls by name or encoded, and refuses bytes that
// are no call.
func TestCallsWithinCalls(t *testing.T) {
	m := runtime(t, "metadata-393.v16.scale")
	args := map[string]any{"netuid": 1, "dests": []any{0, 1}, "weights": []any{100, 200}, "version_key": 0}
	call, err := m.EncodeCall("SubtensorModule", "set_weights", args)
	if err != nil {
		t.Fatal(err)
	}
	want := append([]byte{11, 0, 4}, call...)
	for name, given := range map[string]any{
		"bytes": call, "hex": fmt.Sprintf("0x%x", call),
		"as a line":   map[string]any{"pallet": "SubtensorModule", "call": "set_weights", "args": args},
		"by name":     map[string]any{"SubtensorModule": map[string]any{"set_weights": args}},
		"as variants": metadata.Variant{Name: "SubtensorModule", Value: metadata.Variant{Name: "set_weights", Value: args}},
	} {
		got, err := m.EncodeCall("Utility", "batch", map[string]any{"calls": []any{given}})
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: %x, %v; want %x", name, got, err, want)
		}
	}
	decodesBack(t, m, want, "Utility", "batch")
	for _, bad := range []any{
		map[string]any{"pallet": "SubtensorModule", "call": "set_weights"},
		map[string]any{"pallet": "SubtensorModule", "call": "set_weights", "args": args, "more": 1},
		"0x", "0x07", fmt.Sprintf("%x", call), call[:5], 7,
	} {
		if got, err := m.EncodeCall("Utility", "batch", map[string]any{"calls": []any{bad}}); !errors.Is(err, metadata.ErrValue) {
			t.Errorf("%v: %x, %v; ErrValue wanted", bad, got, err)
		}
	}
}

// TestDeeplyNestedCalls: batches within batches end in an error, not in a full stack.
func TestDeeplyNestedCalls(t *testing.T) {
	m := runtime(t, "metadata-393.v16.scale")
	for _, depth := range []int{1000, 1 << 20} {
		nested := bytes.Repeat([]byte{11, 0, 4}, depth)
		if _, _, _, err := m.DecodeCall(nested); !errors.Is(err, metadata.ErrDecode) {
			t.Errorf("depth %d: %v", depth, err)
		}
	}
}
