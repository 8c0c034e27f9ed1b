package chaintest

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/affine-go/affine/shared/chain/keys"
)

// params are the positional parameters of a request.
type params []json.RawMessage

// into decodes parameter i; an absent or null one leaves v as it is.
func (p params) into(i int, v any) error {
	if i >= len(p) || string(p[i]) == "null" {
		return nil
	}
	if err := json.Unmarshal(p[i], v); err != nil {
		return invalidParams("parameter %d: %v", i, err)
	}
	return nil
}

// bytes decodes parameter i as hex; it must be there.
func (p params) bytes(i int) ([]byte, error) {
	var text string
	if err := p.into(i, &text); err != nil {
		return nil, err
	}
	b, err := fromHex(text)
	if err != nil {
		return nil, invalidParams("parameter %d: %v", i, err)
	}
	return b, nil
}

func invalidParams(format string, args ...any) *rpcError {
	return &rpcError{Code: -32602, Message: "Invalid params", Data: fmt.Sprintf(format, args...)}
}

func fromHex(text string) ([]byte, error) {
	digits, found := strings.CutPrefix(text, "0x")
	if !found {
		return nil, fmt.Errorf("hex without 0x: %q", text)
	}
	return hex.DecodeString(digits)
}

// method answers one request; the node is locked meanwhile.
type method func(n *Node, p params) (any, error)

var methods = map[string]method{
	"system_health": func(*Node, params) (any, error) {
		return map[string]any{"peers": 0, "isSyncing": false, "shouldHavePeers": false}, nil
	},
	"system_chain":     func(n *Node, _ params) (any, error) { return n.cfg.Name, nil },
	"system_chainType": func(*Node, params) (any, error) { return "Development", nil },
	"system_name":      func(*Node, params) (any, error) { return "affine-chaintest", nil },
	"system_version":   func(*Node, params) (any, error) { return "1.0.0", nil },
	"system_properties": func(*Node, params) (any, error) {
		return map[string]any{"ss58Format": keys.Prefix, "tokenDecimals": 9, "tokenSymbol": "TAO"}, nil
	},
	"system_accountNextIndex": (*Node).accountNextIndex,

	"chain_getBlockHash":      (*Node).getBlockHash,
	"chain_getHeader":         (*Node).getHeader,
	"chain_getBlock":          (*Node).getBlock,
	"chain_getFinalizedHead":  func(n *Node, _ params) (any, error) { return hashHex(n.chain.at(n.chain.finalized)), nil },
	"chain_getRuntimeVersion": (*Node).getRuntimeVersion,

	"state_getRuntimeVersion": (*Node).getRuntimeVersion,
	"state_getMetadata":       (*Node).getMetadata,
	"state_getStorage":        (*Node).getStorage,
	"state_getKeysPaged":      (*Node).getKeysPaged,
	"state_queryStorageAt":    (*Node).queryStorageAt,
	"state_call":              (*Node).stateCall,

	"payment_queryInfo": (*Node).queryInfo,

	"author_submitExtrinsic":   (*Node).submitExtrinsic,
	"author_pendingExtrinsics": (*Node).pendingExtrinsics,
}

// dispatch executes one request. s is nil where there is no socket to subscribe over.
func (n *Node) dispatch(name string, p params, s *session) (any, error) {
	if name == "rpc_methods" {
		names := slices.Concat(slices.Collect(maps.Keys(methods)), slices.Collect(maps.Keys(subscriptions)))
		return map[string]any{"methods": slices.Sorted(slices.Values(names))}, nil
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.served[name]++
	if answer, known := methods[name]; known {
		return answer(n, p)
	}
	if s != nil {
		if result, known, err := s.subscription(name, p); known {
			return result, err
		}
	}
	return nil, &rpcError{Code: -32601, Message: "Method not found"}
}

// block finds the block that parameter i names by hash, the head when it is absent.
func (n *Node) block(p params, i int) (*block, error) {
	var text string
	if err := p.into(i, &text); err != nil {
		return nil, err
	}
	if text == "" {
		return n.chain.at(n.chain.head), nil
	}
	raw, err := fromHex(text)
	if err != nil || len(raw) != 32 {
		return nil, invalidParams("parameter %d: not a hash", i)
	}
	return n.chain.byHash[[32]byte(raw)], nil
}

func hashHex(b *block) string { return toHex(b.hash[:]) }

// getBlockHash takes a number, a list of numbers or nothing.
func (n *Node) getBlockHash(p params) (any, error) {
	hashOf := func(number uint64) any {
		if b := n.chain.at(number); b != nil {
			return hashHex(b)
		}
		return nil
	}
	var list []uint64
	if len(p) > 0 && json.Unmarshal(p[0], &list) == nil && list != nil {
		hashes := make([]any, len(list))
		for i, number := range list {
			hashes[i] = hashOf(number)
		}
		return hashes, nil
	}
	number := n.chain.head
	if err := p.into(0, &number); err != nil {
		return nil, err
	}
	return hashOf(number), nil
}

func (n *Node) getHeader(p params) (any, error) {
	b, err := n.block(p, 0)
	if err != nil || b == nil {
		return nil, err
	}
	return headerJSON(b), nil
}

func headerJSON(b *block) map[string]any {
	logs := make([]string, len(b.digest))
	for i, item := range b.digest {
		logs[i] = toHex(item)
	}
	return map[string]any{
		"parentHash": toHex(b.parent[:]), "number": fmt.Sprintf("%#x", b.number),
		"stateRoot": toHex(b.stateRoot[:]), "extrinsicsRoot": toHex(b.extrinsicsRoot[:]),
		"digest": map[string]any{"logs": logs},
	}
}

func (n *Node) getBlock(p params) (any, error) {
	b, err := n.block(p, 0)
	if err != nil || b == nil {
		return nil, err
	}
	return map[string]any{
		"block":          map[string]any{"header": headerJSON(b), "extrinsics": hexList(b.extrinsics)},
		"justifications": nil,
	}, nil
}

func hexList(list [][]byte) []string {
	out := make([]string, len(list))
	for i, raw := range list {
		out[i] = toHex(raw)
	}
	return out
}

func (n *Node) submitExtrinsic(p params) (any, error) {
	raw, err := p.bytes(0)
	if err != nil {
		return nil, err
	}
	hash, err := n.submit(raw)
	if err != nil {
		return nil, err
	}
	return toHex(hash[:]), nil
}

func (n *Node) pendingExtrinsics(params) (any, error) {
	list := make([][]byte, len(n.pool))
	for i, p := range n.pool {
		list[i] = p.raw
	}
	return hexList(list), nil
}

// accountNextIndex is the nonce after everything of the account that waits in the pool.
func (n *Node) accountNextIndex(p params) (any, error) {
	var address string
	if err := p.into(0, &address); err != nil {
		return nil, err
	}
	account, _, err := keys.ParseAddress(address)
	if err != nil {
		return nil, invalidParams("parameter 0: %v", err)
	}
	nonce, err := n.nonce(n.chain.head, account)
	if err != nil {
		return nil, err
	}
	for slices.ContainsFunc(n.pool, func(w *pooled) bool { return w.signed.Signer == account && w.signed.Nonce == nonce }) {
		nonce++
	}
	return nonce, nil
}
