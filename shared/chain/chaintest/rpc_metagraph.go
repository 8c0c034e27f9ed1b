package chaintest

import (
	"github.com/affine-go/affine/shared/chain/metadata"
	"github.com/affine-go/affine/shared/chain/scale"
	"github.com/affine-go/affine/shared/subnet"
)

// neurons is what the state of a block says of a subnet's neurons, by columns. A hotkey
// is its own coldkey here.
type neurons struct {
	accounts   [][]byte
	stakes     []uint64
	registered []uint64
	updates    []any
	permits    []any
}

func (r *reader) neurons(netuid uint16) neurons {
	count := value[uint64](r, "SubnetworkN", netuid)
	ns := neurons{updates: value[[]any](r, "LastUpdate", netuid), permits: value[[]any](r, "ValidatorPermit", netuid)}
	for uid := range uint16(count) {
		account := value[[]byte](r, "Keys", netuid, uid)
		ns.accounts = append(ns.accounts, account)
		ns.stakes = append(ns.stakes, value[uint64](r, "TotalHotkeyAlpha", account, netuid))
		ns.registered = append(ns.registered, value[uint64](r, "BlockAtRegistration", netuid, uid))
	}
	return ns
}

// callNeurons is get_neurons_lite: what the state of the block knows of each neuron,
// zeros for what this chain does not compute.
func (n *Node) callNeurons(b *block, d *scale.Decoder) ([]byte, error) {
	netuid := d.U16()
	if err := d.End(); err != nil {
		return nil, err
	}
	r := &reader{node: n, at: b.number}
	ns := r.neurons(netuid)
	if r.err != nil {
		return nil, r.err
	}
	rows := make([]any, len(ns.accounts))
	for uid, account := range ns.accounts {
		rows[uid] = map[string]any{
			"hotkey": account, "coldkey": account, "uid": uid, "netuid": netuid, "active": true,
			"axon_info":       map[string]any{"block": 0, "version": 0, "ip": 0, "port": 0, "ip_type": 0, "protocol": 0, "placeholder1": 0, "placeholder2": 0},
			"prometheus_info": map[string]any{"block": 0, "version": 0, "ip": 0, "port": 0, "ip_type": 0},
			"stake":           []any{[]any{account, ns.stakes[uid]}},
			"rank":            0, "emission": 0, "incentive": 0, "consensus": 0, "trust": 0, "validator_trust": 0, "dividends": 0,
			"last_update": ns.updates[uid], "validator_permit": ns.permits[uid], "pruning_score": 0,
		}
	}
	return b.result("NeuronInfoRuntimeApi", "get_neurons_lite", rows)
}

// parameters are a subnet's, under the names that both runtime APIs give them.
func parameters(r subnet.WeightRules) map[string]any {
	return map[string]any{
		"tempo": r.Tempo, "min_allowed_weights": r.MinAllowed, "max_weights_limit": r.MaxWeight,
		"weights_version": r.VersionKey, "weights_rate_limit": r.RateLimit,
		"commit_reveal_weights_enabled": r.CommitReveal, "commit_reveal_period": r.RevealPeriod,
	}
}

// callHyperparams is get_subnet_hyperparams.
func (n *Node) callHyperparams(b *block, d *scale.Decoder) ([]byte, error) {
	const api, name = "SubnetInfoRuntimeApi", "get_subnet_hyperparams"
	netuid := d.U16()
	if err := d.End(); err != nil {
		return nil, err
	}
	r := &reader{node: n, at: b.number}
	known := parameters(r.rules(netuid))
	if exists := value[bool](r, "NetworksAdded", netuid); !exists || r.err != nil {
		return []byte{0}, r.err
	}
	fields, err := b.fieldsOfSome(api, name)
	if err != nil {
		return nil, err
	}
	answer := make(map[string]any, len(fields))
	for _, f := range fields {
		var stated bool
		if answer[f.Name], stated = known[f.Name]; !stated {
			answer[f.Name] = b.runtime.least(f.Type)
		}
	}
	return b.result(api, name, answer)
}

