package rpcserver

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/coder/websocket"
)

// ledger is a chain of blocks whose state is its number under the key "n" and what was
// submitted under "x/" and the text.
type ledger struct {
	mu        sync.Mutex
	blocks    []*Block
	finalized int
	pool      [][]byte
	news      chan struct{}
	kept      int // states kept
}

func newLedger(t testing.TB) *ledger {
	t.Helper()
	l := &ledger{news: make(chan struct{}), kept: 100}
	l.extend(0)
	return l
}

// extend adds a block of what waits and leaves lag blocks without finality.
func (l *ledger) extend(lag int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	b := &Block{Number: uint64(len(l.blocks)), Digest: [][]byte{{0, 4, 9}}, Extrinsics: l.pool}
	b.Hash = [32]byte{1, byte(b.Number)}
	if n := len(l.blocks); n > 0 {
		b.Parent = l.blocks[n-1].Hash
	}
	l.pool = nil
	l.blocks = append(l.blocks, b)
	l.finalized = max(l.finalized, len(l.blocks)-1-lag)
	close(l.news)
	l.news = make(chan struct{})
}

func (l *ledger) Name() string { return "a test" }

func (l *ledger) Heads() (newest, finalized *Block, news <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.blocks[len(l.blocks)-1], l.blocks[l.finalized], l.news
}

func (l *ledger) At(number uint64) *Block {
	l.mu.Lock()
	defer l.mu.Unlock()
	if number >= uint64(len(l.blocks)) {
		return nil
	}
	return l.blocks[number]
}

func (l *ledger) ByHash(hash [32]byte) *Block {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, b := range l.blocks {
		if b.Hash == hash {
			return b
		}
	}
	return nil
}

func (l *ledger) State(b *Block) (State, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if int(b.Number) < len(l.blocks)-l.kept {
		return nil, fmt.Errorf("block %d: %w", b.Number, ErrDiscarded)
	}
	return stateOf(b.Number), nil
}

// stateOf has the keys "a0", "a1", … up to the block's number.
type stateOf uint64

func (s stateOf) Get(key []byte) []byte {
	var i uint64
	if n, err := fmt.Sscanf(string(key), "a%d", &i); n != 1 || err != nil || i > uint64(s) {
		return nil
	}
	return []byte{byte(s)}
}

func (s stateOf) Keys(prefix, after []byte) iter.Seq[[]byte] {
	return func(yield func(key []byte) bool) {
		for i := range uint64(s) + 1 {
			key := fmt.Sprintf("a%d", i)
			if strings.HasPrefix(key, string(prefix)) && key > string(after) && !yield([]byte(key)) {
				return
			}
		}
	}
}

func (l *ledger) Version(b *Block) (Version, error) {
	v := Version{SpecName: "test", Spec: 7, Transaction: 1, APIs: []API{{ID: [8]byte{1}, Version: 2}}}
	if b.Number >= 3 {
		v.Spec = 8
	}
	return v, nil
}

func (l *ledger) Call(_ context.Context, b *Block, method string, args []byte) ([]byte, error) {
	switch method {
	case "Metadata_metadata":
		return []byte{8, 'm', 'd'}, nil
	case "TransactionPaymentApi_query_info":
		switch {
		case bytes.Equal(args, []byte{1, 2, 2, 0, 0, 0}):
			return []byte{6 << 2, 7 << 2, 1, 9, 0, 0, 0, 0, 0, 0, 0}, nil
		case args[0] == 3:
			return []byte{0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0}, nil
		}
	case "number":
		return append([]byte{byte(b.Number)}, args...), nil
	}
	return nil, errors.New("exported method is not found")
}

func (l *ledger) Submit(_ context.Context, raw []byte) ([32]byte, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if string(raw) == "bad" {
		return hashOf(raw), &RefusalError{Code: 1010, Message: "Invalid Transaction", Data: "it is bad"}
	}
	l.pool = append(l.pool, raw)
	return hashOf(raw), nil
}

