package chain

import (
	"errors"
	"os"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/affine-go/affine/shared/chain/keys"
	"github.com/affine-go/affine/shared/chain/metadata"
	"github.com/affine-go/affine/shared/chain/scale"
	"github.com/affine-go/affine/shared/sharedtest"
	"github.com/affine-go/affine/shared/subnet"
)

// real393 is the metadata of a runtime that served finney.
func real393(t testing.TB) *metadata.Metadata {
	t.Helper()
	raw, err := os.ReadFile(real393Path(t))
	if err != nil {
		t.Fatal(err)
	}
	m, err := metadata.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func real393Path(t testing.TB) string {
	t.Helper()
	return sharedtest.Dir(t, "data", "chain", "metadata-393.v16.scale")
}

// threeNeurons are what both forms of the answer are made of in these tests.
func threeNeurons() []subnet.Neuron { return neuronsOf(3) }

// fullRoster is a subnet with all slots taken.
func fullRoster() []subnet.Neuron { return neuronsOf(256) }

func neuronsOf(count int) []subnet.Neuron {
	out := make([]subnet.Neuron, count)
	for i := range out {
		out[i] = subnet.Neuron{
			UID: subnet.UID(i), Hotkey: subnet.Hotkey(keys.Address([32]byte{byte(i), 9}, keys.Prefix)),
			Permit: i == 1, Stake: uint64(i) << 40, LastUpdate: subnet.Block(1000 - i),
		}
	}
	return out
}

// asColumns is a selective metagraph as the runtime would encode it.
func asColumns(neurons []subnet.Neuron, netuid subnet.Netuid) map[string]any {
	hotkeys, permits, updates, stakes := []any{}, []any{}, []any{}, []any{}
	for _, n := range neurons {
		account, _, _ := keys.ParseAddress(string(n.Hotkey)) // made from an account
		hotkeys, permits = append(hotkeys, account[:]), append(permits, n.Permit)
		updates, stakes = append(updates, uint64(n.LastUpdate)), append(stakes, n.Stake)
	}
	return map[string]any{
		"netuid": uint64(netuid), "num_uids": uint64(len(neurons)),
		"hotkeys": hotkeys, "validator_permit": permits, "last_update": updates, "total_stake": stakes,
	}
}

// asRows is get_neurons_lite's answer.
func asRows(neurons []subnet.Neuron, netuid subnet.Netuid) []any {
	rows := []any{}
	for _, n := range neurons {
		account, _, _ := keys.ParseAddress(string(n.Hotkey))
		rows = append(rows, map[string]any{
			"hotkey": account[:], "coldkey": account[:], "uid": n.UID, "netuid": netuid, "active": true,
			"axon_info":       map[string]any{"block": 0, "version": 0, "ip": 0, "port": 0, "ip_type": 0, "protocol": 0, "placeholder1": 0, "placeholder2": 0},
			"prometheus_info": map[string]any{"block": 0, "version": 0, "ip": 0, "port": 0, "ip_type": 0},
			"stake":           []any{[]any{account[:], n.Stake}},
			"rank":            0, "emission": 0, "incentive": 0, "consensus": 0, "trust": 0, "validator_trust": 0, "dividends": 0,
			"last_update": n.LastUpdate, "validator_permit": n.Permit, "pruning_score": 0,
		})
	}
	return rows
}

// encoded is a value as the answer of a runtime API.
func encoded(t testing.TB, m *metadata.Metadata, api, method string, value any) []byte {
	t.Helper()
	def, err := m.RuntimeAPI(api, method)
	if err != nil {
		t.Fatal(err)
	}
	var e scale.Encoder
	if err := m.EncodeType(&e, def.Output, value); err != nil {
		t.Fatal(err)
	}
	return e.Data()
}

// through encodes a value as the answer of a runtime API and decodes it again.
func through(t testing.TB, m *metadata.Metadata, api, method string, value any) any {
	t.Helper()
	out, err := m.DecodeAPIResult(api, method, encoded(t, m, api, method, value))
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// Under a real runtime's types, columns and rows tell the same.
func TestBothFormsTellTheSame(t *testing.T) {
	m, want := real393(t), threeNeurons()
	columns := asColumns(want, netuid120)
	fields, err := metagraphFields(m)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range fields { // what was not asked for is None
		if _, told := columns[f.Name]; !told {
			columns[f.Name] = nil
		}
	}
	got, err := roster(through(t, m, subnetAPI, selectiveMethod, columns), netuid120)
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("columns: %v %s", err, diff)
	}
	rows := through(t, m, "NeuronInfoRuntimeApi", "get_neurons_lite", asRows(want, netuid120)).([]any)
	for i, row := range rows {
		if n, err := neuron(row, netuid120, i); err != nil || n != want[i] {
			t.Errorf("row %d: %+v, %v; want %+v", i, n, err, want[i])
		}
	}
}

const netuid120 = subnet.Netuid(120)

// The numbers of a selective metagraph's fields follow from their names; these are the
// runtime's own (SelectiveMetagraphIndex).
func TestFieldsAreChosenByName(t *testing.T) {
	m := real393(t)
	got, err := selected(m, []string{"block", "num_uids", "hotkeys", "validator_permit", "last_update", "total_stake", "commitments"})
	if want := []uint16{7, 30, 52, 57, 59, 69, 73}; err != nil || !slices.Equal(got, want) {
		t.Errorf("got %v, %v; want %v", got, err, want)
	}
	if _, err := selected(m, []string{"hotkeys", "karma"}); !errors.Is(err, errNoColumns) {
		t.Errorf("an unknown field: %v, want errNoColumns", err)
	}
}

func TestColumnsThatAreNone(t *testing.T) {
	for name, change := range map[string]func(map[string]any){
		"short hotkeys":     func(c map[string]any) { c["hotkeys"] = c["hotkeys"].([]any)[:2] },
		"short permits":     func(c map[string]any) { c["validator_permit"] = []any{} },
		"long updates":      func(c map[string]any) { c["last_update"] = append(c["last_update"].([]any), uint64(1)) },
		"stakes are text":   func(c map[string]any) { c["total_stake"] = []any{"a", "b", "c"} },
		"stakes no list":    func(c map[string]any) { c["total_stake"] = uint64(3) },
		"more neurons":      func(c map[string]any) { c["num_uids"] = uint64(65535) },
		"count is a list":   func(c map[string]any) { c["num_uids"] = []any{} },
		"other subnet":      func(c map[string]any) { c["netuid"] = uint64(121) },
		"a short account":   func(c map[string]any) { c["hotkeys"].([]any)[1] = []byte("short") },
		"a permit is 1":     func(c map[string]any) { c["validator_permit"].([]any)[2] = uint64(1) },
		"an update missing": func(c map[string]any) { c["last_update"].([]any)[0] = nil },
	} {
		columns := asColumns(threeNeurons(), netuid120)
		change(columns)
		if got, err := roster(columns, netuid120); !errors.Is(err, ErrAnswer) || got != nil {
			t.Errorf("%s: %+v, %v; want ErrAnswer", name, got, err)
		}
	}
	for _, name := range rosterFields {
		columns := asColumns(threeNeurons(), netuid120)
		columns[name] = nil
		if got, err := roster(columns, netuid120); !errors.Is(err, errNoColumns) || got != nil {
			t.Errorf("without %s: %+v, %v; want errNoColumns", name, got, err)
		}
	}
	for _, value := range []any{7, "x", []any{}, metadata.Variant{Name: "Some"}} {
		if got, err := roster(value, netuid120); !errors.Is(err, ErrAnswer) || got != nil {
			t.Errorf("%#v: %+v, %v; want ErrAnswer", value, got, err)
		}
	}
}

// Whatever columns tell, reading them does not panic, and what is read has a neuron for
// every place.
func TestAnyColumns(t *testing.T) {
	cell := rapid.OneOf(
		rapid.Map(rapid.Uint64(), func(v uint64) any { return v }),
		rapid.Map(rapid.Bool(), func(v bool) any { return v }),
		rapid.Map(rapid.SliceOfN(rapid.Byte(), 31, 33), func(v []byte) any { return v }),
		rapid.Just[any](nil),
	)
	column := rapid.OneOf(cell, rapid.Map(rapid.SliceOfN(cell, 0, 4), func(v []any) any { return v }))
	rapid.Check(t, func(t *rapid.T) {
		columns := asColumns(threeNeurons(), netuid120)
		for _, name := range rosterFields {
			if rapid.Bool().Draw(t, "spoil "+name) {
				columns[name] = column.Draw(t, name)
			}
		}
		neurons, err := roster(columns, netuid120)
		if err != nil && !errors.Is(err, ErrAnswer) && !errors.Is(err, errNoColumns) {
			t.Fatalf("%v is neither ErrAnswer nor errNoColumns", err)
		}
		for uid, n := range neurons {
			if err != nil || n.UID != subnet.UID(uid) || n.Hotkey == "" {
				t.Fatalf("%+v, %v", neurons, err)
			}
		}
	})
}
