package build_test

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/affine-go/affine/shared/chain/metadata"
	"github.com/affine-go/affine/shared/chain/metadata/build"
)

// small is a runtime with a little of everything.
func small(version uint8) build.Spec {
	return build.Spec{
		Version: version,
		Types: map[string]build.Type{
			"NetUid": {Path: "subtensor_runtime_common::NetUid", Fields: []build.Field{{Type: "u16"}}},
			"Info":   {Path: "pallet_small::Info", Fields: []build.Field{{Name: "fields", Type: "BoundedVec<Data>"}}},
			"Data": {Path: "pallet_small::Data", Variants: []build.Variant{
				{Name: "None"}, {Name: "Raw3", Index: 4, Fields: []build.Field{{Type: "[u8; 3]"}}},
				{Name: "Sealed", Index: 134, Fields: []build.Field{{Name: "encrypted", Type: "Vec<u8>"}, {Name: "round", Type: "u64"}}},
			}},
			"Tree": {Path: "pallet_small::Tree", Fields: []build.Field{{Name: "children", Type: "Vec<Tree>"}}},
		},
		Pallets: []build.Pallet{
			{Name: "System", Index: 0, Crate: "frame_system",
				Storage: []build.Entry{
					{Name: "Events", Value: "Vec<EventRecord>"},
					{Name: "Account", Keys: []string{"AccountId32"}, Hashers: []metadata.Hasher{metadata.Blake2_128Concat}, Value: "AccountInfo"},
				},
				Events: []build.Variant{
					{Name: "ExtrinsicSuccess", Index: 0, Fields: []build.Field{{Name: "dispatch_info", Type: "DispatchInfo"}}},
					{Name: "ExtrinsicFailed", Index: 1, Fields: []build.Field{{Name: "dispatch_error", Type: "DispatchError"}, {Name: "dispatch_info", Type: "DispatchInfo"}}},
				},
				Constants: []build.Constant{{Name: "SS58Prefix", Type: "u16", Value: []byte{42, 0}}},
			},
			{Name: "SubtensorModule", Index: 7, Crate: "pallet_subtensor",
				Storage: []build.Entry{
					{Name: "Tempo", Keys: []string{"NetUid"}, Hashers: []metadata.Hasher{metadata.Identity}, Value: "u16", Default: []byte{0x68, 1}},
					{Name: "Weights", Keys: []string{"u16", "u16"}, Hashers: []metadata.Hasher{metadata.Identity, metadata.Identity}, Value: "Vec<(u16, u16)>"},
					{Name: "Uids", Keys: []string{"u16", "AccountId32"}, Hashers: []metadata.Hasher{metadata.Identity, metadata.Blake2_128Concat}, Value: "u16", Optional: true},
				},
				Calls: []build.Variant{{Name: "set_weights", Index: 0, Docs: "Sets\nweights.", Fields: []build.Field{
					{"netuid", "NetUid"}, {"dests", "Vec<u16>"}, {"weights", "Vec<u16>"}, {"version_key", "u64"},
				}}, {Name: "commit", Index: 2, Fields: []build.Field{{"info", "Info"}, {"tree", "Tree"}}}},
				Events: []build.Variant{{Name: "WeightsSet", Index: 9, Fields: []build.Field{{Type: "u16"}, {Type: "u16"}}}},
				Errors: []build.Variant{{Name: "SettingWeightsTooFast", Index: 31}},
			},
		},
		APIs: []build.API{{Name: "SmallApi", Version: 2, Methods: []build.Method{
			{Name: "get", Inputs: []build.Field{{"netuid", "NetUid"}, {"who", "Option<AccountId32>"}}, Output: "Option<(u16, bool)>"},
		}}},
	}
}

