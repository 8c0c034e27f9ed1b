package chain

import (
	"context"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"time"

	"golang.org/x/crypto/blake2b"

	"github.com/affine-go/affine/shared/chain/scale"
	"github.com/affine-go/affine/shared/subnet"
)

// Head is a block: its number and its hash, 0x-prefixed hex.
type Head struct {
	Number subnet.Block
	Hash   string
}

// maxLag is how far behind the newest finalized block that the client has seen an
// endpoint may be: some thirteen minutes on finney.
const maxLag = 64

// Finalized is the newest block that will never be undone. Its header is checked
// against its hash, so a node cannot pass off another number, and an endpoint that is far
// behind what was final before is left for another.
func (c *Client) Finalized(ctx context.Context) (Head, error) {
	var err error
	for range c.cfg.Attempts {
		head, failure := c.finalized(ctx)
		if failure != nil {
			return Head{}, failure
		}
		if err = c.keepsUp(head); err == nil {
			return head, nil
		}
	}
	return Head{}, err
}

// keepsUp leaves the endpoint in use when it is far behind. What was seen is forgotten once
// no endpoint has come near it for Config.Patience: it was not true, or is no longer.
func (c *Client) keepsUp(head Head) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.behind.IsZero() && time.Since(c.behind) > c.cfg.Patience {
		c.seen = head.Number
	}
	if head.Number+maxLag >= c.seen {
		c.seen, c.behind = max(c.seen, head.Number), time.Time{}
		return nil
	}
	if c.behind.IsZero() {
		c.behind = time.Now()
	}
	err := fmt.Errorf("%w: block %d is its newest finalized one, and %d was final before", ErrUnreachable, head.Number, c.seen)
	if c.link == nil {
		return fmt.Errorf("chain: %w", err)
	}
	c.link.end(err)
	return &CallError{Endpoint: c.link.endpoint, Method: "chain_getFinalizedHead", Err: err}
}

func (c *Client) finalized(ctx context.Context) (Head, error) {
	var hash string
	if err := c.call(ctx, &hash, "chain_getFinalizedHead"); err != nil {
		return Head{}, err
	}
	h, err := c.header(ctx, hash)
	if err != nil {
		return Head{}, err
	}
	return Head{Number: h.number, Hash: hash}, nil
}

// Head is the newest block, which may still be undone.
func (c *Client) Head(ctx context.Context) (Head, error) {
	var h header
	if err := c.call(ctx, &h, "chain_getHeader"); err != nil {
		return Head{}, err
	}
	hash, err := h.read()
	if err != nil {
		return Head{}, fmt.Errorf("chain: chain_getHeader: %w", err)
	}
	return Head{Number: h.number, Hash: hash}, nil
}

// header reads the header of the block with that hash.
func (c *Client) header(ctx context.Context, hash string) (header, error) {
	var h *header
	if err := c.call(ctx, &h, "chain_getHeader", hash); err != nil {
		return header{}, err
	}
	if h == nil {
		return header{}, fmt.Errorf("chain: chain_getHeader: %w: the node does not know block %s", ErrAnswer, hash)
	}
	if err := h.mustHash(hash); err != nil {
		return header{}, fmt.Errorf("chain: chain_getHeader: %w", err)
	}
	return *h, nil
}

// block is a block as chain_getBlock answers it.
type block struct {
	Header     header   `json:"header"`
	Extrinsics []string `json:"extrinsics"`
}

// block reads the block with that hash.
func (c *Client) block(ctx context.Context, hash string) (block, error) {
	var signed *struct {
		Block block `json:"block"`
	}
	if err := c.call(ctx, &signed, "chain_getBlock", hash); err != nil {
		return block{}, err
	}
	if signed == nil {
		return block{}, fmt.Errorf("chain: chain_getBlock: %w: the node does not know block %s", ErrAnswer, hash)
	}
	if err := signed.Block.Header.mustHash(hash); err != nil {
		return block{}, fmt.Errorf("chain: chain_getBlock: %w", err)
	}
	return signed.Block, nil
}

// header is a block header as JSON-RPC shows it.
type header struct {
	ParentHash     string `json:"parentHash"`
	Number         string `json:"number"`
	StateRoot      string `json:"stateRoot"`
	ExtrinsicsRoot string `json:"extrinsicsRoot"`
	Digest         struct {
		Logs []string `json:"logs"`
	} `json:"digest"`

	number subnet.Block // set by read
}

// mustHash refuses a header that is not that of the block with this hash.
func (h *header) mustHash(want string) error {
	got, err := h.read()
	if err != nil {
		return err
	}
	if !strings.EqualFold(got, want) {
		return fmt.Errorf("%w: the header of block %s hashes to %s", ErrAnswer, want, got)
	}
	return nil
}

// read sets the number and returns the hash: BLAKE2b-256 of the header in SCALE.
func (h *header) read() (string, error) {
	number, err := strconv.ParseUint(strings.TrimPrefix(h.Number, "0x"), 16, 32)
	if err != nil {
		return "", fmt.Errorf("%w: block number %q", ErrAnswer, h.Number)
	}
	h.number = subnet.Block(number)
	var e scale.Encoder
	if err := hexInto(&e, h.ParentHash); err != nil {
		return "", err
	}
	e.Compact(number)
	for _, field := range []string{h.StateRoot, h.ExtrinsicsRoot} {
		if err := hexInto(&e, field); err != nil {
			return "", err
		}
	}
	e.Compact(uint64(len(h.Digest.Logs)))
	for _, log := range h.Digest.Logs {
		if err := hexInto(&e, log); err != nil {
			return "", err
		}
	}
	sum := blake2b.Sum256(e.Data())
	return toHex(sum[:]), nil
}

func hexInto(e *scale.Encoder, text string) error {
	b, err := fromHex(text)
	if err != nil {
		return err
	}
	e.Raw(b)
	return nil
}

func toHex(b []byte) string { return "0x" + hex.EncodeToString(b) }

// fromHex reads hex with the 0x that JSON-RPC puts before all bytes.
func fromHex(text string) ([]byte, error) {
	digits, found := strings.CutPrefix(text, "0x")
	if !found {
		return nil, fmt.Errorf("%w: hex without 0x", ErrAnswer)
	}
	b, err := hex.DecodeString(digits)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrAnswer, err)
	}
	return b, nil
}

// hash32 reads a 32-byte hash.
func hash32(text string) (out [32]byte, err error) {
	b, err := fromHex(text)
	if err == nil && len(b) != len(out) {
		err = fmt.Errorf("%w: a hash of %d bytes", ErrAnswer, len(b))
	}
	copy(out[:], b)
	return out, err
}
