package keys_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"golang.org/x/crypto/nacl/secretbox"

	"github.com/affine-go/affine/shared/chain/keys"
)

const (
	aliceAddress = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY"
	bobAddress   = "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty"
	devAddress   = "5DfhGyQdFobKM8NsWvEeAKk5EQQgYe9AydgJ7rMB6E1EqRzV" // of the development phrase
)

// TestKeyfilesOfAllAges: entries came and went, the key is the same.
func TestKeyfilesOfAllAges(t *testing.T) {
	for name, text := range map[string]string{
		"bare seed":            aliceSeed,
		"bare seed, 0x":        "0x" + aliceSeed + "\n",
		"seed":                 `{"secretSeed":"0x` + aliceSeed + `"}`,
		"seed without 0x":      `{"secretSeed":"` + aliceSeed + `"}`,
		"old address":          `{"secretSeed":"0x` + aliceSeed + `"," ss58Address":"` + aliceAddress + `"}`,
		"all, nulls":           `{"accountId":"0x` + alice + `","publicKey":"0x` + alice + `","privateKey":null,"secretPhrase":null,"secretSeed":"0x` + aliceSeed + `","ss58Address":"` + aliceAddress + `"}`,
		"crypto type":          `{"secretSeed":"0x` + aliceSeed + `","cryptoType":1,"signingScheme":"sr25519","ss58Address":"` + aliceAddress + `"}`,
		"crypto type as text":  `{"secretSeed":"0x` + aliceSeed + `","cryptoType":"1","accountType":"standard"}`,
		"mislabelled":          `{"secretSeed":"0x` + aliceSeed + `","cryptoType":0,"ss58Address":"` + aliceAddress + `"}`,
		"a phrase from before": `{"secretPhrase":"` + devPhrase + `","secretSeed":"0x` + aliceSeed + `","publicKey":"0x` + alice + `"}`,
		"a wrong seed":         `{"secretPhrase":"` + devPhrase + `","secretSeed":"0x` + alice + `","ss58Address":"` + devAddress + `"}`,
		"empty private key":    `{"privateKey":"0x","secretSeed":"0x` + aliceSeed + `"}`,
		"spaces around":        "  \n" + `{"secretSeed":"0x` + aliceSeed + `"}` + "\n",
		"unknown entries":      `{"secretSeed":"0x` + aliceSeed + `","comment":{"a":[1]}}`,
		"no hashed descriptor": `{"secretSeed":"0x` + aliceSeed + `","hashedDescriptor":null}`,
	} {
		p, err := keys.ParseKeyfile([]byte(text), nil)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		want := aliceAddress
		if name == "a wrong seed" {
			want = devAddress
		}
		if p.Address() != want || p.Kind() != keys.Sr25519 {
			t.Errorf("%s: %s", name, p)
		}
	}
	private := "0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f0f" + strings.Repeat("ee", 32)
	bare, err := keys.ParseKeyfile([]byte(private), nil)
	named, errNamed := keys.ParseKeyfile([]byte(`{"privateKey":"0x`+private+`"}`), nil)
	if err != nil || errNamed != nil || bare.Public() != named.Public() {
		t.Errorf("bare private key: %v, %v; %v, %v", bare, err, named, errNamed)
	}
	for name, text := range map[string]string{
		"bare mnemonic": devPhrase,
		"mnemonic":      `{"secretPhrase":"` + devPhrase + `"}`,
		"two spaces":    strings.ReplaceAll(devPhrase, " ", "  ") + "\n",
		"a word a line": strings.ReplaceAll(devPhrase, " ", "\n"),
	} {
		p, err := keys.ParseKeyfile([]byte(text), nil)
		if err != nil || p.Public() != public(t, keys.Sr25519, "") {
			t.Errorf("%s: %v, %v", name, p, err)
		}
	}
}

func TestEd25519Keyfiles(t *testing.T) {
	want, err := keys.FromSeed(keys.Ed25519, [32]byte(unhex(t, aliceSeed)))
	if err != nil {
		t.Fatal(err)
	}
	public := want.Public()
	both := aliceSeed + hexOf(public[:])
	for name, text := range map[string]string{
		"seed":        `{"cryptoType":0,"secretSeed":"0x` + aliceSeed + `","ss58Address":"` + want.Address() + `"}`,
		"private key": `{"cryptoType":0,"signingScheme":"ed25519","privateKey":"0x` + both + `","publicKey":"0x` + hexOf(public[:]) + `"}`,
	} {
		p, err := keys.ParseKeyfile([]byte(text), nil)
		if err != nil || p.Public() != public || p.Kind() != keys.Ed25519 {
			t.Errorf("%s: %v, %v", name, p, err)
		}
	}
	if _, err := keys.ParseKeyfile([]byte(`{"cryptoType":0,"privateKey":"0x`+aliceSeed+alice+`"}`), nil); !errors.Is(err, keys.ErrMismatch) {
		t.Errorf("halves that do not belong together: %v", err)
	}
}

