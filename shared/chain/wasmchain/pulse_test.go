package wasmchain_test

import (
	"crypto/sha256"
	"fmt"
	"strings"
	"testing"

	"github.com/affine-go/affine/shared/chain/metadata"
	"github.com/affine-go/affine/shared/chain/scale"
	"github.com/affine-go/affine/shared/chain/timelock"
	"github.com/affine-go/affine/shared/chain/wasmchain"
)

// writePulse is the extrinsic with which a node's offchain worker brings a pulse.
func writePulse(t *testing.T, node *wasmchain.Node, round uint64, signature []byte) string {
	t.Helper()
	m := node.Metadata()
	who := pair(t, "Worker")
	public := who.Public()
	randomness := sha256.Sum256(signature)
	payload := map[string]any{
		"block_number": uint64(node.Head()), "public": metadata.Variant{Name: "Sr25519", Value: public[:]},
		"pulses": []any{map[string]any{"round": round, "randomness": randomness[:], "signature": signature}},
	}
	_, call, err := m.Call("Drand", "write_pulse")
	if err != nil {
		t.Skipf("NOT CHECKED: this runtime brings pulses in another way: %v", err)
	}
	var message scale.Encoder
	if err := m.EncodeType(&message, call.Fields[0].Type, payload); err != nil {
		t.Fatal(err)
	}
	seal, err := who.Sign(t.Context(), message.Data())
	if err != nil {
		t.Fatal(err)
	}
	encoded, err := m.EncodeCall("Drand", "write_pulse", map[string]any{
		"pulses_payload": payload, "signature": metadata.Variant{Name: "Sr25519", Value: seal[:]},
	})
	if err != nil {
		t.Fatal(err)
	}
	const bare = 4
	var e scale.Encoder
	e.Bytes(append([]byte{bare}, encoded...))
	return fmt.Sprintf("%#x", e.Data())
}

// The runtime verifies pulses by pairings, which the host computes: it takes the beacon's
// signature of a round, and no other.
func TestPulsesAreVerifiedByTheRuntime(t *testing.T) {
	node := start(t, wasmchain.Config{OnSubmit: true})
	node.HoldPulses(true)
	w := &world{t: t, node: node, client: dial(t, node)}
	authority, err := timelock.NewAuthority([]byte("somebody else's beacon, unknown to the chain"))
	if err != nil {
		t.Fatal(err)
	}
	foreign, err := authority.Sign(7)
	if err != nil {
		t.Fatal(err)
	}
	stored := func(round uint64) bool {
		t.Helper()
		pulse, err := node.Read("Drand", "Pulses", round)
		if err != nil {
			t.Fatal(err)
		}
		return pulse != nil
	}
	if got := w.post(writePulse(t, node, 7, foreign)); !strings.Contains(got, "result") {
		t.Fatalf("refused in the pool: %s", got)
	}
	if stored(7) {
		t.Error("another beacon's signature was taken")
	}
	w.mine(1) // one such extrinsic in two blocks
	own, err := node.Sign(7)
	if err != nil {
		t.Fatal(err)
	}
	if got := w.post(writePulse(t, node, 7, own)); !strings.Contains(got, "result") {
		t.Fatalf("refused in the pool: %s", got)
	}
	if !stored(7) {
		t.Error("the beacon's own signature was not taken")
	}
}

// A pulse put in by hand is there from the next block on.
func TestPulsesByHand(t *testing.T) {
	node := start(t, wasmchain.Config{})
	node.HoldPulses(true)
	signature, err := node.Sign(1000)
	if err != nil {
		t.Fatal(err)
	}
	node.Pulse(1000, signature)
	if err := node.Mine(t.Context(), 10); err != nil {
		t.Fatal(err)
	}
	pulse, err := node.Read("Drand", "Pulses", 1000)
	if err != nil || pulse == nil {
		t.Fatalf("%v, %v", pulse, err)
	}
	if early, err := node.Read("Drand", "Pulses", 1); err != nil || early != nil {
		t.Errorf("round 1 came in though pulses are held: %v, %v", early, err)
	}
	node.HoldPulses(false)
	if err := node.Mine(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	if late, err := node.Read("Drand", "Pulses", 1); err != nil || late == nil {
		t.Errorf("round 1 did not come in: %v, %v", late, err)
	}
}
