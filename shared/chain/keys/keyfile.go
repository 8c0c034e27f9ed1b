package keys

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"unicode"

	"golang.org/x/crypto/argon2"
	"golang.org/x/crypto/nacl/secretbox"
)

// MaxKeyfile bounds the file that ParseKeyfile looks at; real ones have some 700 bytes.
const MaxKeyfile = 64 << 10

// Encrypted reports whether opening the keyfile takes a password.
func Encrypted(file []byte) bool { return bytes.HasPrefix(file, []byte(naclHeader)) }

// ParseKeyfile reads a Bittensor keyfile: plain JSON, a bare seed or mnemonic as of old,
// or $NACL encrypted. password is used for encrypted files only; nil means none is known
// (ErrLocked). Deriving the key from the password takes 512 MiB and seconds, by design.
// The pair's address is compared with the one that the file states.
func ParseKeyfile(file []byte, password []byte) (*Pair, error) {
	if len(file) > MaxKeyfile {
		return nil, fmt.Errorf("%w: %d bytes, at most %d", ErrKeyfile, len(file), MaxKeyfile)
	}
	switch {
	case Encrypted(file):
		if password == nil {
			return nil, ErrLocked
		}
		if len(file) < minNaCl {
			return nil, fmt.Errorf("%w: %d bytes of $NACL keyfile", ErrKeyfile, len(file))
		}
		key := naclKey(password)
		defer clear(key[:])
		return openNaCl(file, key)
	case bytes.HasPrefix(file, []byte("$ANSIBLE_VAULT")):
		return nil, fmt.Errorf("%w: keyfile encrypted with Ansible Vault; have btcli update it to NaCl", ErrKind)
	case bytes.HasPrefix(file, []byte("gAAAAA")):
		return nil, fmt.Errorf("%w: keyfile encrypted with Fernet; have btcli update it to NaCl", ErrKind)
	}
	return parsePlain(file)
}

// The form of an encrypted keyfile: header, nonce, secretbox.
const (
	naclHeader = "$NACL"
	naclNonce  = 24
	minNaCl    = len(naclHeader) + naclNonce + secretbox.Overhead
)

// naclSalt is the same for all Bittensor keyfiles.
var naclSalt = []byte{
	0x13, 0x71, 0x83, 0xdf, 0xf1, 0x5a, 0x09, 0xbc,
	0x9c, 0x90, 0xb5, 0x51, 0x87, 0x39, 0xe9, 0xb1,
}

// naclKey is libsodium's Argon2i under its "sensitive" limits: 8 passes over 512 MiB.
func naclKey(password []byte) (key [32]byte) {
	long := argon2.Key(password, naclSalt, 8, 512<<10, 1, 32)
	defer clear(long)
	return [32]byte(long)
}

func openNaCl(file []byte, key [32]byte) (*Pair, error) {
	nonce := [naclNonce]byte(file[len(naclHeader):])
	plain, ok := secretbox.Open(nil, file[len(naclHeader)+naclNonce:], &nonce, &key)
	if !ok {
		return nil, ErrPassword
	}
	defer clear(plain)
	return parsePlain(plain)
}

// keyfileJSON is what keyfiles of all ages hold; any entry may be missing or null.
type keyfileJSON struct {
	AccountID  string `json:"accountId"`
	PublicKey  string `json:"publicKey"`
	PrivateKey string `json:"privateKey"`
	Phrase     string `json:"secretPhrase"`
	Seed       string `json:"secretSeed"`
	Address    string `json:"ss58Address"`
	OldAddress string `json:" ss58Address"` // sic: early files have a space there

	CryptoType json.RawMessage `json:"cryptoType"` // a number, or its text
	Scheme     string          `json:"signingScheme"`
	Hashed     json.RawMessage `json:"hashedDescriptor"`
	Encoded    json.RawMessage `json:"encoded"` // of a polkadot.js export
}

func parsePlain(text []byte) (*Pair, error) {
	text = bytes.TrimSpace(text)
	if !bytes.HasPrefix(text, []byte("{")) {
		return parseBare(string(text))
	}
	var f keyfileJSON
	if err := json.Unmarshal(text, &f); err != nil {
		// The decoder's error may quote the text.
		return nil, fmt.Errorf("%w: malformed JSON", ErrKeyfile)
	}
	kind, err := f.kind()
	if err != nil {
		return nil, err
	}
	return f.pair(kind)
}

// parseBare reads what keyfiles were before JSON: a seed or a private key in hex, or a
// mnemonic.
func parseBare(text string) (*Pair, error) {
	if strings.ContainsFunc(text, unicode.IsSpace) {
		return FromMnemonic(Sr25519, text, "")
	}
	if len(strings.TrimPrefix(text, "0x")) == 128 {
		return fromPrivate(Sr25519, text)
	}
	pair, err := fromSeedText(Sr25519, text)
	if err != nil {
		return nil, fmt.Errorf("%w: neither JSON nor encrypted nor a bare seed, private key or mnemonic", ErrKeyfile)
	}
	return pair, nil
}

