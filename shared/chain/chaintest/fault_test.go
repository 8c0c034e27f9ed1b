package chaintest

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"golang.org/x/crypto/blake2b"
)

func TestDialIsRefusedForAWhile(t *testing.T) {
	n := run(t, trio(t))
	for _, wait := range []time.Duration{0, 7 * time.Second} {
		n.Inject(Fault{Kind: RefuseDial, Status: http.StatusTooManyRequests, RetryAfter: wait})
		_, resp, err := websocket.Dial(t.Context(), n.Endpoint(), nil)
		if err == nil || resp == nil || resp.StatusCode != http.StatusTooManyRequests {
			t.Fatalf("dialled: %v, %+v", err, resp)
		}
		if got, want := resp.Header.Get("Retry-After"), map[bool]string{true: "7"}[wait > 0]; got != want {
			t.Errorf("Retry-After %q, want %q", got, want)
		}
	}
	connect(t, n)
}

func TestFaultComesAfterSome(t *testing.T) {
	n := run(t, trio(t))
	c := connect(t, n)
	n.Inject(Fault{Kind: Discarded, Method: "chain_getHeader", After: 2, Times: 2})
	for i, refused := range []bool{false, false, true, true, false} {
		c.ask("system_chain") // of another method: neither spared nor met
		if m := c.ask("chain_getHeader"); (m.Error != nil) != refused {
			t.Errorf("request %d: %+v", i, m)
		}
	}
}

// What a node lies about its head does not hash to what it claims.
func TestHeadThatIsFalse(t *testing.T) {
	n := run(t, trio(t))
	c := connect(t, n)
	head := c.text("chain_getBlockHash")
	n.Inject(Fault{Kind: FalseHead, Times: -1})
	for _, method := range []string{"chain_getFinalizedHead", "chain_getBlockHash"} {
		if got := c.text(method); len(got) != len(head) || n.chain.byHash[[32]byte(unhex(t, got))] != nil {
			t.Errorf("%s told %s, the hash of a block", method, got)
		}
	}
	for _, method := range []string{"chain_getHeader", "chain_getBlock"} {
		m := c.ask(method, head)
		if !strings.Contains(string(m.Result), `"number":"0xce"`) { // 206, the block is 205
			t.Errorf("%s told %s", method, m.Result)
		}
	}
	if got := c.text("system_chain"); got != "Affine development" {
		t.Errorf("other answers change: %q", got)
	}
	n.Heal()
	if m := c.ask("chain_getHeader", head); !strings.Contains(string(m.Result), `"number":"0xcd"`) {
		t.Errorf("healed, it told %s", m.Result)
	}
}

// The header that the node tells is what its hash is the hash of.
func TestHeadersHash(t *testing.T) {
	n := run(t, trio(t))
	c := connect(t, n)
	var header struct{ ParentHash, StateRoot, ExtrinsicsRoot string }
	if err := json.Unmarshal(c.ask("chain_getHeader").Result, &header); err != nil {
		t.Fatal(err)
	}
	raw := append(unhex(t, header.ParentHash), 0x35, 0x03) // 205, compact
	raw = append(append(raw, unhex(t, header.StateRoot)...), unhex(t, header.ExtrinsicsRoot)...)
	raw = append(raw, 4, 6) // one item, of the block's author
	raw = append(append(raw, "aura"...), 32, 205, 0, 0, 0, 0, 0, 0, 0)
	hash := blake2b.Sum256(raw)
	if got := c.text("chain_getBlockHash"); got != toHex(hash[:]) {
		t.Errorf("hash %s, want %x", got, hash)
	}
}
