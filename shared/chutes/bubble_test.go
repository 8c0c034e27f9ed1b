package chutes

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/affine-go/affine/shared/subnet"
)

// pipes is a network within the process, so that time can be simulated.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
}

func (p *pipes) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	client, server := net.Pipe()
	select {
	case p.conns <- server:
		return client, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case conn := <-p.conns:
		return conn, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error   { close(p.closed); return nil }
func (p *pipes) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)} }

// inBubble calls test with a client of a server that answers with h, in simulated
// time.
func inBubble(t *testing.T, cfg Config, h http.HandlerFunc, test func(t *testing.T, c *Client)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		network := &pipes{conns: make(chan net.Conn), closed: make(chan struct{})}
		server := &http.Server{Handler: h}
		stopped := make(chan struct{})
		go func() {
			defer close(stopped)
			_ = server.Serve(network)
		}()
		cfg.API, cfg.Inference = "http://chutes.test", "http://chutes.test/{slug}/v1"
		c := New(cfg)
		transport, ok := c.http.Transport.(*http.Transport)
		if !ok {
			t.Fatalf("transport is %T", c.http.Transport)
		}
		transport.DialContext = network.dial
		test(t, c)
		c.CloseIdle()
		_ = server.Close()
		<-stopped
	})
}

const (
	hiChunk   = `data: {"choices":[{"index":0,"delta":{"content":"hi"}}]}` + "\n\n"
	stopChunk = `data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}` + "\n\n"
	doneChunk = "data: [DONE]\n\n"
)

// step is what a server writes after a pause.
type step struct {
	after time.Duration
	text  string
}

// play writes its steps and then keeps the connection open.
func play(steps ...step) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // or the server does not notice that the client left
		w.Header().Set("Content-Type", "text/event-stream")
		for _, s := range steps {
			select {
			case <-time.After(s.after):
			case <-r.Context().Done():
				return
			}
			_, _ = io.WriteString(w, s.text)
			_ = http.NewResponseController(w).Flush()
		}
		<-r.Context().Done()
	}
}

func outcomeOfError(err error) subnet.Outcome {
	var e *Error
	switch {
	case err == nil:
		return subnet.OK
	case errors.As(err, &e):
		return e.Outcome()
	}
	return subnet.Outcome("untyped: " + err.Error())
}

// trickle writes text piece by piece, one every pause.
func trickle(text string, pause time.Duration, times int) []step {
	steps := make([]step, times)
	for i := range steps {
		steps[i] = step{pause, text}
	}
	return steps
}

// A deadline is the model's failure only when its endpoint had answered at all.
func TestDeadlines(t *testing.T) {
	for _, c := range []struct {
		name  string
		cfg   Config
		steps []step
		want  subnet.Outcome
		took  time.Duration
	}{
		{"no headers", Config{}, nil, subnet.Transport, 600 * time.Second},
		{"no headers in their time", Config{Header: 90 * time.Second}, nil, subnet.Transport, 90 * time.Second},
		{"headers late, but in time", Config{}, []step{{599 * time.Second, hiChunk + stopChunk + doneChunk}}, subnet.OK, 600 * time.Second},
		{"silent after headers", Config{}, []step{{time.Second, ": hello\n"}}, subnet.TaskTimeout, 121 * time.Second},
		{"silent in the middle", Config{}, []step{{time.Second, hiChunk}}, subnet.TaskTimeout, 121 * time.Second},
		{"silent within a line", Config{}, []step{{time.Second, hiChunk + "data: {"}}, subnet.TaskTimeout, 121 * time.Second},
		{"one byte at a time is silence", Config{}, trickle("x", 10*time.Second, 100), subnet.TaskTimeout, 130 * time.Second},
		{"comments keep a stream alive, but not for ever", Config{}, trickle(": ping\n", 100*time.Second, 100), subnet.TaskTimeout, 600 * time.Second},
		{"slow, but not silent", Config{}, append(trickle(hiChunk, 100*time.Second, 5), step{0, stopChunk + doneChunk}), subnet.OK, 502 * time.Second},
		{"never done", Config{}, trickle(hiChunk, 100*time.Second, 100), subnet.TaskTimeout, 600 * time.Second},
		{"other deadlines", Config{Total: 30 * time.Second, Idle: 5 * time.Second}, trickle(hiChunk, 4*time.Second, 100), subnet.TaskTimeout, 30 * time.Second},
		{"silent after finish", Config{}, []step{{time.Second, hiChunk + stopChunk}}, subnet.OK, 3 * time.Second},
		{"silent after [DONE]", Config{}, []step{{time.Second, hiChunk + doneChunk}}, subnet.OK, 3 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			inBubble(t, c.cfg, play(c.steps...), func(t *testing.T, client *Client) {
				began := time.Now()
				_, err := client.Complete(t.Context(), subnet.Task{Slug: "slow"}, "p", 1)
				if got := outcomeOfError(err); got != c.want {
					t.Errorf("outcome %s, want %s: %v", got, c.want, err)
				}
				if took := time.Since(began); took != c.took {
					t.Errorf("took %v, want %v", took, c.took)
				}
			})
		})
	}
}

