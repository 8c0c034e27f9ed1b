package keys_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/mr-tron/base58"
	"golang.org/x/crypto/blake2b"
	"pgregory.net/rapid"

	"github.com/affine-go/affine/shared/chain/keys"
)

// alice is the public key of //Alice; its addresses are in Substrate's documentation.
const alice = "d43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27d"

func TestAddresses(t *testing.T) {
	public := [32]byte(unhex(t, alice))
	for address, prefix := range map[string]uint16{
		"5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY": 42,
		"15oF4uVJwmo4TdGW7VfQxNLavjCXviqxT9S1MgbjMNHr6Sp5": 0,
		"HNZata7iMYWmk5RvZRTiAsSDhV8366zq2YGb3tLH5Upf74F":  2,
	} {
		if got := keys.Address(public, prefix); got != address {
			t.Errorf("prefix %d: %s, want %s", prefix, got, address)
		}
		got, gotPrefix, err := keys.ParseAddress(address)
		if err != nil || got != public || gotPrefix != prefix {
			t.Errorf("%s: %x under %d, %v", address, got, gotPrefix, err)
		}
	}
}

func TestAddressesRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		public := [32]byte(rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "public"))
		prefix := rapid.Uint16Range(0, 1<<14-1).Draw(t, "prefix")
		got, gotPrefix, err := keys.ParseAddress(keys.Address(public, prefix))
		if err != nil || got != public || gotPrefix != prefix {
			t.Fatalf("%x under %d became %x under %d, %v", public, prefix, got, gotPrefix, err)
		}
	})
}

// sealed is base58 of the body with its checksum.
func sealed(body ...byte) string {
	sum := blake2b.Sum512(append([]byte("SS58PRE"), body...))
	return base58.Encode(append(body, sum[:2]...))
}

func TestAddressesRefused(t *testing.T) {
	key := make([]byte, 32)
	for name, text := range map[string]string{
		"empty":                  "",
		"not base58":             "0OIl",
		"wrong character":        "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQZ",
		"cut":                    "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKut",
		"space":                  " 5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY",
		"huge":                   strings.Repeat("5", 1<<16),
		"20-byte key":            sealed(append([]byte{42}, key[:20]...)...),
		"33-byte key":            sealed(append([]byte{42, 0}, key...)...),
		"42 in two bytes":        sealed(append([]byte{0x4a, 0x80}, key...)...),
		"reserved prefix":        sealed(append([]byte{0x80, 0}, key...)...),
		"prefix byte only":       sealed(42),
		"two prefix bytes, half": sealed(0x7f),
	} {
		if public, prefix, err := keys.ParseAddress(text); !errors.Is(err, keys.ErrAddress) {
			t.Errorf("%s: %x under %d, %v", name, public, prefix, err)
		}
	}
	if _, _, err := keys.ParseAddress(sealed(append([]byte{42}, key...)...)); err != nil {
		t.Errorf("the helper makes no addresses: %v", err)
	}
}

func FuzzParseAddress(f *testing.F) {
	f.Add("5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY")
	f.Add("15oF4uVJwmo4TdGW7VfQxNLavjCXviqxT9S1MgbjMNHr6Sp5")
	f.Add("")
	f.Add(strings.Repeat("1", 64))
	f.Fuzz(func(t *testing.T, text string) {
		public, prefix, err := keys.ParseAddress(text)
		if err == nil && keys.Address(public, prefix) != text {
			t.Errorf("%q is also %q", text, keys.Address(public, prefix))
		}
	})
}

func TestAddressOfZeros(t *testing.T) {
	// The burn address of Substrate chains: 32 zero bytes.
	if got := keys.Address([32]byte{}, 42); got != "5C4hrfjw9DjXZTzV3MwzrrAr9P1MJhSrvWGWqi1eSuyUpnhM" {
		t.Errorf("address of zeros is %s", got)
	}
	if public, prefix, err := keys.ParseAddress(keys.Address([32]byte{}, 0)); err != nil || public != [32]byte{} || prefix != 0 {
		t.Errorf("zeros under prefix 0 come back as %x under %d, %v", public, prefix, err)
	}
}
