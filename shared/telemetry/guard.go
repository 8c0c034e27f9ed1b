package telemetry

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"regexp"
	"strings"
)

const redacted = "[redacted]"

// tokens are what Chutes and Hugging Face issue: a prefix and a long random text.
var tokens = regexp.MustCompile(`\b(cpk_|hf_)[A-Za-z0-9._]{16,}`)

// guardedKeys are never logged with their value, however it looks.
var guardedKeys = map[string]bool{
	"authorization": true, "api_key": true, "apikey": true, "password": true, "passphrase": true,
	"mnemonic": true, "secret": true, "secret_key": true, "private_key": true, "seed": true, "token": true,
}

// shortestHidden keeps a secret of a few characters from turning every line into
// placeholders; no real key is that short.
const shortestHidden = 6

// guard takes secrets out of log attributes.
type guard struct {
	hide *strings.Replacer // nil when there is nothing to hide
}

func newGuard(texts []string) guard {
	var pairs []string
	for _, text := range texts {
		if len(text) >= shortestHidden {
			pairs = append(pairs, text, redacted)
		}
	}
	if pairs == nil {
		return guard{}
	}
	return guard{strings.NewReplacer(pairs...)}
}

// clean returns the text without secrets.
func (g guard) clean(text string) string {
	if g.hide != nil {
		text = g.hide.Replace(text)
	}
	return tokens.ReplaceAllString(text, "${1}"+redacted)
}

// replace is a slog.HandlerOptions.ReplaceAttr: it sees every attribute, the message
// included, with its value resolved.
func (g guard) replace(_ []string, a slog.Attr) slog.Attr {
	if guardedKeys[strings.ToLower(a.Key)] {
		return slog.String(a.Key, redacted)
	}
	switch a.Value.Kind() {
	case slog.KindString:
		return slog.String(a.Key, g.clean(a.Value.String()))
	case slog.KindAny:
		return slog.Attr{Key: a.Key, Value: g.any(a.Value.Any())}
	default:
		return a
	}
}

// any looks at a value as either handler would write it. One that would show a
// secret becomes the cleaned text; all others are left to the handler.
func (g guard) any(value any) slog.Value {
	if err, ok := value.(error); ok {
		return slog.StringValue(g.clean(err.Error()))
	}
	printed := fmt.Sprintf("%+v", value)
	if cleaned := g.clean(printed); cleaned != printed {
		return slog.StringValue(cleaned)
	}
	// JSON follows pointers where printing gives their address.
	encoded, err := json.Marshal(value)
	if cleaned := g.clean(string(encoded)); err == nil && cleaned != string(encoded) {
		return slog.StringValue(cleaned)
	}
	return slog.AnyValue(value)
}
