package chaintest

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/coder/websocket"
	"github.com/coder/websocket/wsjson"

	"github.com/affine-go/affine/shared/chain/rpcserver"
)

// message is whatever the node sends: an answer or a subscription's message.
type message struct {
	ID     *int                    `json:"id"`
	Result json.RawMessage         `json:"result"`
	Error  *rpcserver.RefusalError `json:"error"`
	Method string                  `json:"method"`
	Params struct {
		Subscription string          `json:"subscription"`
		Result       json.RawMessage `json:"result"`
	} `json:"params"`
}

// caller is a bare client that sends what it is told and sees what comes.
type caller struct {
	t     *testing.T
	ws    *websocket.Conn
	asked int
}

func connect(t *testing.T, n *Node) *caller {
	t.Helper()
	ws, resp, err := websocket.Dial(t.Context(), n.Endpoint(), nil)
	if err != nil {
		t.Fatal(err, resp)
	}
	t.Cleanup(func() { _ = ws.CloseNow() })
	ws.SetReadLimit(16 << 20)
	return &caller{t: t, ws: ws}
}

func (c *caller) send(method string, params ...any) {
	c.t.Helper()
	c.asked++
	if params == nil {
		params = []any{}
	}
	req := map[string]any{"jsonrpc": "2.0", "id": c.asked, "method": method, "params": params}
	if err := wsjson.Write(c.t.Context(), c.ws, req); err != nil {
		c.t.Fatal(err)
	}
}

func (c *caller) next() (m message) {
	c.t.Helper()
	if err := wsjson.Read(c.t.Context(), c.ws, &m); err != nil {
		c.t.Fatal(err)
	}
	return m
}

func (c *caller) ask(method string, params ...any) message {
	c.t.Helper()
	c.send(method, params...)
	for {
		if m := c.next(); m.ID != nil {
			return m
		}
	}
}

// text asks for something whose answer is a string.
func (c *caller) text(method string, params ...any) (s string) {
	c.t.Helper()
	m := c.ask(method, params...)
	if m.Error != nil {
		c.t.Fatalf("%s: %+v", method, m.Error)
	}
	if err := json.Unmarshal(m.Result, &s); err != nil {
		c.t.Fatalf("%s: %v", method, err)
	}
	return s
}

func TestMethodsThatPolkadotJSBeginsWith(t *testing.T) {
	n := run(t, trio(t))
	c := connect(t, n)
	for _, method := range []string{
		"system_chain", "system_name", "system_version", "system_chainType", "system_properties", "system_health",
		"state_getRuntimeVersion", "chain_getRuntimeVersion", "state_getMetadata", "rpc_methods", "chain_getHeader", "chain_getBlock",
	} {
		if m := c.ask(method); m.Error != nil || string(m.Result) == "null" {
			t.Errorf("%s: %+v", method, m)
		}
	}
	var all struct{ Methods []string }
	if err := json.Unmarshal(c.ask("rpc_methods").Result, &all); err != nil || !slices.Contains(all.Methods, "author_submitAndWatchExtrinsic") {
		t.Errorf("rpc_methods: %v, %v", all, err)
	}
}

