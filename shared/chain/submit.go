package chain

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/affine-go/affine/shared/chain/extrinsic"
	"github.com/affine-go/affine/shared/chain/scale"
	"github.com/affine-go/affine/shared/subnet"
)

// Errors of Submit that a caller decides by.
var (
	// ErrRefused: the node did not take the extrinsic, and it is in no block. The text
	// says why. The same bytes may be tried again while their era lasts.
	ErrRefused = errors.New("extrinsic refused")

	// ErrExpired: the extrinsic's era has ended, finally, without it. The bytes are dead.
	ErrExpired = errors.New("extrinsic expired")

	// ErrStalled: the finalized head has stood still for Config.Patience. The
	// extrinsic may still be included.
	ErrStalled = errors.New("finality stands still")
)

// Submit sends a signed extrinsic (0x-prefixed hex) and follows it until it is in a
// finalized block; the result says how its dispatch ended there. Only finalized blocks
// are looked at, so a block that is undone later is never taken for the end.
//
// Sending the same bytes again is safe: when the chain says that it has them, or that
// their nonce has been used, the blocks since their era's birth are searched. Errors
// wrap ErrRefused, ErrExpired, ErrStalled, ErrUnreachable or the context's error; after
// the last three it is open whether the extrinsic will be included. A refusal also wraps a
// *subnet.OutdatedError when the bytes do not fit the finalized runtime; a block before it
// may have included them.
func (c *Client) Submit(ctx context.Context, text string) (subnet.Inclusion, error) {
	raw, err := fromHex(text)
	if err != nil {
		return subnet.Inclusion{}, fmt.Errorf("chain: submit: %w: not an extrinsic: %w", ErrRefused, err)
	}
	s, err := c.snapshot(ctx)
	if err != nil {
		return subnet.Inclusion{}, err
	}
	signed, err := extrinsic.Decode(s.Metadata, raw)
	if err != nil {
		return subnet.Inclusion{}, s.outdated(err)
	}
	f, err := s.follow(ctx, raw, signed)
	if err != nil {
		return subnet.Inclusion{}, err
	}
	refusal, err := f.send(ctx, raw)
	if err != nil {
		return subnet.Inclusion{}, err
	}
	if refusal == nil {
		return f.wait(ctx)
	}
	return f.explain(ctx, refusal)
}

// send has the node validate the extrinsic, where it offers that, and then submits it.
// The refusal is nil when the node has the extrinsic now.
func (f *following) send(ctx context.Context, raw []byte) (refusal *RPCError, err error) {
	const alreadyImported = 1013
	if err = f.client.preflight(ctx, raw, f.head); err == nil {
		err = f.client.call(ctx, nil, "author_submitExtrinsic", toHex(raw))
	}
	if errors.As(err, &refusal) {
		if refusal.Code == alreadyImported {
			return nil, nil
		}
		return refusal, nil
	}
	return nil, err
}

// stale is how a node says that the nonce has been used.
const stale = "Transaction is outdated"

// invalid are the texts of InvalidTransaction's variants, which the validating runtime
// API answers by number and the pool by these texts.
var invalid = []string{
	0: "Transaction call is not expected",
	1: "Inability to pay some fees (e.g. account balance too low)",
	2: "Transaction will be valid in the future",
	3: stale,
	4: "Transaction has a bad signature",
	5: "Transaction has an ancient birth block",
	6: "Transaction would exhaust the block limits",
	7: "Custom error",
}

// preflight asks the runtime what it thinks of the extrinsic, before anything is
// broadcast. A refusal comes back as the RPCError that the pool would have answered.
func (c *Client) preflight(ctx context.Context, raw []byte, head Head) error {
	hash, err := hash32(head.Hash)
	if err != nil {
		return err
	}
	const external = 0x02 // TransactionSource
	args := append(append([]byte{external}, raw...), hash[:]...)
	answer, err := c.stateCall(ctx, "TaggedTransactionQueue_validate_transaction", args, head.Hash)
	if refused := (*RPCError)(nil); errors.As(err, &refused) {
		return nil // the node does not offer it; submitting will tell
	}
	if err != nil {
		return err
	}
	return validity(answer)
}

// validity reads a TransactionValidity: 0 for valid; 1, 0, variant for invalid (variant
// 7 with a code of the runtime's own); 1, 1, variant for what could not be told.
func validity(answer []byte) error {
	d := scale.NewDecoder(answer)
	if d.U8() == 0 && d.Err() == nil {
		return nil
	}
	kind, variant := d.U8(), d.U8()
	if d.Err() != nil {
		return fmt.Errorf("chain: validate_transaction: %w: %w", ErrAnswer, d.Err())
	}
	if kind != 0 {
		return nil // unknown validity: let the pool decide
	}
	text := fmt.Sprintf("InvalidTransaction variant %d", variant)
	if int(variant) < len(invalid) {
		text = invalid[variant]
	}
	switch variant {
	case 2:
		return nil // the pool keeps it until its nonce's turn
	case 7:
		text = fmt.Sprintf("%s: %d", text, d.U8())
	}
	return &RPCError{Code: 1010, Message: "Invalid Transaction", Data: fmt.Appendf(nil, "%q", text)}
}

