package chutes

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/affine-go/affine/shared/subnet"
)

// hostLabel is what a slug must be. It becomes part of the host that is sent the
// key, so a slug with a dot or a slash in it could name somebody else's.
var hostLabel = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)

// slugMark is replaced by the slug in Config.Inference.
const slugMark = "{slug}"

// request is the body of a chat completion. The stream's last chunk reports usage.
type request struct {
	Model         string         `json:"model"`
	Messages      []message      `json:"messages"`
	Temperature   float64        `json:"temperature"`
	Seed          uint32         `json:"seed"`
	Stream        bool           `json:"stream"`
	StreamOptions *streamOptions `json:"stream_options"`
}

type message struct {
	Role    string `json:"role"`
	Content string `json:"content"`
}

type streamOptions struct {
	IncludeUsage bool `json:"include_usage"`
}

// Complete sends the prompt as the one user message to the task's model and reads
// the whole reply, streamed or not. Invalid UTF-8 in it is replaced by U+FFFD, so
// the text is always valid.
//
// A failure is an *Error, except that a cancelled context gives an error wrapping
// the cancellation's cause, which says nothing about the endpoint. A 404 from a
// chute that the control plane lists as hot is operator_auth: the chute is there,
// but not for our key.
func (c *Client) Complete(ctx context.Context, task subnet.Task, prompt string, seed uint32) (subnet.Completion, error) {
	op := fmt.Sprintf("complete at %.64q", task.Slug)
	base, err := c.base(task.Slug)
	if err != nil {
		return subnet.Completion{}, &Error{Op: op, Detail: err.Error(), Fault: subnet.NotFound}
	}
	k := c.begin(ctx, op)
	defer k.end()
	req, err := k.request(base, request{
		Model: task.Model, Messages: []message{{Role: "user", Content: prompt}},
		Temperature: c.cfg.Temperature, Seed: seed, Stream: true, StreamOptions: &streamOptions{IncludeUsage: true},
	})
	if err != nil {
		return subnet.Completion{}, &Error{Op: op, Detail: c.detail(err.Error()), Fault: subnet.EnvFault, cause: err}
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return subnet.Completion{}, k.broke(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return subnet.Completion{}, k.refused(resp, task.Slug)
	}
	k.answered(resp)
	return k.read(resp)
}

// base is the URL under which a chute's OpenAI routes lie.
func (c *Client) base(slug string) (string, error) {
	if !strings.Contains(c.cfg.Inference, slugMark) {
		return c.cfg.Inference, nil
	}
	if !hostLabel.MatchString(slug) {
		return "", fmt.Errorf("slug %.64q cannot be a host's label", slug)
	}
	return strings.ReplaceAll(c.cfg.Inference, slugMark, slug), nil
}

// Causes of a call's end by its own deadlines.
var (
	errTotal  = errors.New("the reply was not whole before the deadline")
	errSilent = errors.New("the endpoint fell silent")
)

// call is one attempt: its deadlines, and what is known of the endpoint.
type call struct {
	c          *Client
	op         string
	parent     context.Context
	ctx        context.Context
	cancel     context.CancelCauseFunc
	total      *time.Timer
	silence    *time.Timer // until headers, then between lines
	healthy    bool        // headers of a 200 have arrived
	invocation string
}

func (c *Client) begin(parent context.Context, op string) *call {
	ctx, cancel := context.WithCancelCause(parent)
	return &call{
		c: c, op: op, parent: parent, ctx: ctx, cancel: cancel,
		total:   time.AfterFunc(c.cfg.Total, func() { cancel(errTotal) }),
		silence: time.AfterFunc(c.cfg.Header, func() { cancel(errSilent) }),
	}
}

func (k *call) end() {
	k.total.Stop()
	k.silence.Stop()
	k.cancel(nil)
}

func (k *call) request(base string, body request) (*http.Request, error) {
	raw, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(k.ctx, http.MethodPost, base+"/chat/completions", bytes.NewReader(raw))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "text/event-stream")
	if k.c.cfg.Key != "" {
		req.Header.Set("Authorization", "Bearer "+k.c.cfg.Key)
	}
	return req, nil
}

func (k *call) answered(resp *http.Response) {
	k.healthy = true
	k.invocation = k.c.detail(resp.Header.Get("X-Chutes-InvocationID"))
	k.silence.Reset(k.c.cfg.Idle)
}

// refused makes the error of an answer other than 200.
func (k *call) refused(resp *http.Response, slug string) error {
	e := k.c.refused(k.op, resp)
	if e.Status == http.StatusNotFound && strings.Contains(k.c.cfg.Inference, slugMark) && k.c.hotSlug(k.ctx, slug) {
		e.Fault = subnet.OperatorAuth
		e.Detail += " (yet the control plane lists it as hot: the key lacks the right to call it)"
	}
	return e
}

// broke makes the error of a connection that failed or that a deadline ended. The
// deadline is the model's failure only if its endpoint had answered.
func (k *call) broke(err error) error {
	cause := context.Cause(k.ctx)
	if k.parent.Err() != nil && !errors.Is(k.parent.Err(), context.DeadlineExceeded) {
		return fmt.Errorf("chutes: %s: %w", k.op, cause)
	}
	fault := subnet.Transport
	switch {
	case k.healthy && cause != nil:
		fault = subnet.TaskTimeout
	case k.healthy:
		fault = subnet.Truncated
	}
	if cause != nil {
		err = cause
	}
	return k.fault(fault, err.Error(), err)
}

func (k *call) fault(outcome subnet.Outcome, detail string, cause error) *Error {
	e := &Error{Op: k.op, Detail: k.c.detail(detail), InvocationID: k.invocation, Fault: outcome, cause: cause}
	if k.healthy {
		e.Status = http.StatusOK
	}
	return e
}
