package chain_test

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/coder/websocket/wsjson"
	"github.com/google/go-cmp/cmp"

	"github.com/affine-go/affine/shared/chain"
	"github.com/affine-go/affine/shared/chain/chaintest"
)

// twist changes the answers of a real node: it gets the method and the true result and
// says what to answer instead.
type twist func(method string, result json.RawMessage) json.RawMessage

// liar stands in front of a node and twists its answers.
func liar(t testing.TB, node *chaintest.Node, lie twist) string {
	t.Helper()
	return front(t, node, func(method string, _ []json.RawMessage, answer map[string]json.RawMessage) {
		if answer["result"] != nil {
			answer["result"] = lie(method, answer["result"])
		}
	})
}

// without stands in front of a node that lacks these methods of runtime APIs.
func without(t testing.TB, node *chaintest.Node, apis ...string) string {
	t.Helper()
	return front(t, node, func(method string, params []json.RawMessage, answer map[string]json.RawMessage) {
		if method == "state_call" && slices.Contains(apis, strings.Trim(string(params[0]), `"`)) {
			delete(answer, "result")
			answer["error"] = json.RawMessage(`{"code":4003,"message":"Client error: Execution failed: Other: Exported method is not found"}`)
		}
	})
}

// front stands in front of a node and may change every answer.
func front(t testing.TB, node *chaintest.Node, change func(method string, params []json.RawMessage, answer map[string]json.RawMessage)) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		front, err := websocket.Accept(w, r, nil)
		if err != nil {
			return
		}
		defer func() { _ = front.CloseNow() }()
		back, _, err := websocket.Dial(r.Context(), node.Endpoint(), nil)
		if err != nil {
			return
		}
		defer func() { _ = back.CloseNow() }()
		back.SetReadLimit(1 << 24)
		for {
			var req struct {
				Method string            `json:"method"`
				Params []json.RawMessage `json:"params"`
			}
			var raw json.RawMessage
			var answer map[string]json.RawMessage
			if wsjson.Read(r.Context(), front, &raw) != nil || json.Unmarshal(raw, &req) != nil ||
				wsjson.Write(r.Context(), back, raw) != nil || wsjson.Read(r.Context(), back, &answer) != nil {
				return
			}
			change(req.Method, req.Params, answer)
			if wsjson.Write(r.Context(), front, answer) != nil {
				return
			}
		}
	}))
	t.Cleanup(server.Close)
	return strings.Replace(server.URL, "http://", "ws://", 1)
}

func TestLiesAreSeen(t *testing.T) {
	node := start(t, config(t))
	replace := func(method, from, to string) twist {
		return func(m string, result json.RawMessage) json.RawMessage {
			if m != method {
				return result
			}
			return json.RawMessage(strings.Replace(string(result), from, to, 1))
		}
	}
	for name, lie := range map[string]twist{
		"another number":       replace("chain_getHeader", `"0x3ea"`, `"0x3eb"`),
		"a number beyond u32":  replace("chain_getHeader", `"0x3ea"`, `"0x3ea00000000"`),
		"another parent":       replace("chain_getHeader", `"parentHash":"0x`, `"parentHash":"0x00`),
		"state of other block": replace("state_queryStorageAt", `"block":"0x`, `"block":"0x00`),
		"state after another":  replace("state_queryStorageAt", `"0xea030000"`, `"0xe9030000"`), // System.Number
		"other subnet":         replace("state_call", `"0x01e101`, `"0x01e501`),
		"columns cut short": func(m string, result json.RawMessage) json.RawMessage {
			if m != "state_call" || !strings.HasPrefix(string(result), `"0x01e101`) {
				return result
			}
			return json.RawMessage(string(result[:len(result)-3]) + `"`)
		},
	} {
		t.Run(name, func(t *testing.T) {
			client := dial(t, quick(liar(t, node, lie)))
			mg, err := client.Metagraph(t.Context(), netuid)
			if !errors.Is(err, chain.ErrAnswer) || len(mg.Neurons) > 0 {
				t.Errorf("got %+v, %v; want ErrAnswer", mg, err)
			}
		})
	}
}

// A node that takes one block for another does not make an extrinsic look absent.
func TestSearchAtAnotherBlockIsRefused(t *testing.T) {
	node := start(t, config(t))
	var older string
	rpc(t, node, &older, "chain_getBlockHash", 1001)
	mistaken := front(t, node, func(method string, params []json.RawMessage, answer map[string]json.RawMessage) {
		if method == "chain_getBlockHash" && string(params[0]) == "1002" {
			answer["result"] = json.RawMessage(`"` + older + `"`)
		}
	})
	mine(t, node, 3)
	client := dial(t, quick(mistaken))
	if _, found, err := client.Find(t.Context(), "0x"+strings.Repeat("ab", 32), 1000, 1002); found || !errors.Is(err, chain.ErrAnswer) {
		t.Errorf("found %v, %v; want ErrAnswer", found, err)
	}
}

