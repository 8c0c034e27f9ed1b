package keys

import (
	"encoding/hex"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	schnorrkel "github.com/ChainSafe/go-schnorrkel"
	"golang.org/x/crypto/blake2b"

	"github.com/affine-go/affine/shared/chain/scale"
)

// devPhrase is the phrase that Substrate's tools mean when a URI names none. Its keys
// are known to everyone.
const devPhrase = "bottom drive obey lake curtain smoke basket hold race lonely fit walk"

// maxPhrase bounds the text of a mnemonic: 24 words of at most 8 letters.
const maxPhrase = 24*9 - 1

// FromMnemonic makes the pair of a BIP-39 phrase (12 to 24 words) and a password
// (mostly empty), by Substrate's rule: PBKDF2 over the entropy, not over the words.
func FromMnemonic(kind Kind, phrase, password string) (*Pair, error) {
	words := strings.Fields(phrase)
	phrase = strings.Join(words, " ")
	if n := len(words); n < 12 || n > 24 || n%3 != 0 || len(phrase) > maxPhrase {
		return nil, fmt.Errorf("%w: mnemonic of %d words", ErrSecret, len(words))
	}
	long, err := schnorrkel.SeedFromMnemonic(phrase, password)
	if err != nil {
		// The library's error may quote a word of the phrase.
		return nil, fmt.Errorf("%w: a word of the mnemonic is unknown or its checksum is wrong", ErrSecret)
	}
	defer clear(long[:])
	return FromSeed(kind, [32]byte(long[:32]))
}

// maxURI bounds the text of a secret URI.
const maxURI = 1024

// junctions is the form of a derivation path: /soft or //hard, again and again.
var junctions = regexp.MustCompile(`/(/?)([^/]+)`)

// uriForm splits a secret URI into phrase or seed, path and password.
var uriForm = regexp.MustCompile(`^([^/]*)((?://?[^/]+)*)(?:///(.*))?$`)

// FromURI makes the pair of a secret URI: [phrase or 0x seed][/soft][//hard]…[///password].
// Without a phrase the well-known development phrase is meant, so that //Alice works.
func FromURI(kind Kind, uri string) (*Pair, error) {
	parts := uriForm.FindStringSubmatch(uri)
	if parts == nil || len(uri) > maxURI {
		return nil, fmt.Errorf("%w: not a secret URI", ErrSecret)
	}
	pair, err := root(kind, parts[1], parts[3])
	if err != nil {
		return nil, err
	}
	for _, j := range junctions.FindAllStringSubmatch(parts[2], -1) {
		child, err := pair.derive(j[1] == "/", chainCode(j[2]))
		pair.Zero()
		if err != nil {
			return nil, err
		}
		pair = child
	}
	return pair, nil
}

func root(kind Kind, phrase, password string) (*Pair, error) {
	if phrase == "" {
		phrase = devPhrase
	}
	digits, ok := strings.CutPrefix(phrase, "0x")
	if !ok {
		return FromMnemonic(kind, phrase, password)
	}
	seed, err := hexBytes(digits, 32)
	if err != nil {
		return nil, err
	}
	defer clear(seed)
	return FromSeed(kind, [32]byte(seed))
}

// hexBytes reads exactly size bytes of hex. Its errors say nothing of the text.
func hexBytes(digits string, size int) ([]byte, error) {
	b, err := hex.DecodeString(strings.TrimPrefix(digits, "0x"))
	if err != nil || len(b) != size {
		return nil, fmt.Errorf("%w: not %d bytes in hex", ErrSecret, size)
	}
	return b, nil
}

// chainCode is what a junction stands for: a number as eight bytes, other text in its
// SCALE form, padded to 32 bytes or hashed when longer.
func chainCode(junction string) (code [32]byte) {
	var e scale.Encoder
	if n, err := strconv.ParseUint(junction, 10, 64); err == nil {
		e.U64(n)
	} else {
		e.Str(junction)
	}
	if len(e.Data()) > 32 {
		return blake2b.Sum256(e.Data())
	}
	copy(code[:], e.Data())
	return code
}

func (p *Pair) derive(hard bool, code [32]byte) (*Pair, error) {
	if p.kind == Ed25519 {
		return p.deriveEd25519(hard, code)
	}
	parent := schnorrkel.NewSecretKey(p.secret().key, [32]byte{})
	if hard {
		mini, _, err := parent.HardDeriveMiniSecretKey(nil, code)
		if err != nil {
			return nil, fmt.Errorf("%w: hard junction: %v", ErrSecret, err)
		}
		return fromMini(mini.Encode())
	}
	child, err := schnorrkel.DeriveKeySoft(parent, nil, code)
	if err != nil {
		return nil, fmt.Errorf("%w: soft junction: %v", ErrSecret, err)
	}
	return fromScalar(child.Key().Encode())
}

// deriveEd25519 hashes the parent's seed; ed25519 has no soft junctions.
func (p *Pair) deriveEd25519(hard bool, code [32]byte) (*Pair, error) {
	if !hard {
		return nil, fmt.Errorf("%w: soft junctions under ed25519", ErrKind)
	}
	var e scale.Encoder
	e.Str("Ed25519HDKD")
	e.Raw(p.secret().key[:])
	e.Raw(code[:])
	return fromEd25519(blake2b.Sum256(e.Data())), nil
}
