package chutes_test

import (
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/affine-go/affine/shared/chutes"
	"github.com/affine-go/affine/shared/subnet"
)

// raw answers every connection with the given bytes and closes it.
func raw(t *testing.T, serve func(net.Conn)) *chutes.Client {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = conn.Close() }()
				_, _ = conn.Read(make([]byte, 4<<10))
				serve(conn)
			}()
		}
	}()
	return chutes.New(chutes.Config{API: "http://" + listener.Addr().String(), Inference: "http://" + listener.Addr().String() + "/{slug}/v1", Key: testKey, Idle: 5 * time.Second})
}

func write(conn net.Conn, text string) error {
	_, err := conn.Write([]byte(text))
	return err
}

func TestHostileConnections(t *testing.T) {
	const head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
	for _, c := range []struct {
		name  string
		serve func(net.Conn)
		want  subnet.Outcome
	}{
		{"closed at once", func(net.Conn) {}, subnet.Transport},
		{"reset at once", func(conn net.Conn) { _ = conn.(*net.TCPConn).SetLinger(0) }, subnet.Transport},
		{"not HTTP", func(conn net.Conn) { _ = write(conn, "SSH-2.0-x\r\n") }, subnet.Transport},
		{"endless headers", func(conn net.Conn) {
			_ = write(conn, head)
			for write(conn, "X-Filler: "+strings.Repeat("f", 1000)+"\r\n") == nil {
			}
		}, subnet.Transport},
		{"reset in the middle", func(conn net.Conn) {
			_ = write(conn, head+"Content-Length: 1000\r\n\r\n"+delta("hi"))
			_ = conn.(*net.TCPConn).SetLinger(0)
		}, subnet.Truncated},
		{"shorter than announced", func(conn net.Conn) {
			_ = write(conn, head+"Content-Length: 1000\r\n\r\n"+delta("hi"))
		}, subnet.Truncated},
		{"not streamed, shorter than announced", func(conn net.Conn) {
			_ = write(conn, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{")
		}, subnet.Truncated},
		{"chunked, cut", func(conn net.Conn) {
			_ = write(conn, head+"Transfer-Encoding: chunked\r\n\r\n40\r\n"+delta("hi")[:20])
		}, subnet.Truncated},
		{"a gigabyte", func(conn net.Conn) {
			_ = write(conn, head+"Connection: close\r\n\r\n")
			for line := delta(strings.Repeat("g", 100<<10)); write(conn, line) == nil; {
			}
		}, subnet.ModelFault},
		{"a gigabyte without a line end", func(conn net.Conn) {
			_ = write(conn, head+"Connection: close\r\n\r\n")
			for filler := strings.Repeat("g", 100<<10); write(conn, filler) == nil; {
			}
		}, subnet.Upstream5xx},
		{"compressed unasked", func(conn net.Conn) {
			_ = write(conn, head+"Content-Encoding: gzip\r\nConnection: close\r\n\r\n\x1f\x8b")
		}, subnet.Upstream5xx},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := complete(t, raw(t, c.serve))
			fault(t, err, c.want)
		})
	}
}

func TestNobodyListens(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	client := chutes.New(chutes.Config{API: server.URL, Inference: server.URL, Key: testKey})
	_, err := complete(t, client)
	fault(t, err, subnet.Transport)
	_, err = client.Chute(t.Context(), "c-1")
	fault(t, err, subnet.Transport)
}

// A redirect would carry the key to wherever it points.
func TestRedirectsAreNotFollowed(t *testing.T) {
	var called atomic.Bool
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { called.Store(true) }))
	defer elsewhere.Close()
	for _, status := range []int{301, 302, 303, 307, 308} {
		client := serve(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, elsewhere.URL, status) })
		_, err := complete(t, client)
		fault(t, err, subnet.Upstream5xx)
		_, err = client.Chute(t.Context(), "c-1")
		fault(t, err, subnet.Upstream5xx)
	}
	if called.Load() {
		t.Error("the redirect was followed")
	}
}

// Connections are used again after a reply was read to its end.
func TestConnectionsAreReused(t *testing.T) {
	var opened atomic.Int32
	server := httptest.NewUnstartedServer(stream(delta("hi") + finish + usage + done))
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			opened.Add(1)
		}
	}
	server.Start()
	defer server.Close()
	client := chutes.New(chutes.Config{Inference: server.URL})
	defer client.CloseIdle()
	for range 20 {
		if _, err := complete(t, client); err != nil {
			t.Fatal(err)
		}
	}
	if opened.Load() != 1 {
		t.Errorf("%d connections for 20 replies in a row, want 1", opened.Load())
	}
}

func TestHTTP2WhereOffered(t *testing.T) {
	var proto atomic.Value
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		proto.Store(r.Proto)
		stream(delta("hi")+done)(w, r)
	}))
	server.EnableHTTP2 = true
	server.StartTLS()
	defer server.Close()
	roots := server.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	client := chutes.New(chutes.Config{Inference: server.URL, Key: testKey, RootCAs: roots})
	defer client.CloseIdle()
	if _, err := complete(t, client); err != nil {
		t.Fatal(err)
	}
	if proto.Load() != "HTTP/2.0" {
		t.Errorf("protocol %v", proto.Load())
	}
	_, err := complete(t, chutes.New(chutes.Config{Inference: server.URL, Key: testKey}))
	fault(t, err, subnet.Transport) // a certificate that nobody vouches for
}