func TestCallersContext(t *testing.T) {
	stop := errors.New("shutting down")
	t.Run("cancelled says nothing about the endpoint", func(t *testing.T) {
		inBubble(t, Config{}, play(step{time.Second, hiChunk}), func(t *testing.T, c *Client) {
			ctx, cancel := context.WithCancelCause(t.Context())
			time.AfterFunc(10*time.Second, func() { cancel(stop) })
			_, err := c.Complete(ctx, subnet.Task{Slug: "slow"}, "p", 1)
			var e *Error
			if !errors.Is(err, stop) || errors.As(err, &e) {
				t.Errorf("error %v (%T)", err, err)
			}
		})
	})
	for _, tc := range []struct {
		name  string
		steps []step
		want  subnet.Outcome
	}{
		{"its deadline, after an answer", []step{{time.Second, hiChunk}}, subnet.TaskTimeout},
		{"its deadline, before one", nil, subnet.Transport},
	} {
		t.Run(tc.name, func(t *testing.T) {
			inBubble(t, Config{}, play(tc.steps...), func(t *testing.T, c *Client) {
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
				defer cancel()
				_, err := c.Complete(ctx, subnet.Task{Slug: "slow"}, "p", 1)
				if got := outcomeOfError(err); got != tc.want {
					t.Errorf("outcome %s, want %s: %v", got, tc.want, err)
				}
			})
		})
	}
}

// A reply that is not streamed may take as long as its generation.
func TestAWholeReplyMayBeSilent(t *testing.T) {
	inBubble(t, Config{}, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/json")
		_ = http.NewResponseController(w).Flush()
		<-time.After(590 * time.Second)
		_, _ = io.WriteString(w, `{"choices":[{"message":{"content":"hi"}}]}`)
	}, func(t *testing.T, c *Client) {
		if got, err := c.Complete(t.Context(), subnet.Task{Slug: "slow"}, "p", 1); err != nil || got.Text != "hi" {
			t.Errorf("%q, %v", got.Text, err)
		}
	})
}

func TestLookDeadline(t *testing.T) {
	for _, tc := range []struct {
		name  string
		steps []step
		want  subnet.Outcome
	}{
		{"no answer", nil, subnet.Transport},
		{"half an answer", []step{{0, `{"chute_id":`}}, subnet.Truncated},
	} {
		t.Run(tc.name, func(t *testing.T) {
			inBubble(t, Config{}, play(tc.steps...), func(t *testing.T, c *Client) {
				began := time.Now()
				_, err := c.Chute(t.Context(), "c-1")
				if got := outcomeOfError(err); got != tc.want || time.Since(began) != DefaultLook {
					t.Errorf("outcome %s after %v, want %s after %v: %v", got, time.Since(began), tc.want, DefaultLook, err)
				}
			})
		})
	}
}