// callMetagraph is get_selective_metagraph: the columns that are asked for, by their
// place among the answer's fields.
func (n *Node) callMetagraph(b *block, d *scale.Decoder) ([]byte, error) {
	const api, name = "SubnetInfoRuntimeApi", "get_selective_metagraph"
	netuid := d.U16()
	asked := make([]uint16, d.Len(2))
	for i := range asked {
		asked[i] = d.U16()
	}
	if err := d.End(); err != nil {
		return nil, err
	}
	r := &reader{node: n, at: b.number}
	if exists := value[bool](r, "NetworksAdded", netuid); !exists || r.err != nil {
		return []byte{0}, r.err
	}
	known, err := r.columns(netuid)
	if err != nil {
		return nil, err
	}
	fields, err := b.fieldsOfSome(api, name)
	if err != nil {
		return nil, err
	}
	answer := make(map[string]any, len(fields))
	for i, f := range fields {
		answer[f.Name] = nil
		if i == 0 {
			answer[f.Name] = 0 // like the rest, it is told when it is asked for
		}
	}
	for _, i := range asked {
		if int(i) >= len(fields) {
			continue // the chain passes over what it does not know
		}
		if i == 0 {
			answer[fields[i].Name] = netuid
			continue
		}
		var stated bool
		if answer[fields[i].Name], stated = known[fields[i].Name]; !stated {
			answer[fields[i].Name] = b.runtime.leastOfSome(fields[i].Type)
		}
	}
	return b.result(api, name, answer)
}

// fieldsOfSome are the fields of what a method returns an Option of.
func (b *block) fieldsOfSome(api, name string) ([]metadata.Field, error) {
	method, err := b.runtime.metadata.RuntimeAPI(api, name)
	if err != nil {
		return nil, err
	}
	option, err := b.runtime.metadata.Type(method.Output)
	if err != nil {
		return nil, err
	}
	t, err := b.runtime.metadata.Type(option.Variants[1].Fields[0].Type)
	if err != nil {
		return nil, err
	}
	return t.Fields, nil
}

// columns are the fields of the metagraph that this chain knows.
func (r *reader) columns(netuid uint16) (map[string]any, error) {
	rules := r.rules(netuid)
	ns := r.neurons(netuid)
	s, err := (&execution{node: r.node, number: r.at}).schedule(netuid)
	if err != nil || r.err != nil {
		return nil, err
	}
	zeros, active, validators := make([]int, len(ns.accounts)), make([]bool, len(ns.accounts)), []int{}
	for uid := range ns.accounts {
		active[uid] = true
		if ns.permits[uid] == true {
			validators = append(validators, uid)
		}
	}
	known := parameters(rules)
	for name, column := range map[string]any{
		"block": r.at, "last_step": value[uint64](r, "LastMechansimStepBlock", netuid), "blocks_since_last_step": s.since,
		"num_uids": len(ns.accounts), "max_uids": 256, "hotkeys": ns.accounts, "coldkeys": ns.accounts, "active": active,
		"validator_permit": ns.permits, "last_update": ns.updates, "block_at_registration": ns.registered,
		"alpha_stake": ns.stakes, "total_stake": ns.stakes, "validators": validators,
		"name": []byte("affine"), "symbol": []byte("α"), "commitments": r.commitments(netuid, ns),
	} {
		known[name] = column
	}
	for _, name := range []string{"pruning_score", "emission", "dividends", "incentives", "consensus", "trust", "rank", "tao_stake"} {
		known[name] = zeros
	}
	return known, r.err
}

// commitments are the encoded CommitmentOf records.
func (r *reader) commitments(netuid uint16, ns neurons) []any {
	list := []any{}
	for _, account := range ns.accounts {
		key, err := r.node.metadataAt(r.at).StorageKey("Commitments", "CommitmentOf", netuid, account)
		if err != nil {
			r.err = err
			return nil
		}
		if record := r.node.state.get(r.at, key); record != nil {
			list = append(list, []any{account, record})
		}
	}
	return list
}

// leastOfSome is the least value of what an Option holds. Where that is an Option too,
// it has to be said that it is there.
func (r *runtime) leastOfSome(option uint32) any {
	t, err := r.metadata.Type(option)
	if err != nil {
		return nil
	}
	least := r.least(t.Variants[1].Fields[0].Type)
	if least == nil {
		return metadata.Variant{Name: "Some"}
	}
	return least
}

// least is a type's value of zeros and nothing, for what the chain does not compute.
func (r *runtime) least(id uint32) any {
	t, err := r.metadata.Type(id)
	if err != nil {
		return nil
	}
	switch t.Kind {
	case metadata.Composite:
		return r.leastFields(t.Fields)
	case metadata.Sequence:
		return []any{}
	case metadata.Array:
		return make([]byte, t.Len)
	case metadata.Enum: // only Options, which may be None
		return nil
	case metadata.PrimitiveType:
		if t.Primitive == metadata.Bool {
			return false
		}
	}
	return 0
}

func (r *runtime) leastFields(fields []metadata.Field) any {
	if len(fields) == 1 && fields[0].Name == "" {
		return r.least(fields[0].Type)
	}
	values := make(map[string]any, len(fields))
	for _, f := range fields {
		values[f.Name] = r.least(f.Type)
	}
	return values
}
