package chaintest

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/affine-go/affine/shared/chain/metadata"
	"github.com/affine-go/affine/shared/chain/scale"
	"github.com/affine-go/affine/shared/subnet"
)

// asks calls a runtime API by the newest block's own metadata.
func asks(t testing.TB, n *Node, c *caller, api, method string, args ...any) any {
	t.Helper()
	m := n.runtime.Metadata
	encoded, err := m.EncodeAPIArgs(api, method, args...)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := m.DecodeAPIResult(api, method, unhex(t, c.text("state_call", api+"_"+method, toHex(encoded))))
	if err != nil {
		t.Fatal(err)
	}
	return answer
}

func TestSelectiveMetagraph(t *testing.T) {
	cfg := trio(t)
	cfg.Rules.CommitReveal, cfg.Neurons[1].Registered, cfg.Neurons[2].Plain = true, 77, []byte("text")
	n := run(t, cfg)
	c := connect(t, n)
	const api, method = "SubnetInfoRuntimeApi", "get_selective_metagraph"
	answer, _ := asks(t, n, c, api, method, netuid, []uint16{0, 7, 8, 26, 27, 30, 46, 47, 52, 57, 59, 66, 69, 72, 73, 3, 12, 55, 200}).(map[string]any)
	var accounts []any
	for _, name := range []string{"Alice", "Bob", "Charlie"} {
		account := pair(t, name).Public()
		accounts = append(accounts, account[:])
	}
	for name, want := range map[string]any{
		"netuid": uint64(netuid), "block": uint64(205), "tempo": uint64(360), "weights_version": uint64(7), "weights_rate_limit": uint64(100),
		"num_uids": uint64(3), "commit_reveal_weights_enabled": true, "commit_reveal_period": uint64(1), "hotkeys": accounts,
		"validator_permit": []any{true, false, false}, "last_update": []any{uint64(0), uint64(77), uint64(0)},
		"block_at_registration": []any{uint64(0), uint64(77), uint64(0)}, "total_stake": []any{uint64(100), uint64(99), uint64(98)},
		"validators": []any{uint64(0)}, "identity": metadata.Variant{Name: "Some"}, "alpha_in": uint64(0), "axons": []any{},
		"coldkeys": nil, "max_uids": nil, // not asked for
	} {
		if diff := cmp.Diff(want, answer[name]); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	checkCommitmentBytes(t, n, answer["commitments"])
	if few, _ := asks(t, n, c, api, method, netuid, []uint16{7}).(map[string]any); few["netuid"] != uint64(0) {
		t.Errorf("netuid %v, which was not asked for", few["netuid"])
	}
	if none := asks(t, n, c, api, method, 121, []uint16{7}); none != nil {
		t.Errorf("a subnet that is none: %v", none)
	}
}

// A commitment in the metagraph is its whole record, encoded.
func checkCommitmentBytes(t *testing.T, n *Node, column any) {
	t.Helper()
	list, _ := column.([]any)
	if len(list) != 1 {
		t.Fatalf("commitments %v", column)
	}
	var record []byte
	for _, b := range list[0].([]any)[1].([]any) {
		record = append(record, byte(b.(uint64)))
	}
	entry, err := n.runtime.Metadata.StorageEntry("Commitments", "CommitmentOf")
	if err != nil {
		t.Fatal(err)
	}
	d := scale.NewDecoder(record)
	value, err := n.runtime.Metadata.DecodeType(d, entry.Value)
	if err != nil || d.End() != nil {
		t.Fatal(err, d.End())
	}
	fields, err := fieldsOfInfo(value.(map[string]any)["info"].(map[string]any))
	if err != nil || len(fields) != 1 || fields[0].Name != "Raw4" {
		t.Errorf("fields %v, %v", fields, err)
	}
}

// Every column that exists can be asked for, one by one.
func TestEveryColumnOfTheMetagraph(t *testing.T) {
	n := run(t, trio(t))
	c := connect(t, n)
	const api, method = "SubnetInfoRuntimeApi", "get_selective_metagraph"
	fields := selectiveMetagraph().Fields
	if len(fields) != 74 {
		t.Fatalf("%d columns", len(fields))
	}
	for i := range uint16(len(fields)) {
		answer := asks(t, n, c, api, method, netuid, []uint16{i}).(map[string]any)
		for name, value := range answer {
			there := value != nil && value != any(metadata.Variant{Name: "None"})
			if there != (name == "netuid" || name == fields[i].Name) {
				t.Errorf("asked for %s: %s is %v", fields[i].Name, name, value)
			}
		}
	}
}

func TestHyperparams(t *testing.T) {
	cfg := trio(t)
	cfg.Rules = subnet.WeightRules{Tempo: 99, RateLimit: 7, CommitReveal: true, VersionKey: 5, MinAllowed: 3, MaxWeight: 9, RevealPeriod: 4}
	n := run(t, cfg)
	c := connect(t, n)
	answer, _ := asks(t, n, c, "SubnetInfoRuntimeApi", "get_subnet_hyperparams", netuid).(map[string]any)
	for name, want := range map[string]any{
		"tempo": uint64(99), "weights_rate_limit": uint64(7), "commit_reveal_weights_enabled": true, "weights_version": uint64(5),
		"min_allowed_weights": uint64(3), "max_weights_limit": uint64(9), "commit_reveal_period": uint64(4), "rho": uint64(0), "registration_allowed": false,
	} {
		if answer[name] != want {
			t.Errorf("%s is %v, want %v", name, answer[name], want)
		}
	}
	if none := asks(t, n, c, "SubnetInfoRuntimeApi", "get_subnet_hyperparams", 121); none != nil {
		t.Errorf("a subnet that is none: %v", none)
	}
}

func TestMechanismsHaveTheirOwnWeights(t *testing.T) {
	cfg := trio(t)
	cfg.Rules.Mechanisms = 2
	n := run(t, cfg)
	set := func(mecid int, values ...uint16) string {
		return do(t, n, "Alice", "SubtensorModule.set_mechanism_weights",
			map[string]any{"netuid": netuid, "mecid": mecid, "dests": []uint16{1, 2}, "weights": values, "version_key": 7})
	}
	for i, step := range []struct {
		mecid int
		want  string
	}{
		{1, ""}, {0, ""}, // each has a rate limit of its own
		{1, "SubtensorModule.SettingWeightsTooFast"}, {0, "SubtensorModule.SettingWeightsTooFast"}, {2, "SubtensorModule.MechanismDoesNotExist"},
	} {
		if got := set(step.mecid, 1, uint16(2*step.mecid+2)); got != step.want {
			t.Errorf("step %d: %q, want %q", i, got, step.want)
		}
	}
	for mechanism, want := range map[subnet.Mechanism]uint16{0: 32768, 1: 16384} {
		row, err := n.MechanismWeights(netuid, mechanism, 0)
		if err != nil || row[1] != want {
			t.Errorf("mechanism %d: %v, %v", mechanism, row, err)
		}
	}
	updates := []any{stored(t, n, "SubtensorModule.LastUpdate", netuid), stored(t, n, "SubtensorModule.LastUpdate", 4096+netuid)}
	if diff := cmp.Diff([]any{[]any{uint64(207), uint64(0), uint64(0)}, []any{uint64(206), uint64(0), uint64(0)}}, updates); diff != "" {
		t.Error(diff)
	}
}

// Weights of a mechanism are sealed under its index, with and without a version in the call.
func TestMechanismsSealTheirOwnWeights(t *testing.T) {
	for _, call := range []string{"commit_timelocked_mechanism_weights", "commit_crv3_mechanism_weights"} {
		cfg := sealing(t)
		cfg.Rules.Mechanisms = 2
		n := run(t, cfg)
		round := roundAt(n, 210)
		args := map[string]any{"netuid": netuid, "mecid": 1, "commit": seal(t, n, "Alice", round, 1, 2), "reveal_round": round}
		if call == "commit_timelocked_mechanism_weights" {
			args["commit_reveal_version"] = 4
		}
		if got := do(t, n, "Alice", "SubtensorModule."+call, args); got != "" {
			t.Fatal(got)
		}
		mine(t, n, 5)
		main, err := n.Weights(netuid, 0)
		if err != nil || len(main) > 0 {
			t.Errorf("%s: mechanism 0 has %v, %v", call, main, err)
		}
		row, err := n.MechanismWeights(netuid, 1, 0)
		if err != nil || row[2] != 65535 || !slices.Contains(happened(t, n, "SubtensorModule"), "TimelockedWeightsRevealed") {
			t.Errorf("%s: mechanism 1 has %v, %v", call, row, err)
		}
		args["mecid"], args["reveal_round"] = 2, roundAt(n, 300)
		if got := do(t, n, "Alice", "SubtensorModule."+call, args); got != "SubtensorModule.MechanismDoesNotExist" {
			t.Errorf("%s: a mechanism that is none: %q", call, got)
		}
	}
}
