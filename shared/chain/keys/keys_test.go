package keys_test

import (
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/affine-go/affine/shared/chain/keys"
	"github.com/affine-go/affine/shared/sharedtest"
)

// keyVectors is the file of keys that other implementations made.
type keyVectors struct {
	Message   string `json:"messageHex"`
	Mnemonics []struct {
		Mnemonic  string `json:"mnemonic"`
		Seed      string `json:"miniSecret"`
		PublicKey string `json:"publicKey"`
		SS58      string `json:"ss58"`
	} `json:"mnemonics"`
	URIs []struct {
		URI       string `json:"uri"`
		PublicKey string `json:"publicKey"`
		SS58      string `json:"ss58"`
		Signature string `json:"signature"`
	} `json:"uris"`
	Upstream []map[string]string `json:"upstream"`
	NaCl     struct {
		Password string `json:"password"`
		File     string `json:"fileHex"`
		Key      string `json:"keyHex"`
		Plain    string `json:"plain"`
	} `json:"naclKeyfile"`
}

func vectors(t testing.TB) (v keyVectors) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(sharedtest.Dir(t, "vectors", "chain"), "keys.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func unhex(t testing.TB, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.TrimPrefix(text, "0x"))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func checkPair(t *testing.T, p *keys.Pair, err error, public, address string) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	got := p.Public()
	if hex.EncodeToString(got[:]) != strings.TrimPrefix(public, "0x") || p.Address() != address {
		t.Fatalf("pair %x %s, want %s %s", got, p.Address(), public, address)
	}
	msg := []byte("any message")
	sig, err := p.Sign(t.Context(), msg)
	if err != nil || !keys.Verify(p.Kind(), p.Public(), msg, sig[:]) {
		t.Fatalf("own signature does not verify: %v", err)
	}
}

func TestMnemonicsAgreeWithVectors(t *testing.T) {
	for _, v := range vectors(t).Mnemonics {
		p, err := keys.FromMnemonic(keys.Sr25519, v.Mnemonic, "")
		checkPair(t, p, err, v.PublicKey, v.SS58)
		p, err = keys.FromSeed(keys.Sr25519, [32]byte(unhex(t, v.Seed)))
		checkPair(t, p, err, v.PublicKey, v.SS58)
		p, err = keys.FromURI(keys.Sr25519, v.Mnemonic)
		checkPair(t, p, err, v.PublicKey, v.SS58)
		p, err = keys.FromURI(keys.Sr25519, v.Seed)
		checkPair(t, p, err, v.PublicKey, v.SS58)
	}
}

func TestURIsAgreeWithVectors(t *testing.T) {
	all := vectors(t)
	msg := unhex(t, all.Message)
	for _, v := range all.URIs {
		p, err := keys.FromURI(keys.Sr25519, v.URI)
		checkPair(t, p, err, v.PublicKey, v.SS58)
		sig := unhex(t, v.Signature)
		if !keys.Verify(keys.Sr25519, p.Public(), msg, sig) {
			t.Errorf("%s: another implementation's signature does not verify", v.URI)
		}
		sig[7] ^= 1
		if keys.Verify(keys.Sr25519, p.Public(), msg, sig) {
			t.Errorf("%s: a damaged signature verifies", v.URI)
		}
	}
}

func TestUpstreamKeyfiles(t *testing.T) {
	for _, v := range vectors(t).Upstream {
		for _, field := range []string{"privateKey", "secretSeed", "mnemonic"} {
			secret := v[field]
			if secret == "" {
				continue
			}
			name := map[string]string{"mnemonic": "secretPhrase"}[field]
			if name == "" {
				name = field
			}
			file, err := json.Marshal(map[string]any{name: secret, "ss58Address": v["ss58"], "publicKey": v["publicKey"]})
			if err != nil {
				t.Fatal(err)
			}
			p, err := keys.ParseKeyfile(file, nil)
			checkPair(t, p, err, v["publicKey"], v["ss58"])
		}
	}
}
