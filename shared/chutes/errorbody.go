package chutes

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
)

// maxErrorBody bounds what is read of an answer that reports a failure, in bytes.
const maxErrorBody = 64 << 10

// errorBody is what an answer other than 2xx said.
type errorBody struct {
	text   string
	object bool // the detail was a JSON object, as for quotas
	page   bool // not JSON but markup: the edge answered, not the gateway
}

// readErrorBody reads FastAPI's {"detail": …}, OpenAI's {"error": …}, or whatever
// else there is. A body that cannot be read leaves the status to speak alone.
func readErrorBody(resp *http.Response) errorBody {
	raw, _ := io.ReadAll(io.LimitReader(resp.Body, maxErrorBody))
	var doc map[string]json.RawMessage
	if json.Unmarshal(raw, &doc) != nil {
		page := bytes.HasPrefix(bytes.TrimSpace(raw), []byte("<")) ||
			strings.HasPrefix(resp.Header.Get("Content-Type"), "text/html")
		return errorBody{text: string(raw), page: page}
	}
	for _, field := range []string{"detail", "error", "message"} {
		if v, ok := doc[field]; ok {
			return errorBody{text: jsonText(v), object: bytes.HasPrefix(v, []byte("{"))}
		}
	}
	return errorBody{text: string(raw)}
}

// jsonText is a JSON value for people: a string itself, an object's message, or
// else the JSON.
func jsonText(v json.RawMessage) string {
	var s string
	if json.Unmarshal(v, &s) == nil {
		return s
	}
	var o struct {
		Message string `json:"message"`
	}
	if json.Unmarshal(v, &o) == nil && o.Message != "" {
		return o.Message
	}
	return string(v)
}
