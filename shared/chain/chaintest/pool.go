package chaintest

import (
	"errors"
	"fmt"
	"slices"

	"github.com/affine-go/affine/shared/chain/extrinsic"
	"github.com/affine-go/affine/shared/chain/rpcserver"
)

// pooled is an extrinsic that waits for its block.
type pooled struct {
	raw    []byte
	hash   [32]byte
	signed *extrinsic.Signed
}

// invalidity is a variant of InvalidTransaction with the text that the pool gives it.
type invalidity struct {
	name, text string
	code       any // of a Custom one
}

var (
	unpaid       = &invalidity{name: "Payment", text: "Inability to pay some fees (e.g. account balance too low)"}
	future       = &invalidity{name: "Future", text: "Transaction will be valid in the future"}
	stale        = &invalidity{name: "Stale", text: "Transaction is outdated"}
	badSignature = &invalidity{name: "BadProof", text: "Transaction has a bad signature"}
	ancientBirth = &invalidity{name: "AncientBirthBlock", text: "Transaction has an ancient birth block"}

	// Subtensor's own (CustomTransactionError).
	lowStake = &invalidity{name: "Custom", text: "Custom error: 1", code: 1}
	oldRound = &invalidity{name: "Custom", text: "Custom error: 15", code: 15}
)

// judge checks a decoded extrinsic as for the block to come; nil means valid. A wrong
// genesis, spec, era or nonce that was signed shows as a bad signature, because the
// chain puts its own into what it verifies.
func (n *Node) judge(s *extrinsic.Signed) (*invalidity, error) {
	var birth [32]byte
	if !s.Era.Immortal() {
		b := n.chain.at(s.Era.Birth(n.next()))
		if b == nil {
			return ancientBirth, nil
		}
		birth = b.hash
	}
	switch err := s.Verify(n.runtime, birth); {
	case errors.Is(err, extrinsic.ErrSignature):
		return badSignature, nil
	case err != nil:
		return nil, err
	}
	nonce, err := n.nonce(n.chain.head, s.Signer)
	switch {
	case err != nil:
		return nil, err
	case s.Nonce < nonce:
		return stale, nil
	case s.Tip > 0:
		return unpaid, nil // accounts hold no balance
	}
	if invalid, err := n.judgeWeights(s); invalid != nil || err != nil {
		return invalid, err
	}
	if s.Nonce > nonce {
		return future, nil
	}
	return nil, nil
}

// judgeWeights is what Subtensor's transaction extension checks of weight calls: that
// the signer has the stake, and that nobody can open the commit yet.
func (n *Node) judgeWeights(s *extrinsic.Signed) (*invalidity, error) {
	if s.Pallet != "SubtensorModule" || !slices.Contains(weightCalls, s.Name) {
		return nil, nil
	}
	r := &reader{node: n, at: n.chain.head}
	a := arguments{of: s.Args}
	stake := value[uint64](r, "TotalHotkeyAlpha", s.Signer[:], a.number("netuid"))
	threshold := value[uint64](r, "StakeThreshold")
	last, err := get[uint64](n, n.chain.head, "Drand", "LastStoredRound")
	_, sealed := s.Args["reveal_round"]
	switch err := errors.Join(r.err, a.err, err); {
	case err != nil:
		return nil, err
	case stake < threshold:
		return lowStake, nil
	case sealed && a.number("reveal_round") < last:
		return oldRound, nil
	}
	return nil, nil
}

// decode takes an extrinsic apart as the runtime in force does.
func (n *Node) decode(raw []byte) (*extrinsic.Signed, error) {
	signed, err := extrinsic.Decode(n.runtime.Metadata, raw)
	if err != nil {
		return nil, err
	}
	return signed, bounds(signed)
}

// nonce is an account's next nonce after a block.
func (n *Node) nonce(at uint64, account [32]byte) (uint64, error) {
	info, err := get[map[string]any](n, at, "System", "Account", account[:])
	if err != nil {
		return 0, err
	}
	nonce, ok := info["nonce"].(uint64)
	if !ok {
		return 0, fmt.Errorf("System.Account: nonce is a %T", info["nonce"])
	}
	return nonce, nil
}

// submit takes an extrinsic into the pool, or refuses it with the code that a Substrate
// node would.
func (n *Node) submit(raw []byte) ([32]byte, error) {
	hash := extrinsic.Hash(raw)
	if n.failed != nil {
		return hash, n.failed
	}
	signed, err := n.decode(raw)
	if err != nil {
		return hash, &rpcserver.RefusalError{Code: 1002, Message: "Verification Error: Runtime error: Could not decode `UncheckedExtrinsic`", Data: err.Error()}
	}
	if n.chain.holders[hash] != nil {
		return hash, &rpcserver.RefusalError{Code: 1012, Message: "Transaction is temporarily banned"}
	}
	invalid, err := n.judge(signed)
	if err != nil {
		return hash, err
	}
	if invalid != nil && invalid != future {
		return hash, &rpcserver.RefusalError{Code: 1010, Message: "Invalid Transaction", Data: invalid.text}
	}
	for _, p := range n.pool {
		switch {
		case p.hash == hash:
			return hash, &rpcserver.RefusalError{Code: 1013, Message: "Transaction is already imported"}
		case p.signed.Signer == signed.Signer && p.signed.Nonce == signed.Nonce:
			return hash, &rpcserver.RefusalError{Code: 1014, Message: "Priority is too low: (0 vs 0)",
				Data: "The transaction has too low priority to replace another transaction already in the pool."}
		}
	}
	n.pool = append(n.pool, &pooled{raw, hash, signed})
	if n.cfg.Sealing == OnSubmit {
		err = n.mine(1 + n.cfg.FinalityLag)
	}
	return hash, err
}

// maxExtrinsics bounds a block.
const maxExtrinsics = 100

// ready picks from the pool what goes into the block to come: in order of arrival, each
// signer's by nonce.
func (n *Node) ready() []*pooled {
	var picked []*pooled
	used := make(map[[32]byte]uint64) // extrinsics picked per signer
	for more := true; more && len(picked) < maxExtrinsics; {
		more = false
		for _, p := range n.pool {
			nonce, err := n.nonce(n.chain.head, p.signed.Signer)
			if err != nil || p.signed.Nonce != nonce+used[p.signed.Signer] || slices.Contains(picked, p) {
				continue
			}
			picked = append(picked, p)
			used[p.signed.Signer]++
			more = true
		}
	}
	return picked[:min(len(picked), maxExtrinsics)]
}

// prune drops from the pool what the new head holds and what it has made invalid.
func (n *Node) prune(head *block) {
	n.pool = slices.DeleteFunc(n.pool, func(p *pooled) bool {
		for _, raw := range head.extrinsics {
			if string(raw) == string(p.raw) {
				return true
			}
		}
		invalid, err := n.judge(p.signed)
		return err != nil || (invalid != nil && invalid != future)
	})
}

// Pending is how many extrinsics wait for a block.
func (n *Node) Pending() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return len(n.pool)
}

// DropPool forgets all extrinsics that wait, as a restarted node does.
func (n *Node) DropPool() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.pool = nil
}
