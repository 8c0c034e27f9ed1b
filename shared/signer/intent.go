package signer

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/affine-go/affine/shared/subnet"
)

// ErrIntent is wrapped when what was asked for is not an intent.
var ErrIntent = errors.New("signer refuses: not an intent")

// Intent is what a signer can be asked for: a decision, never bytes.
type Intent interface {
	subnet.WeightsIntent | subnet.CommitIntent
}

// Parse reads an intent as JSON. An entry that it does not know could change what is
// meant by the others, so there may be none.
func Parse[I Intent](text []byte) (intent I, err error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&intent); err != nil {
		return *new(I), fmt.Errorf("%w: %w", ErrIntent, err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return *new(I), fmt.Errorf("%w: something follows it", ErrIntent)
	}
	return intent, nil
}
