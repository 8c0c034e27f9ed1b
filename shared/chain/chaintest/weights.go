package chaintest

import (
	"fmt"
	"slices"

	"github.com/affine-go/affine/shared/chain/extrinsic"
	"github.com/affine-go/affine/shared/subnet"
)

// submission is a set_weights call with what its rules need to know.
type submission struct {
	uids, values []uint16
	versionKey   uint64
	netuid       uint16
	hotkey       [32]byte

	uid          uint16 // of the hotkey
	registered   bool
	subnetExists bool
	neurons      uint64
	stake        uint64
	permit       bool
	lastUpdate   uint64
	updates      []any // LastUpdate of the whole subnet
	rules        subnet.WeightRules
}

// setWeights is SubtensorModule.set_weights.
func (x *execution) setWeights(index int, signed *extrinsic.Signed) (*refusal, error) {
	s, err := x.submission(signed)
	if err != nil {
		return nil, err
	}
	if name := x.weightsRefused(s); name != "" {
		return &refusal{"SubtensorModule", name}, nil
	}
	stored := make([]any, len(s.uids))
	for i, v := range upscale(s.values) {
		stored[i] = []any{s.uids[i], v}
	}
	if err := x.put("SubtensorModule", "Weights", stored, s.netuid, s.uid); err != nil {
		return nil, err
	}
	s.updates[s.uid] = x.number
	if err := x.put("SubtensorModule", "LastUpdate", s.updates, s.netuid); err != nil {
		return nil, err
	}
	x.record(index, "SubtensorModule", "WeightsSet", []any{s.netuid, s.uid})
	return nil, nil
}

// weightsRefused checks the pallet's rules in the pallet's order and names the first
// that is broken. Its numbers are only compared after what they rest on was checked.
func (x *execution) weightsRefused(s *submission) string {
	alone := len(s.uids) == 1 && s.registered && s.uids[0] == s.uid // a single weight on itself is always allowed
	limit := s.rules.RateLimit
	if x.node.enforced != nil {
		limit = *x.node.enforced
	}
	switch {
	case s.rules.CommitReveal:
		return "CommitRevealEnabled"
	case s.netuid == 0:
		return "CanNotSetRootNetworkWeights"
	case len(s.uids) != len(s.values):
		return "WeightVecNotEqualSize"
	case !s.subnetExists:
		return "MechanismDoesNotExist"
	case uint64(len(s.uids)) > s.neurons:
		return "UidsLengthExceedUidsInSubNet"
	case !s.registered:
		return "HotKeyNotRegisteredInSubNet"
	case s.stake < x.node.cfg.StakeThreshold:
		return "NotEnoughStakeToSetWeights"
	case s.rules.VersionKey != 0 && s.versionKey < s.rules.VersionKey:
		return "IncorrectWeightVersionKey"
	case s.lastUpdate != 0 && x.number-s.lastUpdate < limit:
		return "SettingWeightsTooFast"
	case !alone && !s.permit:
		return "NeuronNoValidatorPermit"
	case duplicate(s.uids):
		return "DuplicateUids"
	case slices.ContainsFunc(s.uids, func(uid uint16) bool { return uint64(uid) >= s.neurons }):
		return "UidVecContainInvalidOne"
	case !alone && uint64(len(s.uids)) < min(uint64(s.rules.MinAllowed), s.neurons):
		return "WeightVecLengthIsLow"
	case !alone && s.rules.MaxWeight != 65535 && !withinCeiling(upscale(s.values), s.rules.MaxWeight):
		return "MaxWeightExceeded"
	}
	return ""
}

func duplicate(uids []uint16) bool {
	sorted := slices.Sorted(slices.Values(uids))
	return len(slices.Compact(sorted)) != len(uids)
}

// submission gathers the call's arguments and the state that its rules look at.
func (x *execution) submission(signed *extrinsic.Signed) (*submission, error) {
	s := &submission{hotkey: signed.Signer}
	if err := s.arguments(signed.Args); err != nil {
		return nil, err
	}
	state := &reader{node: x.node, at: x.number}
	s.subnetExists = value[bool](state, "NetworksAdded", s.netuid)
	s.neurons = value[uint64](state, "SubnetworkN", s.netuid)
	s.rules = state.rules(s.netuid)
	uid, err := x.read("SubtensorModule", "Uids", s.netuid, signed.Signer[:])
	if err != nil {
		return nil, err
	}
	if uid == nil {
		return s, state.err
	}
	s.registered, s.uid = true, uint16(uid.(uint64))
	s.stake = value[uint64](state, "TotalHotkeyAlpha", signed.Signer[:], s.netuid)
	permits := value[[]any](state, "ValidatorPermit", s.netuid)
	s.updates = value[[]any](state, "LastUpdate", s.netuid)
	if state.err != nil {
		return nil, state.err
	}
	s.permit, s.lastUpdate = permits[s.uid].(bool), s.updates[s.uid].(uint64)
	return s, nil
}

func (s *submission) arguments(args map[string]any) error {
	netuid, ok := args["netuid"].(uint64)
	if !ok {
		return fmt.Errorf("set_weights: netuid is a %T", args["netuid"])
	}
	if s.versionKey, ok = args["version_key"].(uint64); !ok {
		return fmt.Errorf("set_weights: version_key is a %T", args["version_key"])
	}
	var err error
	s.netuid = uint16(netuid)
	if s.uids, err = shorts(args["dests"]); err == nil {
		s.values, err = shorts(args["weights"])
	}
	return err
}

// shorts reads a decoded Vec<u16>.
func shorts(v any) ([]uint16, error) {
	list, ok := v.([]any)
	if !ok {
		return nil, fmt.Errorf("set_weights: a list is a %T", v)
	}
	out := make([]uint16, len(list))
	for i, member := range list {
		n, ok := member.(uint64)
		if !ok {
			return nil, fmt.Errorf("set_weights: a member is a %T", member)
		}
		out[i] = uint16(n)
	}
	return out, nil
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

func (r *reader) rules(netuid uint16) subnet.WeightRules {
	return subnet.WeightRules{
		Tempo:        uint16(value[uint64](r, "Tempo", netuid)),
		RateLimit:    value[uint64](r, "WeightsSetRateLimit", netuid),
		CommitReveal: value[bool](r, "CommitRevealWeightsEnabled", netuid),
		VersionKey:   value[uint64](r, "WeightsVersionKey", netuid),
		MinAllowed:   uint16(value[uint64](r, "MinAllowedWeights", netuid)),
		MaxWeight:    uint16(value[uint64](r, "MaxWeightsLimit", netuid)),
	}
}

// Weights is a neuron's row as storage has it at the newest block.
func (n *Node) Weights(netuid subnet.Netuid, uid subnet.UID) (map[subnet.UID]uint16, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	list, err := get[[]any](n, n.chain.head, "SubtensorModule", "Weights", uint16(netuid), uint16(uid))
	if err != nil {
		return nil, fmt.Errorf("chaintest: %w", err)
	}
	row := make(map[subnet.UID]uint16, len(list))
	for _, entry := range list {
		pair, err := shorts(entry)
		if err != nil || len(pair) != 2 {
			return nil, fmt.Errorf("chaintest: weights of uid %d: an entry %v", uid, entry)
		}
		row[subnet.UID(pair[0])] = pair[1]
	}
	return row, nil
}
