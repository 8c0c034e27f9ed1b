package chutes

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"

	"github.com/affine-go/affine/shared/subnet"
)

// Error is a failed call.
type Error struct {
	Op           string         // what was attempted: "chute 4f0c…", "complete at my-slug"
	Status       int            // HTTP status; 0 when no answer came
	Detail       string         // what the provider or the connection said, one line, without our key
	InvocationID string         // X-Chutes-InvocationID, to quote to the provider
	Fault        subnet.Outcome // who is to blame
	cause        error
}

// Outcome says how the attempt ended.
func (e *Error) Outcome() subnet.Outcome { return e.Fault }

// Unwrap gives the connection's error, subnet.ErrNoChute, or nil.
func (e *Error) Unwrap() error { return e.cause }

func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "chutes: %s: %s", e.Op, e.Fault)
	if e.Status != 0 {
		fmt.Fprintf(&b, ": status %d", e.Status)
	}
	if e.Detail != "" {
		fmt.Fprintf(&b, ": %s", e.Detail)
	}
	if e.InvocationID != "" {
		fmt.Fprintf(&b, " (invocation %s)", e.InvocationID)
	}
	return b.String()
}

// maxDetail bounds Error.Detail in bytes.
const maxDetail = 300

// keyForm is the form of a Chutes API key. Details are quoted from strangers, and a
// careless one may echo the request's headers.
var keyForm = regexp.MustCompile(`cpk_[0-9A-Za-z.]{8,}`)

// detail makes text fit for Error.Detail: valid UTF-8, one line, bounded, keyless.
func (c *Client) detail(text string) string {
	if c.cfg.Key != "" { // before any cut, which could leave most of it
		text = strings.ReplaceAll(text, c.cfg.Key, "[key]")
	}
	text = keyForm.ReplaceAllString(text, "[key]")
	text = strings.Join(strings.FieldsFunc(strings.ToValidUTF8(text, "\uFFFD"), blankOrControl), " ")
	if len(text) > maxDetail {
		text = strings.ToValidUTF8(text[:maxDetail], "") + "…"
	}
	return text
}

func blankOrControl(r rune) bool { return r <= ' ' || r == 0x7f || (r >= 0x80 && r < 0xa0) }

// outcomeOf classifies an answer other than 2xx of an inference host. The texts are
// those of the provider's gateway and engines as of 2025-10 to 2026-07.
func outcomeOf(status int, b errorBody) subnet.Outcome {
	switch status {
	case http.StatusBadRequest:
		return outcomeOf400(b.text)
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusUpgradeRequired:
		return subnet.OperatorAuth
	case http.StatusPaymentRequired:
		// Any other 402 is a quota, a tier or a balance of ours.
		if !b.object && strings.Contains(b.text, "zero balance") {
			return subnet.MinerUnfunded
		}
		return subnet.OperatorFunds
	case http.StatusNotFound:
		return subnet.NotFound
	case http.StatusTooManyRequests:
		return subnet.Capacity
	case http.StatusServiceUnavailable:
		// The gateway answers in JSON; a page is the CDN before it.
		if b.page {
			return subnet.Upstream5xx
		}
		return subnet.Cold
	}
	if status >= 400 && status < 500 {
		return subnet.EnvFault // we asked wrongly
	}
	return subnet.Upstream5xx
}

// outcomeOf400 tells a prompt that the model's context cannot hold from a request
// that is malformed. Nothing has been generated when an engine says either, so the
// words are not a model's.
func outcomeOf400(text string) subnet.Outcome {
	text = strings.ToLower(text)
	if strings.Contains(text, "longer than the model") || strings.Contains(text, "context length") {
		return subnet.ModelFault
	}
	return subnet.EnvFault
}
