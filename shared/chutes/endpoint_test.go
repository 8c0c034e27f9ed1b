package chutes_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/affine-go/affine/shared/chutes"
	"github.com/affine-go/affine/shared/subnet"
)

const (
	testKey  = "cpk_0123456789abcdef0123456789abcdef.0123456789abcdef0123456789abcdef.abcdefghijklmnopqrstuvwxyz012345"
	testSlug = "alice-affine-seven"
)

var testTask = subnet.Task{Slug: testSlug, Model: "alice/affine-seven", Env: "affine:sat", TaskID: 7}

// serve starts a loopback server and a client of it whose deadlines are short
// enough to be waited for and long enough to be met by a busy machine.
func serve(t *testing.T, h http.HandlerFunc) *chutes.Client {
	t.Helper()
	return serveWith(t, chutes.Config{}, h)
}

func serveWith(t *testing.T, cfg chutes.Config, h http.HandlerFunc) *chutes.Client {
	t.Helper()
	url := newServer(t, h)
	cfg.API, cfg.Inference, cfg.Key = url, url+"/{slug}/v1", testKey
	client := chutes.New(cfg)
	t.Cleanup(client.CloseIdle)
	return client
}

func newServer(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return server.URL
}

// stream answers with the given lines as they are.
func stream(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		w.Header().Set("X-Chutes-InvocationID", "inv-1")
		_, _ = io.WriteString(w, body)
	}
}

// answer answers with a status and a body.
func answer(status int, kind, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", kind)
		w.Header().Set("X-Chutes-InvocationID", "inv-2")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// delta is a chunk with the content, in which no character needs an escape but the
// double quote.
func delta(content string) string {
	return `data: {"choices":[{"index":0,"delta":{"content":"` + strings.ReplaceAll(content, `"`, `\"`) + `"}}]}` + "\n\n"
}

const (
	finish = `data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}` + "\n\n"
	usage  = `data: {"choices":[],"usage":{"prompt_tokens":11,"completion_tokens":22}}` + "\n\n"
	done   = "data: [DONE]\n\n"
)

func complete(t *testing.T, c *chutes.Client) (subnet.Completion, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	return c.Complete(ctx, testTask, "a prompt", 42)
}

// fault is the *Error that err must be.
func fault(t *testing.T, err error, want subnet.Outcome) *chutes.Error {
	t.Helper()
	var e *chutes.Error
	if !errors.As(err, &e) {
		t.Fatalf("error is %T (%v), want *chutes.Error", err, err)
	}
	if e.Outcome() != want {
		t.Fatalf("outcome %s, want %s: %v", e.Outcome(), want, e)
	}
	if strings.Contains(e.Error(), testKey) || strings.Contains(e.Error(), testKey[4:20]) {
		t.Fatalf("the key is in the error: %v", e)
	}
	return e
}
