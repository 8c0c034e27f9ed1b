package chaintest

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/affine-go/affine/shared/sharedtest"
	"github.com/affine-go/affine/shared/subnet"
)

// realMetadata is what a runtime that served finney says of itself.
func realMetadata(t testing.TB, name string) []byte {
	t.Helper()
	raw, err := os.ReadFile(sharedtest.Dir(t, "data", "chain", name))
	if err != nil {
		t.Fatal(err)
	}
	if strings.HasSuffix(name, ".hex") {
		if raw, err = hex.DecodeString(strings.TrimPrefix(strings.TrimSpace(string(raw)), "0x")); err != nil {
			t.Fatal(err)
		}
	}
	_, bare, _ := bytes.Cut(raw, []byte("meta")) // some files have it as a runtime API answers it
	return append([]byte("meta"), bare...)
}

// byNumber are configurations whose epochs follow from the block's number.
func byNumber(t testing.TB) map[string]Config {
	t.Helper()
	configs := map[string]Config{}
	for name, change := range map[string]func(*Config){
		"own, spec 424": func(c *Config) { c.SpecVersion = 424 },
		"finney at 343": func(c *Config) { c.SpecVersion, c.Metadata = 343, realMetadata(t, "metadata-343.v15.hex") },
		"finney at 393": func(c *Config) { c.SpecVersion, c.Metadata = 393, realMetadata(t, "metadata-393.v16.scale") },
	} {
		cfg := sealing(t)
		change(&cfg)
		configs[name] = cfg
	}
	return configs
}

// Before spec 425 an epoch is (block + netuid + 1) / (tempo + 1): with tempo 10 and subnet
// 120 block 209 is the first of epoch 30, and 220 of epoch 31. What is sealed in the
// block before, in which the chain's epoch runs, belongs to the new one already.
func TestSealedWeightsWhereEpochsFollowFromTheNumber(t *testing.T) {
	for name, cfg := range byNumber(t) {
		for commit, reveal := range map[subnet.Block]subnet.Block{207: 209, 208: 220, 209: 220, 218: 220, 219: 231} {
			t.Run(fmt.Sprint(name, commit), func(t *testing.T) {
				n := run(t, cfg)
				mine(t, n, int(commit-1-n.Head()))
				round := roundAt(n, commit)
				if got := do(t, n, "Alice", commitCallName, commitArgs(seal(t, n, "Alice", round, 1, 2), round)); got != "" {
					t.Fatal(got)
				}
				for n.Head() < 240 {
					mine(t, n, 1)
					if row, err := n.Weights(netuid, 0); err != nil || len(row) > 0 {
						break
					}
				}
				if n.Head() != reveal {
					t.Errorf("opened in block %d, want %d", n.Head(), reveal)
				}
			})
		}
	}
}

func TestCommitmentsUnderRealMetadata(t *testing.T) {
	for name, cfg := range byNumber(t) {
		t.Run(name, func(t *testing.T) {
			n := run(t, cfg)
			if got := do(t, n, "Bob", setCommitmentName, infoOf(sealText(t, n, "text", 206))); got != "" {
				t.Fatal(got)
			}
			mine(t, n, 1)
			fields, revealed := committed(t, n, "Bob")
			if fields != nil || len(revealed) != 1 || string(revealed[0].([]any)[0].([]byte)) != "text" {
				t.Errorf("fields %v, revealed %v", fields, revealed)
			}
		})
	}
}

func TestRuntimeAPIsUnderRealMetadata(t *testing.T) {
	for name, cfg := range byNumber(t) {
		t.Run(name, func(t *testing.T) {
			n := run(t, cfg)
			c := connect(t, n)
			all := make([]uint16, 80)
			for i := range all {
				all[i] = uint16(i)
			}
			metagraph, _ := asks(t, n, c, "SubnetInfoRuntimeApi", "get_selective_metagraph", netuid, all).(map[string]any)
			for field, value := range metagraph {
				if value == nil {
					t.Errorf("%s is not there", field)
				}
			}
			if len(metagraph) < 70 || metagraph["tempo"] != uint64(10) {
				t.Errorf("%d columns, tempo %v", len(metagraph), metagraph["tempo"])
			}
			params, _ := asks(t, n, c, "SubnetInfoRuntimeApi", "get_subnet_hyperparams", netuid).(map[string]any)
			if params["weights_rate_limit"] != uint64(2) {
				t.Errorf("parameters %v", params)
			}
			if rows, _ := asks(t, n, c, "NeuronInfoRuntimeApi", "get_neurons_lite", netuid).([]any); len(rows) != 3 {
				t.Errorf("%d neurons", len(rows))
			}
		})
	}
}

