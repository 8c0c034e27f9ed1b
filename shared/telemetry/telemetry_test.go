package telemetry

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

const key = "Zm9vYmFyYmF6cXV4"

type account struct {
	Name string
	Key  string
}

type late struct{}

func (late) LogValue() slog.Value { return slog.GroupValue(slog.String("inner", "key "+key)) }

func TestLogHidesSecrets(t *testing.T) {
	token := "cpk_0123456789abcdef0123456789abcdef.0123"
	attrs := []any{
		"text", "before " + key + " after",
		"error", fmt.Errorf("GET /?key=%s: %w", key, errors.New("refused")),
		"struct", account{"me", key},
		"pointer", &account{"me", key},
		"map", map[string]string{"header": key},
		"late", late{},
		"deep", []*account{{"me", key}},
		"token", "short",
		"Authorization", "Basic x",
		"reply", "your key " + token + " is wrong",
		slog.Group("group", "secret", 12345, "model", "hf_"+strings.Repeat("a", 34)),
	}
	for _, format := range []Format{JSON, Text} {
		var out bytes.Buffer
		log := NewLogger(&out, Options{Program: "envrunner", Format: format, Hide: []string{key, ""}})
		log.With("bound", key).WithGroup("g").Error("failed with "+key, attrs...)
		for _, secret := range []string{key, token, "short", "Basic x", "12345", "hf_aaaa"} {
			if strings.Contains(out.String(), secret) {
				t.Errorf("format %d shows %q: %s", format, secret, out.String())
			}
		}
		for _, kept := range []string{"envrunner", "before", "after", "refused", "your key", "failed with"} {
			if !strings.Contains(out.String(), kept) {
				t.Errorf("format %d lost %q: %s", format, kept, out.String())
			}
		}
	}
}

func TestLogLeavesTheRestAlone(t *testing.T) {
	var out bytes.Buffer
	log := NewLogger(&out, Options{Program: "weights", Hide: []string{key, "env"}})
	log.Info("set", KeyNetuid, 120, KeyEnv, "affine:sat", "chf_model", "chf_"+strings.Repeat("a", 20), "ids", []int{1, 2}, "share", 0.5)
	var line map[string]any
	if err := json.Unmarshal(out.Bytes(), &line); err != nil {
		t.Fatal(err)
	}
	delete(line, slog.TimeKey)
	got, err := json.Marshal(line)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"chf_model":"chf_aaaaaaaaaaaaaaaaaaaa","env":"affine:sat","ids":[1,2],"level":"INFO","msg":"set","netuid":120,"program":"weights","share":0.5}`
	if string(got) != want {
		t.Errorf("line\n got %s\nwant %s", got, want)
	}
}

func TestLogLevel(t *testing.T) {
	var out bytes.Buffer
	NewLogger(&out, Options{}).Debug("hidden by default")
	NewLogger(&out, Options{Level: slog.LevelError}).Warn("hidden")
	if out.Len() > 0 {
		t.Errorf("logged %s", out.String())
	}
	NewLogger(&out, Options{Level: slog.LevelDebug, Format: Text}).Debug("shown")
	if !strings.Contains(out.String(), "shown") {
		t.Errorf("logged %q", out.String())
	}
}

func FuzzGuard(f *testing.F) {
	f.Add(key, "text with "+key)
	f.Add("abcdef", "abcabcdefdef")
	f.Add("[redacted]", "[redacted]")
	f.Fuzz(func(t *testing.T, secret, text string) {
		g := newGuard([]string{secret})
		got := g.clean(text)
		if !strings.Contains(text, secret) && !tokens.MatchString(text) && got != text {
			t.Errorf("clean(%q) = %q, though it holds no secret", text, got)
		}
		// What is left of a text once the placeholders are cut out at no place spells the secret.
		for _, rest := range strings.Split(got, redacted) {
			if len(secret) >= shortestHidden && strings.Contains(rest, secret) {
				t.Errorf("clean(%q) = %q shows %q", text, got, secret)
			}
		}
	})
}
