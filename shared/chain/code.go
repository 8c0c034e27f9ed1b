package chain

import (
	"bytes"
	"context"
	"errors"
	"fmt"
)

// ErrNoCode is wrapped when what a node hands out under ":code" is no runtime: nothing,
// too short or too long, or neither plain nor compressed WebAssembly.
var ErrNoCode = errors.New("not a runtime")

// Code is a runtime as the chain stores it.
type Code struct {
	Head        Head   // block whose state held it
	SpecName    string // "node-subtensor"
	SpecVersion uint32
	Wasm        []byte // as stored: see Compressed
	Compressed  bool   // Wasm is eight bytes of magic and a zstd frame, not the module itself
}

// Code reads the runtime's WebAssembly from the state of a block, given by hash, or of
// the newest finalized one when at is empty. The answer takes several megabytes.
func (c *Client) Code(ctx context.Context, at string) (Code, error) {
	head, err := c.codeBlock(ctx, at)
	if err != nil {
		return Code{}, err
	}
	out := Code{Head: head}
	var version struct {
		Name string `json:"specName"`
		Spec uint32 `json:"specVersion"`
	}
	if err := c.call(ctx, &version, "state_getRuntimeVersion", head.Hash); err != nil {
		return Code{}, err
	}
	out.SpecName, out.SpecVersion = version.Name, version.Spec
	var text *string
	if err := c.call(ctx, &text, "state_getStorage", toHex([]byte(":code")), head.Hash); err != nil {
		return Code{}, err
	}
	if text == nil {
		return Code{}, fmt.Errorf("chain: code at block %d: %w: the state has none", head.Number, ErrNoCode)
	}
	if out.Wasm, err = fromHex(*text); err == nil {
		out.Compressed, err = recogniseCode(out.Wasm)
	}
	if err != nil {
		return Code{}, fmt.Errorf("chain: code at block %d: %w", head.Number, err)
	}
	return out, nil
}

func (c *Client) codeBlock(ctx context.Context, at string) (Head, error) {
	if at == "" {
		return c.Finalized(ctx)
	}
	h, err := c.header(ctx, at)
	if err != nil {
		return Head{}, err
	}
	return Head{Number: h.number, Hash: at}, nil
}

// What a runtime begins with, and how long it may be. Substrate's own limit on a call is
// some 5 MB compressed; a plain module may be several times as long.
var (
	wasmMagic = []byte{0, 'a', 's', 'm', 1, 0, 0, 0}
	zstdMagic = []byte{0x52, 0xbc, 0x53, 0x76, 0x46, 0xdb, 0x8e, 0x05} // sp-maybe-compressed-blob's
	zstdFrame = []byte{0x28, 0xb5, 0x2f, 0xfd}
)

const (
	minCode = 64
	maxCode = 32 << 20
)

// recogniseCode refuses what cannot be a runtime and tells the two forms apart.
func recogniseCode(code []byte) (compressed bool, err error) {
	if len(code) < minCode || len(code) > maxCode {
		return false, fmt.Errorf("%w: %d bytes", ErrNoCode, len(code))
	}
	if bytes.HasPrefix(code, wasmMagic) {
		return false, nil
	}
	frame, found := bytes.CutPrefix(code, zstdMagic)
	if !found {
		return false, fmt.Errorf("%w: it begins with %x", ErrNoCode, code[:len(wasmMagic)])
	}
	if !bytes.HasPrefix(frame, zstdFrame) {
		return false, fmt.Errorf("%w: no zstd frame behind the magic of compressed code", ErrNoCode)
	}
	return true, nil
}