// kind is the scheme that the file names; sr25519 when it names none.
func (f *keyfileJSON) kind() (Kind, error) {
	switch {
	case given(f.Encoded):
		return 0, fmt.Errorf("%w: JSON export of polkadot.js; have btcli regenerate the key from it", ErrKind)
	case given(f.Hashed):
		return 0, fmt.Errorf("%w: key of type hashedDescriptor, scheme %.40q; make an sr25519 or ed25519 hotkey", ErrKind, f.Scheme)
	case !given(f.CryptoType):
		return Sr25519, nil
	}
	switch number := strings.Trim(string(f.CryptoType), `" `); number {
	case "0":
		return Ed25519, nil
	case "1":
		return Sr25519, nil
	default:
		return 0, fmt.Errorf("%w: cryptoType %.40s, scheme %.40q; make an sr25519 or ed25519 hotkey", ErrKind, number, f.Scheme)
	}
}

func given(raw json.RawMessage) bool { return len(raw) > 0 && string(raw) != "null" }

// pair derives the key from the secret that is nearest to it, under the scheme named.
// Writers have mislabelled the scheme and kept secrets that lead elsewhere; so where the
// file states which key it holds, every secret is tried, under either scheme, until one
// makes that key.
func (f *keyfileJSON) pair(named Kind) (*Pair, error) {
	failure := ErrPublic
	for i, derive := range f.secrets() {
		for j, kind := range []Kind{named, 1 - named} {
			pair, err := derive(kind)
			if err == nil {
				err = f.compare(pair)
			}
			if err == nil {
				return pair, nil
			}
			if i == 0 && j == 0 {
				failure = err
			}
			if !f.names() {
				return nil, failure
			}
		}
	}
	return nil, failure
}

// secrets are the ways to the key that the file has.
func (f *keyfileJSON) secrets() []func(Kind) (*Pair, error) {
	var ways []func(Kind) (*Pair, error)
	if present(f.PrivateKey) {
		ways = append(ways, func(k Kind) (*Pair, error) { return fromPrivate(k, f.PrivateKey) })
	}
	if present(f.Seed) {
		ways = append(ways, func(k Kind) (*Pair, error) { return fromSeedText(k, f.Seed) })
	}
	if present(f.Phrase) {
		ways = append(ways, func(k Kind) (*Pair, error) { return FromMnemonic(k, f.Phrase, "") })
	}
	return ways
}

// present reports whether there is such an entry; empty ones were written for nothing.
func present(text string) bool { return text != "" && text != "0x" }

// names reports whether the file states which key it holds.
func (f *keyfileJSON) names() bool {
	return f.Address != "" || f.OldAddress != "" || present(f.PublicKey) || present(f.AccountID)
}

func fromSeedText(kind Kind, text string) (*Pair, error) {
	seed, err := hexBytes(text, 32)
	if err != nil {
		return nil, fmt.Errorf("seed: %w", err)
	}
	defer clear(seed)
	return FromSeed(kind, [32]byte(seed))
}

// fromPrivate reads 64 bytes: for sr25519 the canonical scalar and a nonce (not the
// ed25519 form that polkadot.js exports), for ed25519 the seed and the public key.
func fromPrivate(kind Kind, text string) (*Pair, error) {
	private, err := hexBytes(text, 64)
	if err != nil {
		return nil, fmt.Errorf("privateKey: %w", err)
	}
	defer clear(private)
	if kind == Sr25519 {
		return fromScalar([32]byte(private))
	}
	pair := fromEd25519([32]byte(private))
	if pair.public != [32]byte(private[32:]) {
		return nil, fmt.Errorf("%w: privateKey holds another public key", ErrMismatch)
	}
	return pair, nil
}

// compare holds the derived key against every statement of the file about it.
func (f *keyfileJSON) compare(p *Pair) error {
	for _, stated := range []string{f.Address, f.OldAddress} {
		if stated == "" {
			continue
		}
		public, prefix, err := ParseAddress(stated)
		if err != nil {
			return fmt.Errorf("ss58Address: %w", err)
		}
		if public != p.public {
			return fmt.Errorf("%w: file says %s, its secret makes %s", ErrMismatch, stated, p.Address())
		}
		if prefix != Prefix {
			return fmt.Errorf("%w: address %s is of network %d, not %d", ErrMismatch, stated, prefix, Prefix)
		}
	}
	for _, stated := range []string{f.PublicKey, f.AccountID} {
		if !present(stated) {
			continue
		}
		public, err := hexBytes(stated, 32)
		if err != nil || [32]byte(public) != p.public {
			return fmt.Errorf("%w: file names another public key, its secret makes %s", ErrMismatch, p.Address())
		}
	}
	return nil
}
