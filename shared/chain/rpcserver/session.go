package rpcserver

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"sync"

	"github.com/coder/websocket"
)

const (
	maxRequest = 16 << 20 // bytes that a client may send at once
	maxBatch   = 1000     // requests in one message
)

type request struct {
	Version string            `json:"jsonrpc"`
	ID      json.RawMessage   `json:"id"`
	Method  string            `json:"method"`
	Params  []json.RawMessage `json:"params"`
}

type response struct {
	Version string          `json:"jsonrpc"`
	ID      json.RawMessage `json:"id"`
	Result  any             `json:"result,omitempty"`
	Error   *RefusalError   `json:"error,omitempty"`
}

func (s *Server) handle(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodPost {
		s.post(w, r)
		return
	}
	ws, err := websocket.Accept(w, r, &websocket.AcceptOptions{InsecureSkipVerify: true}) // any page may look at a node on loopback
	if err != nil {
		return // Accept has answered
	}
	ws.SetReadLimit(maxRequest)
	one := &session{server: s, ws: ws, subscriptions: make(map[string]context.CancelFunc)}
	s.running.Go(func() { one.run(s.alive) })
}

// post answers one request, or a batch, over plain HTTP, where there are no
// subscriptions.
func (s *Server) post(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxRequest))
	if err != nil {
		http.Error(w, err.Error(), http.StatusRequestEntityTooLarge)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(s.answer(r.Context(), body, nil)) // a client that is gone hears nothing
}

// answer executes one message: a request or a batch of them. on is nil over plain HTTP.
func (s *Server) answer(ctx context.Context, msg []byte, on *session) any {
	msg = bytes.TrimSpace(msg)
	if len(msg) == 0 || msg[0] != '[' {
		return s.execute(ctx, msg, on)
	}
	var batch []json.RawMessage
	if json.Unmarshal(msg, &batch) != nil || len(batch) == 0 || len(batch) > maxBatch {
		return failed(nil, &RefusalError{Code: -32600, Message: "Invalid request"})
	}
	answers := make([]response, len(batch))
	for i, one := range batch {
		answers[i] = s.execute(ctx, one, on)
	}
	return answers
}

func (s *Server) execute(ctx context.Context, msg []byte, on *session) response {
	var req request
	if err := json.Unmarshal(msg, &req); err != nil {
		return failed(nil, &RefusalError{Code: -32700, Message: "Parse error"})
	}
	result, err := s.dispatch(ctx, req.Method, req.Params, on)
	if err != nil {
		return failed(req.ID, err)
	}
	if result == nil {
		result = json.RawMessage("null")
	}
	return response{Version: "2.0", ID: known(req.ID), Result: result}
}

func failed(id json.RawMessage, err error) response {
	var refused *RefusalError
	if !errors.As(err, &refused) {
		refused = &RefusalError{Code: -32603, Message: "Internal error", Data: err.Error()}
	}
	return response{Version: "2.0", ID: known(id), Error: refused}
}

// known is an id as it is answered: null when the request had none.
func known(id json.RawMessage) json.RawMessage {
	if len(id) == 0 {
		return json.RawMessage("null")
	}
	return id
}

// session is one client's socket.
type session struct {
	server *Server
	ws     *websocket.Conn
	alive  context.Context // ends with the socket; set by run

	// Used by run's goroutine only.
	opened   int      // subscriptions ever opened
	starting []func() // subscriptions that begin once their answer is out

	mu            sync.Mutex
	subscriptions map[string]context.CancelFunc
}

// run answers messages one after the other, as they come, until the socket ends.
func (s *session) run(ctx context.Context) {
	ctx, stop := context.WithCancel(ctx)
	defer func() {
		stop()
		_ = s.ws.CloseNow()
	}()
	s.alive = ctx
	for {
		_, msg, err := s.ws.Read(ctx)
		if err != nil || s.send(ctx, s.server.answer(ctx, msg, s)) != nil {
			return
		}
		for _, begin := range s.starting {
			s.server.running.Go(begin)
		}
		s.starting = nil
	}
}

func (s *session) send(ctx context.Context, v any) error {
	msg, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return s.ws.Write(ctx, websocket.MessageText, msg)
}
