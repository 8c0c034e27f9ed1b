package config

import (
	"fmt"
	"log/slog"
)

const redacted = "[redacted]"

// Secret is text that must not be shown. It prints, logs and encodes as
// "[redacted]", under every verb and also as a field of something printed; only
// Reveal gives the text.
type Secret struct{ text string }

// NewSecret wraps a text.
func NewSecret(text string) Secret { return Secret{text} }

// Reveal returns the text, to be handed to whoever authenticates with it.
func (s Secret) Reveal() string { return s.text }

// Set says whether there is a text at all.
func (s Secret) Set() bool { return s.text != "" }

// String is the placeholder, whatever the text.
func (s Secret) String() string { return redacted }

// Format writes the placeholder under every verb, %#v and %x included.
func (s Secret) Format(f fmt.State, _ rune) { fmt.Fprint(f, redacted) }

// LogValue is the placeholder.
func (s Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText is the placeholder, for encoding/json and the like.
func (s Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }
