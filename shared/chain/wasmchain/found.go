package wasmchain

import (
	"context"
	"errors"
	"fmt"

	"github.com/affine-go/affine/shared/chain/keys"
	"github.com/affine-go/affine/shared/chain/metadata"
	"github.com/affine-go/affine/shared/subnet"
)

// Subnet is what Found brings about.
type Subnet struct {
	// Founder pays for everything, is every neuron's coldkey and holds sudo: //Alice on a
	// Development chain.
	Founder *keys.Pair

	Neurons []Neuron           // uid by position; the first is the owner's
	Rules   subnet.WeightRules // Tempo, RateLimit, CommitReveal, VersionKey and MinAllowed are set as they are
}

// Neuron is a hotkey to be registered.
type Neuron struct {
	Hotkey [32]byte
	Stake  uint64 // rao that the founder stakes on it; 0 for none
}

// Found registers a subnet and its neurons, starts it and stakes, all by calls that
// anybody makes on finney. Only limits of rate, and the subnet's rules, are set by sudo,
// as no development chain waits for days.
func (n *Node) Found(ctx context.Context, s Subnet) (subnet.Netuid, error) {
	if len(s.Neurons) == 0 {
		return 0, errors.New("wasmchain: a subnet without neurons")
	}
	f := &founding{node: n, subnet: s}
	for _, step := range []func(context.Context) error{f.lift, f.register, f.rule, f.admit, f.start, f.stake} {
		if err := step(ctx); err != nil {
			return 0, fmt.Errorf("wasmchain: found a subnet: %w", err)
		}
	}
	return f.netuid, nil
}

type founding struct {
	node   *Node
	subnet Subnet
	netuid subnet.Netuid
}

// do makes a call that has to succeed.
func (f *founding) do(ctx context.Context, call string, args map[string]any) (Done, error) {
	done, err := f.node.Do(ctx, f.subnet.Founder, "SubtensorModule", call, args)
	if err == nil && done.Failure != "" {
		err = fmt.Errorf("%s: %s", call, done.Failure)
	}
	return done, err
}

// set writes those items of the pallet that the runtime knows.
func (f *founding) set(ctx context.Context, settings ...Setting) error {
	var known []Setting
	for _, s := range settings {
		s.Pallet = "SubtensorModule"
		if _, err := f.node.Metadata().StorageEntry(s.Pallet, s.Item); errors.Is(err, metadata.ErrUnknown) {
			continue
		}
		known = append(known, s)
	}
	return f.node.Set(ctx, f.subnet.Founder, known...)
}

// lift takes the limits of rate away that hold for the whole chain.
func (f *founding) lift(ctx context.Context) error {
	return f.set(ctx,
		Setting{Item: "NetworkRateLimit", Value: 0}, Setting{Item: "TxRateLimit", Value: 0},
		Setting{Item: "StartCallDelay", Value: 0}, // since it is no constant
	)
}

func (f *founding) register(ctx context.Context) error {
	owner := f.subnet.Neurons[0].Hotkey
	done, err := f.do(ctx, "register_network", map[string]any{"hotkey": owner[:]})
	if err != nil {
		return err
	}
	for _, e := range done.Events {
		if e.Pallet != "SubtensorModule" || e.Name != "NetworkAdded" {
			continue
		}
		if fields, ok := e.Fields.([]any); ok && len(fields) > 0 {
			if netuid, ok := fields[0].(uint64); ok {
				f.netuid = subnet.Netuid(netuid)
				return nil
			}
		}
	}
	return fmt.Errorf("register_network: no event tells the netuid: %v", done.Events)
}

// rule gives the subnet its rules, and room for all neurons at once.
func (f *founding) rule(ctx context.Context) error {
	r, netuid, many := f.subnet.Rules, []any{uint16(f.netuid)}, uint16(len(f.subnet.Neurons)+1)
	return f.set(ctx,
		Setting{Item: "Tempo", Keys: netuid, Value: r.Tempo},
		Setting{Item: "WeightsSetRateLimit", Keys: netuid, Value: r.RateLimit},
		Setting{Item: "CommitRevealWeightsEnabled", Keys: netuid, Value: r.CommitReveal},
		Setting{Item: "WeightsVersionKey", Keys: netuid, Value: r.VersionKey},
		Setting{Item: "MinAllowedWeights", Keys: netuid, Value: r.MinAllowed},
		Setting{Item: "MaxRegistrationsPerBlock", Keys: netuid, Value: many},
		Setting{Item: "TargetRegistrationsPerInterval", Keys: netuid, Value: many},
		Setting{Item: "NetworkRegistrationAllowed", Keys: netuid, Value: true},
	)
}

func (f *founding) admit(ctx context.Context) error {
	for uid, neuron := range f.subnet.Neurons {
		if uid == 0 {
			continue // registered with the network
		}
		if _, err := f.do(ctx, "burned_register", map[string]any{"netuid": uint16(f.netuid), "hotkey": neuron.Hotkey[:]}); err != nil {
			return fmt.Errorf("neuron %d: %w", uid, err)
		}
	}
	return nil
}

// longestWait is for how many blocks a founding waits until a subnet may be started.
const longestWait = 2000

// start switches the subnet's token on, as soon as the chain allows.
func (f *founding) start(ctx context.Context) error {
	wait := uint64(0)
	if delay, err := f.node.Metadata().Constant("SubtensorModule", "DurationOfStartCall"); err == nil {
		wait, _ = delay.(uint64)
	}
	if wait > longestWait {
		return fmt.Errorf("start_call: the runtime has a subnet wait for %d blocks", wait)
	}
	if err := f.node.Mine(ctx, int(wait)); err != nil {
		return err
	}
	_, err := f.do(ctx, "start_call", map[string]any{"netuid": uint16(f.netuid)})
	return err
}

func (f *founding) stake(ctx context.Context) error {
	for uid, neuron := range f.subnet.Neurons {
		if neuron.Stake == 0 {
			continue
		}
		args := map[string]any{"hotkey": neuron.Hotkey[:], "netuid": uint16(f.netuid), "amount_staked": neuron.Stake}
		if _, err := f.do(ctx, "add_stake", args); err != nil {
			return fmt.Errorf("neuron %d: %w", uid, err)
		}
	}
	return nil
}
