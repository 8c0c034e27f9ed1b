package main

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/affine-go/affine/shared/sharedtest"
)

// chainVectors are what another implementation computed from real metadata.
type chainVectors struct {
	Genesis string `json:"genesis"`
	Sets    []struct {
		Label       string          `json:"label"`
		SpecVersion uint32          `json:"specVersion"`
		Metadata    string          `json:"metadata"`
		Calls       []callVector    `json:"calls"`
		Storage     []storageVector `json:"storage"`
	} `json:"sets"`
}

type callVector struct {
	Pallet  string    `json:"pallet"`
	Call    string    `json:"call"`
	Args    onOneLine `json:"args"`
	CallHex string    `json:"callHex"`
	Sign    []struct {
		Era       string      `json:"era"`
		Nonce     uint64      `json:"nonce"`
		Tip       json.Number `json:"tip"`
		BlockHash string      `json:"blockHash"`
		Payload   string      `json:"payloadHex"`
		Signature string      `json:"signature"`
		Extrinsic string      `json:"extrinsicHex"`
		Hash      string      `json:"extrinsicHash"`
	} `json:"sign"`
}

type storageVector struct {
	Pallet string    `json:"pallet"`
	Entry  string    `json:"entry"`
	Keys   onOneLine `json:"keys"`
	KeyHex string    `json:"keyHex"`
}

// onOneLine is JSON without the line breaks that it has in its file.
type onOneLine string

func (o *onOneLine) UnmarshalJSON(text []byte) error {
	var compact bytes.Buffer
	err := json.Compact(&compact, text)
	*o = onOneLine(compact.String())
	return err
}

func readChainVectors(t testing.TB) chainVectors {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(sharedtest.Dir(t, "vectors", "chain"), "polkadotjs-vectors.json"))
	if err != nil {
		t.Fatal(err)
	}
	var v chainVectors
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatal(err)
	}
	if len(v.Sets) < 3 {
		t.Fatalf("%d sets of vectors", len(v.Sets))
	}
	return v
}

func realMetadata(t testing.TB, name string) string {
	t.Helper()
	return filepath.Join(sharedtest.Dir(t, "data", "chain"), name)
}