func parsed(t testing.TB, spec build.Spec) *metadata.Metadata {
	t.Helper()
	raw, err := build.Build(spec)
	if err != nil {
		t.Fatal(err)
	}
	m, err := metadata.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestEveryVersionMeansTheSame(t *testing.T) {
	for _, version := range []uint8{14, 15, 16} {
		t.Run(fmt.Sprint(version), func(t *testing.T) {
			m := parsed(t, small(version))
			if m.Version != version {
				t.Errorf("version %d", m.Version)
			}
			checkCalls(t, m)
			checkStorage(t, m)
			checkEvents(t, m)
			checkExtensions(t, m)
			if version > 14 {
				checkAPI(t, m)
			}
		})
	}
}

func checkCalls(t *testing.T, m *metadata.Metadata) {
	t.Helper()
	got, err := m.EncodeCall("SubtensorModule", "set_weights", map[string]any{"netuid": 1, "dests": []uint16{0, 1}, "weights": []int{100, 200}, "version_key": 0})
	if err != nil {
		t.Fatal(err)
	}
	// The published example of the Bittensor SDK.
	if want := "070001000800000100086400c8000000000000000000"; hex.EncodeToString(got) != want {
		t.Errorf("set_weights is %x, want %s", got, want)
	}
	args := map[string]any{
		"info": map[string]any{"fields": []any{
			metadata.Variant{Name: "Raw3", Value: []byte("abc")},
			metadata.Variant{Name: "Sealed", Value: map[string]any{"encrypted": []byte{1, 2}, "round": uint64(9)}},
		}},
		"tree": map[string]any{"children": []any{map[string]any{"children": []any{}}}},
	}
	call, err := m.EncodeCall("SubtensorModule", "commit", args)
	if err != nil {
		t.Fatal(err)
	}
	if want := "07020804616263" + "8608010209000000000000000400"; hex.EncodeToString(call) != want {
		t.Errorf("commit is %x, want %s", call, want)
	}
	_, name, back, err := m.DecodeCall(call)
	if err != nil || name != "commit" || !cmp.Equal(back, args) {
		t.Errorf("decoded %s, %v: %s", name, err, cmp.Diff(args, back))
	}
}

func checkStorage(t *testing.T, m *metadata.Metadata) {
	t.Helper()
	for _, c := range []struct {
		pallet, entry string
		want          any
	}{
		{"SubtensorModule", "Tempo", uint64(360)},
		{"SubtensorModule", "Weights", []any{}},
		{"SubtensorModule", "Uids", nil},
		{"System", "Events", []any{}},
	} {
		got, err := m.DecodeStorage(c.pallet, c.entry, nil)
		if err != nil || !cmp.Equal(got, c.want) {
			t.Errorf("absent %s.%s is %v, %v; want %v", c.pallet, c.entry, got, err, c.want)
		}
	}
	account, err := m.DecodeStorage("System", "Account", nil)
	if err != nil {
		t.Error(err)
	} else if nonce := account.(map[string]any)["nonce"]; nonce != uint64(0) {
		t.Errorf("absent account has nonce %v", nonce)
	}
	if v, err := m.Constant("System", "SS58Prefix"); err != nil || v != uint64(42) {
		t.Errorf("constant is %v, %v", v, err)
	}
}

func checkEvents(t *testing.T, m *metadata.Metadata) {
	t.Helper()
	events, err := m.DecodeEvents(blockEvents(t))
	if err != nil {
		t.Fatal(err)
	}
	want := []metadata.Event{
		{ExtrinsicIndex: 2, Pallet: "SubtensorModule", Name: "WeightsSet", Fields: []any{uint64(120), uint64(7)}},
		{ExtrinsicIndex: 2, Pallet: "System", Name: "ExtrinsicFailed"},
	}
	failed, _ := events[1].Fields.(map[string]any)
	events[1].Fields = nil
	if diff := cmp.Diff(want, events); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
	if name := m.DispatchError(failed["dispatch_error"]); name != "SubtensorModule.SettingWeightsTooFast" {
		t.Errorf("error is named %q", name)
	}
}

// blockEvents is the value of System.Events written by hand: WeightsSet(120, 7) and
// ExtrinsicFailed(Module{7, 31}), both of extrinsic 2.
func blockEvents(t *testing.T) []byte {
	t.Helper()
	b, err := hex.DecodeString("08" +
		"00" + "02000000" + "07" + "09" + "7800" + "0700" + "00" +
		"00" + "02000000" + "00" + "01" + "03" + "07" + "1f000000" + "04" + "08" + "00" + "01" + "00")
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func checkExtensions(t *testing.T, m *metadata.Metadata) {
	t.Helper()
	var names []string
	for _, x := range m.Extensions() {
		names = append(names, x.Name)
	}
	var want []string
	for _, x := range build.SubtensorExtensions() {
		want = append(want, x.Name)
	}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Errorf("extensions (-want +got):\n%s", diff)
	}
	for what, c := range map[string]struct {
		id   uint32
		path string
	}{
		"address":   {m.AddressType, "sp_runtime::multiaddress::MultiAddress"},
		"call":      {m.CallType, "node_subtensor_runtime::RuntimeCall"},
		"signature": {m.SignatureType, "sp_runtime::MultiSignature"},
	} {
		if typ, err := m.Type(c.id); err != nil || typ.Path != c.path {
			t.Errorf("%s is of type %d: %v %v", what, c.id, typ, err)
		}
	}
}

func checkAPI(t *testing.T, m *metadata.Metadata) {
	t.Helper()
	args, err := m.EncodeAPIArgs("SmallApi", "get", 120, bytes.Repeat([]byte{7}, 32))
	if want := "780001" + strings.Repeat("07", 32); err != nil || hex.EncodeToString(args) != want {
		t.Errorf("arguments %x, %v; want %s", args, err, want)
	}
	got, err := m.DecodeAPIResult("SmallApi", "get", []byte{1, 9, 0, 1})
	if err != nil || !cmp.Equal(got, []any{uint64(9), true}) {
		t.Errorf("answer %v, %v", got, err)
	}
	if got, err = m.DecodeAPIResult("SmallApi", "get", []byte{0}); err != nil || got != nil {
		t.Errorf("empty answer %v, %v", got, err)
	}
}

func TestBuildIsTheSameEachTime(t *testing.T) {
	first, err := build.Build(small(15))
	if err != nil {
		t.Fatal(err)
	}
	for range 20 {
		if again, err := build.Build(small(15)); err != nil || !bytes.Equal(again, first) {
			t.Fatalf("another result: %v", err)
		}
	}
}

func TestBuildRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(*build.Spec)
		says  string
	}{
		"version":        {func(s *build.Spec) { s.Version = 13 }, "13"},
		"unknown type":   {func(s *build.Spec) { s.Pallets[1].Storage[0].Value = "U16" }, `"U16"`},
		"bad expression": {func(s *build.Spec) { s.Pallets[1].Storage[0].Value = "Vec<u16" }, "Vec<u16"},
		"generic arity":  {func(s *build.Spec) { s.Pallets[1].Storage[0].Value = "Result<u16>" }, "Result"},
		"keys":           {func(s *build.Spec) { s.Pallets[1].Storage[0].Hashers = nil }, "Tempo"},
		"pallet twice":   {func(s *build.Spec) { s.Pallets[1].Index = 0 }, "System"},
		"call index":     {func(s *build.Spec) { s.Pallets[1].Calls[1].Index = 0 }, "set_weights and commit share index 0"},
		"type name":      {func(s *build.Spec) { s.Types["Era"] = build.Type{} }, "Era"},
		"mixed fields":   {func(s *build.Spec) { s.Pallets[1].Calls[0].Fields[0].Name = "" }, "without names"},
		"endless value": {func(s *build.Spec) {
			s.Types["Loop"] = build.Type{Fields: []build.Field{{Type: "Loop"}}}
			s.Pallets[1].Storage[0].Value = "Loop"
			s.Pallets[1].Storage[0].Default = nil
		}, "contains itself"},
	} {
		t.Run(name, func(t *testing.T) {
			spec := small(15)
			c.spoil(&spec)
			if _, err := build.Build(spec); err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("error %v, one that says %q wanted", err, c.says)
			}
		})
	}
}

func TestTypeExpressions(t *testing.T) {
	for _, text := range []string{"", "Vec<", "Vec<>", "[u8]", "[u8; x]", "[u8; 4", "(u8", "u8 u8", "u8>", "[u8; 5000000000]", strings.Repeat("Vec<", 100) + "u8" + strings.Repeat(">", 100)} {
		spec := small(14)
		spec.Pallets[1].Storage[0].Value = text
		if _, err := build.Build(spec); err == nil {
			t.Errorf("%.40q is accepted", text)
		}
	}
	spec := small(14)
	spec.Pallets[1].Storage[0].Value = " Vec<( u16,u16 )> "
	spec.Pallets[1].Storage[0].Default = nil
	m := parsed(t, spec)
	a, errA := m.StorageEntry("SubtensorModule", "Tempo")
	b, errB := m.StorageEntry("SubtensorModule", "Weights")
	if errA != nil || errB != nil || a.Value != b.Value {
		t.Errorf("two spellings make two types: %v %v", errA, errB)
	}
}