// A block that does not hash to what was asked for is not searched.
func TestSearchOfAForgedBlockIsRefused(t *testing.T) {
	node := start(t, config(t))
	forged := liar(t, node, func(method string, result json.RawMessage) json.RawMessage {
		if method != "chain_getBlock" {
			return result
		}
		return json.RawMessage(strings.Replace(string(result), `"stateRoot":"0x`, `"stateRoot":"0x00`, 1))
	})
	client := dial(t, quick(forged))
	if _, found, err := client.Find(t.Context(), "0x"+strings.Repeat("ab", 32), 1000, 1002); found || !errors.Is(err, chain.ErrAnswer) {
		t.Errorf("found %v, %v; want ErrAnswer", found, err)
	}
}

// Whatever a node answers to whatever request, the client ends with an error or with the
// truth, and reports no inclusion that was not.
func TestNonsenseIsRefused(t *testing.T) {
	cfg := config(t)
	cfg.Sealing = chaintest.ByHand // nothing moves: what is not honest is wrong
	node := start(t, cfg)
	methods := []string{"chain_getFinalizedHead", "chain_getHeader", "state_getRuntimeVersion", "state_call", "state_getMetadata",
		"state_queryStorageAt", "chain_getBlock", "chain_getBlockHash", "state_getStorage", "author_submitExtrinsic"}
	nonsense := []string{`null`, `7`, `""`, `"0x"`, `"zz"`, `"0xzz"`, `"0x00"`, `"0xffffffffff"`, `[]`, `[null]`, `[[]]`, `{}`, `{"block":{}}`,
		`[{"block":null,"changes":[["0x",null],[null,null]]}]`, `{"specVersion":-1}`, `{"number":"0x","digest":null}`, `true`}
	honest, err := dial(t, quick(node.Endpoint())).Metagraph(t.Context(), netuid)
	if err != nil {
		t.Fatal(err)
	}
	signed := sign(t, dial(t, quick(node.Endpoint())), "Alice", intent(t, dial(t, quick(node.Endpoint()))))
	for _, method := range methods {
		for _, text := range nonsense {
			first := true // the genesis, which the dial asks for, is told truly
			lie := func(m string, result json.RawMessage) json.RawMessage {
				if m == "chain_getBlockHash" && first {
					first = false
					return result
				}
				if m == method {
					return json.RawMessage(text)
				}
				return result
			}
			cfg := quick(liar(t, node, lie))
			cfg.Attempts = 1
			client := dial(t, cfg)
			mg, err := client.Metagraph(t.Context(), netuid)
			if diff := cmp.Diff(honest, mg); err == nil && diff != "" {
				t.Errorf("%s answered with %s: %s", method, text, diff)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Millisecond)
			if inc, err := client.Submit(ctx, signed.Extrinsic); err == nil {
				t.Errorf("%s answered with %s: included as %+v, in no block", method, text, inc)
			}
			cancel()
		}
	}
	if node.Pending() > 1 {
		t.Errorf("%d extrinsics wait, of one", node.Pending())
	}
}

// A value that no runtime could have written costs its miner the commitment, and nobody
// else theirs.
func TestUnreadableCommitmentIsItsMinersProblem(t *testing.T) {
	cfg := config(t)
	cfg.Neurons[1].Revealed = []chaintest.Commitment{{Text: []byte("bob's"), Block: 3}}
	cfg.Neurons[2].Revealed = []chaintest.Commitment{{Text: []byte("charlie's"), Block: 3}}
	cfg.Neurons[2].Plain = []byte("charlie's older one")
	node := start(t, cfg)
	for name, garbage := range map[string]string{
		"nothing": `"0x"`, "cut short": `"0x04"`, "more than it says": `"0x0000"`, "a length of 2^30": `"0x02000000ff"`, "a list of a billion": `"0x030000000f"`,
	} {
		bob := person(t, "Bob").Public()
		spoil := func(method string, result json.RawMessage) json.RawMessage {
			var sets []struct {
				Block   string               `json:"block"`
				Changes [][2]json.RawMessage `json:"changes"`
			}
			if method != "state_queryStorageAt" || json.Unmarshal(result, &sets) != nil || len(sets) == 0 {
				return result
			}
			for i, change := range sets[0].Changes {
				if strings.Contains(string(change[0]), hex.EncodeToString(bob[:])) {
					sets[0].Changes[i][1] = json.RawMessage(garbage)
				}
			}
			spoilt, _ := json.Marshal(sets) // of what has just been read
			return spoilt
		}
		mg, err := dial(t, quick(liar(t, node, spoil))).Metagraph(t.Context(), netuid)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		his, hers := mg.Commitments[hotkey(t, "Bob")], mg.Commitments[hotkey(t, "Charlie")]
		if his.Problem == "" || len(his.Text) > 0 || string(hers.Text) != "charlie's" || hers.Problem != "" {
			t.Errorf("%s: Bob's %+v, Charlie's %+v", name, his, hers)
		}
	}
}
