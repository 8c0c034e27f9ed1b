package chain

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/coder/websocket"
)

// CallError says which request failed, at which endpoint and why.
type CallError struct {
	Endpoint, Method string
	Err              error
}

func (e *CallError) Error() string { return shown(e.Endpoint) + ": " + e.Method + ": " + e.Err.Error() }

// shown is what is told of an endpoint: its scheme and its host. The rest of its address
// may be the key to it.
func shown(endpoint string) string {
	u, err := url.Parse(endpoint)
	if err != nil || u.Host == "" {
		return "an endpoint whose address is no URL"
	}
	return u.Scheme + "://" + u.Host
}

// Unwrap returns the reason.
func (e *CallError) Unwrap() error { return e.Err }

// RPCError is a node's refusal, as JSON-RPC carries it.
type RPCError struct {
	Code    int             `json:"code"`
	Message string          `json:"message"`
	Data    json.RawMessage `json:"data,omitempty"`
}

func (e *RPCError) Error() string {
	text := fmt.Sprintf("code %d: %s", e.Code, e.Message)
	if detail := e.Detail(); detail != "" {
		text += ": " + detail
	}
	return text
}

// Detail is the error's data when that is a string, as it is for refused extrinsics.
func (e *RPCError) Detail() string {
	var s string
	if json.Unmarshal(e.Data, &s) != nil {
		return ""
	}
	return s
}

// ErrDiscarded matches a node's refusal to read a block's state because it no longer
// keeps it. Lite nodes keep about 300 blocks.
var ErrDiscarded = errors.New("state already discarded")

// Is makes a refusal match ErrDiscarded. Nodes answer code 4003 for every block whose
// state they lack, and gateways put codes of their own in its place; only the text tells a
// discarded one from an unknown one.
func (e *RPCError) Is(target error) bool {
	return target == ErrDiscarded && strings.Contains(e.Message, "State already discarded")
}

// link is one socket to one endpoint. It dies once and for all at the first sign that
// the other side does not speak JSON-RPC, or stopped speaking.
type link struct {
	endpoint string
	conn     *websocket.Conn
	done     chan struct{} // closed when the link has died

	mu      sync.Mutex
	asked   uint64 // id of the newest request
	waiting map[uint64]chan response
	dead    error // why the link died
}

type request struct {
	Version string `json:"jsonrpc"`
	ID      uint64 `json:"id"`
	Method  string `json:"method"`
	Params  []any  `json:"params"`
}

type response struct {
	ID     *uint64         `json:"id"`
	Result json.RawMessage `json:"result"`
	Error  *RPCError       `json:"error"`
}

// openLink shakes hands. The link is deaf until somebody runs read.
func openLink(ctx context.Context, endpoint string, maxMessage int64) (*link, error) {
	conn, resp, err := websocket.Dial(ctx, endpoint, &websocket.DialOptions{HTTPClient: &http.Client{}})
	if err != nil {
		if resp != nil && resp.StatusCode != http.StatusSwitchingProtocols {
			err = refusedDial(endpoint, resp, time.Now())
		}
		if failed, found := errors.AsType[*url.Error](err); found {
			err = failed.Err // without the whole address
		}
		return nil, &CallError{Endpoint: endpoint, Method: "dial", Err: unreachable(err)}
	}
	conn.SetReadLimit(maxMessage)
	return &link{endpoint: endpoint, conn: conn, done: make(chan struct{}), waiting: make(map[uint64]chan response)}, nil
}

func unreachable(err error) error { return fmt.Errorf("%w: %w", ErrUnreachable, err) }

// read hands answers to those who wait for them until the socket ends.
func (l *link) read() {
	for {
		_, msg, err := l.conn.Read(context.Background())
		if err != nil {
			l.end(fmt.Errorf("connection lost: %w", err))
			return
		}
		var r response
		if err := json.Unmarshal(msg, &r); err != nil {
			l.end(fmt.Errorf("not JSON-RPC: %w", err))
			return
		}
		if err := l.deliver(r); err != nil {
			l.end(err)
			return
		}
	}
}

// deliver accepts an answer to a request that was made. One that comes after its
// asker has gone is dropped; one that nobody ever asked for is the other side's fault.
func (l *link) deliver(r response) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if r.ID == nil {
		return errors.New("answer without an id")
	}
	if *r.ID == 0 || *r.ID > l.asked {
		return fmt.Errorf("answer to request %d, which was never made", *r.ID)
	}
	if answer, ok := l.waiting[*r.ID]; ok {
		delete(l.waiting, *r.ID)
		answer <- r
	}
	return nil
}

// end closes the link; the first cause counts.
func (l *link) end(cause error) {
	l.mu.Lock()
	first := l.dead == nil
	if first {
		l.dead = cause
		close(l.done)
	}
	l.mu.Unlock()
	if first {
		_ = l.conn.CloseNow() // the other side may be gone already; nothing is owed to it
	}
}

// cause is why the link died, nil while it lives.
func (l *link) cause() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.dead
}

// ask sends one request and decodes its answer into result, which may be nil. An error
// is a CallError that wraps ErrUnreachable, an RPCError, ErrAnswer or the context's
// error; on silence until the deadline the link dies.
func (l *link) ask(ctx context.Context, result any, method string, params ...any) error {
	raw, err := l.exchange(ctx, method, params)
	if err == nil && result != nil {
		if err = json.Unmarshal(raw, result); err != nil {
			err = fmt.Errorf("%w: %w", ErrAnswer, err)
		}
	}
	if err != nil {
		return &CallError{Endpoint: l.endpoint, Method: method, Err: err}
	}
	return nil
}

func (l *link) exchange(ctx context.Context, method string, params []any) (json.RawMessage, error) {
	id, answer := l.expect()
	if params == nil {
		params = []any{}
	}
	msg, err := json.Marshal(request{Version: "2.0", ID: id, Method: method, Params: params})
	if err != nil {
		return nil, fmt.Errorf("encode the request: %w", err)
	}
	if err := l.conn.Write(ctx, websocket.MessageText, msg); err != nil {
		l.end(fmt.Errorf("connection lost: %w", err))
		return nil, unreachable(l.cause())
	}
	select {
	case r := <-answer:
		if r.busy() {
			l.end(&PolicyError{Endpoint: l.endpoint, Status: http.StatusTooManyRequests, Wait: busy})
			return nil, unreachable(l.cause())
		}
		return r.Result, r.refusal()
	case <-l.done:
		return nil, unreachable(l.cause())
	case <-ctx.Done():
		l.forget(id)
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			l.end(errors.New("no answer in time"))
		}
		return nil, unreachable(ctx.Err())
	}
}

// expect numbers a request and waits for its answer.
func (l *link) expect() (uint64, chan response) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.asked++
	answer := make(chan response, 1)
	l.waiting[l.asked] = answer
	return l.asked, answer
}

func (l *link) forget(id uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.waiting, id)
}

// busy says whether the node did not even look at the request: Substrate's own limit on
// calls, or jsonrpsee's on what it does at once.
func (r response) busy() bool {
	const tooManyCalls, serverIsBusy = -32999, -32009
	return r.Error != nil && (r.Error.Code == tooManyCalls || r.Error.Code == serverIsBusy)
}

func (r response) refusal() error {
	if r.Error == nil {
		return nil
	}
	return r.Error
}
