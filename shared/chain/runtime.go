package chain

import (
	"context"
	"errors"
	"fmt"

	"github.com/affine-go/affine/shared/chain/extrinsic"
	"github.com/affine-go/affine/shared/chain/keys"
	"github.com/affine-go/affine/shared/chain/metadata"
	"github.com/affine-go/affine/shared/chain/scale"
	"github.com/affine-go/affine/shared/subnet"
)

// Runtime describes the runtime in force at the block with that hash: versions,
// genesis and metadata. Metadata is read once per spec version (Config.Metadata).
func (c *Client) Runtime(ctx context.Context, at string) (extrinsic.Context, error) {
	var version struct {
		Spec uint32 `json:"specVersion"`
		Tx   uint32 `json:"transactionVersion"`
	}
	if err := c.call(ctx, &version, "state_getRuntimeVersion", at); err != nil {
		return extrinsic.Context{}, err
	}
	genesis, err := hash32(c.Genesis())
	if err != nil {
		return extrinsic.Context{}, fmt.Errorf("chain: genesis: %w", err)
	}
	m, err := c.metadata(ctx, version.Spec, at)
	if err != nil {
		return extrinsic.Context{}, err
	}
	return extrinsic.Context{Metadata: m, SpecVersion: version.Spec, TxVersion: version.Tx, Genesis: genesis}, nil
}

// metadata returns the description of the runtime of a block.
func (c *Client) metadata(ctx context.Context, spec uint32, at string) (*metadata.Metadata, error) {
	key := descriptionKey(c.Genesis(), spec)
	if m := c.cfg.Metadata.find(ctx, key, spec); m != nil {
		return m, nil
	}
	raw, err := c.fetchMetadata(ctx, at)
	if err != nil {
		return nil, err
	}
	m, err := metadata.Parse(raw)
	if err != nil {
		return nil, fmt.Errorf("chain: metadata of spec %d: %w: %w", spec, ErrAnswer, err)
	}
	c.cfg.Metadata.keep(ctx, key, raw, m)
	return m, nil
}

// fetchMetadata asks for versions 16 and 15, which alone describe the runtime APIs, and
// for the node's default where the runtime has neither.
func (c *Client) fetchMetadata(ctx context.Context, at string) ([]byte, error) {
	for _, version := range []byte{16, 15} {
		raw, err := c.stateCall(ctx, "Metadata_metadata_at_version", []byte{version, 0, 0, 0}, at)
		if refused := (*RPCError)(nil); errors.As(err, &refused) && !errors.Is(err, ErrDiscarded) {
			break // a runtime that knows no versions
		}
		if err != nil {
			return nil, err
		}
		if none := len(raw) == 1 && raw[0] == 0; !none {
			return raw, nil
		}
	}
	var text string
	if err := c.call(ctx, &text, "state_getMetadata", at); err != nil {
		return nil, err
	}
	raw, err := fromHex(text)
	if err != nil {
		return nil, fmt.Errorf("chain: state_getMetadata: %w", err)
	}
	return raw, nil
}

// Nonce is the account's next nonce by the state of the newest block, whatever waits
// in the pool. Two extrinsics signed before either is included thus share a nonce,
// and the chain accepts one of them only.
func (c *Client) Nonce(ctx context.Context, hotkey subnet.Hotkey) (uint32, error) {
	return c.nonce(ctx, hotkey)
}

// nonce is Nonce, at the newest block unless at names another.
func (c *Client) nonce(ctx context.Context, hotkey subnet.Hotkey, at ...any) (uint32, error) {
	account, _, err := keys.ParseAddress(string(hotkey))
	if err != nil {
		return 0, fmt.Errorf("chain: nonce: %w", err)
	}
	answer, err := c.stateCall(ctx, "AccountNonceApi_account_nonce", account[:], at...)
	if err != nil {
		return 0, err
	}
	d := scale.NewDecoder(answer)
	nonce := d.U32()
	if err := d.End(); err != nil {
		return 0, fmt.Errorf("chain: nonce of %s: %w: %w", hotkey, ErrAnswer, err)
	}
	return nonce, nil
}

// stateCall runs a runtime API's method, at the newest block unless at names another.
func (c *Client) stateCall(ctx context.Context, method string, args []byte, at ...any) ([]byte, error) {
	var text string
	params := append([]any{method, toHex(args)}, at...)
	if err := c.call(ctx, &text, "state_call", params...); err != nil {
		return nil, err
	}
	answer, err := fromHex(text)
	if err != nil {
		return nil, fmt.Errorf("chain: state_call %s: %w", method, err)
	}
	return answer, nil
}
