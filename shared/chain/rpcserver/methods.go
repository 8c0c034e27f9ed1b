package rpcserver

import (
	"context"
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

func invalidParams(format string, args ...any) *RefusalError {
	return &RefusalError{Code: -32602, Message: "Invalid params", Data: fmt.Sprintf(format, args...)}
}

func fromHex(text string) ([]byte, error) {
	digits, found := strings.CutPrefix(text, "0x")
	if !found {
		return nil, fmt.Errorf("hex without 0x: %.20q", text)
	}
	return hex.DecodeString(digits)
}

func toHex(b []byte) string { return "0x" + hex.EncodeToString(b) }

func hexList(list [][]byte) []string {
	out := make([]string, len(list))
	for i, raw := range list {
		out[i] = toHex(raw)
	}
	return out
}

// method answers one request.
type method func(s *Server, ctx context.Context, p params) (any, error)

var methods = map[string]method{
	"system_health": constant(map[string]any{"peers": 0, "isSyncing": false, "shouldHavePeers": false}),
	"system_chain":  func(s *Server, _ context.Context, _ params) (any, error) { return s.chain.Name(), nil },
	"system_name":   func(s *Server, _ context.Context, _ params) (any, error) { return s.software, nil },

	"system_chainType":        constant("Development"),
	"system_version":          constant("1.0.0"),
	"system_properties":       constant(map[string]any{"ss58Format": keys.Prefix, "tokenDecimals": 9, "tokenSymbol": "TAO"}),
	"system_accountNextIndex": (*Server).accountNextIndex,

	"chain_getBlockHash":      (*Server).getBlockHash,
	"chain_getHeader":         (*Server).getHeader,
	"chain_getBlock":          (*Server).getBlock,
	"chain_getFinalizedHead":  (*Server).getFinalizedHead,
	"chain_getRuntimeVersion": (*Server).getRuntimeVersion,

	"state_getRuntimeVersion": (*Server).getRuntimeVersion,
	"state_getMetadata":       (*Server).getMetadata,
	"state_getStorage":        (*Server).getStorage,
	"state_getKeysPaged":      (*Server).getKeysPaged,
	"state_queryStorageAt":    (*Server).queryStorageAt,
	"state_call":              (*Server).stateCall,

	"payment_queryInfo": (*Server).queryInfo,

	"author_submitExtrinsic":   (*Server).submitExtrinsic,
	"author_pendingExtrinsics": func(s *Server, _ context.Context, _ params) (any, error) { return hexList(s.chain.Pending()), nil },
}

func constant(answer any) method {
	return func(*Server, context.Context, params) (any, error) { return answer, nil }
}

// dispatch executes one request. on is nil where there is no socket to subscribe over.
func (s *Server) dispatch(ctx context.Context, name string, p params, on *session) (any, error) {
	if name == "rpc_methods" {
		names := slices.Concat(slices.Collect(maps.Keys(methods)), slices.Collect(maps.Keys(subscriptions)), subscriptionEnds)
		return map[string]any{"methods": slices.Sorted(slices.Values(names))}, nil
	}
	defer s.lock()()
	if s.hooks.Asked != nil {
		s.hooks.Asked(name)
	}
	if answer, known := methods[name]; known {
		return answer(s, ctx, p)
	}
	if on != nil {
		if result, known, err := on.subscription(ctx, name, p); known {
			return result, err
		}
	}
	return nil, &RefusalError{Code: -32601, Message: "Method not found"}
}

// block finds the block that parameter i names by hash, the newest when it is absent and
// nil when there is none of that hash.
func (s *Server) block(p params, i int) (*Block, error) {
	var text string
	if err := p.into(i, &text); err != nil {
		return nil, err
	}
	if text == "" {
		newest, _, _ := s.chain.Heads()
		return newest, nil
	}
	raw, err := fromHex(text)
	if err != nil || len(raw) != 32 {
		return nil, invalidParams("parameter %d: not a hash", i)
	}
	return s.chain.ByHash([32]byte(raw)), nil
}

// getBlockHash takes a number, a list of numbers or nothing.
func (s *Server) getBlockHash(_ context.Context, p params) (any, error) {
	hashOf := func(number uint64) any {
		if b := s.chain.At(number); b != nil {
			return toHex(b.Hash[:])
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
	newest, _, _ := s.chain.Heads()
	number := newest.Number
	if err := p.into(0, &number); err != nil {
		return nil, err
	}
	return hashOf(number), nil
}

func (s *Server) getFinalizedHead(context.Context, params) (any, error) {
	_, finalized, _ := s.chain.Heads()
	return toHex(finalized.Hash[:]), nil
}

func (s *Server) getHeader(_ context.Context, p params) (any, error) {
	b, err := s.block(p, 0)
	if err != nil || b == nil {
		return nil, err
	}
	return headerJSON(b), nil
}

func headerJSON(b *Block) map[string]any {
	return map[string]any{
		"parentHash": toHex(b.Parent[:]), "number": fmt.Sprintf("%#x", b.Number),
		"stateRoot": toHex(b.StateRoot[:]), "extrinsicsRoot": toHex(b.ExtrinsicsRoot[:]),
		"digest": map[string]any{"logs": hexList(b.Digest)},
	}
}

func (s *Server) getBlock(_ context.Context, p params) (any, error) {
	b, err := s.block(p, 0)
	if err != nil || b == nil {
		return nil, err
	}
	return map[string]any{
		"block":          map[string]any{"header": headerJSON(b), "extrinsics": hexList(b.Extrinsics)},
		"justifications": nil,
	}, nil
}

// submit hands the chain the extrinsic that is the first parameter.
func (s *Server) submit(ctx context.Context, p params) (hash [32]byte, err error) {
	raw, err := p.bytes(0)
	if err != nil {
		return hash, err
	}
	return s.chain.Submit(ctx, raw)
}

func (s *Server) submitExtrinsic(ctx context.Context, p params) (any, error) {
	hash, err := s.submit(ctx, p)
	if err != nil {
		return nil, err
	}
	return toHex(hash[:]), nil
}

func (s *Server) accountNextIndex(ctx context.Context, p params) (any, error) {
	var address string
	if err := p.into(0, &address); err != nil {
		return nil, err
	}
	account, _, err := keys.ParseAddress(address)
	if err != nil {
		return nil, invalidParams("parameter 0: %v", err)
	}
	return s.chain.NextNonce(ctx, account)
}
