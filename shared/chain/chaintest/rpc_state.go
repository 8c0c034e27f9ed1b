package chaintest

import (
	"fmt"
	"maps"
	"slices"

	"golang.org/x/crypto/blake2b"

	"github.com/affine-go/affine/shared/chain/extrinsic"
	"github.com/affine-go/affine/shared/chain/metadata"
	"github.com/affine-go/affine/shared/chain/scale"
)

// stateAt finds the block whose state parameter i asks for, and refuses in a node's
// words when the block is unknown or its state is gone.
func (n *Node) stateAt(p params, i int) (*block, error) {
	b, err := n.block(p, i)
	if err != nil {
		return nil, err
	}
	if b == nil {
		return nil, &rpcError{Code: 4003, Message: fmt.Sprintf("Client error: UnknownBlock: Header was not found in the database: %s", p[i])}
	}
	if b.number+uint64(n.cfg.KeepState) < n.chain.head {
		return nil, discarded(hashHex(b))
	}
	return b, nil
}

func discarded(hash string) *rpcError {
	return &rpcError{Code: 4003, Message: "Client error: UnknownBlock: State already discarded for " + hash}
}

func (n *Node) getStorage(p params) (any, error) {
	key, err := p.bytes(0)
	if err != nil {
		return nil, err
	}
	b, err := n.stateAt(p, 1)
	if err != nil {
		return nil, err
	}
	if value := n.state.get(b.number, key); value != nil {
		return toHex(value), nil
	}
	return nil, nil
}

// maxPage is how many keys a node gives at once.
const maxPage = 1000

func (n *Node) getKeysPaged(p params) (any, error) {
	prefix, err := p.bytes(0)
	if err != nil {
		return nil, err
	}
	var count int
	var startText string
	if err := p.into(1, &count); err != nil {
		return nil, err
	}
	if count < 0 || count > maxPage {
		return nil, &rpcError{Code: 4002, Message: fmt.Sprintf("count exceeds maximum value. value: %d, max: %d", count, maxPage)}
	}
	if err := p.into(2, &startText); err != nil {
		return nil, err
	}
	var start []byte
	if startText != "" {
		if start, err = p.bytes(2); err != nil {
			return nil, err
		}
	}
	b, err := n.stateAt(p, 3)
	if err != nil {
		return nil, err
	}
	found := n.state.keys(b.number, prefix, start, count)
	out := make([]string, len(found))
	for i, key := range found {
		out[i] = toHex([]byte(key))
	}
	return out, nil
}

// queryStorageAt leaves absent keys out of its answer, as a node does.
func (n *Node) queryStorageAt(p params) (any, error) {
	var names []string
	if err := p.into(0, &names); err != nil {
		return nil, err
	}
	b, err := n.stateAt(p, 1)
	if err != nil {
		return nil, err
	}
	changes, err := n.changes(b, names)
	if err != nil {
		return nil, err
	}
	return []any{map[string]any{"block": hashHex(b), "changes": changes}}, nil
}

func (n *Node) changes(b *block, names []string) ([][2]string, error) {
	changes := [][2]string{}
	for i, name := range names {
		key, err := fromHex(name)
		if err != nil {
			return nil, invalidParams("key %d: %v", i, err)
		}
		if value := n.state.get(b.number, key); value != nil {
			changes = append(changes, [2]string{name, toHex(value)})
		}
	}
	return changes, nil
}

func (n *Node) getMetadata(p params) (any, error) {
	if _, err := n.stateAt(p, 0); err != nil {
		return nil, err
	}
	return toHex(n.plainMetadata()), nil
}

// plainMetadata is what is told to those who name no version: 14 where there is one.
func (n *Node) plainMetadata() []byte {
	if raw, known := n.described[14]; known {
		return raw
	}
	return n.cfg.Metadata
}

func (n *Node) getRuntimeVersion(p params) (any, error) {
	b, err := n.stateAt(p, 0)
	if err != nil {
		return nil, err
	}
	return versionJSON(b.spec), nil
}

func versionJSON(spec uint32) map[string]any {
	apis := [][2]any{}
	for _, api := range []struct {
		name    string
		version int
	}{{"Core", 5}, {"Metadata", 2}, {"TaggedTransactionQueue", 3}, {"AccountNonceApi", 1}, {"NeuronInfoRuntimeApi", 1}} {
		apis = append(apis, [2]any{apiID(api.name), api.version})
	}
	return map[string]any{
		"specName": "node-subtensor", "implName": "node-subtensor", "authoringVersion": 1, "specVersion": spec,
		"implVersion": 1, "transactionVersion": 1, "stateVersion": 1, "apis": apis,
	}
}

// apiID is how a runtime's version names an API: the first eight bytes of its name's hash.
func apiID(name string) string {
	h, err := blake2b.New(8, nil)
	if err != nil {
		panic(err) // 8 is a size that BLAKE2b has
	}
	h.Write([]byte(name))
	return toHex(h.Sum(nil))
}

