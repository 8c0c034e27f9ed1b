package chutes

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"time"

	"github.com/affine-go/affine/shared/env"
	"github.com/affine-go/affine/shared/subnet"
)

// settle is how long to wait, once a reply is complete, for usage and for the end
// of the stream, which lets the connection be used again.
const settle = 2 * time.Second

// maxWhole bounds a reply that is not streamed: escapes may double its length.
const maxWhole = 2*env.MaxReply + 64<<10

// read reads a 200's body. A reply that is longer than what is graded, its
// reasoning included, is the model's fault and is not read to its end.
func (k *call) read(resp *http.Response) (subnet.Completion, error) {
	// We asked for no compression; a body that has it may be a bomb.
	if coding := resp.Header.Get("Content-Encoding"); coding != "" && coding != "identity" {
		return subnet.Completion{}, k.fault(subnet.Upstream5xx, "the reply has the content encoding "+coding, nil)
	}
	r := new(reply)
	read := k.stream
	if media, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type")); media == "application/json" {
		read = k.whole
	}
	if err := read(resp.Body, r); err != nil {
		return subnet.Completion{}, err
	}
	switch {
	case r.size() > env.MaxReply:
		return subnet.Completion{}, k.tooLong()
	case r.finish == "abort" || r.finish == "error": // engines say so of a generation they gave up
		return subnet.Completion{}, k.fault(subnet.Upstream5xx, "the engine finished with "+r.finish, nil)
	}
	return r.completion(), nil
}

func (k *call) tooLong() *Error {
	return k.fault(subnet.ModelFault, fmt.Sprintf("reply too long: more than %d bytes", env.MaxReply), nil)
}

// stream reads events until the reply is complete. What goes wrong after that no
// longer matters.
func (k *call) stream(body io.Reader, r *reply) error {
	in := newLines(body)
	defer in.close()
	for !r.done && r.size() <= env.MaxReply {
		if err := k.step(in, r); err != nil {
			if r.complete() {
				return nil
			}
			return err
		}
	}
	if r.done {
		_, _ = io.CopyN(io.Discard, in.r, 4<<10)
	}
	return nil
}

// step reads one line. The stream's end is an error too, which an incomplete reply
// turns into its own.
func (k *call) step(in *lines, r *reply) error {
	line, err := in.next()
	if errors.Is(err, errLongLine) {
		if _, isData := dataOf(line); isData {
			return k.tooLong()
		}
		return k.fault(subnet.Upstream5xx, err.Error(), err)
	}
	last := errors.Is(err, io.EOF)
	if err != nil && !last {
		return k.broke(err)
	}
	if err := k.event(line, last, r); err != nil {
		return err
	}
	if last {
		return k.fault(subnet.Truncated, "the stream ended before finish_reason or [DONE]", io.ErrUnexpectedEOF)
	}
	k.silence.Reset(k.patience(r))
	return nil
}

// patience is how long the next line may take.
func (k *call) patience(r *reply) time.Duration {
	if r.complete() {
		return min(settle, k.c.cfg.Idle)
	}
	return k.c.cfg.Idle
}

// event takes in one line. Comments, names of events and blank lines mean nothing;
// a bare JSON line is how the gateway reports that an instance broke off. The last
// line of a stream may have been cut, which is for the caller to say.
func (k *call) event(line []byte, last bool, r *reply) error {
	data, isData := dataOf(line)
	switch {
	case isData && string(bytes.TrimSpace(data)) == "[DONE]":
		r.done = true
		return nil
	case !isData && bytes.HasPrefix(line, []byte("{")):
		data = line
	case len(data) == 0:
		return nil
	}
	var c chunk
	if err := json.Unmarshal(data, &c); err != nil {
		if last {
			return nil
		}
		return k.fault(subnet.Upstream5xx, "unreadable chunk: "+err.Error(), err)
	}
	if report, failed := c.failure(); failed {
		return k.reported(report)
	}
	if isData {
		r.add(c)
	}
	return nil
}

// reported makes the error of a failure that was reported after the 200. Engines
// report so, with code 400, a prompt that their context cannot hold.
func (k *call) reported(report json.RawMessage) *Error {
	words := jsonText(report)
	var status struct {
		Code int `json:"code"`
	}
	outcome := subnet.Upstream5xx
	if json.Unmarshal(report, &status) == nil && status.Code == http.StatusBadRequest {
		outcome = outcomeOf400(words)
	}
	return k.fault(outcome, words, nil)
}

// whole reads a reply that is not streamed. It may take as long as the generation.
func (k *call) whole(body io.Reader, r *reply) error {
	k.silence.Reset(k.c.cfg.Total)
	raw, err := io.ReadAll(io.LimitReader(body, maxWhole+1))
	if err != nil {
		return k.broke(err)
	}
	if len(raw) > maxWhole {
		return k.tooLong()
	}
	var c chunk
	if err := json.Unmarshal(raw, &c); err != nil {
		if syntax := (*json.SyntaxError)(nil); errors.As(err, &syntax) && syntax.Offset >= int64(len(raw)) {
			return k.fault(subnet.Truncated, "the reply's JSON breaks off", io.ErrUnexpectedEOF)
		}
		return k.fault(subnet.Upstream5xx, "unreadable reply: "+err.Error(), err)
	}
	if report, failed := c.failure(); failed {
		return k.reported(report)
	}
	if len(c.Choices) == 0 {
		return k.fault(subnet.Upstream5xx, "the reply has no choices", nil)
	}
	r.add(c)
	r.done = true
	return nil
}
