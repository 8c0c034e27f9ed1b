package wasmchain

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/affine-go/affine/shared/chain/extrinsic"
	"github.com/affine-go/affine/shared/chain/rpcserver"
	"github.com/affine-go/affine/shared/chain/scale"
)

// pool holds the extrinsics that wait for a block, in order of arrival.
type pool struct{ waiting []*pooled }

// pooled is an extrinsic with what the runtime says of it at the newest block.
type pooled struct {
	raw  []byte
	hash [32]byte
	validity
}

// validity is a ValidTransaction. Tags order extrinsics: one that requires what another
// provides comes after it.
type validity struct {
	priority           uint64
	requires, provides [][]byte
}

const (
	maxPool  = 8192
	maxBlock = 512 // extrinsics
)

func (p *pool) list() []*pooled { return slices.Clone(p.waiting) }

func (p *pool) replace(with []*pooled) { p.waiting = with }

func (p *pool) has(hash [32]byte) bool {
	return slices.ContainsFunc(p.waiting, func(w *pooled) bool { return w.hash == hash })
}

// provides reports whether an extrinsic that waits provides a tag.
func (p *pool) provides(tag []byte) bool {
	return slices.ContainsFunc(p.waiting, func(w *pooled) bool { return contains(w.provides, tag) })
}

func contains(tags [][]byte, tag []byte) bool {
	return slices.ContainsFunc(tags, func(t []byte) bool { return bytes.Equal(t, tag) })
}

// ready picks what can go into the next block: what requires nothing that is not
// provided by one before it.
func (p *pool) ready() [][]byte {
	var picked [][]byte
	var provided [][]byte
	left := slices.Clone(p.waiting)
	for {
		at := slices.IndexFunc(left, func(w *pooled) bool {
			return !slices.ContainsFunc(w.requires, func(tag []byte) bool { return !contains(provided, tag) })
		})
		if at < 0 || len(picked) == maxBlock {
			return picked
		}
		picked = append(picked, left[at].raw)
		provided = append(provided, left[at].provides...)
		left = slices.Delete(left, at, at+1)
	}
}

// put adds an extrinsic. One that provides the same as others takes their place when its
// priority is higher than that of each.
func (p *pool) put(fresh *pooled) error {
	rivals := func(w *pooled) bool {
		return slices.ContainsFunc(fresh.provides, func(tag []byte) bool { return contains(w.provides, tag) })
	}
	for _, w := range p.waiting {
		if rivals(w) && fresh.priority <= w.priority {
			return &rpcserver.RefusalError{Code: 1014, Message: fmt.Sprintf("Priority is too low: (%d vs %d)", w.priority, fresh.priority),
				Data: "The transaction has too low priority to replace another transaction already in the pool."}
		}
	}
	p.waiting = slices.DeleteFunc(p.waiting, rivals)
	if len(p.waiting) >= maxPool {
		return &rpcserver.RefusalError{Code: 1016, Message: "Immediately Dropped", Data: "The transaction couldn't enter the pool because of the limit"}
	}
	p.waiting = append(p.waiting, fresh)
	return nil
}

// submit takes an extrinsic into the pool, or refuses it as a Substrate node does.
func (n *Node) submit(ctx context.Context, raw []byte) ([32]byte, error) {
	n.building.Lock()
	defer n.building.Unlock()
	hash := extrinsic.Hash(raw)
	n.mu.RLock()
	failed, known, included := n.failed, n.pool.has(hash), n.chain.holders[hash] != nil
	n.mu.RUnlock()
	switch {
	case failed != nil:
		return hash, failed
	case known:
		return hash, &rpcserver.RefusalError{Code: 1013, Message: "Transaction is already imported"}
	case included:
		return hash, &rpcserver.RefusalError{Code: 1012, Message: "Transaction is temporarily banned"}
	}
	v, err := n.judge(ctx, n.head(), raw)
	if err != nil {
		return hash, err
	}
	n.mu.Lock()
	err = n.pool.put(&pooled{raw, hash, v})
	n.mu.Unlock()
	if err == nil && n.cfg.OnSubmit {
		err = n.mine(ctx, 1+n.cfg.FinalityLag)
	}
	return hash, err
}

