package chain

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/affine-go/affine/shared/chain/extrinsic"
	"github.com/affine-go/affine/shared/chain/metadata"
	"github.com/affine-go/affine/shared/subnet"
)

// snapshot is the chain at one finalized block. All reads of a run go through one.
type snapshot struct {
	client *Client
	head   Head
	extrinsic.Context
}

func (c *Client) snapshot(ctx context.Context) (*snapshot, error) {
	head, err := c.Finalized(ctx)
	if err != nil {
		return nil, err
	}
	rt, err := c.Runtime(ctx, head.Hash)
	if err != nil {
		return nil, err
	}
	return &snapshot{client: c, head: head, Context: rt}, nil
}

// at is the chain at an older block than the snapshot's.
func (s *snapshot) at(ctx context.Context, number subnet.Block) (*snapshot, error) {
	head := Head{Number: number}
	if err := s.client.call(ctx, &head.Hash, "chain_getBlockHash", number); err != nil {
		return nil, err
	}
	if err := s.client.own(ctx, head); err != nil {
		return nil, err
	}
	rt, err := s.client.Runtime(ctx, head.Hash)
	if err != nil {
		return nil, err
	}
	return &snapshot{client: s.client, head: head, Context: rt}, nil
}

// own refuses a block whose header does not say that it has this number.
func (c *Client) own(ctx context.Context, at Head) error {
	h, err := c.header(ctx, at.Hash)
	if err == nil && h.number != at.Number {
		err = fmt.Errorf("chain: chain_getBlockHash: %w: block %s is number %d, want %d", ErrAnswer, at.Hash, h.number, at.Number)
	}
	return err
}

// maxKeys bounds how many storage keys one request names, or lists.
const maxKeys = 1000

// item is a storage item to be read, and where its decoded value goes.
type item struct {
	pallet, entry string
	keys          []any
	optional      bool // the runtime may lack the item; its value is nil then
	into          func(value any) error

	// fault takes what is wrong with the value when only those whom it concerns shall bear
	// it; nil makes the read fail.
	fault func(error)
}

// read fetches the items in as few requests as possible and hands each its value as
// metadata describes it; the default stands for an absent one. A node leaves absent
// items out of its answer, so the block's number, which is never absent, is read along:
// an empty answer, or that of another state, is not taken for a chain of defaults.
func (s *snapshot) read(ctx context.Context, items []item) error {
	items = append(items, item{pallet: "System", entry: "Number", into: func(v any) error {
		if v != uint64(s.head.Number) {
			return fmt.Errorf("the state is that of block %v", v)
		}
		return nil
	}})
	names := make([]string, len(items))
	wanted := make([]string, 0, len(items))
	for i, it := range items {
		key, err := s.Metadata.StorageKey(it.pallet, it.entry, it.keys...)
		if it.optional && errors.Is(err, metadata.ErrUnknown) {
			continue
		}
		if err != nil {
			return fmt.Errorf("chain: key of %s.%s: %w", it.pallet, it.entry, err)
		}
		names[i] = hex.EncodeToString(key)
		wanted = append(wanted, "0x"+names[i])
	}
	values, err := s.query(ctx, wanted)
	if err != nil {
		return err
	}
	for i, it := range items {
		err := s.hand(it, names[i], values)
		switch {
		case err == nil:
		case it.fault != nil:
			it.fault(err)
		default:
			return fmt.Errorf("chain: %s.%s at block %d: %w: %w", it.pallet, it.entry, s.head.Number, ErrAnswer, err)
		}
	}
	return nil
}

func (s *snapshot) hand(it item, name string, values map[string][]byte) error {
	if name == "" {
		return it.into(nil)
	}
	value, err := s.Metadata.DecodeStorage(it.pallet, it.entry, values[name])
	if err != nil {
		return err
	}
	return it.into(value)
}

// query reads keys by state_queryStorageAt; a key that is absent from the state is
// absent from the result. The result's keys are hex without 0x.
func (s *snapshot) query(ctx context.Context, keys []string) (map[string][]byte, error) {
	values := make(map[string][]byte, len(keys))
	for len(keys) > 0 {
		part := keys[:min(maxKeys, len(keys))]
		keys = keys[len(part):]
		var sets []struct {
			Block   string       `json:"block"`
			Changes [][2]*string `json:"changes"`
		}
		if err := s.client.call(ctx, &sets, "state_queryStorageAt", part, s.head.Hash); err != nil {
			return nil, err
		}
		for _, set := range sets {
			if !strings.EqualFold(set.Block, s.head.Hash) {
				return nil, fmt.Errorf("chain: state_queryStorageAt: %w: asked at %s, answered at %s", ErrAnswer, s.head.Hash, set.Block)
			}
			if err := collect(values, set.Changes); err != nil {
				return nil, fmt.Errorf("chain: state_queryStorageAt: %w", err)
			}
		}
	}
	return values, nil
}

func collect(values map[string][]byte, changes [][2]*string) error {
	for _, change := range changes {
		if change[0] == nil {
			return fmt.Errorf("%w: a value without a key", ErrAnswer)
		}
		if change[1] == nil {
			continue
		}
		value, err := fromHex(*change[1])
		if err != nil {
			return err
		}
		values[strings.ToLower(strings.TrimPrefix(*change[0], "0x"))] = value
	}
	return nil
}
