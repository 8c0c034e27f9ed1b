package chutes_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/affine-go/affine/shared/chutes"
	"github.com/affine-go/affine/shared/env"
	"github.com/affine-go/affine/shared/subnet"
)

func TestWholeReplies(t *testing.T) {
	hello := subnet.Completion{Text: "hello", PromptTokens: 11, Tokens: 22}
	for _, c := range []struct {
		name, body string
		want       subnet.Completion
	}{
		{"as Chutes streams", delta("hel") + delta("lo") + finish + usage + done, hello},
		{"CRLF", strings.ReplaceAll(delta("hel")+delta("lo")+finish+usage+done, "\n", "\r\n"), hello},
		{"no blank after the colon", strings.ReplaceAll(delta("hello")+finish+usage+done, "data: ", "data:"), hello},
		{"no blank lines between", strings.ReplaceAll(delta("hello")+finish+usage+done, "\n\n", "\n"), hello},
		{"comments, names, unknown fields", ": ping\n\nevent: x\nid: 1\nretry: 5\nfoo\n" + delta("hello") + ":\n" + usage + done, hello},
		{"usage with every chunk", strings.ReplaceAll(delta("hello"), "}]}", `}],"usage":{"prompt_tokens":1,"completion_tokens":1}}`) + usage + done, hello},
		{"finish without [DONE]", delta("hi") + finish, subnet.Completion{Text: "hi"}},
		{"[DONE] without finish", delta("hi") + done, subnet.Completion{Text: "hi"}},
		{"[DONE] without its line end", delta("hi") + "data: [DONE]", subnet.Completion{Text: "hi"}},
		{"finish without its line end", delta("hi") + strings.TrimSpace(finish), subnet.Completion{Text: "hi"}},
		{"cut after finish", delta("hi") + finish + `data: {"choi`, subnet.Completion{Text: "hi"}},
		{"error after finish", delta("hi") + finish + `{"error":"late"}` + "\n", subnet.Completion{Text: "hi"}},
		{"cut by its length", delta("hi") + strings.Replace(finish, "stop", "length", 1) + done, subnet.Completion{Text: "hi"}},
		{"empty", finish + usage + done, subnet.Completion{PromptTokens: 11, Tokens: 22}},
		{"null content", `data: {"choices":[{"delta":{"content":null,"reasoning_content":null},"finish_reason":null}],"usage":null,"error":null}` + "\n" + delta("hi") + done, subnet.Completion{Text: "hi"}},
		{"reasoning apart", `data: {"choices":[{"delta":{"reasoning_content":"x1=True"}}]}` + "\n" + delta("hi") + done, subnet.Completion{Text: "hi", Reasoning: "x1=True"}},
		{"another choice", `data: {"choices":[{"index":1,"delta":{"content":"no"},"finish_reason":"stop"}]}` + "\n" + delta("hi") + done, subnet.Completion{Text: "hi"}},
		{"quotes an error", delta(`{"error":"Infrastructure is at maximum capacity"} data: [DONE]`) + done,
			subnet.Completion{Text: `{"error":"Infrastructure is at maximum capacity"} data: [DONE]`}},
		{"invalid UTF-8", "data: {\"choices\":[{\"delta\":{\"content\":\"a\xffb\\ud800c\"}}]}\n" + done, subnet.Completion{Text: "a\uFFFDb\uFFFDc"}},
		{"counts without sense", delta("hi") + `data: {"choices":[],"usage":{"prompt_tokens":1e99,"completion_tokens":"x"}}` + "\n" + done, subnet.Completion{Text: "hi"}},
		{"negative counts", delta("hi") + `data: {"choices":[],"usage":{"prompt_tokens":-1,"completion_tokens":-2}}` + "\n" + done, subnet.Completion{Text: "hi"}},
		{"a long line", delta(strings.Repeat("long ", 100_000)) + done, subnet.Completion{Text: strings.Repeat("long ", 100_000)}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := complete(t, serve(t, stream(c.body)))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestBrokenStreams(t *testing.T) {
	for _, c := range []struct {
		name, body string
		want       subnet.Outcome
		detail     string
	}{
		{"nothing", "", subnet.Truncated, "ended before"},
		{"cut between chunks", delta("hi"), subnet.Truncated, "ended before"},
		{"cut within a chunk", delta("hi") + `data: {"choices":[{"de`, subnet.Truncated, "ended before"},
		{"bare error line", delta("hi") + `{"error": "Unhandled exception during response stream: boom"}` + "\n", subnet.Upstream5xx, "boom"},
		{"bare error line, no end", delta("hi") + `{"error": "Unhandled exception during response stream: boom"}`, subnet.Upstream5xx, "boom"},
		{"bare detail line", `{"detail":"gone"}` + "\n", subnet.Upstream5xx, "gone"},
		{"error as data", delta("hi") + `data: {"error":{"message":"boom"}}` + "\n\n" + done, subnet.Upstream5xx, "boom"},
		{"error that quotes a prompt too long", `data: {"error":"context length"}` + "\n" + done, subnet.Upstream5xx, "context"},
		{"context overflow as data", `data: {"error":{"message":"The input is longer than the model's context length","code":400}}` + "\n\n" + done, subnet.ModelFault, "longer"},
		{"other 400 as data", `data: {"error":{"message":"bad seed","code":400}}` + "\n\n" + done, subnet.EnvFault, "seed"},
		{"not JSON", "data: <html>\n" + delta("hi") + done, subnet.Upstream5xx, "unreadable"},
		{"wrong shape", `data: {"choices":[{"delta":{"content":7}}]}` + "\n" + done, subnet.Upstream5xx, "unreadable"},
		{"a page", "<html>oops</html>\n", subnet.Truncated, "ended before"},
		{"aborted", delta("hi") + strings.Replace(finish, "stop", "abort", 1) + done, subnet.Upstream5xx, "abort"},
		{"reply too long", strings.Repeat(delta(strings.Repeat("x", 64<<10)), 65) + done, subnet.ModelFault, "too long"},
		{"reply too long in one chunk", delta(strings.Repeat("x", 10<<20)) + done, subnet.ModelFault, "too long"},
		{"reasoning too long", strings.Repeat(`data: {"choices":[{"delta":{"reasoning_content":"`+strings.Repeat("y", 1<<20)+`"}}]}`+"\n", 5) + done, subnet.ModelFault, "too long"},
		{"too long in the chunk that finishes", delta(strings.Repeat("x", env.MaxReply-20)) +
			`data: {"choices":[{"delta":{"content":"` + strings.Repeat("y", 30) + `"},"finish_reason":"stop"}]}` + "\n\n" + done, subnet.ModelFault, "too long"},
		{"endless comment", ":" + strings.Repeat("z", 5<<20), subnet.Upstream5xx, "longer than 4 MiB"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := complete(t, serve(t, stream(c.body)))
			e := fault(t, err, c.want)
			if !strings.Contains(e.Detail, c.detail) || e.InvocationID != "inv-1" || e.Status != 200 {
				t.Errorf("detail %q (want %q), invocation %q, status %d", e.Detail, c.detail, e.InvocationID, e.Status)
			}
		})
	}
}

func TestTheLongestReplyIsTaken(t *testing.T) {
	long := strings.Repeat("x", env.MaxReply/2)
	got, err := complete(t, serve(t, stream(delta(long)+delta(long)+done)))
	if err != nil || len(got.Text) != env.MaxReply {
		t.Fatalf("%d bytes, error %v; want %d", len(got.Text), err, env.MaxReply)
	}
}

func TestRepliesThatAreNotStreamed(t *testing.T) {
	whole := `{"choices":[{"message":{"content":"hello","reasoning_content":"hm"},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":4}}`
	for _, c := range []struct {
		name, body string
		want       subnet.Outcome
	}{
		{"whole", whole, subnet.OK},
		{"cut", whole[:60], subnet.Truncated},
		{"nothing", "", subnet.Truncated},
		{"not JSON", "<html></html>", subnet.Upstream5xx},
		{"error", `{"error":{"message":"boom"}}`, subnet.Upstream5xx},
		{"detail", `{"detail":"boom"}`, subnet.Upstream5xx},
		{"no choices", `{"choices":[]}`, subnet.Upstream5xx},
		{"too long", strings.Replace(whole, "hello", strings.Repeat("x", 5<<20), 1), subnet.ModelFault},
		{"far too long", strings.Replace(whole, "hello", strings.Repeat("x", 10<<20), 1), subnet.ModelFault},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := complete(t, serve(t, answer(200, asJSON+"; charset=utf-8", c.body)))
			if c.want != subnet.OK {
				fault(t, err, c.want)
				return
			}
			want := subnet.Completion{Text: "hello", Reasoning: "hm", PromptTokens: 3, Tokens: 4}
			if diff := cmp.Diff(want, got); err != nil || diff != "" {
				t.Errorf("error %v, %s", err, diff)
			}
		})
	}
}

// What is asked is part of what is measured: the same for every miner.
func TestWhatIsAsked(t *testing.T) {
	var got map[string]any
	client := serveWith(t, chutes.Config{Temperature: 0.7}, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/"+testSlug+"/v1/chat/completions" || r.Header.Get("Authorization") != "Bearer "+testKey {
			t.Errorf("asked %s with %q", r.URL.Path, r.Header.Get("Authorization"))
		}
		if r.Header.Get("Accept-Encoding") != "" {
			t.Errorf("asked for the encoding %q", r.Header.Get("Accept-Encoding"))
		}
		if err := json.NewDecoder(r.Body).Decode(&got); err != nil {
			t.Error(err)
		}
		stream(done)(w, r)
	})
	if _, err := complete(t, client); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"model": "alice/affine-seven", "temperature": 0.7, "seed": 42.0, "stream": true,
		"stream_options": map[string]any{"include_usage": true},
		"messages":       []any{map[string]any{"role": "user", "content": "a prompt"}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
