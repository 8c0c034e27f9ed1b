package chaintest

import (
	"errors"
	"testing"

	"github.com/affine-go/affine/shared/chain/extrinsic"
	"github.com/affine-go/affine/shared/chain/rpcserver"
)

func TestPoolRefusesWhatTheChainWould(t *testing.T) {
	other := [32]byte{1}
	for name, c := range map[string]struct {
		spoil  func(*draft)
		mangle func([]byte) []byte
		age    int // blocks between signing and submitting
		code   int
		data   string
	}{
		"another genesis":       {spoil: func(d *draft) { d.ctx.Genesis = other }, code: 1010, data: badSignature.text},
		"another spec version":  {spoil: func(d *draft) { d.ctx.SpecVersion++ }, code: 1010, data: badSignature.text},
		"another tx version":    {spoil: func(d *draft) { d.ctx.TxVersion++ }, code: 1010, data: badSignature.text},
		"another birth block":   {spoil: func(d *draft) { d.opts.EraBlockHash = other }, code: 1010, data: badSignature.text},
		"born in the future":    {spoil: func(d *draft) { d.opts.Era = extrinsic.Mortal(1024, 210) }, code: 1010, data: ancientBirth.text},
		"last block of its era": {age: 62, code: 0},
		"past its era":          {age: 64, code: 1010, data: badSignature.text},
		"a tip":                 {spoil: func(d *draft) { d.opts.Tip = 1 }, code: 1010, data: unpaid.text},
		"a nonce to come":       {spoil: func(d *draft) { d.opts.Nonce = 4 }, code: 0},
		"a flipped bit":         {mangle: func(b []byte) []byte { b[len(b)-1] ^= 1; return b }, code: 1010, data: badSignature.text},
		"a byte too many":       {mangle: func(b []byte) []byte { return append(b, 0) }, code: 1002},
		"cut short":             {mangle: func(b []byte) []byte { return b[:len(b)-1] }, code: 1002},
		"nothing":               {mangle: func([]byte) []byte { return nil }, code: 1002},
	} {
		t.Run(name, func(t *testing.T) {
			n := run(t, trio(t))
			d := weightsDraft(t, n, "Alice", []uint16{1, 2}, []uint16{1, 2})
			if c.spoil != nil {
				c.spoil(d)
			}
			raw := d.sign(t, "Alice")
			if c.mangle != nil {
				raw = c.mangle(raw)
			}
			mine(t, n, c.age)
			expectRefusal(t, submit(t, n, raw), c.code, c.data)
			if pending := n.Pending(); pending > 0 != (c.code == 0) {
				t.Errorf("%d extrinsics wait", pending)
			}
		})
	}
}

func expectRefusal(t *testing.T, err error, code int, data string) {
	t.Helper()
	if code == 0 {
		if err != nil {
			t.Errorf("refused: %v", err)
		}
		return
	}
	var refused *rpcserver.RefusalError
	if !errors.As(err, &refused) || refused.Code != code || (data != "" && refused.Data != data) {
		t.Errorf("got %v (%+v), want code %d, %q", err, refused, code, data)
	}
}

func TestPoolTakesAnExtrinsicOnce(t *testing.T) {
	n := run(t, trio(t))
	first := weightsDraft(t, n, "Alice", []uint16{1, 2}, []uint16{1, 2}).sign(t, "Alice")
	rival := weightsDraft(t, n, "Alice", []uint16{1, 2}, []uint16{2, 1}).sign(t, "Alice")
	expectRefusal(t, submit(t, n, first), 0, "")
	expectRefusal(t, submit(t, n, first), 1013, "")
	expectRefusal(t, submit(t, n, rival), 1014, "")
	mine(t, n, 1)
	expectRefusal(t, submit(t, n, first), 1012, "")
	expectRefusal(t, submit(t, n, rival), 1010, stale.text)
	if n.Pending() != 0 {
		t.Errorf("%d extrinsics wait", n.Pending())
	}
}

func TestNoncesTakeTheirTurn(t *testing.T) {
	n := run(t, trio(t))
	draft := func(nonce uint64) []byte {
		d := weightsDraft(t, n, "Alice", []uint16{1, 2}, []uint16{1, 2})
		d.opts.Nonce = nonce
		return d.sign(t, "Alice")
	}
	expectRefusal(t, submit(t, n, draft(1)), 0, "")
	mine(t, n, 1)
	if n.Pending() != 1 {
		t.Fatalf("%d extrinsics wait, want the one whose nonce is to come", n.Pending())
	}
	expectRefusal(t, submit(t, n, draft(0)), 0, "")
	mine(t, n, 1)
	if n.Pending() != 0 {
		t.Errorf("%d extrinsics wait, want none", n.Pending())
	}
	if head := n.chain.at(n.chain.head); len(head.extrinsics) != 3 {
		t.Errorf("the block holds %d extrinsics, want the time and two", len(head.extrinsics))
	}
}

func TestPoolDropsWhatDies(t *testing.T) {
	n := run(t, trio(t))
	d := weightsDraft(t, n, "Alice", []uint16{1, 2}, []uint16{1, 2})
	d.opts.Nonce = 1 // never its turn
	expectRefusal(t, submit(t, n, d.sign(t, "Alice")), 0, "")
	mine(t, n, 62)
	if n.Pending() != 1 {
		t.Fatal("dropped while its era lasts")
	}
	mine(t, n, 1)
	if n.Pending() != 0 {
		t.Error("kept past its era")
	}
}

func TestUpgradeInvalidatesSignatures(t *testing.T) {
	n := run(t, trio(t))
	raw := weightsDraft(t, n, "Alice", []uint16{1, 2}, []uint16{1, 2}).sign(t, "Alice")
	expectRefusal(t, submit(t, n, raw), 0, "")
	upgrade(t, n, 447)
	if n.Pending() != 0 {
		t.Error("an extrinsic of the old version waits")
	}
	expectRefusal(t, submit(t, n, raw), 1010, badSignature.text)
}
