package subnet

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// Commitment is what a miner wrote on chain: which model it offers for pay.
type Commitment struct {
	Model    string   `json:"model"`              // Hugging Face repository, owner/name
	Revision Revision `json:"revision"`           // commit hash of the repository
	ChuteID  string   `json:"chute_id,omitempty"` // the chute that serves it; optional since 2026
	Block    Block    `json:"-"`                  // block at which the chain recorded or revealed it
}

// MaxCommitmentBytes bounds the text that ParseCommitment looks at. The chain
// stores at most 1024 bytes of ciphertext per field, so anything longer is hostile.
const MaxCommitmentBytes = 4096

// ErrCommitment is wrapped by every refusal of ParseCommitment.
var ErrCommitment = errors.New("commitment invalid")

// ParseCommitment reads the JSON text of a commitment. It refuses, with a reason
// fit to be shown to the miner, text that is too long, not UTF-8, not one JSON
// object, lacks model or revision, or carries characters that have no business in
// a repository name. Unknown fields are ignored, as upstream ignores them.
func ParseCommitment(text []byte, at Block) (Commitment, error) {
	if len(text) > MaxCommitmentBytes {
		return Commitment{}, fmt.Errorf("%w: %d bytes, at most %d", ErrCommitment, len(text), MaxCommitmentBytes)
	}
	if !utf8.Valid(text) {
		return Commitment{}, fmt.Errorf("%w: not UTF-8", ErrCommitment)
	}
	var c Commitment
	dec := json.NewDecoder(bytes.NewReader(text))
	if err := dec.Decode(&c); err != nil {
		return Commitment{}, fmt.Errorf("%w: not a JSON object: %v", ErrCommitment, err)
	}
	if dec.More() {
		return Commitment{}, fmt.Errorf("%w: text after the JSON object", ErrCommitment)
	}
	if err := c.check(); err != nil {
		return Commitment{}, err
	}
	c.Block = at
	return c, nil
}

// Text is the JSON that upstream's commit command writes for the commitment, byte for
// byte (Python's json.dumps): model, revision and, when there is one, chute_id, in this
// order, a space after each colon and comma, and ASCII only. It refuses, with an error
// that wraps ErrCommitment, what ParseCommitment would not read.
func (c Commitment) Text() ([]byte, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	fields := [][2]string{{"model", c.Model}, {"revision", string(c.Revision)}}
	if c.ChuteID != "" {
		fields = append(fields, [2]string{"chute_id", c.ChuteID})
	}
	var text []byte
	for i, f := range fields {
		text = append(text, [...]string{"{", ", "}[min(i, 1)]...)
		text = fmt.Appendf(text, "%q: ", f[0])
		text = appendASCII(text, f[1])
	}
	return append(text, '}'), nil
}

// appendASCII writes a JSON string of printable text, as check leaves it.
func appendASCII(to []byte, text string) []byte {
	to = append(to, '"')
	for _, r := range text {
		switch {
		case r == '"' || r == '\\':
			to = append(to, '\\', byte(r))
		case r < utf8.RuneSelf:
			to = append(to, byte(r))
		default:
			for _, unit := range utf16.Encode([]rune{r}) {
				to = fmt.Appendf(to, "\\u%04x", unit)
			}
		}
	}
	return append(to, '"')
}

func (c Commitment) check() error {
	for _, field := range []struct {
		name, text string
		required   bool
		limit      int
	}{
		{"model", c.Model, true, 256},
		{"revision", string(c.Revision), true, 128},
		{"chute_id", c.ChuteID, false, 128},
	} {
		if field.required && strings.TrimSpace(field.text) == "" {
			return fmt.Errorf("%w: %s is missing", ErrCommitment, field.name)
		}
		if len(field.text) > field.limit {
			return fmt.Errorf("%w: %s has %d bytes, at most %d", ErrCommitment, field.name, len(field.text), field.limit)
		}
		if !utf8.ValidString(field.text) || strings.ContainsFunc(field.text, unprintable) {
			return fmt.Errorf("%w: %s contains a space or an unprintable character", ErrCommitment, field.name)
		}
	}
	// Row keys are joined with '#'; a revision that holds one could pose as another miner's.
	if strings.ContainsAny(string(c.Revision), "#/") {
		return fmt.Errorf("%w: revision contains '#' or '/'", ErrCommitment)
	}
	return nil
}

func unprintable(r rune) bool {
	return unicode.IsSpace(r) || !unicode.IsPrint(r)
}
