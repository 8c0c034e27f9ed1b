package rpcserver

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"

	"github.com/coder/websocket"
)

const (
	maxRequest = 16 << 20 // bytes that a client may send at once
	maxBatch   = 1000     // requests in one message
)

func (s *Server) handle(w http.ResponseWriter, r *http.Request) {
	if s.hooks.Dial != nil && s.hooks.Dial(w) {
		return
	}
	if r.Method == http.MethodPost {
		s.post(w, r)
		return
	}
	ws, err := websocket.Accept(w, r, &websocket.AcceptOptions{InsecureSkipVerify: true}) // any page may look at a node on loopback
	if err != nil {
		return // Accept has answered
	}
	ws.SetReadLimit(maxRequest)
	conn, _ := r.Context().Value(connKey{}).(net.Conn)
	one := &session{server: s, ws: ws, conn: conn, subscriptions: make(map[string]context.CancelFunc)}
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
		return s.one(ctx, msg, on)
	}
	var batch []json.RawMessage
	if json.Unmarshal(msg, &batch) != nil || len(batch) == 0 || len(batch) > maxBatch {
		return failed(nil, &RefusalError{Code: -32600, Message: "Invalid request"})
	}
	answers := make([]Response, len(batch))
	for i, one := range batch {
		answers[i] = s.one(ctx, one, on)
	}
	return answers
}

func (s *Server) one(ctx context.Context, msg []byte, on *session) Response {
	var req Request
	if err := json.Unmarshal(msg, &req); err != nil {
		return failed(nil, &RefusalError{Code: -32700, Message: "Parse error"})
	}
	return s.execute(ctx, req, on)
}

func (s *Server) execute(ctx context.Context, req Request, on *session) Response {
	result, err := s.dispatch(ctx, req.Method, req.Params, on)
	if err != nil {
		return failed(req.ID, err)
	}
	if result == nil {
		result = json.RawMessage("null")
	}
	return Response{Version: "2.0", ID: known(req.ID), Result: result}
}

func failed(id json.RawMessage, err error) Response {
	var refused *RefusalError
	if !errors.As(err, &refused) {
		refused = &RefusalError{Code: -32603, Message: "Internal error", Data: err.Error()}
	}
	return Response{Version: "2.0", ID: known(id), Error: refused}
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
	conn   net.Conn        // under ws
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
		if err != nil {
			return
		}
		answer, err := s.reply(ctx, msg)
		if err != nil || s.write(ctx, answer) != nil {
			return
		}
		for _, begin := range s.starting {
			s.server.running.Go(begin)
		}
		s.starting = nil
	}
}

// reply is what goes out for a message, nothing when it is empty.
func (s *session) reply(ctx context.Context, msg []byte) ([]byte, error) {
	var req Request
	if s.server.hooks.Exchange == nil || json.Unmarshal(msg, &req) != nil {
		return json.Marshal(s.server.answer(ctx, msg, s))
	}
	return s.server.hooks.Exchange(s.conn, req, func() Response { return s.server.execute(ctx, req, s) })
}

func (s *session) write(ctx context.Context, msg []byte) error {
	if len(msg) == 0 {
		return nil
	}
	return s.ws.Write(ctx, websocket.MessageText, msg)
}
