package keys_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"github.com/affine-go/affine/shared/chain/keys"
)

// aliceSeed is the seed of //Alice, known to everyone.
const aliceSeed = "e5be9a5092b81bca64be81d212e7f2f9eba183bb7a90954f7b76361f6edb5c0a"

const devPhrase = "bottom drive obey lake curtain smoke basket hold race lonely fit walk"

// TestDerivations holds Substrate's published development keys.
func TestDerivations(t *testing.T) {
	for _, c := range []struct {
		kind   keys.Kind
		uri    string
		public string
	}{
		{keys.Sr25519, "", "46ebddef8cd9bb167dc30878d7113b7e168e6f0646beffd77d69d39bad76b47a"},
		{keys.Sr25519, "//Alice", alice},
		{keys.Sr25519, "0x" + aliceSeed, alice},
		{keys.Sr25519, devPhrase + "//Alice", alice},
		{keys.Sr25519, "//Alice//stash", "be5ddb1579b72e84524fc29e78609e3caf42e85aa118ebfe0b0ad404b5bdd25f"},
		{keys.Sr25519, "/Alice", "d6c71059dbbe9ad2b0ed3f289738b800836eb425544ce694825285b958ca755e"},
		{keys.Ed25519, "//Alice", "88dc3417d5058ec4b4503e0c12ea1a0a89be200fe98922423d4334014fa6b0ee"},
		{keys.Ed25519, "//Bob", "d17c2d7823ebf260fd138f2d7e27d114c0145d968b5ff5006125f2414fadae69"},
	} {
		p, err := keys.FromURI(c.kind, c.uri)
		if err != nil {
			t.Errorf("%s %q: %v", c.kind, c.uri, err)
			continue
		}
		got := p.Public()
		if hex.EncodeToString(got[:]) != c.public {
			t.Errorf("%s %q: public key %x, want %s", c.kind, c.uri, got, c.public)
		}
		sig, err := p.Sign(t.Context(), []byte("m"))
		if err != nil || !keys.Verify(c.kind, got, []byte("m"), sig[:]) {
			t.Errorf("%s %q: own signature does not verify: %v", c.kind, c.uri, err)
		}
	}
}

func public(t *testing.T, kind keys.Kind, uri string) [32]byte {
	t.Helper()
	p, err := keys.FromURI(kind, uri)
	if err != nil {
		t.Fatalf("%q: %v", uri, err)
	}
	return p.Public()
}

// TestEveryPartOfAURIMatters: junctions of all forms, their order, and the password.
func TestEveryPartOfAURIMatters(t *testing.T) {
	seen := map[[32]byte]string{}
	for _, uri := range []string{
		"", "//1", "//01x", "/1", "//1/2", "//2/1", "//1//2", "/1//2", "///pass", "//1///pass", "//1///other",
		"//" + strings.Repeat("long", 20), "//" + strings.Repeat("long", 21), devPhrase + "/soft//hard/9",
	} {
		p := public(t, keys.Sr25519, uri)
		if other, taken := seen[p]; taken {
			t.Errorf("%q and %q make one key", uri, other)
		}
		seen[p] = uri
		if again := public(t, keys.Sr25519, uri); again != p {
			t.Errorf("%q makes another key each time", uri)
		}
	}
	if public(t, keys.Sr25519, "//007") != public(t, keys.Sr25519, "//7") {
		t.Error("numbers are junctions by value")
	}
}

