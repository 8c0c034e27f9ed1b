package rpcserver

import (
	"encoding/json"
	"errors"
	"maps"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/coder/websocket"
)

// hooked serves a ledger under hooks.
func hooked(t testing.TB, l *ledger, hooks Hooks) *Server {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := Serve(t.Context(), listener, "tester", l, hooks)
	t.Cleanup(s.Close)
	return s
}

func TestADialMayBeRefused(t *testing.T) {
	var refusing atomic.Bool
	refusing.Store(true)
	s := hooked(t, newLedger(t), Hooks{Dial: func(w http.ResponseWriter) bool {
		if refusing.Load() {
			http.Error(w, "not now", http.StatusTooManyRequests)
		}
		return refusing.Load()
	}})
	if got := post(t, s, `{"id":1,"method":"system_chain"}`); got != "not now" {
		t.Errorf("a POST is answered %s", got)
	}
	if _, resp, err := websocket.Dial(t.Context(), s.Endpoint(), nil); err == nil || resp.StatusCode != http.StatusTooManyRequests {
		t.Errorf("a socket is answered %v, %v", resp, err)
	}
	refusing.Store(false)
	p := connect(t, s)
	p.send("system_chain", "")
	p.expect(`"a test"`)
}

// What an exchange makes of a request is what goes out, and only what it executes is
// executed.
func TestAnExchangeIsSpoiled(t *testing.T) {
	l := newLedger(t)
	s := hooked(t, l, Hooks{Exchange: func(conn net.Conn, req Request, execute func() Response) ([]byte, error) {
		if conn.LocalAddr().Network() != "tcp" {
			t.Errorf("over %v", conn.LocalAddr())
		}
		switch req.Method {
		case "system_name":
			return nil, nil
		case "author_pendingExtrinsics":
			return []byte(`{"result":"instead"}`), nil
		case "author_submitExtrinsic":
			return nil, errors.New("cut")
		case "author_submitAndWatchExtrinsic":
			execute()
			return nil, errors.New("cut")
		}
		return json.Marshal(execute())
	}})
	p := connect(t, s)
	p.send("system_name", "") // which is not answered
	p.send("system_chain", "")
	p.expect(`"a test"`)
	p.send("author_pendingExtrinsics", "")
	p.expect(`"instead"`)
	p.send("chain_subscribeNewHeads", "")
	p.expect(`"affine1"`, `"number":"0x0"`)
	for i, method := range []string{"author_submitExtrinsic", "author_submitAndWatchExtrinsic"} {
		p := connect(t, s)
		p.send(method, `"0x676f6f64"`)
		if _, msg, err := p.ws.Read(t.Context()); err == nil {
			t.Errorf("%s is answered %s", method, msg)
		}
		if got := len(l.Pending()); got != i {
			t.Errorf("after %s %d extrinsics wait", method, got)
		}
	}
	if got := post(t, s, `{"id":1,"method":"system_name"}`); !strings.Contains(got, `"tester"`) {
		t.Errorf("a POST is spoiled too: %s", got)
	}
}

// witness is a lock that counts how often it was taken and knows whether it is.
type witness struct {
	sync.Mutex
	taken int
	held  bool
}

func (w *witness) Lock() {
	w.Mutex.Lock()
	w.taken, w.held = w.taken+1, true
}

func (w *witness) Unlock() {
	w.held = false
	w.Mutex.Unlock()
}

func TestRequestsAreCountedUnderTheLock(t *testing.T) {
	var lock witness
	asked := map[string]int{}
	s := hooked(t, newLedger(t), Hooks{Lock: &lock, Asked: func(method string) {
		if !lock.held {
			t.Error("asked without the lock")
		}
		asked[method]++
	}})
	post(t, s, `[{"id":1,"method":"system_chain"},{"id":2,"method":"nothing"},{"id":3,"method":"rpc_methods"},7]`)
	p := connect(t, s)
	p.send("system_chain", "")
	p.expect(`"a test"`)
	p.send("chain_subscribeNewHeads", "")
	p.expect(`"affine1"`, `"number":"0x0"`)
	lock.Lock()
	defer lock.Unlock()
	want := map[string]int{"system_chain": 2, "nothing": 1, "chain_subscribeNewHeads": 1}
	if !maps.Equal(asked, want) {
		t.Errorf("asked %v, want %v", asked, want)
	}
	if lock.taken != 4+1+1 { // requests, the subscription's look and this one
		t.Errorf("the lock was taken %d times", lock.taken)
	}
}
