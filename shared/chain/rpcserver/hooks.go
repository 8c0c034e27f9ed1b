package rpcserver

import (
	"encoding/json"
	"net"
	"net/http"
	"sync"
)

// Hooks let whoever tests a client watch a server and make it fail. What is nil changes
// nothing.
type Hooks struct {
	// Lock is held while a request is executed and while a subscription looks for news,
	// so that each sees the chain of one moment. The chain is then asked by one goroutine
	// at a time.
	Lock sync.Locker

	// Asked hears of every request that is about to be executed, under Lock; not of
	// rpc_methods, which asks nothing of the chain.
	Asked func(method string)

	// Dial comes before all else that is done for an HTTP request, be it for a socket or
	// a POST, and reports true when it has answered it.
	Dial func(w http.ResponseWriter) (answered bool)

	// Exchange decides what becomes of a request that came over a socket, alone. execute
	// runs it and may be left out. What Exchange returns goes out as it is, nothing when
	// it is empty; an error closes the socket. conn is the one that the listener gave.
	Exchange func(conn net.Conn, req Request, execute func() Response) (answer []byte, err error)
}

// Request is one request as JSON-RPC writes it.
type Request struct {
	Version string            `json:"jsonrpc"`
	ID      json.RawMessage   `json:"id"`
	Method  string            `json:"method"`
	Params  []json.RawMessage `json:"params"`
}

// Response answers a Request with a result or an error.
type Response struct {
	Version string          `json:"jsonrpc"`
	ID      json.RawMessage `json:"id"`
	Result  any             `json:"result,omitempty"`
	Error   *RefusalError   `json:"error,omitempty"`
}

// lock keeps the chain still until unlock is called.
func (s *Server) lock() (unlock func()) {
	if s.hooks.Lock == nil {
		return func() {}
	}
	s.hooks.Lock.Lock()
	return s.hooks.Lock.Unlock
}

// connKey is under what a request's context holds its connection.
type connKey struct{}
