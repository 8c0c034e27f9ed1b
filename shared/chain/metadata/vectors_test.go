package metadata_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"golang.org/x/crypto/blake2b"

	"github.com/affine-go/affine/shared/chain/metadata"
	"github.com/affine-go/affine/shared/sharedtest"
)

// vectorSet is what another implementation computed from one real metadata.
type vectorSet struct {
	Label    string `json:"label"`
	Metadata string `json:"metadata"`
	Calls    []struct {
		Pallet   string         `json:"pallet"`
		Call     string         `json:"call"`
		Args     map[string]any `json:"args"`
		CallHex  string         `json:"callHex"`
		CallHash string         `json:"callHash"`
	} `json:"calls"`
	Storage []keyVector `json:"storage"`
}

type keyVector struct {
	Pallet string `json:"pallet"`
	Entry  string `json:"entry"`
	Keys   []any  `json:"keys"`
	KeyHex string `json:"keyHex"`
}

func vectorSets(t testing.TB) []vectorSet {
	t.Helper()
	var file struct {
		Sets []vectorSet `json:"sets"`
	}
	readVectors(t, "polkadotjs-vectors.json", &file)
	if len(file.Sets) == 0 {
		t.Fatal("no vectors in the file")
	}
	return file.Sets
}

func readVectors(t testing.TB, name string, into any) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(sharedtest.Dir(t, "vectors", "chain"), name))
	if err != nil {
		t.Fatal(err)
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if err := d.Decode(into); err != nil {
		t.Fatal(err)
	}
}

// recorded returns the bytes of a real runtime's metadata.
func recorded(t testing.TB, name string) []byte {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(sharedtest.Dir(t, "data", "chain"), name))
	if err != nil {
		t.Fatal(err)
	}
	if strings.HasSuffix(name, ".hex") {
		return unhex(t, strings.TrimSpace(string(raw)))
	}
	return raw
}

var parsed sync.Map

func runtime(t testing.TB, name string) *metadata.Metadata {
	t.Helper()
	if m, ok := parsed.Load(name); ok {
		return m.(*metadata.Metadata)
	}
	m, err := metadata.Parse(recorded(t, name))
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	parsed.Store(name, m)
	return m
}

func unhex(t testing.TB, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.TrimPrefix(text, "0x"))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestCallsAgreeWithVectors(t *testing.T) {
	for _, set := range vectorSets(t) {
		m := runtime(t, set.Metadata)
		for _, c := range set.Calls {
			t.Run(set.Label+"/"+c.Call, func(t *testing.T) {
				got, err := m.EncodeCall(c.Pallet, c.Call, c.Args)
				if err != nil {
					t.Fatal(err)
				}
				if want := unhex(t, c.CallHex); !bytes.Equal(got, want) {
					t.Fatalf("call bytes\n got %x\nwant %x", got, want)
				}
				if hash := blake2b.Sum256(got); !bytes.Equal(hash[:], unhex(t, c.CallHash)) {
					t.Errorf("call hash %x, want %s", hash, c.CallHash)
				}
				decodesBack(t, m, got, c.Pallet, c.Call)
			})
		}
	}
}

// decodesBack takes a call apart and puts it together again.
func decodesBack(t *testing.T, m *metadata.Metadata, call []byte, wantPallet, wantName string) {
	t.Helper()
	pallet, name, args, err := m.DecodeCall(call)
	if err != nil {
		t.Fatal(err)
	}
	if pallet != wantPallet || name != wantName {
		t.Fatalf("decoded as %s.%s, want %s.%s", pallet, name, wantPallet, wantName)
	}
	again, err := m.EncodeCall(pallet, name, args)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(again, call) {
		t.Errorf("encoded again\n got %x\nwant %x", again, call)
	}
}

func TestStorageKeysAgreeWithVectors(t *testing.T) {
	for _, set := range vectorSets(t) {
		m := runtime(t, set.Metadata)
		t.Run(set.Label, func(t *testing.T) { checkKeys(t, m, set.Storage) })
	}
	var sdk struct {
		StorageKeys []keyVector `json:"storageKeys"`
	}
	readVectors(t, "upstream-sdk-438.json", &sdk)
	t.Run("spec438", func(t *testing.T) { checkKeys(t, runtime(t, "metadata-393.v16.scale"), sdk.StorageKeys) })
}

func checkKeys(t *testing.T, m *metadata.Metadata, vectors []keyVector) {
	t.Helper()
	for _, v := range vectors {
		want := unhex(t, v.KeyHex)
		got, err := m.StorageKey(v.Pallet, v.Entry, v.Keys...)
		if err != nil {
			t.Errorf("%s.%s: %v", v.Pallet, v.Entry, err)
			continue
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s.%s%v\n got %x\nwant %x", v.Pallet, v.Entry, v.Keys, got, want)
		}
		for n := range v.Keys {
			prefix, err := m.StoragePrefix(v.Pallet, v.Entry, v.Keys[:n]...)
			if err != nil || !bytes.HasPrefix(want, prefix) || len(prefix) >= len(want) {
				t.Errorf("%s.%s: prefix with %d keys is %x, %v", v.Pallet, v.Entry, n, prefix, err)
			}
		}
		keysDecodeBack(t, m, v, want)
	}
}

func keysDecodeBack(t *testing.T, m *metadata.Metadata, v keyVector, key []byte) {
	t.Helper()
	values, err := m.DecodeStorageKey(v.Pallet, v.Entry, key)
	if err != nil {
		t.Errorf("%s.%s: %v", v.Pallet, v.Entry, err)
		return
	}
	again, err := m.StorageKey(v.Pallet, v.Entry, values...)
	if err != nil || !bytes.Equal(again, key) {
		t.Errorf("%s.%s: keys %v make %x, %v; want %x", v.Pallet, v.Entry, values, again, err, key)
	}
}
