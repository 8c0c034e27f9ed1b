package wasmchain

import (
	"bytes"
	"errors"
	"reflect"
	"testing"
	"time"

	"golang.org/x/crypto/blake2b"
	"pgregory.net/rapid"

	"github.com/affine-go/affine/shared/chain/rpcserver"
	"github.com/affine-go/affine/shared/chain/wasmhost"
)

func items(t *rapid.T) [][]byte {
	list := rapid.SliceOfN(rapid.SampledFrom([][]byte{
		{digestOther, 4, 9}, {digestUpdated}, slotDigest(7), {digestConsensus, 'f', 'r', 'o', 'n', 0}, {digestSeal, 'a', 'u', 'r', 'a', 8, 1, 2},
	}), 0, 4).Draw(t, "digest")
	if len(list) == 0 {
		return nil
	}
	return list
}

func TestHeadersComeBackAsTheyWent(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		hash := func(name string) [32]byte {
			return [32]byte(rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, name))
		}
		want := &rpcserver.Block{
			Number: rapid.Uint64().Draw(t, "number"), Parent: hash("parent"), StateRoot: hash("state"), ExtrinsicsRoot: hash("extrinsics"), Digest: items(t),
		}
		raw := header(want)
		want.Hash = blake2b.Sum256(raw)
		got, err := parseHeader(raw)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("%+v, %v; want %+v", got, err, want)
		}
		if _, err := parseHeader(raw[:len(raw)-1]); err == nil {
			t.Fatal("a header cut short")
		}
		if _, err := parseHeader(append(raw, 0)); err == nil {
			t.Fatal("a byte too many")
		}
	})
}

func FuzzParseHeader(f *testing.F) {
	f.Add(header(&rpcserver.Block{Number: 3, Digest: [][]byte{slotDigest(1), {digestOther, 0}}}))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, raw []byte) {
		b, err := parseHeader(raw)
		if err == nil && !bytes.Equal(header(b), raw) {
			t.Fatalf("%x is read as %+v", raw, b)
		}
	})
}

func TestStatesAreKeptForAWhile(t *testing.T) {
	var l ledger
	for number := range uint64(10) {
		b := &rpcserver.Block{Number: number, Hash: [32]byte{byte(number)}, Extrinsics: [][]byte{{byte(number)}}}
		l.add(&entry{Block: b, state: wasmhost.State{}.With([]byte("n"), []byte{byte(number)})}, 3)
	}
	for number := range uint64(10) {
		e := l.at(number)
		if kept := number >= 7; e.kept != kept || (e.state.Get([]byte("n")) != nil) != kept {
			t.Errorf("state of block %d: kept %v, want %v", number, e.kept, kept)
		}
		if l.byHash[e.Hash] != e {
			t.Errorf("block %d is not found by its hash", number)
		}
	}
	if l.at(10) != nil || l.head().Number != 9 || len(l.holders) != 10 {
		t.Error("the ledger has lost count")
	}
}

func TestBlocksFillSlotsOneAfterTheOther(t *testing.T) {
	for _, slot := range []time.Duration{250 * time.Millisecond, time.Second, 12 * time.Second} {
		n := &Node{slot: slot}
		for number := range uint64(1000) {
			if n.slotOf(number+1) != n.slotOf(number)+1 || n.timeOf(number+1).Sub(n.timeOf(number)) != slot {
				t.Fatalf("slots of %v: block %d", slot, number)
			}
		}
	}
}

func TestConfigurationsAreMerged(t *testing.T) {
	base := map[string]any{"a": 1, "b": map[string]any{"c": 2, "d": 3}, "e": []any{1}, "gone": 4}
	got := merge(base, map[string]any{"b": map[string]any{"c": 9, "new": nil}, "e": []any{7}, "gone": nil, "f": map[string]any{"g": 1, "h": nil}})
	want := map[string]any{"a": 1, "b": map[string]any{"c": 9, "d": 3}, "e": []any{7}, "f": map[string]any{"g": 1}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("merged to %v, want %v", got, want)
	}
}

func TestWhatIsNoRuntimeDoesNotStart(t *testing.T) {
	for _, code := range [][]byte{nil, []byte("junk"), []byte("\x00asm\x01\x00\x00\x00")} {
		n, err := Start(t.Context(), Config{Code: code})
		if !errors.Is(err, wasmhost.ErrCode) || n != nil {
			t.Errorf("%q: %v", code, err)
		}
	}
}