func TestSecretsRefused(t *testing.T) {
	const words = "bottom drive obey lake curtain smoke basket hold race lonely fit"
	for name, uri := range map[string]string{
		"11 words":        words,
		"unknown word":    words + " affine",
		"checksum":        words + " abandon",
		"short seed":      "0x0102",
		"seed not in hex": "0x" + strings.Repeat("g", 64),
		"empty junction":  "//Alice//",
		"lone slash":      "/",
		"four slashes":    "////x",
		"huge":            strings.Repeat("/a", 10000),
		"many words":      strings.Repeat("abandon ", 1000),
		"newline":         "//Alice\n",
	} {
		p, err := keys.FromURI(keys.Sr25519, uri)
		if name == "newline" || name == "four slashes" {
			continue // whatever they mean, they must not panic
		}
		if !errors.Is(err, keys.ErrSecret) {
			t.Errorf("%s: %v, %v", name, p, err)
		}
		for _, word := range []string{"obey", "affine", "0102"} {
			if err != nil && strings.Contains(err.Error(), word) {
				t.Errorf("%s: the error tells the secret: %v", name, err)
			}
		}
	}
	for name, err := range map[string]error{
		"ed25519 soft": second(keys.FromURI(keys.Ed25519, "/soft")),
		"seed":         second(keys.FromSeed(keys.Kind(2), [32]byte{1})),
		"mnemonic":     second(keys.FromMnemonic(keys.Kind(7), devPhrase, "")),
	} {
		if !errors.Is(err, keys.ErrKind) {
			t.Errorf("%s: %v, ErrKind wanted", name, err)
		}
	}
	if name := keys.Kind(7).String(); !strings.Contains(name, "7") {
		t.Errorf("unknown kind is named %s", name)
	}
}

func second[T any](_ T, err error) error { return err }

// TestSecretsAreNeverShown formats a pair in every way there is. The secret of an
// ed25519 pair is its seed; that of an sr25519 pair is a scalar, here that of a keyfile.
func TestSecretsAreNeverShown(t *testing.T) {
	scalar := "0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f0f"
	for kind, secret := range map[keys.Kind]string{keys.Sr25519: scalar, keys.Ed25519: aliceSeed} {
		seed := [32]byte(unhex(t, secret))
		p, err := keys.FromSeed(kind, seed)
		if kind == keys.Sr25519 {
			p, err = keys.ParseKeyfile([]byte(`{"privateKey":"`+secret+strings.Repeat("00", 32)+`"}`), nil)
		}
		if err != nil {
			t.Fatal(err)
		}
		type holder struct {
			Pair  *keys.Pair
			Value keys.Pair
			inner keys.Pair
		}
		shown := &bytes.Buffer{}
		for _, v := range []any{p, *p, holder{p, *p, *p}, &holder{p, *p, *p}, []*keys.Pair{p}, map[string]any{"p": p}} {
			for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%b", "%o", "%T", "%t"} {
				fmt.Fprintf(shown, verb+"\n", v)
			}
			text, err := json.Marshal(v)
			if err != nil {
				t.Fatal(err)
			}
			shown.Write(text)
			slog.New(slog.NewJSONHandler(shown, nil)).Info("m", "v", v)
			slog.New(slog.NewTextHandler(shown, nil)).Info("m", "v", v)
		}
		sig, err := p.Sign(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(shown.Bytes(), sig[:]) || leaks(shown.String(), seed[:]) {
			t.Errorf("%s: the seed is shown", kind)
		}
		if !strings.Contains(shown.String(), p.Address()) {
			t.Error("the address is not shown")
		}
	}
}

// leaks looks for any four bytes of the secret in the forms that formatting gives them.
func leaks(shown string, secret []byte) bool {
	for i := range len(secret) - 3 {
		part := secret[i : i+4]
		for _, form := range []string{string(part), fmt.Sprintf("%x", part), fmt.Sprintf("%X", part), strings.Trim(fmt.Sprint(part), "[]"), strings.Trim(fmt.Sprintf("%#v", part), "[]byte{}")} {
			if strings.Contains(shown, form) {
				return true
			}
		}
	}
	return false
}