func TestRefusals(t *testing.T) {
	n := run(t, trio(t))
	mine(t, n, 300)
	c := connect(t, n)
	old := c.text("chain_getBlockHash", 201)
	for name, c2 := range map[string]struct {
		method string
		params []any
		code   int
		says   string
	}{
		"unknown method":     {"state_eraseStorage", nil, -32601, "not found"},
		"state of old block": {"state_getStorage", []any{"0x00", old}, 4003, "State already discarded"},
		"unknown block":      {"state_getStorage", []any{"0x00", "0x" + strings.Repeat("ab", 32)}, 4003, "not found"},
		"no hex":             {"state_getStorage", []any{"zz"}, -32602, "Invalid params"},
		"wrong type":         {"state_getStorage", []any{7}, -32602, "Invalid params"},
		"page too long":      {"state_getKeysPaged", []any{"0x", 1001}, 4002, "exceeds"},
		"unknown API":        {"state_call", []any{"Core_erase", "0x"}, 4003, "is not found"},
		"trailing bytes":     {"state_call", []any{"NeuronInfoRuntimeApi_get_neurons_lite", "0x780000"}, 4003, "left over"},
		"short arguments":    {"state_call", []any{"TaggedTransactionQueue_validate_transaction", "0x02"}, 4003, "Execution failed"},
		"cost of nothing":    {"payment_queryInfo", []any{"0x0484"}, 1002, "Could not decode `UncheckedExtrinsic`"},
		"bad address":        {"system_accountNextIndex", []any{"5nonsense"}, -32602, "Invalid params"},
	} {
		m := c.ask(c2.method, c2.params...)
		if m.Error == nil || m.Error.Code != c2.code || !strings.Contains(m.Error.Message, c2.says) {
			t.Errorf("%s: got %+v, want code %d, %q", name, m.Error, c2.code, c2.says)
		}
	}
	good := weightsDraft(t, n, "Alice", []uint16{1, 2}, []uint16{1, 2}).sign(t, "Alice")
	if m := c.ask("payment_queryInfo", toHex(good)); string(m.Result) != `{"class":"normal","partialFee":"0","weight":{"proof_size":0,"ref_time":1000000}}` {
		t.Errorf("what an extrinsic costs: %s, %+v", m.Result, m.Error)
	}
	if m := c.ask("chain_getHeader", "0x"+strings.Repeat("ab", 32)); m.Error != nil || string(m.Result) != "null" {
		t.Errorf("header of an unknown block: %+v", m)
	}
	if err := c.ws.Write(t.Context(), websocket.MessageText, []byte("{")); err != nil {
		t.Fatal(err)
	}
	if m := c.next(); m.Error == nil || m.Error.Code != -32700 {
		t.Errorf("broken JSON: %+v", m)
	}
}

func TestStorageByPages(t *testing.T) {
	n := run(t, trio(t))
	c := connect(t, n)
	prefix, err := n.runtime.Metadata.StoragePrefix("SubtensorModule", "Keys", netuid)
	if err != nil {
		t.Fatal(err)
	}
	var page, rest []string
	if err := json.Unmarshal(c.ask("state_getKeysPaged", toHex(prefix), 2).Result, &page); err != nil || len(page) != 2 {
		t.Fatalf("%v, %v", page, err)
	}
	if err := json.Unmarshal(c.ask("state_getKeysPaged", toHex(prefix), 2, page[1]).Result, &rest); err != nil || len(rest) != 1 {
		t.Fatalf("%v, %v", rest, err)
	}
	var sets []struct {
		Block   string
		Changes [][2]string
	}
	absent := toHex([]byte("absent"))
	if err := json.Unmarshal(c.ask("state_queryStorageAt", append(page, absent)).Result, &sets); err != nil {
		t.Fatal(err)
	}
	if len(sets) != 1 || len(sets[0].Changes) != 2 || sets[0].Block != c.text("chain_getBlockHash") {
		t.Errorf("got %+v, want the two keys that are there, at the head", sets)
	}
}

// post sends a message over HTTP and returns the answer as it is.
func post(t testing.TB, n *Node, body string) string {
	t.Helper()
	url := strings.Replace(n.Endpoint(), "ws://", "http://", 1)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(answer))
}

