package simchutes

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
)

// maxRequest bounds a request's body in bytes.
const maxRequest = 32 << 20

// request is a chat completion as the engines read it.
type request struct {
	Model       string    `json:"model"`
	Messages    []message `json:"messages"`
	Stream      bool      `json:"stream"`
	Temperature *float64  `json:"temperature"`
	TopP        *float64  `json:"top_p"`
	MaxTokens   *int      `json:"max_tokens"`
	Seed        *int64    `json:"seed"`
}

type message struct {
	Role    string   `json:"role"`
	Content *content `json:"content"`
}

// content is what a message says: a string, or the texts of its parts.
type content string

// UnmarshalJSON reads either form.
func (c *content) UnmarshalJSON(raw []byte) error {
	var text string
	if json.Unmarshal(raw, &text) == nil {
		*c = content(text)
		return nil
	}
	var parts []struct {
		Type string `json:"type"`
		Text string `json:"text"`
	}
	if json.Unmarshal(raw, &parts) != nil {
		return errors.New("content is neither a string nor a list of parts")
	}
	texts := make([]string, len(parts))
	for i, part := range parts {
		if part.Type != "text" {
			return fmt.Errorf("this model takes no part of the type %q", part.Type)
		}
		texts[i] = part.Text
	}
	*c = content(strings.Join(texts, "\n"))
	return nil
}

// readRequest reads a completion's request; the error is the detail of a 400.
func readRequest(r *http.Request) (request, error) {
	raw, err := io.ReadAll(io.LimitReader(r.Body, maxRequest+1))
	if err != nil {
		return request{}, fmt.Errorf("invalid request JSON payload: %w", err)
	}
	if len(raw) > maxRequest {
		return request{}, errors.New("invalid request JSON payload: too large")
	}
	var req request
	err = json.Unmarshal(raw, &req)
	if syntax := (*json.SyntaxError)(nil); errors.As(err, &syntax) {
		return request{}, fmt.Errorf("invalid request JSON payload: %w: char %d", err, syntax.Offset)
	}
	if err == nil {
		err = req.check()
	}
	if err != nil {
		return request{}, fmt.Errorf("Invalid request: %w", err) //nolint:staticcheck // the gateway's words
	}
	return req, nil
}

func (r request) check() error {
	switch {
	case len(r.Messages) == 0:
		return errors.New("messages must hold at least one message")
	case r.Temperature != nil && (*r.Temperature < 0 || *r.Temperature > 2):
		return fmt.Errorf("temperature must be in [0, 2], got %v", *r.Temperature)
	case r.TopP != nil && (*r.TopP <= 0 || *r.TopP > 1):
		return fmt.Errorf("top_p must be in (0, 1], got %v", *r.TopP)
	case r.MaxTokens != nil && *r.MaxTokens < 1:
		return fmt.Errorf("max_tokens must be at least 1, got %d", *r.MaxTokens)
	}
	for i, m := range r.Messages {
		switch m.Role {
		case "system", "developer", "user", "assistant", "tool":
		default:
			return fmt.Errorf("messages[%d]: role %q is unknown", i, m.Role)
		}
		if m.Content == nil {
			return fmt.Errorf("messages[%d]: content is missing", i)
		}
	}
	return nil
}

// prompt is what the user said last.
func (r request) prompt() string {
	for _, m := range slices.Backward(r.Messages) {
		if m.Role == "user" {
			return string(*m.Content)
		}
	}
	return ""
}