func hashOf(raw []byte) (h [32]byte) {
	copy(h[:], raw)
	return h
}

func (l *ledger) Pending() [][]byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.pool)
}

func (l *ledger) Find(hash [32]byte) (in *Block, waiting bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	has := func(raw []byte) bool { return hashOf(raw) == hash }
	for _, b := range l.blocks {
		if slices.ContainsFunc(b.Extrinsics, has) {
			in = b
		}
	}
	return in, slices.ContainsFunc(l.pool, has)
}

func (l *ledger) NextNonce(context.Context, [32]byte) (uint64, error) { return 5, nil }

func serve(t testing.TB, l *ledger) *Server {
	t.Helper()
	s, err := Start(t.Context(), "127.0.0.1:0", "tester", l)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// post sends a message over HTTP and returns the answer as it is.
func post(t testing.TB, s *Server, msg string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, strings.Replace(s.Endpoint(), "ws", "http", 1), strings.NewReader(msg))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(body))
}

func blockHash(n byte) string { return fmt.Sprintf("0x01%02x%s", n, strings.Repeat("00", 30)) }

func TestMethods(t *testing.T) {
	l := newLedger(t)
	for range 4 {
		l.extend(1)
	}
	l.kept = 3
	s := serve(t, l)
	const alice = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY"
	for _, test := range []struct{ method, params, want string }{
		{"system_chain", ``, `"a test"`},
		{"system_name", ``, `"tester"`},
		{"chain_getBlockHash", ``, `"` + blockHash(4) + `"`},
		{"chain_getBlockHash", `2`, `"` + blockHash(2) + `"`},
		{"chain_getBlockHash", `9`, `null`},
		{"chain_getBlockHash", `[0,9]`, `["` + blockHash(0) + `",null]`},
		{"chain_getBlockHash", `"x"`, `-32602`},
		{"chain_getFinalizedHead", ``, `"` + blockHash(3) + `"`},
		{"chain_getHeader", `"` + blockHash(2) + `"`, `"number":"0x2"`},
		{"chain_getHeader", `"` + blockHash(2) + `"`, `"logs":["0x000409"]`},
		{"chain_getHeader", `"` + blockHash(9) + `"`, `null`},
		{"chain_getHeader", `"0x12"`, `not a hash`},
		{"chain_getBlock", ``, `"extrinsics":[]`},
		{"state_getStorage", `"0x6131"`, `"0x04"`},
		{"state_getStorage", `"0x6131","` + blockHash(2) + `"`, `"0x02"`},
		{"state_getStorage", `"0x7a7a"`, `null`},
		{"state_getStorage", `"6131"`, `hex without 0x`},
		{"state_getStorage", ``, `-32602`},
		{"state_getStorage", `"0x6131","` + blockHash(1) + `"`, `State already discarded for ` + blockHash(1)},
		{"state_getStorage", `"0x6131","` + blockHash(9) + `"`, `Header was not found`},
		{"state_getKeysPaged", `"0x61",2`, `["0x6130","0x6131"]`},
		{"state_getKeysPaged", `"0x61",10,"0x6132"`, `["0x6133","0x6134"]`},
		{"state_getKeysPaged", `"0x61",1001`, `count exceeds maximum value`},
		{"state_getKeysPaged", `"0x61",-1`, `count exceeds maximum value`},
		{"state_queryStorageAt", `["0x6130","0x7a"],"` + blockHash(3) + `"`, `[{"block":"` + blockHash(3) + `","changes":[["0x6130","0x03"]]}]`},
		{"state_queryStorageAt", `["61"]`, `key 0`},
		{"state_getRuntimeVersion", `"` + blockHash(2) + `"`, `"specVersion":7`},
		{"state_getRuntimeVersion", ``, `"apis":[["0x0100000000000000",2]]`},
		{"chain_getRuntimeVersion", ``, `"specVersion":8`},
		{"state_getMetadata", ``, `"0x6d64"`},
		{"state_call", `"number","0xff"`, `"0x04ff"`},
		{"state_call", `"number","0x","` + blockHash(3) + `"`, `"0x03"`},
		{"state_call", `"absent","0x"`, `Execution failed: exported method`},
		{"state_call", `"number"`, `-32602`},
		{"payment_queryInfo", `"0x0102"`, `{"class":"operational","partialFee":"9","weight":{"proof_size":7,"ref_time":6}}`},
		{"payment_queryInfo", `"0x01"`, `{"code":1002,"message":"Verification Error: Runtime error: Could not decode`},
		{"payment_queryInfo", `"0x03"`, `-32603`}, // of a class that there is not
		{"payment_queryInfo", `"0x0102","` + blockHash(1) + `"`, `State already discarded`},
		{"payment_queryInfo", ``, `-32602`},
		{"system_accountNextIndex", `"` + alice + `"`, `5`},
		{"system_accountNextIndex", `"nobody"`, `-32602`},
		{"author_submitExtrinsic", `"0x626164"`, `{"code":1010,"message":"Invalid Transaction","data":"it is bad"}`},
		{"author_submitExtrinsic", `"0x676f6f64"`, `"0x676f6f64`},
		{"author_pendingExtrinsics", ``, `["0x676f6f64"]`},
		{"chain_subscribeNewHeads", ``, `-32601`}, // not over HTTP
		{"no_such_method", ``, `-32601`},
		{"rpc_methods", ``, `"author_submitAndWatchExtrinsic"`},
	} {
		got := post(t, s, fmt.Sprintf(`{"jsonrpc":"2.0","id":1,"method":%q,"params":[%s]}`, test.method, test.params))
		if !strings.Contains(got, test.want) || !strings.Contains(got, `"id":1`) {
			t.Errorf("%s(%s) = %s, want %s", test.method, test.params, got, test.want)
		}
	}
}

