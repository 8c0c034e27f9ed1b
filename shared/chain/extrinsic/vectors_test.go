package extrinsic_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/affine-go/affine/shared/chain/extrinsic"
	"github.com/affine-go/affine/shared/chain/keys"
	"github.com/affine-go/affine/shared/chain/metadata"
	"github.com/affine-go/affine/shared/sharedtest"
)

type signing struct {
	Era         string `json:"era"`
	Nonce       uint64 `json:"nonce"`
	Tip         uint64 `json:"tip"`
	BlockHash   string `json:"blockHash"`
	Payload     string `json:"payloadHex"`
	SignedBytes string `json:"signedBytesHex"`
	Signature   string `json:"signature"`
	Extrinsic   string `json:"extrinsicHex"`
	Hash        string `json:"extrinsicHash"`
}

type vectorFile struct {
	Genesis string `json:"genesis"`
	Sets    []struct {
		Label       string `json:"label"`
		SpecVersion uint32 `json:"specVersion"`
		Metadata    string `json:"metadata"`
		Calls       []struct {
			Pallet string    `json:"pallet"`
			Call   string    `json:"call"`
			Hex    string    `json:"callHex"`
			Sign   []signing `json:"sign"`
		} `json:"calls"`
	} `json:"sets"`
}

func readVectors(t testing.TB, name string, into any) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(sharedtest.Dir(t, "vectors", "chain"), name))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, into); err != nil {
		t.Fatal(err)
	}
}

var parsed sync.Map

func runtime(t testing.TB, name string) *metadata.Metadata {
	t.Helper()
	if m, ok := parsed.Load(name); ok {
		return m.(*metadata.Metadata)
	}
	raw, err := os.ReadFile(filepath.Join(sharedtest.Dir(t, "data", "chain"), name))
	if err != nil {
		t.Fatal(err)
	}
	parse := metadata.Parse
	if strings.HasSuffix(name, ".hex") {
		parse = func(b []byte) (*metadata.Metadata, error) { return metadata.ParseText(string(b)) }
	}
	m, err := parse(raw)
	if err != nil {
		t.Fatal(err)
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

func hash32(t testing.TB, text string) [32]byte { return [32]byte(unhex(t, text)) }

func same(t *testing.T, what string, got []byte, want string) {
	t.Helper()
	if !bytes.Equal(got, unhex(t, want)) {
		t.Fatalf("%s\n got %x\nwant %s", what, got, want)
	}
}

func TestSigningAgreesWithVectors(t *testing.T) {
	var file vectorFile
	readVectors(t, "polkadotjs-vectors.json", &file)
	seen := 0
	for _, set := range file.Sets {
		ctx := extrinsic.Context{Metadata: runtime(t, set.Metadata), SpecVersion: set.SpecVersion, TxVersion: 1, Genesis: hash32(t, file.Genesis)}
		for _, c := range set.Calls {
			for _, s := range c.Sign {
				seen++
				t.Run(set.Label+"/"+c.Call+"/"+s.Era, func(t *testing.T) { checkSigning(t, ctx, unhex(t, c.Hex), c.Pallet, c.Call, s) })
			}
		}
	}
	if seen != 72 {
		t.Errorf("%d signings, 72 expected", seen)
	}
}

func checkSigning(t *testing.T, ctx extrinsic.Context, call []byte, pallet, name string, s signing) {
	era, n, err := extrinsic.DecodeEra(unhex(t, s.Era))
	if err != nil || n != len(unhex(t, s.Era)) {
		t.Fatalf("era: %d bytes, %v", n, err)
	}
	opts := extrinsic.Options{Nonce: s.Nonce, Tip: s.Tip, Era: era, EraBlockHash: hash32(t, s.BlockHash)}
	payload, signed, err := extrinsic.Payload(ctx, call, opts)
	if err != nil {
		t.Fatal(err)
	}
	same(t, "payload", payload, s.Payload)
	same(t, "signed bytes", signed, s.SignedBytes)
	signer := pair(t, keys.Sr25519)
	if !keys.Verify(keys.Sr25519, signer.Public(), signed, unhex(t, s.Signature)) {
		t.Error("the vector's signature does not verify")
	}
	whole, err := extrinsic.Assemble(ctx, call, signer.Public(), keys.Sr25519, [64]byte(unhex(t, s.Signature)), opts)
	if err != nil {
		t.Fatal(err)
	}
	same(t, "extrinsic", whole, s.Extrinsic)
	hash := extrinsic.Hash(whole)
	same(t, "hash", hash[:], s.Hash)
	got, err := extrinsic.Decode(ctx.Metadata, whole)
	if err != nil {
		t.Fatal(err)
	}
	if got.Pallet != pallet || got.Name != name || got.Nonce != s.Nonce || got.Tip != s.Tip || got.Era != era || got.Signer != signer.Public() || !bytes.Equal(got.Call, call) {
		t.Errorf("taken apart: %+v", got)
	}
	if err := got.Verify(ctx, opts.EraBlockHash); err != nil {
		t.Error(err)
	}
}
