package chaintest

import (
	"fmt"

	"github.com/affine-go/affine/shared/chain/keys"
	"github.com/affine-go/affine/shared/chain/metadata"
	"github.com/affine-go/affine/shared/subnet"
)

// genesis makes block 0: the subnet and its neurons as Config has them.
func (n *Node) genesis() error {
	if err := n.adopt(n.cfg.SpecVersion, n.cfg.Metadata); err != nil {
		return err
	}
	x := &execution{node: n, number: 0}
	for _, step := range []func() error{x.genesisSystem, x.genesisBeacon, x.genesisRules, x.genesisNeurons} {
		if err := step(); err != nil {
			return err
		}
	}
	b := &block{number: 0, runtime: n.current}
	n.append(b)
	n.runtime.Genesis = b.hash
	return nil
}

func (x *execution) genesisSystem() error {
	if err := x.put("System", "Number", 0); err != nil {
		return err
	}
	// Part of the genesis, so that other chains have another.
	x.node.state.put(0, []byte(":chain"), []byte(x.node.cfg.name()))
	if x.node.cfg.Code != nil {
		x.node.state.put(0, []byte(":code"), x.node.cfg.Code)
	}
	return x.put("Timestamp", "Now", x.node.timeOf(0))
}

func (x *execution) genesisRules() error {
	netuid, r := uint16(x.node.cfg.Netuid), x.node.cfg.Rules
	for _, item := range []struct {
		entry string
		value any
	}{
		{"NetworksAdded", true},
		{"SubnetworkN", len(x.node.cfg.Neurons)},
		{"Tempo", r.Tempo},
		{"WeightsSetRateLimit", r.RateLimit},
		{"CommitRevealWeightsEnabled", r.CommitReveal},
		{"WeightsVersionKey", r.VersionKey},
		{"MinAllowedWeights", r.MinAllowed},
		{"MaxWeightsLimit", r.MaxWeight},
		{"RevealPeriodEpochs", r.RevealPeriod},
		{"MechanismCountCurrent", r.Mechanisms},
		{"LastEpochBlock", uint64(r.LastEpochHint)},
	} {
		if err := x.putKept(item.entry, item.value, netuid); err != nil {
			return err
		}
	}
	if err := x.putKept("CommitRevealWeightsVersion", r.CommitVersion); err != nil {
		return err
	}
	if owner := x.node.cfg.Owner; owner != "" {
		account, _, err := keys.ParseAddress(string(owner))
		if err != nil {
			return fmt.Errorf("owner: %w", err)
		}
		if err := x.put("SubtensorModule", "SubnetOwnerHotkey", account[:], netuid); err != nil {
			return err
		}
	}
	return x.put("SubtensorModule", "StakeThreshold", r.StakeThreshold)
}

// putKept writes an item of SubtensorModule, if the runtime in force keeps it.
func (x *execution) putKept(entry string, value any, keys ...any) error {
	if !x.node.keeps(x.number, entry) {
		return nil
	}
	return x.put("SubtensorModule", entry, value, keys...)
}

func (x *execution) genesisNeurons() error {
	netuid := uint16(x.node.cfg.Netuid)
	count := len(x.node.cfg.Neurons)
	updates, permits := make([]uint64, count), make([]bool, count)
	for i, neuron := range x.node.cfg.Neurons {
		permits[i], updates[i] = neuron.Permit, uint64(neuron.Registered)
		if err := x.register(netuid, uint16(i), neuron); err != nil {
			return fmt.Errorf("neuron %d: %w", i, err)
		}
	}
	for mechanism := range subnet.Mechanism(x.node.cfg.Rules.Mechanisms) {
		if err := x.put("SubtensorModule", "LastUpdate", updates, mechanism.Index(x.node.cfg.Netuid)); err != nil {
			return err
		}
	}
	return x.put("SubtensorModule", "ValidatorPermit", permits, netuid)
}

// register gives a neuron its uid, its stake and its commitments.
func (x *execution) register(netuid, uid uint16, neuron Neuron) error {
	account, _, err := keys.ParseAddress(string(neuron.Hotkey))
	if err != nil {
		return err
	}
	if err := x.put("SubtensorModule", "Uids", uid, netuid, account[:]); err != nil {
		return err
	}
	if err := x.put("SubtensorModule", "Keys", account[:], netuid, uid); err != nil {
		return err
	}
	if err := x.put("SubtensorModule", "BlockAtRegistration", uint64(neuron.Registered), netuid, uid); err != nil {
		return err
	}
	if err := x.put("SubtensorModule", "TotalHotkeyAlpha", neuron.Stake, account[:], netuid); err != nil {
		return err
	}
	if len(neuron.Revealed) > 0 {
		entries := make([]any, len(neuron.Revealed))
		for i, c := range neuron.Revealed {
			entries[i] = []any{c.Text, uint64(c.Block)}
		}
		if err := x.put("Commitments", "RevealedCommitments", entries, netuid, account[:]); err != nil {
			return err
		}
	}
	if neuron.Plain == nil {
		return nil
	}
	info := map[string]any{"fields": []any{plainData(neuron.Plain)}}
	return x.put("Commitments", "CommitmentOf", map[string]any{"deposit": 0, "block": 0, "info": info}, netuid, account[:])
}

// plainData is the Data variant that holds text in the open: RawN up to 128 bytes,
// BigRaw beyond.
func plainData(text []byte) metadata.Variant {
	if len(text) > 128 {
		return metadata.Variant{Name: "BigRaw", Value: text}
	}
	return metadata.Variant{Name: fmt.Sprintf("Raw%d", len(text)), Value: text}
}
