package wasmchain

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/affine-go/affine/shared/chain/rpcserver"
	"github.com/affine-go/affine/shared/chain/scale"
)

// of is an extrinsic with a nonce of an account's, which waits for the one before it
// unless it is the account's next.
func of(account byte, nonce, next uint32, priority uint64) *pooled {
	w := &pooled{raw: []byte{account, byte(nonce), byte(priority)}, hash: [32]byte{account, byte(nonce), byte(priority)}}
	w.priority = priority
	w.provides = [][]byte{nonceTag([32]byte{account}, nonce)}
	if nonce > next {
		w.requires = [][]byte{nonceTag([32]byte{account}, nonce-1)}
	}
	return w
}

func TestNoncesGoIntoABlockInOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var p pool
		all := []*pooled{}
		for account := range byte(3) {
			for nonce := range rapid.Uint32Range(0, 4).Draw(t, "nonces") {
				all = append(all, of(account, nonce, 0, 0))
			}
		}
		all = rapid.Permutation(all).Draw(t, "arrival")
		held := -1 // one that never came
		if len(all) > 0 {
			held = rapid.IntRange(-1, len(all)-1).Draw(t, "missing")
		}
		for i, w := range all {
			if i != held {
				if err := p.put(w); err != nil {
					t.Fatal(err)
				}
			}
		}
		next := make(map[byte]byte)
		for _, raw := range p.ready() {
			if raw[1] != next[raw[0]] {
				t.Fatalf("account %d: nonce %d, want %d", raw[0], raw[1], next[raw[0]])
			}
			next[raw[0]]++
		}
		for _, w := range p.waiting {
			missing := held >= 0 && all[held].raw[0] == w.raw[0] && all[held].raw[1] < w.raw[1]
			if in := w.raw[1] < next[w.raw[0]]; in == missing {
				t.Fatalf("account %d, nonce %d: in the block is %v", w.raw[0], w.raw[1], in)
			}
		}
	})
}

func TestAHigherPriorityTakesThePlace(t *testing.T) {
	var p pool
	for _, w := range []*pooled{of(1, 0, 0, 5), of(1, 1, 0, 5), of(2, 0, 0, 1)} {
		if err := p.put(w); err != nil {
			t.Fatal(err)
		}
	}
	for _, low := range []uint64{4, 5} {
		var refused *rpcserver.RefusalError
		if err := p.put(of(1, 0, 0, low)); !errors.As(err, &refused) || refused.Code != 1014 {
			t.Errorf("priority %d: %v", low, err)
		}
	}
	if err := p.put(of(1, 0, 0, 6)); err != nil {
		t.Fatal(err)
	}
	if len(p.waiting) != 3 || p.has([32]byte{1, 0, 5}) || !p.has([32]byte{1, 0, 6}) {
		t.Errorf("%d wait", len(p.waiting))
	}
	if !p.provides(nonceTag([32]byte{2}, 0)) || p.provides(nonceTag([32]byte{2}, 1)) {
		t.Error("the pool does not know what it provides")
	}
}

func TestTheSizeOfPoolAndBlockIsBounded(t *testing.T) {
	var p pool
	for nonce := range uint32(maxPool) {
		p.waiting = append(p.waiting, of(byte(nonce>>16), nonce, nonce, 0))
	}
	var refused *rpcserver.RefusalError
	if err := p.put(of(9, 0, 0, 0)); !errors.As(err, &refused) || refused.Code != 1016 {
		t.Errorf("one too many: %v", err)
	}
	if got := len(p.ready()); got != maxBlock {
		t.Errorf("a block of %d, want %d", got, maxBlock)
	}
}

func TestRefusalsInANodesWords(t *testing.T) {
	for want, answer := range map[string][]byte{
		"Transaction is outdated":         {0, 3},
		"Transaction has a bad signature": {0, 4},
		"Inability to pay some fees":      {0, 1},
		"Custom error: 10":                {0, 7, 10},
		"InvalidTransaction variant 99":   {0, 99},
		"Unknown Transaction Validity":    {1, 0},
	} {
		var refused *rpcserver.RefusalError
		err := refusal(answer)
		if !errors.As(err, &refused) || !strings.Contains(err.Error(), want) || refused.Code != 1010+int(answer[0]) {
			t.Errorf("%v: %v, want %q", answer, err, want)
		}
	}
	if err := refusal(nil); err == nil {
		t.Error("an answer of nothing")
	}
}

func refusal(answer []byte) error { return refused(scale.NewDecoder(answer)) }

func TestTheOrderOfArrivalIsKept(t *testing.T) {
	var p pool
	var want [][]byte
	for account := range byte(9) {
		w := of(9-account, 0, 0, uint64(account))
		want = append(want, w.raw)
		if err := p.put(w); err != nil {
			t.Fatal(err)
		}
	}
	if got := p.ready(); !slices.EqualFunc(got, want, slices.Equal[[]byte]) {
		t.Errorf("%v, want %v", got, want)
	}
}
