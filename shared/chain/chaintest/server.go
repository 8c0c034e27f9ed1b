package chaintest

import (
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"strconv"
	"sync"

	"github.com/affine-go/affine/shared/chain/rpcserver"
)

// errCut ends a session because a fault says so.
var errCut = errors.New("the node drops the socket")

// serve answers on the listener until the node is stopped, and fails as the faults in
// force say. Faults of the socket do not apply to plain HTTP.
func (n *Node) serve(l net.Listener) {
	n.server = rpcserver.Serve(n.alive, cuttableListener{l}, "affine-chaintest", served{n}, rpcserver.Hooks{
		Lock:     &n.mu,
		Asked:    func(method string) { n.served[method]++ },
		Dial:     n.refuse,
		Exchange: n.exchange,
	})
}

// refuse answers a dial that meets a fault.
func (n *Node) refuse(w http.ResponseWriter) bool {
	f, met := n.faults.meet(true, "")
	if !met {
		return false
	}
	if f.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(f.RetryAfter.Seconds())))
	}
	http.Error(w, "refused", f.Status)
	return true
}

// exchange answers one request, or fails at it.
func (n *Node) exchange(conn net.Conn, req rpcserver.Request, execute func() rpcserver.Response) ([]byte, error) {
	f, met := n.faults.meet(false, req.Method)
	if !met {
		return json.Marshal(execute())
	}
	switch f.Kind {
	case DropSocket:
		return nil, errCut
	case Silence:
		return nil, nil
	case Discarded:
		gone := &rpcserver.RefusalError{Code: 4003, Message: "Client error: UnknownBlock: " + rpcserver.ErrDiscarded.Error() + " for 0x00"}
		return json.Marshal(rpcserver.Response{Version: "2.0", ID: req.ID, Error: gone})
	case Garbage:
		return []byte("\x00{]"), nil
	}
	resp := execute()
	switch f.Kind {
	case LoseReply:
		return nil, errCut
	case CutAnswer:
		conn.(*cuttable).cutAfter(f.Bytes)
	case FalseHead:
		resp.Result = falsified(resp.Result)
	case WrongID:
		resp.ID = json.RawMessage("4294967295")
	case Slow:
		if !n.sleep(f.Delay) {
			return nil, errCut
		}
	}
	return json.Marshal(resp)
}

// cuttable is a connection that can be told to break off after some more bytes.
type cuttable struct {
	net.Conn

	mu     sync.Mutex
	armed  bool
	budget int
}

// cutAfter lets n more bytes out, then closes the connection.
func (c *cuttable) cutAfter(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.armed, c.budget = true, n
}

func (c *cuttable) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.armed {
		return c.Conn.Write(p)
	}
	if len(p) < c.budget {
		c.budget -= len(p)
		return c.Conn.Write(p)
	}
	n, _ := c.Conn.Write(p[:c.budget])
	c.budget = 0
	return n, errors.Join(net.ErrClosed, c.Close())
}

// cuttableListener makes every connection cuttable.
type cuttableListener struct{ net.Listener }

func (l cuttableListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &cuttable{Conn: conn}, nil
}
