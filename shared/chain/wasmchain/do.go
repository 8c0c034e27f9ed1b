package wasmchain

import (
	"context"
	"fmt"
	"slices"

	"github.com/affine-go/affine/shared/chain/extrinsic"
	"github.com/affine-go/affine/shared/chain/keys"
	"github.com/affine-go/affine/shared/chain/metadata"
	"github.com/affine-go/affine/shared/chain/scale"
	"github.com/affine-go/affine/shared/subnet"
)

// Done is what became of a call.
type Done struct {
	Block   subnet.Block
	Failure string           // the dispatch error's name; empty on success
	Events  []metadata.Event // of this call alone
}

// Do has an account make a call, in a block that is made for it at once. The error says
// that the call could not be made; how it ended is for Done to say.
func (n *Node) Do(ctx context.Context, who *keys.Pair, pallet, call string, args map[string]any) (Done, error) {
	m := n.Metadata()
	encoded, err := m.EncodeCall(pallet, call, args)
	if err != nil {
		return Done{}, fmt.Errorf("%s.%s: %w", pallet, call, err)
	}
	done, err := n.do(ctx, who, encoded)
	if err != nil {
		return Done{}, fmt.Errorf("%s.%s: %w", pallet, call, err)
	}
	return done, nil
}

func (n *Node) do(ctx context.Context, who *keys.Pair, call []byte) (Done, error) {
	raw, err := n.sign(ctx, who, call)
	if err != nil {
		return Done{}, err
	}
	n.building.Lock()
	defer n.building.Unlock()
	v, err := n.judge(ctx, n.head(), raw)
	if err != nil {
		return Done{}, err
	}
	n.mu.Lock()
	err = n.pool.put(&pooled{raw, extrinsic.Hash(raw), v})
	n.mu.Unlock()
	if err != nil {
		return Done{}, err
	}
	if err := n.mine(ctx, 1); err != nil {
		return Done{}, err
	}
	return outcome(n.head(), raw)
}

// sign makes an extrinsic that never dies.
func (n *Node) sign(ctx context.Context, who *keys.Pair, call []byte) ([]byte, error) {
	nonce, err := n.nextNonce(ctx, who.Public())
	if err != nil {
		return nil, err
	}
	head := n.head()
	v := head.runtime.Version()
	at := extrinsic.Context{Metadata: head.described, SpecVersion: v.Spec, TxVersion: v.Transaction, Genesis: n.chain.at(0).Hash}
	opts := extrinsic.Options{Nonce: nonce}
	_, message, err := extrinsic.Payload(at, call, opts)
	if err != nil {
		return nil, err
	}
	signature, err := who.Sign(ctx, message)
	if err != nil {
		return nil, err
	}
	return extrinsic.Assemble(at, call, who.Public(), who.Kind(), signature, opts)
}

// outcome reads from a block's events how an extrinsic of its ended.
func outcome(e *entry, raw []byte) (Done, error) {
	done := Done{Block: subnet.Block(e.Number)}
	index := slices.IndexFunc(e.Extrinsics, func(in []byte) bool { return string(in) == string(raw) })
	if index < 0 {
		return done, fmt.Errorf("block %d has left it out", e.Number)
	}
	key, err := e.described.StorageKey("System", "Events")
	if err != nil {
		return done, err
	}
	events, err := e.described.DecodeEvents(e.state.Get(key))
	if err != nil {
		return done, fmt.Errorf("events of block %d: %w", e.Number, err)
	}
	for _, event := range events {
		if event.ExtrinsicIndex != index {
			continue
		}
		done.Events = append(done.Events, event)
		if event.Pallet == "System" && event.Name == "ExtrinsicFailed" {
			fields, _ := event.Fields.(map[string]any)
			done.Failure = e.described.DispatchError(fields["dispatch_error"])
		}
	}
	return done, nil
}

// Read is the decoded value of a storage item at the newest block, its default where
// nothing is stored. Errors wrap metadata.ErrUnknown when the runtime has no such item.
func (n *Node) Read(pallet, item string, keys ...any) (any, error) {
	head := n.head()
	key, err := head.described.StorageKey(pallet, item, keys...)
	if err != nil {
		return nil, err
	}
	return head.described.DecodeStorage(pallet, item, head.state.Get(key))
}

// Setting is a storage item and the value to give it.
type Setting struct {
	Pallet, Item string
	Keys         []any
	Value        any
}

// Set writes storage items, by the right of the account that holds sudo.
func (n *Node) Set(ctx context.Context, sudo *keys.Pair, settings ...Setting) error {
	m := n.Metadata()
	var items []any
	for _, s := range settings {
		entry, err := m.StorageEntry(s.Pallet, s.Item)
		if err != nil {
			return err
		}
		key, err := m.StorageKey(s.Pallet, s.Item, s.Keys...)
		if err != nil {
			return err
		}
		var value scale.Encoder
		if err := m.EncodeType(&value, entry.Value, s.Value); err != nil {
			return fmt.Errorf("%s.%s: %w", s.Pallet, s.Item, err)
		}
		items = append(items, []any{key, value.Data()})
	}
	return n.Sudo(ctx, sudo, "System", "set_storage", map[string]any{"items": items})
}

// Sudo makes a call by the right of the account that holds sudo. It fails when the call
// does.
func (n *Node) Sudo(ctx context.Context, sudo *keys.Pair, pallet, call string, args map[string]any) error {
	done, err := n.Do(ctx, sudo, "Sudo", "sudo", map[string]any{
		"call": metadata.Variant{Name: pallet, Value: metadata.Variant{Name: call, Value: args}},
	})
	if err != nil {
		return fmt.Errorf("%s.%s by sudo: %w", pallet, call, err)
	}
	if done.Failure == "" {
		done.Failure = n.sudoFailure(done.Events)
	}
	if done.Failure != "" {
		return fmt.Errorf("%s.%s by sudo: %s", pallet, call, done.Failure)
	}
	return nil
}

// sudoFailure is how the call within Sudo.sudo failed, which itself succeeds always.
func (n *Node) sudoFailure(events []metadata.Event) string {
	for _, e := range events {
		if e.Pallet != "Sudo" || e.Name != "Sudid" {
			continue
		}
		fields, _ := e.Fields.(map[string]any)
		if result, ok := fields["sudo_result"].(metadata.Variant); ok && result.Name == "Err" {
			return n.Metadata().DispatchError(result.Value)
		}
	}
	return ""
}