// stateCall runs a method of a runtime API.
func (n *Node) stateCall(p params) (any, error) {
	var name string
	if err := p.into(0, &name); err != nil {
		return nil, err
	}
	args, err := p.bytes(1)
	if err != nil {
		return nil, err
	}
	b, err := n.stateAt(p, 2)
	if err != nil {
		return nil, err
	}
	calls := map[string]func(*block, *scale.Decoder) ([]byte, error){
		"Metadata_metadata":                           n.callMetadata,
		"Metadata_metadata_at_version":                n.callMetadataAtVersion,
		"Metadata_metadata_versions":                  n.callMetadataVersions,
		"AccountNonceApi_account_nonce":               n.callNonce,
		"TaggedTransactionQueue_validate_transaction": n.callValidate,
		"NeuronInfoRuntimeApi_get_neurons_lite":       n.callNeurons,
	}
	run, known := calls[name]
	if !known {
		return nil, &rpcError{Code: 4003, Message: "Client error: Execution failed: Other: Exported method " + name + " is not found"}
	}
	answer, err := run(b, scale.NewDecoder(args))
	if err != nil {
		return nil, &rpcError{Code: 4003, Message: "Client error: Execution failed: " + err.Error()}
	}
	return toHex(answer), nil
}

func (n *Node) callMetadata(_ *block, d *scale.Decoder) ([]byte, error) {
	var e scale.Encoder
	e.Bytes(n.plainMetadata())
	return e.Data(), d.End()
}

func (n *Node) callMetadataAtVersion(_ *block, d *scale.Decoder) ([]byte, error) {
	version := d.U32()
	if err := d.End(); err != nil {
		return nil, err
	}
	var e scale.Encoder
	raw, known := n.described[uint8(min(version, 255))]
	if !known {
		e.U8(0)
		return e.Data(), nil
	}
	e.U8(1)
	e.Bytes(raw)
	return e.Data(), nil
}

func (n *Node) callMetadataVersions(_ *block, d *scale.Decoder) ([]byte, error) {
	var e scale.Encoder
	versions := slices.Sorted(maps.Keys(n.described))
	e.Compact(uint64(len(versions)))
	for _, v := range versions {
		e.U32(uint32(v))
	}
	return e.Data(), d.End()
}

func (n *Node) callNonce(b *block, d *scale.Decoder) ([]byte, error) {
	account := d.Raw(32)
	if err := d.End(); err != nil {
		return nil, err
	}
	nonce, err := n.nonce(b.number, [32]byte(account))
	return n.result("AccountNonceApi", "account_nonce", nonce, err)
}

// result encodes what a runtime API's method returns, by the node's own metadata.
func (n *Node) result(api, name string, value any, err error) ([]byte, error) {
	if err != nil {
		return nil, err
	}
	m, err := n.runtime.Metadata.RuntimeAPI(api, name)
	if err != nil {
		return nil, err
	}
	var e scale.Encoder
	err = n.runtime.Metadata.EncodeType(&e, m.Output, value)
	return e.Data(), err
}

// callValidate judges an extrinsic for the block to come, whatever block is named: the
// pool knows no other.
func (n *Node) callValidate(_ *block, d *scale.Decoder) ([]byte, error) {
	d.U8() // source: in a block, local or external, all judged alike
	framed := d.Raw(d.Remaining() - 32)
	d.Raw(32)
	if err := d.End(); err != nil {
		return nil, err
	}
	signed, err := extrinsic.Decode(n.runtime.Metadata, framed)
	if err != nil {
		return nil, err
	}
	invalid, err := n.judge(signed)
	var value any = metadata.Variant{Name: "Ok", Value: map[string]any{
		"priority": 0, "requires": []any{}, "provides": []any{[]byte(fmt.Sprintf("%x/%d", signed.Signer, signed.Nonce))}, "longevity": 64, "propagate": true,
	}}
	if invalid != nil {
		value = metadata.Variant{Name: "Err", Value: metadata.Variant{Name: "Invalid", Value: metadata.Variant{Name: invalid.name}}}
	}
	return n.result("TaggedTransactionQueue", "validate_transaction", value, err)
}

// callNeurons is get_neurons_lite: what the state of the block knows of each neuron,
// zeros for what this chain does not compute.
func (n *Node) callNeurons(b *block, d *scale.Decoder) ([]byte, error) {
	netuid := d.U16()
	if err := d.End(); err != nil {
		return nil, err
	}
	r := &reader{node: n, at: b.number}
	updates, permits := value[[]any](r, "LastUpdate", netuid), value[[]any](r, "ValidatorPermit", netuid)
	rows := make([]any, value[uint64](r, "SubnetworkN", netuid))
	for uid := range rows {
		account := value[[]byte](r, "Keys", netuid, uid)
		stake := value[uint64](r, "TotalHotkeyAlpha", account, netuid)
		if r.err != nil {
			return nil, r.err
		}
		rows[uid] = map[string]any{
			"hotkey": account, "coldkey": account, "uid": uid, "netuid": netuid, "active": true,
			"axon_info":       map[string]any{"block": 0, "version": 0, "ip": 0, "port": 0, "ip_type": 0, "protocol": 0, "placeholder1": 0, "placeholder2": 0},
			"prometheus_info": map[string]any{"block": 0, "version": 0, "ip": 0, "port": 0, "ip_type": 0},
			"stake":           []any{[]any{account, stake}},
			"rank":            0, "emission": 0, "incentive": 0, "consensus": 0, "trust": 0, "validator_trust": 0, "dividends": 0,
			"last_update": updates[uid], "validator_permit": permits[uid], "pruning_score": 0,
		}
	}
	return n.result("NeuronInfoRuntimeApi", "get_neurons_lite", rows, r.err)
}
