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
// genesis and metadata. Metadata is read once per spec version.
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

func (c *Client) metadata(ctx context.Context, spec uint32, at string) (*metadata.Metadata, error) {
	c.mu.Lock()
	m, known := c.runtimes[spec]
	c.mu.Unlock()
	if known {
		return m, nil
	}
	text, err := c.metadataText(ctx, at)
	if err != nil {
		return nil, err
	}
	m, err = metadata.ParseText(text)
	if err != nil {
		return nil, fmt.Errorf("chain: metadata of spec %d: %w: %w", spec, ErrAnswer, err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.runtimes[spec] = m
	return m, nil
}

// metadataText asks for version 15, which alone describes the runtime APIs, and for
// the node's default where that is refused.
func (c *Client) metadataText(ctx context.Context, at string) (string, error) {
	const none = "0x00" // Option::None: the runtime has no such version
	var text string
	err := c.call(ctx, &text, "state_call", "Metadata_metadata_at_version", "0x0f000000", at)
	if err == nil && text != none {
		return text, nil
	}
	if refused := (*RPCError)(nil); err != nil && !errors.As(err, &refused) {
		return "", err
	}
	err = c.call(ctx, &text, "state_getMetadata", at)
	return text, err
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