func hexOf(b []byte) string {
	const digits = "0123456789abcdef"
	var out strings.Builder
	for _, c := range b {
		out.WriteByte(digits[c>>4])
		out.WriteByte(digits[c&15])
	}
	return out.String()
}

func TestKeyfilesRefused(t *testing.T) {
	seed := `"secretSeed":"0x` + aliceSeed + `"`
	elsewhere := keys.Address([32]byte(unhex(t, alice)), 0)
	for name, c := range map[string]struct {
		text string
		want error
		says string
	}{
		"empty":                {"", keys.ErrKeyfile, ""},
		"not JSON":             {"{", keys.ErrKeyfile, ""},
		"binary":               {"\x00\xff", keys.ErrKeyfile, ""},
		"huge":                 {strings.Repeat(" ", keys.MaxKeyfile+1), keys.ErrKeyfile, ""},
		"list":                 {"[1]", keys.ErrKeyfile, ""},
		"wrong kind of entry":  {`{"secretSeed":7}`, keys.ErrKeyfile, ""},
		"public half only":     {`{"publicKey":"0x` + alice + `","ss58Address":"` + aliceAddress + `"}`, keys.ErrPublic, ""},
		"nothing in it":        {`{}`, keys.ErrPublic, ""},
		"short seed":           {`{"secretSeed":"0x01"}`, keys.ErrSecret, "seed"},
		"short private key":    {`{"privateKey":"0x` + aliceSeed + `"}`, keys.ErrSecret, "privateKey"},
		"scalar too great":     {`{"privateKey":"0x` + strings.Repeat("ff", 64) + `"}`, keys.ErrSecret, ""},
		"scalar of zeros":      {`{"privateKey":"0x` + strings.Repeat("00", 64) + `"}`, keys.ErrSecret, ""},
		"bad phrase":           {`{"secretPhrase":"one two three"}`, keys.ErrSecret, ""},
		"another address":      {`{` + seed + `,"ss58Address":"` + bobAddress + `"}`, keys.ErrMismatch, bobAddress},
		"another old address":  {`{` + seed + `," ss58Address":"` + bobAddress + `"}`, keys.ErrMismatch, bobAddress},
		"no address":           {`{` + seed + `,"ss58Address":"Bob"}`, keys.ErrAddress, ""},
		"another network":      {`{` + seed + `,"ss58Address":"` + elsewhere + `"}`, keys.ErrMismatch, "network 0"},
		"another public key":   {`{` + seed + `,"publicKey":"0x` + aliceSeed + `"}`, keys.ErrMismatch, ""},
		"another account":      {`{` + seed + `,"accountId":"0x` + aliceSeed + `"}`, keys.ErrMismatch, ""},
		"short public key":     {`{` + seed + `,"publicKey":"0x01"}`, keys.ErrMismatch, ""},
		"crypto type 2":        {`{` + seed + `,"cryptoType":2}`, keys.ErrKind, "cryptoType 2"},
		"crypto type in words": {`{` + seed + `,"cryptoType":"ecdsa"}`, keys.ErrKind, "ecdsa"},
		"ML-DSA":               {`{` + seed + `,"cryptoType":5,"signingScheme":"ml-dsa-44"}`, keys.ErrKind, "ml-dsa-44"},
		"polkadot.js export":   {`{"encoded":"AAAA","encoding":{"version":"3"},"address":"` + aliceAddress + `"}`, keys.ErrKind, "polkadot.js"},
		"hashed descriptor":    {`{` + seed + `,"hashedDescriptor":{"scheme":"x"}}`, keys.ErrKind, "hashedDescriptor"},
		"Ansible Vault":        {"$ANSIBLE_VAULT;1.1;AES256\n6162", keys.ErrKind, "Ansible Vault"},
		"Fernet":               {"gAAAAABl", keys.ErrKind, "Fernet"},
		"NaCl, no password":    {"$NACL" + strings.Repeat("x", 100), keys.ErrLocked, ""},
		"no kind we know":      {"hello", keys.ErrKeyfile, ""},
		"seed of another size": {aliceSeed + "00", keys.ErrKeyfile, ""},
	} {
		p, err := keys.ParseKeyfile([]byte(c.text), nil)
		if !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, %v; want %v that says %q", name, p, err, c.want, c.says)
		}
		if err != nil && (strings.Contains(err.Error(), aliceSeed[:8]) || len(err.Error()) > 300) {
			t.Errorf("%s: the error tells the secret or is long: %v", name, err)
		}
	}
	if _, err := keys.ParseKeyfile([]byte("$NACL0123456789"), []byte("password")); !errors.Is(err, keys.ErrKeyfile) {
		t.Errorf("cut NaCl file: %v", err)
	}
}