// An upgrade that brings stateful epochs goes on with the epochs counted so far, so that
// what was sealed before is opened after it.
func TestUpgradeTakesTheEpochsOver(t *testing.T) {
	for name, cfg := range byNumber(t) {
		t.Run(name, func(t *testing.T) {
			n := run(t, cfg)
			mine(t, n, 5) // to 210, in epoch 30, which runs at 219
			round := roundAt(n, 211)
			if got := do(t, n, "Alice", commitCallName, commitArgs(seal(t, n, "Alice", round, 1, 2), round)); got != "" {
				t.Fatal(got)
			}
			old, err := n.chain.at(211).runtime.plain()
			if err != nil {
				t.Fatal(err)
			}
			if err := n.UpgradeTo(446, nil); err != nil {
				t.Fatal(err)
			}
			mine(t, n, 1)
			if index := stored(t, n, "SubtensorModule.SubnetEpochIndex", netuid); index != uint64(30) {
				t.Errorf("epoch %v after the upgrade", index)
			}
			if last := stored(t, n, "SubtensorModule.LastEpochBlock", netuid); last != uint64(208) { // where the older rule ran it
				t.Errorf("the last epoch ran at %v", last)
			}
			mine(t, n, 10)
			if row, err := n.Weights(netuid, 0); err != nil || len(row) == 0 {
				t.Errorf("weights %v, %v", row, err)
			}
			c := connect(t, n)
			if got := c.text("state_getMetadata", c.text("chain_getBlockHash", 211)); got != toHex(old) {
				t.Errorf("the metadata of an old block has changed: %.20s", got)
			}
			if m := c.ask("state_getRuntimeVersion", c.text("chain_getBlockHash", 211)); strings.Contains(string(m.Result), "446") {
				t.Errorf("the version of an old block is %s", m.Result)
			}
		})
	}
}

func TestUpgradesThatAreRefused(t *testing.T) {
	n := run(t, trio(t))
	if err := n.UpgradeTo(447, []byte("meta?")); err == nil {
		t.Error("upgraded to no metadata")
	}
	mine(t, n, 1)
	cfg := trio(t)
	cfg.StateFile = t.TempDir() + "/chain.jsonl"
	if err := run(t, cfg).Upgrade(447); err == nil {
		t.Error("a chain was upgraded that its state file could not tell of")
	}
}

// Runtimes that know commit_crv3_weights alone open a commit in the last block of its
// epoch's number, once: without the pulse it is lost.
func TestSealedWeightsThatAreOpenedOnce(t *testing.T) {
	for name, c := range map[string]struct {
		commit, published, opened subnet.Block
	}{
		"in time":               {210, 218, 219},
		"just included":         {218, 218, 219},
		"in the epoch's block":  {219, 219, 230}, // belongs to the next
		"published in it":       {210, 219, 0},
		"published long after":  {210, 225, 0},
		"at the number's start": {209, 211, 219},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := sealing(t)
			cfg.SpecVersion = 293
			n := run(t, cfg)
			mine(t, n, int(c.commit-1-n.Head()))
			round := roundAt(n, c.published)
			args := commitArgs(seal(t, n, "Alice", round, 1, 2), round)
			delete(args, "commit_reveal_version")
			if got := do(t, n, "Alice", "SubtensorModule.commit_crv3_weights", args); got != "" {
				t.Fatal(got)
			}
			if names := happened(t, n, "SubtensorModule"); !slices.Contains(names, "CRV3WeightsCommitted") {
				t.Errorf("events %v", names)
			}
			opened := subnet.Block(0)
			for n.Head() < 240 && opened == 0 {
				mine(t, n, 1)
				if slices.Contains(happened(t, n, "SubtensorModule"), "CRV3WeightsRevealed") {
					opened = n.Head()
				}
			}
			row, err := n.Weights(netuid, 0)
			if err != nil || opened != c.opened || (len(row) > 0) != (opened > 0) {
				t.Errorf("opened in block %d, want %d; weights %v, %v", opened, c.opened, row, err)
			}
			for epoch := range uint64(34) {
				if left := stored(t, n, "SubtensorModule.CRV3WeightCommits", netuid, epoch).([]any); len(left) > 0 {
					t.Errorf("epoch %d still has %d commits", epoch, len(left))
				}
			}
		})
	}
}

func TestOldestRuntimeKnowsNoMechanisms(t *testing.T) {
	cfg := trio(t)
	cfg.SpecVersion = 293
	n := run(t, cfg)
	for _, call := range []string{"set_mechanism_weights", "commit_timelocked_weights", "commit_crv3_mechanism_weights"} {
		if _, _, err := n.runtime.Metadata.Call("SubtensorModule", call); err == nil {
			t.Errorf("it has %s", call)
		}
	}
	args := map[string]any{"netuid": netuid, "dests": []uint16{1, 2}, "weights": []uint16{1, 2}, "version_key": 7}
	if got := do(t, n, "Alice", "SubtensorModule.set_weights", args); got != "" {
		t.Errorf("weights in the open: %q", got)
	}
}
