package simchutes

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"
)

// pieces is the number of chunks a reply of ordinary length is streamed in.
const pieces = 20

// hugeReply is the length of the reply under the fault Huge, in bytes.
const hugeReply = 10 << 20

// generation sends one reply.
type generation struct {
	w      http.ResponseWriter
	ctx    context.Context
	model  string
	prompt int // length, in bytes
	fault  Fault
	abrupt bool          // a cut drops the connection instead of ending the stream
	pause  time.Duration // from the first byte of the answer to the last
	buf    bytes.Buffer
}

// send reports whether the brain's text was sent whole.
func (g *generation) send(text string, stream bool) bool {
	switch g.fault {
	case Empty:
		text = ""
	case Huge:
		text = strings.Repeat("x1=True, ", hugeReply/9+1)
	}
	if !stream {
		return g.whole(text)
	}
	g.w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
	g.w.WriteHeader(http.StatusOK)
	return g.stream(split(text))
}

// split cuts text between runes into pieces of about the same length, at least
// eight bytes and at most 64 KiB each.
func split(text string) []string {
	size := min(max(8, (len(text)+pieces-1)/pieces), 64<<10)
	var out []string
	for len(text) > 0 {
		n := min(size, len(text))
		for n < len(text) && !utf8.RuneStart(text[n]) {
			n++
		}
		out = append(out, text[:n])
		text = text[n:]
	}
	return out
}

func (g *generation) stream(chunks []string) bool {
	if g.pause > 0 && !g.flush() || !wait(g.ctx, g.pause/2) {
		return false
	}
	field := "content"
	if g.fault == ReasoningOnly {
		field = "reasoning_content"
	}
	for i, chunk := range chunks {
		if i == len(chunks)/2 && g.broken() {
			return false
		}
		words, _ := json.Marshal(chunk)
		g.delta(field, words)
		if !g.due() {
			return false
		}
		if g.pause > 0 && !wait(g.ctx, g.pause/2/time.Duration(len(chunks))) {
			return false
		}
	}
	if len(chunks) == 0 && g.broken() {
		return false
	}
	if g.fault == BadUTF8 {
		g.delta(field, []byte("\" \xff\xfe\xc0\""))
	}
	g.end(chunks)
	return g.flush() && g.fault != Empty && g.fault != Huge && g.fault != ReasoningOnly
}

// due sends what has gathered, at once when time is simulated and in larger blocks
// otherwise.
func (g *generation) due() bool {
	if g.pause > 0 || g.buf.Len() > 32<<10 {
		return g.flush()
	}
	return true
}

// broken breaks the stream off in its middle, if that is the fault.
func (g *generation) broken() bool {
	switch g.fault {
	case Cut:
		g.flush()
		if g.abrupt {
			panic(http.ErrAbortHandler)
		}
	case ErrorLine:
		g.buf.WriteString(`{"error": "Unhandled exception during response stream: peer closed connection without sending complete message body"}`)
		g.flush()
	case Stall:
		g.flush()
		<-g.ctx.Done()
	default:
		return false
	}
	return true
}

func (g *generation) delta(field string, words []byte) {
	fmt.Fprintf(&g.buf, `data: {"id":"chatcmpl-0","object":"chat.completion.chunk","created":0,"model":%q,"choices":[{"index":0,"delta":{"role":"assistant",%q:%s},"finish_reason":null}],"usage":null}`+"\n\n",
		g.model, field, words)
}

func (g *generation) end(chunks []string) {
	fmt.Fprintf(&g.buf, `data: {"id":"chatcmpl-0","object":"chat.completion.chunk","created":0,"model":%q,"choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"usage":null}`+"\n\n", g.model)
	if g.fault != NoUsage {
		fmt.Fprintf(&g.buf, `data: {"id":"chatcmpl-0","object":"chat.completion.chunk","created":0,"model":%q,"choices":[],"usage":%s}`+"\n\n", g.model, g.usage(len(strings.Join(chunks, ""))))
	}
	g.buf.WriteString("data: [DONE]\n\n")
}

// usage counts a token per four bytes, which is about what tokenizers make of English.
func (g *generation) usage(reply int) string {
	prompt, complete := (g.prompt+3)/4, (reply+3)/4
	return fmt.Sprintf(`{"prompt_tokens":%d,"completion_tokens":%d,"total_tokens":%d}`, prompt, complete, prompt+complete)
}

func (g *generation) flush() bool {
	_, err := g.buf.WriteTo(g.w)
	return err == nil && http.NewResponseController(g.w).Flush() == nil
}

// whole answers without a stream; what would break a stream breaks the document.
func (g *generation) whole(text string) bool {
	if !wait(g.ctx, g.pause) {
		return false
	}
	words, _ := json.Marshal(text)
	if g.fault == BadUTF8 {
		words = append(words[:len(words)-1], " \xff\xfe\xc0\""...)
	}
	field := "content"
	if g.fault == ReasoningOnly {
		field = "reasoning_content"
	}
	usage := g.usage(len(text))
	if g.fault == NoUsage {
		usage = "null"
	}
	fmt.Fprintf(&g.buf, `{"id":"chatcmpl-0","object":"chat.completion","created":0,"model":%q,"choices":[{"index":0,"message":{"role":"assistant",%q:%s},"finish_reason":"stop"}],"usage":%s}`,
		g.model, field, words, usage)
	g.w.Header().Set("Content-Type", "application/json")
	switch g.fault {
	case Cut, ErrorLine, Stall:
		g.buf.Truncate(g.buf.Len() / 2)
		g.flush()
		if g.fault == Stall {
			<-g.ctx.Done()
		}
		panic(http.ErrAbortHandler)
	}
	return g.flush() && g.fault != Empty && g.fault != Huge && g.fault != ReasoningOnly
}