func TestNaClVectorOpens(t *testing.T) {
	v := vectors(t).NaCl
	file, key := unhex(t, v.File), [32]byte(unhex(t, v.Key))
	p, err := keys.OpenNaCl(file, key)
	if err != nil || p.Address() != aliceAddress {
		t.Fatalf("%v, %v", p, err)
	}
	plain, err := keys.ParseKeyfile([]byte(v.Plain), nil)
	if err != nil || plain.Public() != p.Public() {
		t.Errorf("plain text: %v, %v", plain, err)
	}
	for i := 5; i < len(file); i += 7 {
		spoiled := bytes.Clone(file)
		spoiled[i] ^= 1
		if p, err := keys.OpenNaCl(spoiled, key); !errors.Is(err, keys.ErrPassword) {
			t.Errorf("with byte %d changed: %v, %v", i, p, err)
		}
	}
	key[0] ^= 1
	if p, err := keys.OpenNaCl(file, key); !errors.Is(err, keys.ErrPassword) {
		t.Errorf("with another key: %v, %v", p, err)
	}
}

// TestNaClPassword goes the whole way from the password: 512 MiB and some seconds.
func TestNaClPassword(t *testing.T) {
	v := vectors(t).NaCl
	if testing.Short() {
		t.Skip("NOT CHECKED with -short: deriving a key from a password takes 512 MiB and seconds")
	}
	p, err := keys.ParseKeyfile(unhex(t, v.File), []byte(v.Password))
	if err != nil || p.Address() != aliceAddress {
		t.Errorf("%v, %v", p, err)
	}
}

// FuzzParseKeyfile parses plain files; encrypted ones as if their password were known.
func FuzzParseKeyfile(f *testing.F) {
	for _, text := range []string{
		aliceSeed, devPhrase, `{"secretSeed":"0x` + aliceSeed + `","ss58Address":"` + aliceAddress + `"}`,
		`{"cryptoType":0,"privateKey":"0x` + aliceSeed + alice + `"}`, `{"hashedDescriptor":1}`, "$ANSIBLE_VAULT", "gAAAAA", "$NACL", "{}",
		strings.Repeat(`{"a":`, 2000),
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		check := func(p *keys.Pair, err error) {
			if err != nil {
				return
			}
			sig, err := p.Sign(t.Context(), file)
			if err != nil || !keys.Verify(p.Kind(), p.Public(), file, sig[:]) {
				t.Errorf("%q: own signature does not verify: %v", file, err)
			}
		}
		check(keys.ParseKeyfile(file, nil))
		var nonce [24]byte
		var key [32]byte
		check(keys.OpenNaCl(secretbox.Seal(append([]byte("$NACL"), nonce[:]...), file, &nonce, &key), key))
	})
}

// TestKeyfileErrorsAreSentinels: whatever is refused is refused for a reason that a
// caller can tell.
func TestKeyfileErrorsAreSentinels(t *testing.T) {
	all := []error{keys.ErrAddress, keys.ErrSecret, keys.ErrKeyfile, keys.ErrMismatch, keys.ErrKind, keys.ErrPassword, keys.ErrLocked, keys.ErrPublic}
	for _, v := range []any{"", "x", 7, nil, []int{1}, map[string]any{"secretSeed": "x"}, map[string]any{"secretPhrase": "a b c"}, map[string]any{"cryptoType": 9}} {
		text, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		_, err = keys.ParseKeyfile(text, nil)
		known := false
		for _, sentinel := range all {
			known = known || errors.Is(err, sentinel)
		}
		if !known {
			t.Errorf("%s: %v is none of the package's errors", text, err)
		}
	}
}
