package chaintest

import (
	"fmt"
	"slices"

	"github.com/affine-go/affine/shared/chain/extrinsic"
	"github.com/affine-go/affine/shared/subnet"
)

// submission is weights to be set, and by whom.
type submission struct {
	hotkey       [32]byte
	netuid       uint16
	mechanism    subnet.Mechanism
	uids, values []uint16
	versionKey   uint64
}

// setWeights is set_weights and set_mechanism_weights of SubtensorModule.
func (x *execution) setWeights(index int, signed *extrinsic.Signed) (*refusal, error) {
	a := arguments{of: signed.Args}
	s := &submission{
		hotkey: signed.Signer, netuid: uint16(a.number("netuid")), mechanism: subnet.Mechanism(a.optional("mecid")),
		uids: a.shorts("dests"), values: a.shorts("weights"), versionKey: a.number("version_key"),
	}
	if a.err != nil {
		return nil, fmt.Errorf("%s: %w", signed.Name, a.err)
	}
	sealed, err := get[bool](x.node, x.number, "SubtensorModule", "CommitRevealWeightsEnabled", s.netuid)
	if err != nil {
		return nil, err
	}
	if sealed {
		return &refusal{"SubtensorModule", "CommitRevealEnabled"}, nil
	}
	name, err := x.applyWeights(index, s)
	if name == "" {
		return nil, err
	}
	return &refusal{"SubtensorModule", name}, err
}

// applyWeights stores weights, or names the rule that is against it. Weights that were
// sealed come in here too, when they are opened: index is atStart then.
func (x *execution) applyWeights(index int, s *submission) (refused string, err error) {
	who, err := x.standing(s.netuid, s.mechanism, s.hotkey)
	if err != nil {
		return "", err
	}
	if refused = x.weightsRefused(s, who); refused != "" {
		return refused, nil
	}
	stored := make([]any, len(s.uids))
	for i, v := range upscale(s.values) {
		stored[i] = []any{s.uids[i], v}
	}
	if err := x.put("SubtensorModule", "Weights", stored, who.index, who.uid); err != nil {
		return "", err
	}
	if !who.rules.CommitReveal {
		if err := x.updated(who); err != nil {
			return "", err
		}
	}
	x.record(index, "SubtensorModule", "WeightsSet", []any{who.index, who.uid})
	return "", nil
}

// updated notes that a neuron has set or sealed weights in this block.
func (x *execution) updated(who *standing) error {
	who.updates[who.uid] = x.number
	return x.put("SubtensorModule", "LastUpdate", who.updates, who.index)
}

// weightsRefused checks the pallet's rules in the pallet's order and names the first
// that is broken. Its numbers are only compared after what they rest on was checked.
func (x *execution) weightsRefused(s *submission, who *standing) string {
	alone := len(s.uids) == 1 && who.registered && s.uids[0] == who.uid // a single weight on itself is always allowed
	switch {
	case s.netuid == 0:
		return "CanNotSetRootNetworkWeights"
	case len(s.uids) != len(s.values):
		return "WeightVecNotEqualSize"
	case !who.exists:
		return "MechanismDoesNotExist"
	case uint64(len(s.uids)) > who.neurons:
		return "UidsLengthExceedUidsInSubNet"
	case !who.registered:
		return "HotKeyNotRegisteredInSubNet"
	case who.stake < who.rules.StakeThreshold:
		return "NotEnoughStakeToSetWeights"
	case who.rules.VersionKey != 0 && s.versionKey < who.rules.VersionKey:
		return "IncorrectWeightVersionKey"
	case !who.rules.CommitReveal && x.tooFast(who):
		return "SettingWeightsTooFast"
	case !alone && !who.permit && !who.owner:
		return "NeuronNoValidatorPermit"
	case duplicate(s.uids):
		return "DuplicateUids"
	case slices.ContainsFunc(s.uids, func(uid uint16) bool { return uint64(uid) >= who.neurons }):
		return "UidVecContainInvalidOne"
	case !alone && uint64(len(s.uids)) < min(uint64(who.rules.MinAllowed), who.neurons):
		return "WeightVecLengthIsLow"
	case !alone && who.rules.MaxWeight != 65535 && !withinCeiling(upscale(s.values), who.rules.MaxWeight):
		return "MaxWeightExceeded"
	}
	return ""
}

// tooFast says whether the rate limit forbids a neuron to set or seal weights now. Who
// never did may.
func (x *execution) tooFast(who *standing) bool {
	limit := who.rules.RateLimit
	if x.node.switches.Lies {
		limit = x.node.switches.Limit
	}
	last := who.updates[who.uid].(uint64)
	return last != 0 && x.number-last < limit
}

func duplicate(uids []uint16) bool {
	sorted := slices.Sorted(slices.Values(uids))
	return len(slices.Compact(sorted)) != len(uids)
}

// Weights is a neuron's row as storage has it at the newest block.
func (n *Node) Weights(netuid subnet.Netuid, uid subnet.UID) (map[subnet.UID]uint16, error) {
	return n.MechanismWeights(netuid, 0, uid)
}

// MechanismWeights is a neuron's row for one mechanism, at the newest block.
func (n *Node) MechanismWeights(netuid subnet.Netuid, mechanism subnet.Mechanism, uid subnet.UID) (map[subnet.UID]uint16, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	list, err := get[[]any](n, n.chain.head, "SubtensorModule", "Weights", mechanism.Index(netuid), uint16(uid))
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
