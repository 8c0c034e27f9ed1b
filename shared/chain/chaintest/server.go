package chaintest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/coder/websocket"
)

// maxRequest bounds what a client may send at once.
const maxRequest = 16 << 20

type rpcRequest struct {
	Version string            `json:"jsonrpc"`
	ID      json.RawMessage   `json:"id"`
	Method  string            `json:"method"`
	Params  []json.RawMessage `json:"params"`
}

type rpcResponse struct {
	Version string          `json:"jsonrpc"`
	ID      json.RawMessage `json:"id"`
	Result  any             `json:"result,omitempty"`
	Error   *rpcError       `json:"error,omitempty"`
}

type rpcError struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
	Data    any    `json:"data,omitempty"`
}

func (e *rpcError) Error() string { return e.Message }

// errCut ends a session because a fault says so.
var errCut = errors.New("the node drops the socket")

type connKey struct{}

// serve answers on the listener until it is closed.
func (n *Node) serve(l net.Listener) {
	n.server = &http.Server{
		Handler:           http.HandlerFunc(n.handle),
		ReadHeaderTimeout: 10 * time.Second,
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			return context.WithValue(ctx, connKey{}, c)
		},
	}
	n.running.Go(func() { _ = n.server.Serve(cuttableListener{l}) }) // ends with ErrServerClosed
}

func (n *Node) handle(w http.ResponseWriter, r *http.Request) {
	if f, met := n.faults.meet(true, ""); met {
		if f.RetryAfter > 0 {
			w.Header().Set("Retry-After", strconv.Itoa(int(f.RetryAfter.Seconds())))
		}
		http.Error(w, "refused", f.Status)
		return
	}
	if r.Method == http.MethodPost {
		n.post(w, r)
		return
	}
	ws, err := websocket.Accept(w, r, &websocket.AcceptOptions{InsecureSkipVerify: true}) // any page may look at a stub on loopback
	if err != nil {
		return // Accept has answered
	}
	ws.SetReadLimit(maxRequest)
	conn, _ := r.Context().Value(connKey{}).(*cuttable)
	s := &session{node: n, ws: ws, conn: conn, subscriptions: make(map[string]context.CancelFunc)}
	n.running.Go(func() { s.run(n.alive) })
}

// post answers one request, or a batch, over plain HTTP. Faults of the socket do not
// apply here; subscriptions are refused.
func (n *Node) post(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxRequest))
	if err != nil {
		http.Error(w, err.Error(), http.StatusRequestEntityTooLarge)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	if trimmed := bytes.TrimSpace(body); len(trimmed) > 0 && trimmed[0] == '[' {
		var batch []json.RawMessage
		_ = json.Unmarshal(trimmed, &batch) // what is no batch has no members and gets an empty answer
		answers := make([]rpcResponse, len(batch))
		for i, one := range batch {
			answers[i] = n.answer(one, nil)
		}
		_ = json.NewEncoder(w).Encode(answers)
		return
	}
	_ = json.NewEncoder(w).Encode(n.answer(body, nil))
}

// answer executes one request. s is nil over plain HTTP.
func (n *Node) answer(msg []byte, s *session) rpcResponse {
	var req rpcRequest
	if err := json.Unmarshal(msg, &req); err != nil {
		return rpcResponse{Version: "2.0", ID: json.RawMessage("null"), Error: &rpcError{Code: -32700, Message: "Parse error"}}
	}
	return n.execute(req, s)
}

func (n *Node) execute(req rpcRequest, s *session) rpcResponse {
	resp := rpcResponse{Version: "2.0", ID: req.ID}
	result, err := n.dispatch(req.Method, req.Params, s)
	var refused *rpcError
	switch {
	case errors.As(err, &refused):
		resp.Error = refused
	case err != nil:
		resp.Error = &rpcError{Code: -32603, Message: "Internal error", Data: err.Error()}
	case result == nil:
		resp.Result = json.RawMessage("null")
	default:
		resp.Result = result
	}
	return resp
}

// session is one client's socket.
type session struct {
	node *Node
	ws   *websocket.Conn
	conn *cuttable

	// Used by run's goroutine only.
	subscriptions map[string]context.CancelFunc
	opened        int      // subscriptions ever opened
	starting      []func() // subscriptions that begin once their answer is out
}

// run answers requests one after the other, as they come, until the socket ends.
func (s *session) run(ctx context.Context) {
	defer func() {
		for _, stop := range s.subscriptions {
			stop()
		}
		_ = s.ws.CloseNow()
	}()
	for {
		_, msg, err := s.ws.Read(ctx)
		if err != nil {
			return
		}
		var req rpcRequest
		if json.Unmarshal(msg, &req) != nil {
			if s.send(ctx, s.node.answer(msg, s)) != nil {
				return
			}
			continue
		}
		if err := s.serve(ctx, req); err != nil {
			return
		}
	}
}

// serve answers one request, or fails at it as the faults in force say.
func (s *session) serve(ctx context.Context, req rpcRequest) error {
	f, met := s.node.faults.meet(false, req.Method)
	if !met {
		err := s.send(ctx, s.node.execute(req, s))
		s.start()
		return err
	}
	switch f.Kind {
	case DropSocket:
		return errCut
	case Silence:
		return nil
	case Discarded:
		return s.send(ctx, rpcResponse{Version: "2.0", ID: req.ID, Error: discarded("0x00")})
	case Garbage:
		return s.ws.Write(ctx, websocket.MessageText, []byte("\x00{]"))
	}
	resp := s.node.execute(req, s)
	switch f.Kind {
	case LoseReply:
		return errCut
	case CutAnswer:
		s.conn.cutAfter(f.Bytes)
	case FalseHead:
		resp.Result = falsified(resp.Result)
	case WrongID:
		resp.ID = json.RawMessage("4294967295")
	case Slow:
		if !s.node.sleep(f.Delay) {
			return errCut
		}
	}
	err := s.send(ctx, resp)
	s.start()
	return err
}

func (s *session) send(ctx context.Context, v any) error {
	msg, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return s.ws.Write(ctx, websocket.MessageText, msg)
}