func TestHTTPAndBatches(t *testing.T) {
	n := run(t, trio(t))
	for body, want := range map[string]string{
		`{"jsonrpc":"2.0","id":1,"method":"system_chain","params":[]}`:                                          `{"jsonrpc":"2.0","id":1,"result":"Affine development"}`,
		`[{"jsonrpc":"2.0","id":"a","method":"system_name","params":[]},{"jsonrpc":"2.0","id":2,"method":"x"}]`: `[{"jsonrpc":"2.0","id":"a","result":"affine-chaintest"},{"jsonrpc":"2.0","id":2,"error":{"code":-32601,"message":"Method not found"}}]`,
		`{"jsonrpc":"2.0","id":3,"method":"chain_subscribeNewHeads","params":[]}`:                               `{"jsonrpc":"2.0","id":3,"error":{"code":-32601,"message":"Method not found"}}`,
	} {
		if got := post(t, n, body); got != want {
			t.Errorf("got %s\nwant %s", got, want)
		}
	}
}

func TestSubscriptions(t *testing.T) {
	cfg := trio(t)
	cfg.FinalityLag = 1
	n := run(t, cfg)
	c := connect(t, n)
	heads, finalized := c.text("chain_subscribeNewHeads"), c.text("chain_subscribeFinalizedHeads")
	number := func(m message) string {
		var h struct{ Number string }
		if err := json.Unmarshal(m.Params.Result, &h); err != nil {
			t.Fatal(err)
		}
		return m.Params.Subscription + " " + h.Number
	}
	// The first messages may come before the second answer: ask has passed over those.
	mine(t, n, 2)
	want := map[string]bool{heads + " 0xcf": true, finalized + " 0xce": true}
	for len(want) > 0 {
		delete(want, number(c.next()))
	}
	if m := c.ask("chain_unsubscribeNewHeads", heads); string(m.Result) != "true" {
		t.Errorf("unsubscribe: %+v", m)
	}
	mine(t, n, 1)
	for {
		got := number(c.next())
		if strings.HasPrefix(got, heads+" 0xd0") {
			t.Error("a message after the end of the subscription")
		}
		if got == finalized+" 0xcf" {
			break
		}
	}
}

func TestWatchedExtrinsic(t *testing.T) {
	cfg := trio(t)
	cfg.FinalityLag = 1
	n := run(t, cfg)
	c := connect(t, n)
	raw := weightsDraft(t, n, "Alice", []uint16{1, 2}, []uint16{1, 2}).sign(t, "Alice")
	id := c.text("author_submitAndWatchExtrinsic", toHex(raw))
	var states []string
	for len(states) < 3 {
		m := c.next()
		if m.Params.Subscription != id {
			t.Fatalf("message %+v", m)
		}
		states = append(states, strings.Trim(strings.SplitN(string(m.Params.Result), ":", 2)[0], `{"`))
		mine(t, n, 1)
	}
	if !slices.Equal(states, []string{"ready", "inBlock", "finalized"}) {
		t.Errorf("states %v", states)
	}
}

func TestStorageSubscription(t *testing.T) {
	n := run(t, trio(t))
	c := connect(t, n)
	key, err := n.runtime.Metadata.StorageKey("SubtensorModule", "LastUpdate", netuid)
	if err != nil {
		t.Fatal(err)
	}
	c.send("state_subscribeStorage", []string{toHex(key)})
	c.next()
	before := c.next()
	if err := submit(t, n, weightsDraft(t, n, "Alice", []uint16{1, 2}, []uint16{1, 2}).sign(t, "Alice")); err != nil {
		t.Fatal(err)
	}
	mine(t, n, 3)
	after := c.next()
	if before.Method != "state_storage" || after.Method != "state_storage" || string(before.Params.Result) == string(after.Params.Result) {
		t.Errorf("before %+v\nafter %+v", before, after)
	}
}

func TestEndOfContextEndsTheNode(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	n, err := Start(ctx, trio(t))
	if err != nil {
		t.Fatal(err)
	}
	c := connect(t, n)
	c.text("system_chain")
	cancel()
	if _, _, err := c.ws.Read(t.Context()); err == nil {
		t.Error("the socket is open")
	}
	if err := n.Close(); err != nil {
		t.Error(err)
	}
}