// inAllForms writes the metadata of a file as bytes, as hex with "0x" and as hex in
// short lines.
func inAllForms(t *testing.T, file string) []string {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if strings.HasSuffix(file, ".hex") {
		if raw, err = hex.DecodeString(strings.TrimPrefix(strings.TrimSpace(string(raw)), "0x")); err != nil {
			t.Fatal(err)
		}
	}
	text := hex.EncodeToString(raw)
	_, bare, _ := bytes.Cut(raw, []byte("meta"))
	var folded strings.Builder
	for i := 0; i < len(text); i += 60 {
		folded.WriteString(text[i:min(i+60, len(text))] + "\r\n")
	}
	var names []string
	for i, content := range []string{string(raw), "meta" + string(bare), "0x" + text + "\n", strings.ToUpper(text), folded.String()} {
		names = append(names, filepath.Join(t.TempDir(), fmt.Sprint("metadata", i)))
		if err := os.WriteFile(names[i], []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return names
}

func TestEncodeAgreesWithTheVectors(t *testing.T) {
	t.Parallel()
	v := readChainVectors(t)
	for _, set := range v.Sets {
		var in, want strings.Builder
		for _, c := range set.Calls {
			fmt.Fprintf(&in, `{"pallet":%q,"call":%q,"args":%s}`+"\n", c.Pallet, c.Call, c.Args)
			fmt.Fprintf(&want, `{"callHex":%q}`+"\n", c.CallHex)
			for _, s := range c.Sign {
				fmt.Fprintf(&in, `{"pallet":%q,"call":%q,"args":%s,"era":%q,"nonce":%d,"tip":%s,"blockHash":%q,"genesis":%q}`+"\n",
					c.Pallet, c.Call, c.Args, s.Era, s.Nonce, s.Tip, s.BlockHash, v.Genesis)
				fmt.Fprintf(&want, `{"callHex":%q,"payloadHex":%q}`+"\n", c.CallHex, s.Payload)
			}
		}
		for _, file := range append(inAllForms(t, realMetadata(t, set.Metadata)), realMetadata(t, set.Metadata)) {
			out, err := inProcess(t, in.String(), "chain", "encode", "--metadata", file)
			if diff := cmp.Diff(want.String(), out); err != nil || diff != "" {
				t.Errorf("%s, %s: %v\n%s", set.Label, filepath.Base(file), err, diff)
			}
		}
	}
}

func TestStorageKeysAgreeWithTheVectors(t *testing.T) {
	t.Parallel()
	for _, set := range readChainVectors(t).Sets {
		var in, want strings.Builder
		for _, s := range set.Storage {
			fmt.Fprintf(&in, `{"pallet":%q,"entry":%q,"keys":%s}`+"\n", s.Pallet, s.Entry, s.Keys)
			fmt.Fprintf(&want, `{"keyHex":%q}`+"\n", s.KeyHex)
		}
		out, err := inProcess(t, in.String(), "chain", "storage-key", "--metadata", realMetadata(t, set.Metadata))
		if diff := cmp.Diff(want.String(), out); err != nil || diff != "" || len(set.Storage) == 0 {
			t.Errorf("%s: %v\n%s", set.Label, err, diff)
		}
	}
}

// shown is what af chain decode prints.
type shown struct {
	Pallet    string          `json:"pallet"`
	Call      string          `json:"call"`
	Args      json.RawMessage `json:"args"`
	Hash      string          `json:"hash"`
	Signed    bool            `json:"signed"`
	Signer    string          `json:"signer"`
	PublicKey string          `json:"publicKey"`
	Kind      string          `json:"kind"`
	Signature string          `json:"signature"`
	Verified  *bool           `json:"verified"`
	Era       string          `json:"era"`
	Nonce     uint64          `json:"nonce"`
	Tip       json.Number     `json:"tip"`
}

func decodeOne(t *testing.T, args ...string) shown {
	t.Helper()
	out, err := inProcess(t, "", append([]string{"chain", "decode"}, args...)...)
	if err != nil {
		t.Fatal(err)
	}
	var s shown
	if err := json.Unmarshal([]byte(out), &s); err != nil {
		t.Fatalf("%v in %s", err, out)
	}
	return s
}

// What other software built and signed is taken apart, its signature holds, and what
// was taken apart makes the same call again.
func TestDecodeAgreesWithTheVectors(t *testing.T) {
	t.Parallel()
	v := readChainVectors(t)
	for _, set := range v.Sets {
		file := realMetadata(t, set.Metadata)
		for _, c := range set.Calls {
			for _, s := range c.Sign[1:2] {
				got := decodeOne(t, "--metadata", file, "--genesis", v.Genesis, "--block-hash", s.BlockHash, s.Extrinsic)
				right := true
				want := shown{
					Pallet: c.Pallet, Call: c.Call, Args: got.Args, Hash: s.Hash, Signed: true, Kind: "sr25519", Verified: &right,
					Signer:    "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY",
					PublicKey: "0xd43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27d",
					Signature: s.Signature, Era: s.Era, Nonce: s.Nonce, Tip: s.Tip,
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("%s %s: %s", set.Label, c.Call, diff)
				}
				again, err := inProcess(t, fmt.Sprintf(`{"pallet":%q,"call":%q,"args":%s}`, got.Pallet, got.Call, got.Args), "chain", "encode", "--metadata", file)
				if err != nil || again != fmt.Sprintf("{\"callHex\":%q}\n", c.CallHex) {
					t.Errorf("%s %s: taken apart and encoded again: %.200s (%v)", set.Label, c.Call, again, err)
				}
			}
		}
	}
}

func TestDecodeTellsWrongSignatures(t *testing.T) {
	t.Parallel()
	v := readChainVectors(t)
	set := v.Sets[0]
	file, mortal := realMetadata(t, set.Metadata), set.Calls[0].Sign[1]
	other := "0x" + strings.Repeat("11", 32)
	for name, c := range map[string]struct {
		flags []string
		want  string
	}{
		"its own":            {[]string{"--genesis", v.Genesis, "--block-hash", mortal.BlockHash}, "true"},
		"versions said":      {[]string{"--genesis", v.Genesis, "--block-hash", mortal.BlockHash, "--spec-version", "343", "--transaction-version", "1"}, "true"},
		"another chain":      {[]string{"--genesis", other, "--block-hash", mortal.BlockHash}, "false"},
		"another block":      {[]string{"--genesis", v.Genesis, "--block-hash", other}, "false"},
		"another runtime":    {[]string{"--genesis", v.Genesis, "--block-hash", mortal.BlockHash, "--spec-version", "344"}, "false"},
		"another format":     {[]string{"--genesis", v.Genesis, "--block-hash", mortal.BlockHash, "--transaction-version", "2"}, "false"},
		"no block to go by":  {[]string{"--genesis", v.Genesis}, "null"},
		"nothing to go by":   {nil, "null"},
		"hash without 0x":    {[]string{"--genesis", v.Genesis[2:], "--block-hash", mortal.BlockHash[2:]}, "true"},
		"hash in upper case": {[]string{"--genesis", "0x" + strings.ToUpper(v.Genesis[2:]), "--block-hash", mortal.BlockHash}, "true"},
	} {
		got := decodeOne(t, append(c.flags, "--metadata", file, mortal.Extrinsic)...)
		if verified, _ := json.Marshal(got.Verified); string(verified) != c.want {
			t.Errorf("%s: verified is %s, want %s", name, verified, c.want)
		}
	}
}

// Several arguments, and lines on standard input, give as many objects.
func TestDecodeTakesArgumentsAndLines(t *testing.T) {
	t.Parallel()
	set := readChainVectors(t).Sets[1]
	file, sign := realMetadata(t, set.Metadata), set.Calls[0].Sign
	byArgument, err := inProcess(t, "unread", "chain", "decode", "--metadata", file, sign[0].Extrinsic, sign[1].Extrinsic[2:])
	if err != nil {
		t.Fatal(err)
	}
	byLine, err := inProcess(t, sign[0].Extrinsic+"\n\n"+sign[1].Extrinsic, "chain", "decode", "--metadata", file)
	if err != nil || byLine != byArgument || strings.Count(byLine, "\n") != 2 {
		t.Errorf("%v: by lines\n%s\nby arguments\n%s", err, byLine, byArgument)
	}
}
