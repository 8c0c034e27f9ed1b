package chain

import (
	"bytes"
	"encoding/json"
	"errors"
	"testing"

	"github.com/affine-go/affine/shared/chain/scale"
	"github.com/affine-go/affine/shared/subnet"
)

func FuzzInnerText(f *testing.F) {
	for _, seed := range []string{"", "\x00", "\x04a", "\x08a", `{"model":"m"}`, "\xfe\xff\xff\xff", "\x03\x00\x00\x00\x80", "\x05\x00a"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if inner := innerText(b); !bytes.HasSuffix(b, inner) {
			t.Errorf("%q became %q, which is not in it", b, inner)
		}
		var e scale.Encoder
		e.Bytes(b)
		if inner := innerText(e.Data()); !bytes.Equal(inner, b) {
			t.Errorf("the SCALE string of %q became %q", b, inner)
		}
	})
}

func FuzzHeader(f *testing.F) {
	for _, seed := range []string{
		`{"parentHash":"0x00","number":"0x1","stateRoot":"0x","extrinsicsRoot":"0x","digest":{"logs":["0x06"]}}`,
		`{"number":"0xffffffffffffffffffff"}`, `{"number":"-0x1"}`, `{}`, `null`, `[]`, `{"digest":null}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var h header
		if json.Unmarshal(text, &h) != nil {
			return
		}
		hash, err := h.read()
		if err != nil {
			if !errors.Is(err, ErrAnswer) {
				t.Errorf("%v does not wrap ErrAnswer", err)
			}
			return
		}
		if err := h.mustHash(hash); err != nil {
			t.Errorf("a header is refused under its own hash: %v", err)
		}
		if h.number > 1<<32-1 {
			t.Errorf("number %d is beyond the chain's", h.number)
		}
	})
}

func FuzzValidity(f *testing.F) {
	for _, seed := range []string{"\x00", "\x01\x00\x04", "\x01\x00\x07\x0f", "\x01\x00\x07", "\x01\x01\x00", "\x01\x00\xff", "", "\x01"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, answer []byte) {
		err := validity(answer)
		var refused *RPCError
		if err != nil && !errors.Is(err, ErrAnswer) && (!errors.As(err, &refused) || refused.Detail() == "") {
			t.Errorf("%x: %v is neither a refusal with a reason nor ErrAnswer", answer, err)
		}
	})
}

func TestValidity(t *testing.T) {
	for answer, want := range map[string]string{
		"\x00":             "",
		"\x01\x00\x02":     "", // its nonce is to come: the pool keeps it
		"\x01\x01\x00":     "", // could not be told
		"\x01\x00\x03":     "code 1010: Invalid Transaction: Transaction is outdated",
		"\x01\x00\x04":     "code 1010: Invalid Transaction: Transaction has a bad signature",
		"\x01\x00\x07\x0f": "code 1010: Invalid Transaction: Custom error: 15",
		"\x01\x00\x63":     "code 1010: Invalid Transaction: InvalidTransaction variant 99",
	} {
		err := validity([]byte(answer))
		if (err == nil) != (want == "") || (err != nil && err.Error() != want) {
			t.Errorf("%x: got %v, want %q", answer, err, want)
		}
	}
}

// What the chain stores of commitments decodes to other shapes under other metadata;
// none of them may bring the reader down.
func TestShapesThatAreNotCommitments(t *testing.T) {
	for _, value := range []any{
		7, "x", map[string]any{}, []any{7}, []any{[]any{}}, []any{[]any{"x", uint64(1)}}, []any{[]any{[]byte("x"), "y"}},
	} {
		if _, found, err := newestRevealed(value); found || err == nil {
			t.Errorf("%#v was taken for revealed commitments", value)
		}
	}
	for _, value := range []any{
		7, []any{}, map[string]any{}, map[string]any{"block": uint64(1)}, map[string]any{"block": uint64(1), "info": 7},
		map[string]any{"block": uint64(1), "info": map[string]any{"fields": []any{7}}},
	} {
		if _, found, err := lastWritten(value); found || err == nil {
			t.Errorf("%#v was taken for a commitment", value)
		}
	}
	if raw, found, err := newestRevealed([]any{}); found || err != nil {
		t.Errorf("no entry: %+v, %v, %v", raw, found, err)
	}
	for _, row := range []any{7, map[string]any{}, map[string]any{"uid": "x"}, map[string]any{"uid": uint64(0), "hotkey": []byte("short")}} {
		if _, err := neuron(row, 120, 0); !errors.Is(err, ErrAnswer) {
			t.Errorf("neuron %#v: %v", row, err)
		}
	}
	for _, row := range []any{7, []any{7}, []any{[]any{uint64(1)}}, []any{[]any{uint64(1 << 20), uint64(1)}}, []any{[]any{uint64(1), "x"}}} {
		if err := weightsRow(row, map[subnet.UID]uint16{}); err == nil {
			t.Errorf("%#v was taken for weights", row)
		}
	}
}