func TestMessagesThatAreNone(t *testing.T) {
	s := serve(t, newLedger(t))
	many := "[" + strings.Repeat(`{},`, maxBatch) + "{}]"
	for msg, want := range map[string]string{
		`{`:  `{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"Parse error"}}`,
		``:   `-32700`,
		`[]`: `-32600`,
		`[1`: `-32600`,
		many: `-32600`,
		`[{"id":1,"method":"system_chain"},{"id":2,"method":"x"},3]`: `[{"jsonrpc":"2.0","id":1,"result":"a test"},{"jsonrpc":"2.0","id":2,"error":{"code":-32601,"message":"Method not found"}},{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"Parse error"}}]`,
		`{"id":"a","method":"system_chain","params":null}`:           `{"jsonrpc":"2.0","id":"a","result":"a test"}`,
		`{"method":7}`: `-32700`,
	} {
		if got := post(t, s, msg); !strings.Contains(got, want) {
			t.Errorf("%.60s: %s, want %s", msg, got, want)
		}
	}
}

// peer is a client's end of a socket.
type peer struct {
	t  testing.TB
	ws *websocket.Conn
}

func connect(t testing.TB, s *Server) *peer {
	t.Helper()
	ws, resp, err := websocket.Dial(t.Context(), s.Endpoint(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if resp.Body != nil {
		defer resp.Body.Close()
	}
	t.Cleanup(func() { _ = ws.CloseNow() })
	return &peer{t, ws}
}

func (p *peer) send(method, params string) {
	p.t.Helper()
	msg := fmt.Sprintf(`{"jsonrpc":"2.0","id":1,"method":%q,"params":[%s]}`, method, params)
	if err := p.ws.Write(p.t.Context(), websocket.MessageText, []byte(msg)); err != nil {
		p.t.Fatal(err)
	}
}

// next is the next message's result, an answer's or a subscription's.
func (p *peer) next() string {
	p.t.Helper()
	_, msg, err := p.ws.Read(p.t.Context())
	if err != nil {
		p.t.Fatal(err)
	}
	var in struct {
		Result json.RawMessage
		Params struct{ Result json.RawMessage }
		Error  json.RawMessage
	}
	if err := json.Unmarshal(msg, &in); err != nil {
		p.t.Fatal(err)
	}
	return string(in.Result) + string(in.Params.Result) + string(in.Error)
}

func (p *peer) expect(parts ...string) {
	p.t.Helper()
	for _, part := range parts {
		if got := p.next(); !strings.Contains(got, part) {
			p.t.Fatalf("heard %s, want %s", got, part)
		}
	}
}

func TestHeadsAreToldInOrder(t *testing.T) {
	l := newLedger(t)
	p := connect(t, serve(t, l))
	p.send("chain_subscribeNewHeads", "")
	p.expect(`"affine1"`, `"number":"0x0"`)
	for range 3 {
		l.extend(2)
	}
	p.expect(`"number":"0x1"`, `"number":"0x2"`, `"number":"0x3"`)
	p.send("chain_unsubscribeNewHeads", `"affine1"`)
	p.expect(`true`)
	p.send("chain_unsubscribeNewHeads", `"affine1"`)
	p.expect(`false`)
	p.send("chain_subscribeFinalizedHeads", "")
	p.expect(`"affine2"`, `"number":"0x1"`)
	l.extend(2)
	p.expect(`"number":"0x2"`)
}

func TestChangesAreToldOnce(t *testing.T) {
	l := newLedger(t)
	p := connect(t, serve(t, l))
	p.send("state_subscribeStorage", `["0x6130","0x7a"]`)
	p.expect(`"affine1"`, `[["0x6130","0x00"],["0x7a",null]]`)
	l.extend(0)
	p.expect(`[["0x6130","0x01"],["0x7a",null]]`)
	p.send("state_unsubscribeStorage", `"affine1"`)
	p.expect(`true`)
	p.send("state_subscribeRuntimeVersion", "")
	p.expect(`"affine2"`, `"specVersion":7`)
	l.extend(0)
	l.extend(0)
	p.expect(`"specVersion":8`)
	p.send("state_subscribeStorage", `["7a"]`)
	p.expect(`-32602`)
}

func TestASubmissionIsFollowedToItsEnd(t *testing.T) {
	l := newLedger(t)
	p := connect(t, serve(t, l))
	p.send("author_submitAndWatchExtrinsic", `"0x676f6f64"`)
	p.expect(`"affine1"`, `"ready"`)
	l.extend(1)
	p.expect(`{"inBlock":"` + blockHash(1) + `"}`)
	l.extend(1)
	p.expect(`{"finalized":"` + blockHash(1) + `"}`)
	p.send("author_submitAndWatchExtrinsic", `"0x626164"`)
	p.expect(`it is bad`)
}

func TestSubscriptionsAreBounded(t *testing.T) {
	p := connect(t, serve(t, newLedger(t)))
	full := 0
	for range maxSubscriptions + 1 {
		p.send("chain_subscribeNewHeads", "")
	}
	for range 2*maxSubscriptions + 1 {
		if strings.Contains(p.next(), "Too many subscriptions") {
			full++
		}
	}
	if full != 1 {
		t.Errorf("%d were refused, want 1", full)
	}
}

func TestCloseEndsSessions(t *testing.T) {
	s := serve(t, newLedger(t))
	p := connect(t, s)
	p.send("chain_subscribeNewHeads", "")
	p.expect(`"affine1"`, `"number"`)
	s.Close()
	if _, _, err := p.ws.Read(t.Context()); err == nil {
		t.Error("the socket lives on")
	}
	if _, err := Start(t.Context(), "127.0.0.1:99999", "x", newLedger(t)); err == nil {
		t.Error("an address that is none")
	}
}
