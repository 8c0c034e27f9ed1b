package chaintest

import (
	"bytes"
	"fmt"

	"github.com/affine-go/affine/shared/subnet"
)

// standing is what the chain knows of a hotkey as far as one mechanism of a subnet goes.
type standing struct {
	index      uint16 // under which the chain keeps the mechanism
	exists     bool   // the subnet has the mechanism
	neurons    uint64
	rules      subnet.WeightRules
	registered bool
	uid        uint16
	stake      uint64
	permit     bool
	owner      bool
	updates    []any // LastUpdate of all neurons
}

// standing reads it as it is in the block that is being made. Of a hotkey that is not
// registered, or of a mechanism that is none, only the first fields say something.
func (x *execution) standing(netuid uint16, mechanism subnet.Mechanism, hotkey [32]byte) (*standing, error) {
	state := &reader{node: x.node, at: x.number}
	s := &standing{
		index:   mechanism.Index(subnet.Netuid(netuid)),
		neurons: value[uint64](state, "SubnetworkN", netuid),
		rules:   state.rules(netuid),
	}
	s.exists = value[bool](state, "NetworksAdded", netuid) && uint8(mechanism) < s.rules.Mechanisms
	uid, err := x.read("SubtensorModule", "Uids", netuid, hotkey[:])
	if err != nil {
		return nil, err
	}
	if uid == nil || !s.exists {
		return s, state.err
	}
	s.registered, s.uid = true, uint16(uid.(uint64))
	s.stake = value[uint64](state, "TotalHotkeyAlpha", hotkey[:], netuid)
	permits := value[[]any](state, "ValidatorPermit", netuid)
	s.owner = bytes.Equal(value[[]byte](state, "SubnetOwnerHotkey", netuid), hotkey[:])
	s.updates = value[[]any](state, "LastUpdate", s.index)
	if state.err == nil {
		s.permit = permits[s.uid].(bool)
	}
	return s, state.err
}

// reader reads items of SubtensorModule at a block; its error is sticky.
type reader struct {
	node *Node
	at   uint64
	err  error
}

func value[T any](r *reader, entry string, keys ...any) (out T) {
	if r.err == nil {
		out, r.err = get[T](r.node, r.at, "SubtensorModule", entry, keys...)
	}
	return out
}

// valueOr reads a number that older runtimes do not keep.
func valueOr(r *reader, absent uint64, entry string, keys ...any) uint64 {
	if !r.node.keeps(r.at, entry) {
		return absent
	}
	return value[uint64](r, entry, keys...)
}

// keeps reports whether the runtime of a block has that item of SubtensorModule.
func (n *Node) keeps(at uint64, entry string) bool {
	_, err := n.metadataAt(at).StorageEntry("SubtensorModule", entry)
	return err == nil
}

func (r *reader) rules(netuid uint16) subnet.WeightRules {
	return subnet.WeightRules{
		Tempo:          uint16(value[uint64](r, "Tempo", netuid)),
		RateLimit:      value[uint64](r, "WeightsSetRateLimit", netuid),
		CommitReveal:   value[bool](r, "CommitRevealWeightsEnabled", netuid),
		VersionKey:     value[uint64](r, "WeightsVersionKey", netuid),
		MinAllowed:     uint16(value[uint64](r, "MinAllowedWeights", netuid)),
		MaxWeight:      uint16(value[uint64](r, "MaxWeightsLimit", netuid)),
		RevealPeriod:   value[uint64](r, "RevealPeriodEpochs", netuid),
		CommitVersion:  uint16(valueOr(r, 0, "CommitRevealWeightsVersion")),
		Mechanisms:     uint8(valueOr(r, 1, "MechanismCountCurrent", netuid)),
		StakeThreshold: value[uint64](r, "StakeThreshold"),
	}
}

// arguments reads a call's decoded arguments; its error is sticky.
type arguments struct {
	of  map[string]any
	err error
}

func argument[T any](a *arguments, name string) (out T) {
	out, ok := a.of[name].(T)
	if !ok && a.err == nil {
		a.err = fmt.Errorf("%s is a %T", name, a.of[name])
	}
	return out
}

func (a *arguments) number(name string) uint64 { return argument[uint64](a, name) }
func (a *arguments) bytes(name string) []byte  { return argument[[]byte](a, name) }

// optional is a number that some calls lack: 0 then.
func (a *arguments) optional(name string) uint64 {
	if _, given := a.of[name]; !given {
		return 0
	}
	return a.number(name)
}

func (a *arguments) shorts(name string) []uint16 {
	list, err := shorts(a.of[name])
	if err != nil && a.err == nil {
		a.err = fmt.Errorf("%s: %w", name, err)
	}
	return list
}

// shorts reads a decoded Vec<u16>.
func shorts(v any) ([]uint16, error) {
	list, ok := v.([]any)
	if !ok {
		return nil, fmt.Errorf("a list is a %T", v)
	}
	out := make([]uint16, len(list))
	for i, member := range list {
		n, ok := member.(uint64)
		if !ok {
			return nil, fmt.Errorf("a member is a %T", member)
		}
		out[i] = uint16(n)
	}
	return out, nil
}