// following is the search for one extrinsic.
type following struct {
	client *Client
	hash   [32]byte
	head   Head         // newest block when the search began
	birth  subnet.Block // first block that may hold it
	death  subnet.Block // first block that may not
	next   subnet.Block // first block not yet searched
}

// lives is how many past lives of an era are tried for one that the signature fits.
const lives = 4

// follow prepares the search. An era says only where in its period it begins; the
// signature tells in which period, because it covers the hash of the birth block.
func (s *snapshot) follow(ctx context.Context, raw []byte, signed *extrinsic.Signed) (*following, error) {
	head, err := s.client.Head(ctx)
	if err != nil {
		return nil, err
	}
	f := &following{client: s.client, hash: extrinsic.Hash(raw), head: head, birth: 1, death: math.MaxUint64, next: s.head.Number + 1}
	if signed.Era.Immortal() {
		return f, refusedBy(signed.Verify(s.Context, [32]byte{}))
	}
	birth := signed.Era.Birth(uint64(head.Number) + 1)
	for range lives {
		var hash string
		if err := s.client.call(ctx, &hash, "chain_getBlockHash", birth); err != nil {
			return nil, err
		}
		at, err := hash32(hash)
		if err == nil && signed.Verify(s.Context, at) == nil {
			f.birth, f.death = subnet.Block(birth), subnet.Block(birth+signed.Era.Period)
			return f, nil
		}
		if birth < signed.Era.Period {
			break
		}
		birth -= signed.Era.Period
	}
	return nil, s.outdated(fmt.Errorf("%w: it fits no era up to block %d", extrinsic.ErrSignature, head.Number))
}

// outdated says that bytes do not fit the runtime of the finalized block: what an upgrade
// does to signatures, or damage.
func (s *snapshot) outdated(err error) error {
	return refusedBy(&subnet.OutdatedError{At: s.head.Number, Err: err})
}

func refusedBy(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("chain: submit: %w: %w", ErrRefused, err)
}

// wait follows the finalized head until the extrinsic is found or its era has ended. A
// node that lags behind takes bytes that are in a final block already, so in the end the
// blocks before the search began are looked through too.
func (f *following) wait(ctx context.Context) (subnet.Inclusion, error) {
	began := f.next
	inc, found, err := f.until(ctx, f.death-1)
	if err == nil && !found {
		f.next = f.birth
		inc, found, err = f.until(ctx, min(began, f.death)-1)
	}
	if err == nil && !found {
		err = fmt.Errorf("chain: submit: %w: not in any block before %d", ErrExpired, f.death)
	}
	return inc, err
}

// explain finds out what a refusal means. A used nonce or a known hash may be this very
// extrinsic in a block already, and so may a signature that is wrong only because the
// era is over; then the blocks up to now decide.
func (f *following) explain(ctx context.Context, refusal *RPCError) (subnet.Inclusion, error) {
	head, err := f.client.Head(ctx)
	if err != nil {
		return subnet.Inclusion{}, err
	}
	const banned = 1012 // known by its hash, and lately included or thrown out
	over := head.Number+1 >= f.death
	if over || refusal.Code == banned || refusal.Detail() == stale {
		f.next = f.birth
		inc, found, err := f.until(ctx, min(head.Number, f.death-1))
		if found || err != nil {
			return inc, err
		}
	}
	if over {
		return subnet.Inclusion{}, fmt.Errorf("chain: submit: %w: not in any block before %d", ErrExpired, f.death)
	}
	return subnet.Inclusion{}, refusedBy(refusal)
}

// until searches finalized blocks, waiting for them, up to last.
func (f *following) until(ctx context.Context, last subnet.Block) (subnet.Inclusion, bool, error) {
	c := f.client
	moved := time.Now()
	for {
		head, err := c.Finalized(ctx)
		if err != nil {
			return subnet.Inclusion{}, false, err
		}
		if to := min(head.Number, last); to >= f.next {
			inc, found, err := c.search(ctx, f.hash, head, f.next, to)
			if found || err != nil {
				return inc, found, err
			}
			f.next, moved = to+1, time.Now()
		}
		if f.next > last {
			return subnet.Inclusion{}, false, nil
		}
		if time.Since(moved) > c.cfg.Patience {
			return subnet.Inclusion{}, false, fmt.Errorf("chain: submit: %w at block %d for %s", ErrStalled, head.Number, c.cfg.Patience)
		}
		if err := pause(ctx, c.cfg.Poll); err != nil {
			return subnet.Inclusion{}, false, fmt.Errorf("chain: submit: followed %x to block %d: %w", f.hash, head.Number, err)
		}
	}
}
