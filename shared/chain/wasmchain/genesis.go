package wasmchain

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"golang.org/x/crypto/blake2b"

	"github.com/affine-go/affine/shared/chain/metadata"
	"github.com/affine-go/affine/shared/chain/rpcserver"
	"github.com/affine-go/affine/shared/chain/scale"
	"github.com/affine-go/affine/shared/chain/trie"
	"github.com/affine-go/affine/shared/chain/wasmhost"
)

// The well-known accounts of a development chain. Alice may do everything.
const (
	alice        = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY" // //Alice
	aliceGrandpa = "5FA9nQDVg267DEd8m1ZypXLBnvN7SFxYwV7ndqSYGiN9TTpu" // //Alice of ed25519
	bob          = "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty" // //Bob
	charlie      = "5FLSigC9HGRKVhB9FiEo4Y3koPsNmBmLJbpXg2mp1hXcS59Y" // //Charlie
)

// Development is a genesis for one person's chain: //Alice makes the blocks, holds sudo
// and, as do //Bob and //Charlie, a million TAO.
func Development() map[string]any {
	const million = 1_000_000_000_000_000 // rao
	return map[string]any{
		"aura":     map[string]any{"authorities": []any{alice}},
		"grandpa":  map[string]any{"authorities": []any{[]any{aliceGrandpa, 1}}},
		"sudo":     map[string]any{"key": alice},
		"balances": map[string]any{"balances": []any{[]any{alice, million}, []any{bob, million}, []any{charlie, million}}},
	}
}

// genesis makes block 0: the state that the runtime builds from its configuration.
func (n *Node) genesis(ctx context.Context, rt *wasmhost.Runtime) error {
	config, err := genesisConfig(ctx, rt, n.cfg.Genesis)
	if err != nil {
		return err
	}
	var args scale.Encoder
	args.Bytes(config)
	answer, state, err := rt.Call(ctx, wasmhost.State{}, "GenesisBuilder_build_state", args.Data())
	if err != nil {
		return err
	}
	if d := scale.NewDecoder(answer); d.U8() != 0 {
		return fmt.Errorf("the runtime refuses its configuration: %s", d.Str())
	}
	e := &entry{runtime: rt, state: state.With([]byte(":code"), n.cfg.Code)}
	if e.described, err = describe(ctx, rt, e.state); err != nil {
		return err
	}
	if err := n.setClock(ctx, e); err != nil {
		return err
	}
	if err := n.light(e); err != nil {
		return err
	}
	n.seal(e)
	n.chain.add(e, n.cfg.KeepState)
	return nil
}

// seal gives block 0 its header. All later headers are the runtime's work.
func (n *Node) seal(e *entry) {
	v := trie.Version(e.runtime.Version().State)
	e.Block = &rpcserver.Block{StateRoot: e.state.Root(v), ExtrinsicsRoot: trie.OrderedRoot(nil, v)}
	e.Hash = blake2b.Sum256(header(e.Block))
}

// genesisConfig is the runtime's default configuration with the patch merged in.
func genesisConfig(ctx context.Context, rt *wasmhost.Runtime, patch map[string]any) ([]byte, error) {
	const none = 0 // no preset of a name: the default
	answer, _, err := rt.Call(ctx, wasmhost.State{}, "GenesisBuilder_get_preset", []byte{none})
	if errors.Is(err, wasmhost.ErrMethod) {
		return nil, fmt.Errorf("a runtime without the API GenesisBuilder cannot begin a chain: %w", err)
	}
	if err != nil {
		return nil, err
	}
	d := scale.NewDecoder(answer)
	if !d.Bool() {
		return nil, errors.New("the runtime has no default configuration")
	}
	text := d.Bytes()
	if err := d.End(); err != nil {
		return nil, fmt.Errorf("the runtime's default configuration: %w", err)
	}
	// Numbers may be greater than a float64 can tell, so they stay text.
	var config map[string]any
	in := json.NewDecoder(bytes.NewReader(text))
	in.UseNumber()
	if err := in.Decode(&config); err != nil {
		return nil, fmt.Errorf("the runtime's default configuration: %w", err)
	}
	return json.Marshal(merge(config, patch))
}

// merge applies a JSON merge patch: objects are merged, null removes, all else replaces.
func merge(into, patch map[string]any) map[string]any {
	for name, value := range patch {
		fields, isObject := value.(map[string]any)
		old, wasObject := into[name].(map[string]any)
		switch {
		case value == nil:
			delete(into, name)
		case isObject && wasObject:
			into[name] = merge(old, fields)
		case isObject:
			into[name] = merge(make(map[string]any), fields)
		default:
			into[name] = value
		}
	}
	return into
}

// describe reads the metadata of a runtime, of version 15 where it has that.
func describe(ctx context.Context, rt *wasmhost.Runtime, state wasmhost.State) (*metadata.Metadata, error) {
	const wanted = 15
	answer, _, err := rt.Call(ctx, state, "Metadata_metadata_at_version", binary.LittleEndian.AppendUint32(nil, wanted))
	if err != nil {
		return nil, err
	}
	d := scale.NewDecoder(answer)
	if !d.Bool() {
		return nil, fmt.Errorf("the runtime has no metadata of version %d", wanted)
	}
	raw := d.Bytes()
	if err := d.End(); err != nil {
		return nil, fmt.Errorf("metadata: %w", err)
	}
	return metadata.Parse(raw)
}

// setClock learns how long the runtime's slots are and sets block 0's time, so that
// clients can tell the chain's time from the beginning.
func (n *Node) setClock(ctx context.Context, e *entry) error {
	answer, _, err := e.runtime.Call(ctx, e.state, "AuraApi_slot_duration", nil)
	if err != nil {
		return err
	}
	d := scale.NewDecoder(answer)
	slot := d.U64()
	if err := d.End(); err != nil || slot == 0 || slot > uint64(time.Hour/time.Millisecond) {
		return fmt.Errorf("slots of %d ms: %w", slot, errors.Join(err))
	}
	n.slot = time.Duration(slot) * time.Millisecond
	for _, item := range []struct {
		pallet, name string
		value        uint64
	}{
		{"Timestamp", "Now", uint64(genesisTime.UnixMilli())},
		{"Aura", "CurrentSlot", n.slotOf(0)},
	} {
		key, err := e.described.StorageKey(item.pallet, item.name)
		if err != nil {
			return err
		}
		e.state = e.state.With(key, binary.LittleEndian.AppendUint64(nil, item.value))
	}
	return nil
}