func TestZeroWipes(t *testing.T) {
	for _, kind := range []keys.Kind{keys.Sr25519, keys.Ed25519} {
		p, err := keys.FromURI(kind, "//Alice")
		if err != nil {
			t.Fatal(err)
		}
		address := p.Address()
		same := *p // a copy shares the secret
		p.Zero()
		p.Zero()
		for _, q := range []*keys.Pair{p, &same} {
			if sig, err := q.Sign(t.Context(), []byte("m")); !errors.Is(err, keys.ErrZeroed) || sig != [64]byte{} {
				t.Errorf("%s: signature %x, %v after Zero", kind, sig, err)
			}
			if q.Address() != address {
				t.Errorf("%s: the address changed", kind)
			}
		}
	}
}

func TestVerifyRefuses(t *testing.T) {
	msg := []byte("message")
	for _, kind := range []keys.Kind{keys.Sr25519, keys.Ed25519} {
		p, err := keys.FromURI(kind, "//Alice")
		if err != nil {
			t.Fatal(err)
		}
		sig, err := p.Sign(t.Context(), msg)
		if err != nil {
			t.Fatal(err)
		}
		for i := range sig {
			spoiled := sig
			spoiled[i] ^= 0x10
			if keys.Verify(kind, p.Public(), msg, spoiled[:]) {
				t.Errorf("%s: with byte %d changed it verifies", kind, i)
			}
		}
		unmarked := sig
		unmarked[63] &= 0x7f
		if kind == keys.Sr25519 && keys.Verify(kind, p.Public(), msg, unmarked[:]) {
			t.Error("a signature without schnorrkel's mark verifies")
		}
		other := p.Public()
		other[0] ^= 1
		for name, ok := range map[string]bool{
			"message":    keys.Verify(kind, p.Public(), []byte("massage"), sig[:]),
			"key":        keys.Verify(kind, other, msg, sig[:]),
			"zero key":   keys.Verify(kind, [32]byte{}, msg, sig[:]),
			"no point":   keys.Verify(kind, [32]byte(bytes.Repeat([]byte{0xff}, 32)), msg, sig[:]),
			"short":      keys.Verify(kind, p.Public(), msg, sig[:63]),
			"none":       keys.Verify(kind, p.Public(), msg, nil),
			"other kind": keys.Verify(1-kind, p.Public(), msg, sig[:]),
			"ecdsa":      keys.Verify(keys.Kind(2), p.Public(), msg, sig[:]),
		} {
			if ok {
				t.Errorf("%s: with another %s it verifies", kind, name)
			}
		}
	}
}

// TestPairsAreShared signs and verifies from many goroutines; the race detector judges.
func TestPairsAreShared(t *testing.T) {
	p, err := keys.FromURI(keys.Sr25519, "//Alice")
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			msg := []byte{byte(i)}
			sig, err := p.Sign(t.Context(), msg)
			if err != nil || !keys.Verify(keys.Sr25519, p.Public(), msg, sig[:]) {
				t.Errorf("signature %d: %v", i, err)
			}
		})
	}
	all.Wait()
}

func FuzzFromURI(f *testing.F) {
	for _, uri := range []string{"", "//Alice", "/soft//hard///pass", devPhrase + "//0", "0x" + aliceSeed + "/1", "////", "///"} {
		f.Add(uint8(1), uri)
		f.Add(uint8(0), uri)
	}
	f.Fuzz(func(t *testing.T, kind uint8, uri string) {
		p, err := keys.FromURI(keys.Kind(kind%3), uri)
		if err != nil {
			return
		}
		sig, err := p.Sign(t.Context(), []byte(uri))
		if err != nil || !keys.Verify(p.Kind(), p.Public(), []byte(uri), sig[:]) {
			t.Errorf("%q: own signature does not verify: %v", uri, err)
		}
	})
}

func BenchmarkSign(b *testing.B) {
	for _, kind := range []keys.Kind{keys.Sr25519, keys.Ed25519} {
		p, err := keys.FromURI(kind, "//Alice")
		if err != nil {
			b.Fatal(err)
		}
		b.Run(kind.String(), func(b *testing.B) {
			for b.Loop() {
				if _, err := p.Sign(b.Context(), make([]byte, 256)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
