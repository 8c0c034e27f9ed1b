package chain

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/affine-go/affine/shared/chain/metadata"
	"github.com/affine-go/affine/shared/chain/metadata/build"
	"github.com/affine-go/affine/shared/chain/timelock"
	"github.com/affine-go/affine/shared/subnet"
)

// arguments of the calls as runtimes have had them.
var callsOfRuntimes = map[string][]build.Field{
	"set_weights":                         {{Name: "netuid", Type: "u16"}, {Name: "dests", Type: "Vec<u16>"}, {Name: "weights", Type: "Vec<u16>"}, {Name: "version_key", Type: "u64"}},
	"set_mechanism_weights":               {{Name: "netuid", Type: "u16"}, {Name: "mecid", Type: "u8"}, {Name: "dests", Type: "Vec<u16>"}, {Name: "weights", Type: "Vec<u16>"}, {Name: "version_key", Type: "u64"}},
	"commit_timelocked_weights":           {{Name: "netuid", Type: "u16"}, {Name: "commit", Type: "Vec<u8>"}, {Name: "reveal_round", Type: "u64"}, {Name: "commit_reveal_version", Type: "u16"}},
	"commit_timelocked_mechanism_weights": {{Name: "netuid", Type: "u16"}, {Name: "mecid", Type: "u8"}, {Name: "commit", Type: "Vec<u8>"}, {Name: "reveal_round", Type: "u64"}, {Name: "commit_reveal_version", Type: "u16"}},
	"commit_crv3_weights":                 {{Name: "netuid", Type: "u16"}, {Name: "commit", Type: "Vec<u8>"}, {Name: "reveal_round", Type: "u64"}},
}

// runtimeWith is a runtime of which only those calls matter.
func runtimeWith(t *testing.T, calls ...string) *metadata.Metadata {
	t.Helper()
	pallet := build.Pallet{Name: "SubtensorModule", Index: 7, Crate: "pallet_subtensor"}
	for i, name := range calls {
		pallet.Calls = append(pallet.Calls, build.Variant{Name: name, Index: uint8(i), Fields: callsOfRuntimes[name]})
	}
	raw, err := build.Build(build.Spec{Version: 14, Pallets: []build.Pallet{pallet}})
	if err != nil {
		t.Fatal(err)
	}
	m, err := metadata.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// The call follows from the flag and from what the runtime has, by name.
func TestChooseCall(t *testing.T) {
	const plain, plainOf = "set_weights", "set_mechanism_weights"
	const sealed, sealedOf, first = "commit_timelocked_weights", "commit_timelocked_mechanism_weights", "commit_crv3_weights"
	all := []string{first, sealedOf, sealed, plainOf, plain}
	for _, c := range []struct {
		has    []string
		sealed bool
		of     subnet.Mechanism
		want   string // empty when refused
	}{
		{all, false, 0, plain},
		{all, false, 1, plainOf},
		{all, true, 0, sealed},
		{all, true, 1, sealedOf},
		{[]string{plainOf}, false, 0, plainOf},
		{[]string{plain, first}, false, 0, plain},
		{[]string{plain, first}, true, 0, first},
		{[]string{sealedOf, first}, true, 0, sealedOf},
		{[]string{plain, first}, false, 1, ""},
		{[]string{plain, first, sealed}, true, 1, ""},
		{[]string{plain}, true, 0, ""},
		{[]string{sealed}, false, 0, ""},
	} {
		got, err := chooseCall(runtimeWith(t, c.has...), c.sealed, c.of)
		if c.want == "" {
			if !errors.Is(err, ErrPolicy) || !strings.Contains(err.Error(), fmt.Sprintf("mechanism %d", c.of)) {
				t.Errorf("%v, sealed %v, mechanism %d: %v, %v; want a refusal", c.has, c.sealed, c.of, got, err)
			}
			continue
		}
		if err != nil || got.name != c.want {
			t.Errorf("%v, sealed %v, mechanism %d: %s, %v; want %s", c.has, c.sealed, c.of, got.name, err, c.want)
		}
	}
}

// A call that has come to take something else is not filled in by guess.
func TestACallOfAnotherFormIsRefused(t *testing.T) {
	was := callsOfRuntimes["set_weights"]
	defer func() { callsOfRuntimes["set_weights"] = was }()
	intent := subnet.WeightsIntent{Netuid: 120, UIDs: []subnet.UID{1}, Values: []uint16{1}}
	for name, fields := range map[string][]build.Field{
		"one more":    append(append([]build.Field{}, was...), build.Field{Name: "tip", Type: "u64"}),
		"one less":    was[:3],
		"another one": {was[0], was[1], was[2], {Name: "version", Type: "u64"}},
	} {
		callsOfRuntimes["set_weights"] = fields
		d := &draft{ground: &ground{snapshot: &snapshot{}}}
		d.Metadata = runtimeWith(t, "set_weights")
		s := &Signer{cfg: SignerConfig{}.withDefaults()}
		if err := s.writeWeights(d, intent); err == nil || len(d.call) > 0 {
			t.Errorf("%s: call %x, %v; want an error", name, d.call, err)
		}
	}
}

// Before payloads named their hotkey they began with the uids.
func TestTheFirstSealedPayload(t *testing.T) {
	authority, err := timelock.NewAuthority([]byte("first"))
	if err != nil {
		t.Fatal(err)
	}
	intent := subnet.WeightsIntent{UIDs: []subnet.UID{1, 2}, Values: []uint16{3, 65535}, VersionKey: 9}
	hotkey := [32]byte{7}
	for name, want := range map[string]string{
		firstSealed:                 "\x08\x01\x00\x02\x00\x08\x03\x00\xff\xff\x09\x00\x00\x00\x00\x00\x00\x00",
		"commit_timelocked_weights": "\x80\x07" + strings.Repeat("\x00", 31) + "\x08\x01\x00\x02\x00\x08\x03\x00\xff\xff\x09\x00\x00\x00\x00\x00\x00\x00",
	} {
		plain, err := sealedPayload(hotkey, intent, weightsCall{name: name})
		if err != nil || string(plain) != want {
			t.Errorf("%s: %x, %v; want %x", name, plain, err, want)
		}
		sealed, err := authority.Beacon(timelock.Quicknet().Genesis, 3e9).Encrypt(plain, 5, bytes.NewReader(make([]byte, 76)))
		if err != nil {
			t.Fatal(err)
		}
		signature, err := authority.Sign(5)
		if err != nil {
			t.Fatal(err)
		}
		if opened, err := timelock.Decrypt(sealed, signature); err != nil || string(opened) != want {
			t.Errorf("%s: opened %x, %v", name, opened, err)
		}
	}
}
