package timelock_test

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/affine-go/affine/shared/chain/timelock"
	"github.com/affine-go/affine/shared/subnet"
)

func TestWeightsPayloadOfTheVectors(t *testing.T) {
	list, _ := vectors(t)
	for _, v := range list[:2] { // the third is a commitment
		p, err := timelock.ParseWeightsPayload(v.Plaintext)
		if err != nil {
			t.Fatalf("%s: %v", v.Name, err)
		}
		if again, err := p.Encode(); err != nil || !bytes.Equal(again, v.Plaintext) {
			t.Errorf("%s:\n got %x (%v)\nwant %x", v.Name, again, err, []byte(v.Plaintext))
		}
	}
	p, err := timelock.ParseWeightsPayload(list[0].Plaintext)
	if err != nil || !slices.Equal(p.UIDs, []subnet.UID{0, 1, 2, 255}) || !slices.Equal(p.Values, []uint16{65535, 1, 32768, 257}) || p.VersionKey != 0 {
		t.Errorf("%+v, %v", p, err)
	}
	if _, err := timelock.ParseWeightsPayload(list[2].Plaintext); !errors.Is(err, timelock.ErrPayload) {
		t.Errorf("a commitment read as weights: %v", err)
	}
}

// The figure that the limit of 5,000 bytes is held against.
func TestWeightsOf256MinersFitTheCall(t *testing.T) {
	p := timelock.WeightsPayload{UIDs: make([]subnet.UID, 256), Values: make([]uint16, 256)}
	plaintext, err := p.Encode()
	if err != nil || len(plaintext)+timelock.Overhead != 1313 {
		t.Errorf("%d bytes sealed, %v", len(plaintext)+timelock.Overhead, err)
	}
}

func TestWeightsPayloadRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 300).Draw(t, "n")
		p := timelock.WeightsPayload{
			Hotkey:     [32]byte(rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "hotkey")),
			UIDs:       rapid.SliceOfN(rapid.Custom(func(t *rapid.T) subnet.UID { return subnet.UID(rapid.Uint16().Draw(t, "uid")) }), n, n).Draw(t, "uids"),
			Values:     rapid.SliceOfN(rapid.Uint16(), n, n).Draw(t, "values"),
			VersionKey: rapid.Uint64().Draw(t, "version"),
		}
		encoded, err := p.Encode()
		if err != nil {
			t.Fatal(err)
		}
		got, err := timelock.ParseWeightsPayload(encoded)
		if diff := cmp.Diff(p, got, cmpopts.EquateEmpty()); err != nil || diff != "" {
			t.Fatalf("%v\n%s", err, diff)
		}
	})
}

func TestWeightsPayloadRefuses(t *testing.T) {
	if _, err := (timelock.WeightsPayload{UIDs: make([]subnet.UID, 2), Values: make([]uint16, 1)}).Encode(); !errors.Is(err, timelock.ErrPayload) {
		t.Errorf("uneven lists encoded: %v", err)
	}
	list, _ := vectors(t)
	good := list[0].Plaintext
	for n := range good {
		if _, err := timelock.ParseWeightsPayload(good[:n]); !errors.Is(err, timelock.ErrPayload) {
			t.Errorf("the first %d bytes: %v", n, err)
		}
	}
	hotkey := good[:33]
	tests := map[string][]byte{
		"left over":           append(slices.Clone(good), 0),
		"without a hotkey":    good[33:],
		"a short hotkey":      slices.Concat([]byte{31 << 2}, good[1:32], good[33:]),
		"more uids":           slices.Concat(hotkey, []byte{1 << 2, 0, 0, 0}, make([]byte, 8)),
		"more values":         slices.Concat(hotkey, []byte{0, 1 << 2, 0, 0}, make([]byte, 8)),
		"a huge count":        slices.Concat(hotkey, []byte{0xfe, 0xff, 0xff, 0xff}, make([]byte, 64)),
		"a count of 64 bits":  slices.Concat(hotkey, []byte{0x13}, bytes.Repeat([]byte{0xff}, 64)),
		"a count not compact": slices.Concat(hotkey, []byte{0x01, 0x00, 0x00}, make([]byte, 8)),
	}
	for name, bad := range tests {
		if p, err := timelock.ParseWeightsPayload(bad); !errors.Is(err, timelock.ErrPayload) {
			t.Errorf("%s: %+v, %v", name, p, err)
		}
	}
}

func FuzzParseWeightsPayload(f *testing.F) {
	list, _ := vectors(f)
	for _, v := range list {
		f.Add([]byte(v.Plaintext))
	}
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := timelock.ParseWeightsPayload(b)
		if err != nil {
			if !errors.Is(err, timelock.ErrPayload) {
				t.Errorf("an error of another kind: %v", err)
			}
			return
		}
		if again, err := p.Encode(); err != nil || !bytes.Equal(again, b) {
			t.Errorf("%x read and written is %x, %v", b, again, err)
		}
	})
}