// judge asks the runtime whether an extrinsic is valid on a block. The error is a
// *rpcserver.RefusalError when it is not.
func (n *Node) judge(ctx context.Context, on *entry, raw []byte) (v validity, err error) {
	d := scale.NewDecoder(raw)
	d.Bytes()
	if d.End() != nil {
		return v, undecodable("its length is not that in front of it")
	}
	const external = 2 // TransactionSource
	args := append([]byte{external}, raw...)
	args = append(args, on.Hash[:]...)
	answer, err := n.call(ctx, on, "TaggedTransactionQueue_validate_transaction", args)
	if err != nil {
		return v, undecodable(err.Error())
	}
	d = scale.NewDecoder(answer)
	if d.U8() != 0 {
		return v, refused(d)
	}
	v.priority, v.requires, v.provides = d.U64(), tags(d), tags(d)
	return v, d.Err()
}

func undecodable(why string) error {
	return &rpcserver.RefusalError{Code: 1002, Message: "Verification Error: Runtime error: Execution failed", Data: why}
}

func tags(d *scale.Decoder) [][]byte {
	list := make([][]byte, d.Len(1))
	for i := range list {
		list[i] = d.Bytes()
	}
	return list
}

// invalid are the texts of InvalidTransaction's variants.
var invalid = []string{
	"Transaction call is not expected",
	"Inability to pay some fees (e.g. account balance too low)",
	"Transaction will be valid in the future",
	"Transaction is outdated",
	"Transaction has a bad signature",
	"Transaction has an ancient birth block",
	"Transaction would exhaust the block limits",
	"Custom error",
	"A call was labelled as mandatory, but resulted in an Error.",
	"Transaction dispatch is mandatory; transactions must not be validated.",
	"Invalid signing address",
}

// refused reads a TransactionValidityError.
func refused(d *scale.Decoder) error {
	const custom = 7
	kind, variant := d.U8(), d.U8()
	if d.Err() != nil {
		return d.Err()
	}
	if kind != 0 {
		return &rpcserver.RefusalError{Code: 1011, Message: "Unknown Transaction Validity"}
	}
	text := fmt.Sprintf("InvalidTransaction variant %d", variant)
	if int(variant) < len(invalid) {
		text = invalid[variant]
	}
	if variant == custom {
		text = fmt.Sprintf("%s: %d", text, d.U8())
	}
	return &rpcserver.RefusalError{Code: 1010, Message: "Invalid Transaction", Data: text}
}

// judgeAll asks again, of a new head, for what waits. What it holds, or has made invalid,
// is left out.
func (n *Node) judgeAll(ctx context.Context, on *entry, waiting []*pooled) []*pooled {
	var left []*pooled
	for _, w := range waiting {
		if slices.ContainsFunc(on.Extrinsics, func(raw []byte) bool { return bytes.Equal(raw, w.raw) }) {
			continue
		}
		if v, err := n.judge(ctx, on, w.raw); err == nil || ctx.Err() != nil {
			left = append(left, &pooled{w.raw, w.hash, v})
		}
	}
	return left
}

// nonceTag is what an extrinsic of an account provides.
func nonceTag(account [32]byte, nonce uint32) []byte {
	return binary.LittleEndian.AppendUint32(account[:], nonce)
}

// nextNonce is the account's nonce behind what waits in the pool.
func (n *Node) nextNonce(ctx context.Context, account [32]byte) (uint64, error) {
	answer, err := n.call(ctx, n.head(), "AccountNonceApi_account_nonce", account[:])
	if err != nil {
		return 0, err
	}
	d := scale.NewDecoder(answer)
	nonce := d.U32()
	n.mu.RLock()
	defer n.mu.RUnlock()
	for n.pool.provides(nonceTag(account, nonce)) {
		nonce++
	}
	return uint64(nonce), d.End()
}
