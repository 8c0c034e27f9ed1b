package chain

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/affine-go/affine/shared/chain/metadata"
	"github.com/affine-go/affine/shared/subnet"
)

// decodedOf is what metadata could make of some bytes, told in JSON: numbers, text for
// bytes, {"variant": name, "value": …} for variants.
func decodedOf(v any) any {
	switch v := v.(type) {
	case float64:
		return uint64(v)
	case string:
		return []byte(v)
	case []any:
		for i := range v {
			v[i] = decodedOf(v[i])
		}
	case map[string]any:
		for name := range v {
			v[name] = decodedOf(v[name])
		}
		if name, ok := v["variant"].([]byte); ok {
			return metadata.Variant{Name: string(name), Value: v["value"]}
		}
	}
	return v
}

// FuzzDecodedValues: a runtime may come to mean other shapes by the names that are read;
// each is read or refused, whatever it is.
func FuzzDecodedValues(f *testing.F) {
	account := strings.Repeat("a", 32)
	for _, seed := range []string{
		`[["{}", 7]]`, `[[1, 65535], [2, 0]]`, `[["` + account + `", 1000, "sealed", 77]]`, `[["` + account + `", "sealed", 77]]`,
		`{"block": 7, "info": {"fields": [{"variant": "Raw2", "value": "{}"}, {"variant": "TimelockEncrypted", "value": {"encrypted": "x", "reveal_round": 7}}, {"variant": "TimelockRevealFailed"}]}}`,
		`{"netuid": 120, "num_uids": 1, "hotkeys": ["` + account + `"], "validator_permit": [true], "last_update": [7], "total_stake": [1]}`,
		`{"uid": 0, "netuid": 120, "hotkey": "` + account + `", "validator_permit": true, "last_update": 7, "stake": [["` + account + `", 1]]}`,
		`{"netuid": 120, "num_uids": 18446744073709551615, "hotkeys": []}`, `[]`, `{}`, `7`, `"x"`, `[[]]`, `[null]`, `[7, [true]]`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var v any
		if json.Unmarshal(text, &v) != nil || v == nil {
			return
		}
		v = decodedOf(v)
		if raw, found, err := newestRevealed(v); err != nil && (found || raw.Text != nil) {
			t.Errorf("%s: %+v with %v", text, raw, err)
		}
		if all, err := allRevealed(v); err != nil && all != nil {
			t.Errorf("%s: %+v with %v", text, all, err)
		}
		if raw, found, err := lastWritten(v); err != nil && (found || raw.Text != nil) {
			t.Errorf("%s: %+v with %v", text, raw, err)
		}
		_ = weightsRow(v, map[subnet.UID]uint16{})
		_, _ = (&reveals{}).is(v)
		_ = (&SealedRow{}).read(uint64(7), v)
		_ = dispatchError(v)
		if _, err := neuron(v, 120, 0); err != nil && !errors.Is(err, ErrAnswer) {
			t.Errorf("%s: %v is not ErrAnswer", text, err)
		}
		neurons, err := roster(v, 120)
		if err != nil && !errors.Is(err, ErrAnswer) && !errors.Is(err, errNoColumns) {
			t.Errorf("%s: %v", text, err)
		}
		if len(neurons) > len(text) {
			t.Errorf("%s: %d neurons", text, len(neurons))
		}
	})
}

// FuzzChanges: what a node says of storage is taken as it says it or refused.
func FuzzChanges(f *testing.F) {
	for _, seed := range []string{`[["0x01", "0x02"]]`, `[["0x01", null]]`, `[[null, "0x02"]]`, `[["01", "0x2"]]`, `[["0xAB"]]`, `[[]]`, `null`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var changes [][2]*string
		if json.Unmarshal(text, &changes) != nil {
			return
		}
		values := map[string][]byte{}
		if err := collect(values, changes); err != nil {
			if !errors.Is(err, ErrAnswer) {
				t.Errorf("%s: %v is not ErrAnswer", text, err)
			}
			return
		}
		for _, c := range changes {
			name := strings.ToLower(strings.TrimPrefix(*c[0], "0x"))
			if c[1] != nil && values[name] == nil {
				t.Errorf("%s: %s is not there", text, name)
			}
		}
	})
}

// FuzzResponse: an answer is for a request that was made, or the link ends.
func FuzzResponse(f *testing.F) {
	for _, seed := range []string{
		`{"jsonrpc":"2.0","id":1,"result":"0x"}`, `{"id":1,"error":{"code":4003,"message":"State already discarded","data":"x"}}`, `{"id":2}`, `{"id":0}`, `{"id":-1}`,
		`{"method":"chain_newHead"}`, `[]`, `null`, `{"id":1,"error":{"code":"x"}}`, `{"id":1,"error":{"data":{}}}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var r response
		if json.Unmarshal(text, &r) != nil {
			return
		}
		if err := r.refusal(); err != nil && err.Error() == "" {
			t.Errorf("%s: a refusal without a word", text)
		}
		l := &link{waiting: map[uint64]chan response{}}
		_, answer := l.expect()
		switch err := l.deliver(r); {
		case (r.ID != nil && *r.ID == 1) != (err == nil):
			t.Errorf("%s: %v", text, err)
		case err == nil && len(answer) != 1:
			t.Errorf("%s: nobody was told", text)
		}
	})
}

// FuzzRecogniseCode: what is taken for a runtime begins like one and is not too long.
func FuzzRecogniseCode(f *testing.F) {
	for _, magic := range [][]byte{wasmMagic, zstdMagic, append(bytes.Clone(zstdMagic), zstdFrame...), nil} {
		f.Add(magic)
		f.Add(append(bytes.Clone(magic), make([]byte, minCode)...))
	}
	f.Fuzz(func(t *testing.T, code []byte) {
		compressed, err := recogniseCode(code)
		switch {
		case err != nil && !errors.Is(err, ErrNoCode):
			t.Errorf("%s: %v", hex.EncodeToString(code), err)
		case err == nil && compressed == bytes.HasPrefix(code, wasmMagic):
			t.Errorf("%s: compressed: %v", hex.EncodeToString(code), compressed)
		}
	})
}
