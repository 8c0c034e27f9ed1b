package rpcserver

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/affine-go/affine/shared/chain/scale"
)

// unknownBlock is the code of "Client error: UnknownBlock" and of failed executions.
const unknownBlock = 4003

// stateAt finds the block whose state parameter i asks for, and refuses in a node's words
// when the block is unknown or its state is gone.
func (s *Server) stateAt(p params, i int) (*Block, State, error) {
	b, err := s.block(p, i)
	if err != nil {
		return nil, nil, err
	}
	if b == nil {
		return nil, nil, &RefusalError{Code: unknownBlock, Message: fmt.Sprintf("Client error: UnknownBlock: Header was not found in the database: %s", p[i])}
	}
	state, err := s.chain.State(b)
	return b, state, gone(b, err)
}

// gone tells ErrDiscarded as a node does.
func gone(b *Block, err error) error {
	if errors.Is(err, ErrDiscarded) {
		return &RefusalError{Code: unknownBlock, Message: "Client error: UnknownBlock: State already discarded for " + toHex(b.Hash[:])}
	}
	return err
}

func (s *Server) getStorage(_ context.Context, p params) (any, error) {
	key, err := p.bytes(0)
	if err != nil {
		return nil, err
	}
	_, state, err := s.stateAt(p, 1)
	if err != nil {
		return nil, err
	}
	if value := state.Get(key); value != nil {
		return toHex(value), nil
	}
	return nil, nil
}

// maxPage is how many keys a node gives at once.
const maxPage = 1000

func (s *Server) getKeysPaged(_ context.Context, p params) (any, error) {
	prefix, err := p.bytes(0)
	if err != nil {
		return nil, err
	}
	var count int
	var startText string
	if err := errors.Join(p.into(1, &count), p.into(2, &startText)); err != nil {
		return nil, err
	}
	if count < 0 || count > maxPage {
		return nil, &RefusalError{Code: 4002, Message: fmt.Sprintf("count exceeds maximum value. value: %d, max: %d", count, maxPage)}
	}
	var start []byte
	if startText != "" {
		if start, err = p.bytes(2); err != nil {
			return nil, err
		}
	}
	_, state, err := s.stateAt(p, 3)
	if err != nil {
		return nil, err
	}
	found := []string{}
	for key := range state.Keys(prefix, start) {
		if len(found) == count {
			break
		}
		found = append(found, toHex(key))
	}
	return found, nil
}

// queryStorageAt leaves absent keys out of its answer, as a node does.
func (s *Server) queryStorageAt(_ context.Context, p params) (any, error) {
	var names []string
	if err := p.into(0, &names); err != nil {
		return nil, err
	}
	b, state, err := s.stateAt(p, 1)
	if err != nil {
		return nil, err
	}
	wanted, err := keysOf(names)
	if err != nil {
		return nil, err
	}
	changes := [][2]string{}
	for i, key := range wanted {
		if value := state.Get(key); value != nil {
			changes = append(changes, [2]string{names[i], toHex(value)})
		}
	}
	return []any{map[string]any{"block": toHex(b.Hash[:]), "changes": changes}}, nil
}

func keysOf(names []string) ([][]byte, error) {
	list := make([][]byte, len(names))
	for i, name := range names {
		var err error
		if list[i], err = fromHex(name); err != nil {
			return nil, invalidParams("key %d: %v", i, err)
		}
	}
	return list, nil
}

func (s *Server) getRuntimeVersion(_ context.Context, p params) (any, error) {
	b, _, err := s.stateAt(p, 0)
	if err != nil {
		return nil, err
	}
	v, err := s.chain.Version(b)
	if err != nil {
		return nil, gone(b, err)
	}
	return versionJSON(v), nil
}

func versionJSON(v Version) map[string]any {
	apis := [][2]any{}
	for _, api := range v.APIs {
		apis = append(apis, [2]any{toHex(api.ID[:]), api.Version})
	}
	return map[string]any{
		"specName": v.SpecName, "implName": v.ImplName, "authoringVersion": v.Authoring, "specVersion": v.Spec,
		"implVersion": v.Impl, "transactionVersion": v.Transaction, "stateVersion": v.StateVersion, "apis": apis,
	}
}

// getMetadata answers with what the runtime tells those who name no version.
func (s *Server) getMetadata(ctx context.Context, p params) (any, error) {
	b, _, err := s.stateAt(p, 0)
	if err != nil {
		return nil, err
	}
	answer, err := s.chain.Call(ctx, b, "Metadata_metadata", nil)
	if err != nil {
		return nil, broken(err)
	}
	d := scale.NewDecoder(answer)
	raw := d.Bytes()
	return toHex(raw), d.End()
}

// stateCall runs a method of a runtime API.
func (s *Server) stateCall(ctx context.Context, p params) (any, error) {
	var name string
	if err := p.into(0, &name); err != nil {
		return nil, err
	}
	args, err := p.bytes(1)
	if err != nil {
		return nil, err
	}
	b, _, err := s.stateAt(p, 2)
	if err != nil {
		return nil, err
	}
	answer, err := s.chain.Call(ctx, b, name, args)
	if err != nil {
		return nil, broken(gone(b, err))
	}
	return toHex(answer), nil
}

// queryInfo tells what an extrinsic would cost.
func (s *Server) queryInfo(ctx context.Context, p params) (any, error) {
	raw, err := p.bytes(0)
	if err != nil {
		return nil, err
	}
	b, _, err := s.stateAt(p, 1)
	if err != nil {
		return nil, err
	}
	answer, err := s.chain.Call(ctx, b, "TransactionPaymentApi_query_info", binary.LittleEndian.AppendUint32(slices.Clip(raw), uint32(len(raw))))
	if err != nil {
		return nil, &RefusalError{Code: 1002, Message: "Verification Error: Runtime error: Could not decode `UncheckedExtrinsic`", Data: err.Error()}
	}
	d := scale.NewDecoder(answer)
	refTime, proofSize, class, fee := d.Compact(), d.Compact(), int(d.U8()), d.U64()
	classes := []string{"normal", "operational", "mandatory"}
	if err := d.End(); err != nil || class >= len(classes) {
		return nil, fmt.Errorf("what an extrinsic costs, of class %d: %w", class, err)
	}
	return map[string]any{
		"weight": map[string]any{"ref_time": refTime, "proof_size": proofSize}, "class": classes[class], "partialFee": strconv.FormatUint(fee, 10),
	}, nil
}

// broken tells of a call that the runtime did not bring to its end.
func broken(err error) error {
	if refused := (*RefusalError)(nil); errors.As(err, &refused) {
		return err
	}
	return &RefusalError{Code: unknownBlock, Message: "Client error: Execution failed: " + err.Error()}
}
