package chutes

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf8"

	"github.com/affine-go/affine/shared/env"
	"github.com/affine-go/affine/shared/subnet"
)

// Whatever a stream holds, reading it ends with a bounded valid text or a typed
// error, the same however the bytes arrive.
func FuzzStream(f *testing.F) {
	for _, seed := range []string{
		"", "data: [DONE]\n", "data:[DONE]", ": c\r\n\r\n",
		`data: {"choices":[{"index":0,"delta":{"content":"hi"},"finish_reason":"stop"}]}` + "\n\n",
		`data: {"choices":[{"delta":{"reasoning_content":"hi"}}],"usage":{"prompt_tokens":1}}` + "\n\ndata: [DONE]\n",
		`{"error": "Unhandled exception during response stream: x"}`,
		`data: {"error":{"message":"x","code":400}}` + "\n",
		"data: {\"choices\":[{\"delta\":{\"content\":\"\xff\\ud800\"}}]}\n",
		"data: " + strings.Repeat("[", 20_000), "data: null\n", "{\n", "{}\n",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		got, err := readStream(strings.NewReader(body))
		again, err2 := readStream(iotest.OneByteReader(strings.NewReader(body)))
		if got != again || (err == nil) != (err2 == nil) {
			t.Fatalf("in one piece: %+v, %v; byte by byte: %+v, %v", got, err, again, err2)
		}
		if len(got.Text) > env.MaxReply || !utf8.ValidString(got.Text) || got.Tokens < 0 || got.PromptTokens < 0 {
			t.Errorf("reply %+v", got)
		}
		var e *Error
		if err != nil && (!errors.As(err, &e) || e.Outcome() == "" || e.Outcome() == subnet.OK || e.Outcome().Operator()) {
			t.Errorf("error %v", err)
		}
		// Field names may come in another case and with escapes.
		if err == nil && !strings.Contains(body, "[DONE]") && !strings.Contains(strings.ToLower(body), "finish_reason") && !strings.Contains(body, `\u`) {
			t.Errorf("complete without finish_reason or [DONE]: %q", body)
		}
	})
}

func readStream(body io.Reader) (subnet.Completion, error) {
	k := New(Config{}).begin(context.Background(), "fuzz")
	defer k.end()
	resp := &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(body)}
	k.answered(resp)
	return k.read(resp)
}

// Whatever an error's body holds, the detail is one short line without a key.
func FuzzErrorBody(f *testing.F) {
	for _, seed := range []string{"", "{}", `{"detail":"x"}`, `{"detail":{"message":"x"}}`, `{"error":null}`, "<html>", `[1]`, "\xff\x00", `{"detail":"` + fuzzKey + `"}`} {
		f.Add(400, seed)
		f.Add(402, seed)
	}
	c := New(Config{Key: fuzzKey})
	f.Fuzz(func(t *testing.T, status int, body string) {
		e := c.refused("fuzz", &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body))})
		if e.Outcome() == "" || e.Outcome() == subnet.OK {
			t.Errorf("status %d: outcome %q", status, e.Outcome())
		}
		text := e.Error()
		if strings.Contains(text, fuzzKey) || strings.ContainsAny(text, "\n\r\x00") || !utf8.ValidString(text) || len(text) > 500 {
			t.Errorf("error text %q", text)
		}
	})
}

const fuzzKey = "cpk_0123456789abcdef0123456789abcdef.0123456789abcdef0123456789abcdef.abcdefghijklmnopqrstuvwxyz012345"
