package keys

import (
	"bytes"
	"fmt"

	"github.com/mr-tron/base58"
	"golang.org/x/crypto/blake2b"
)

// Prefix is the SS58 prefix of Bittensor, as of Substrate in general.
const Prefix = 42

// maxPrefix is the greatest prefix that two bytes hold.
const maxPrefix = 1<<14 - 1

// maxAddress bounds the text that ParseAddress looks at: two bytes of prefix, the key
// and two of checksum make at most 50 characters.
const maxAddress = 64

// Address is the SS58 form of a public key under a prefix (0 to 16383; higher bits are
// ignored).
func Address(public [32]byte, prefix uint16) string {
	body := append(prefixBytes(prefix&maxPrefix), public[:]...)
	sum := checksum(body)
	return base58.Encode(append(body, sum[:2]...))
}

// prefixBytes is one byte for prefixes below 64; above, the 14 bits are spread over two
// bytes in the registry's own order, the first marked by 01 at its top.
func prefixBytes(prefix uint16) []byte {
	if prefix < 64 {
		return []byte{byte(prefix)}
	}
	return []byte{byte(prefix>>2)&0x3f | 0x40, byte(prefix>>8) | byte(prefix&3)<<6}
}

func checksum(body []byte) [64]byte {
	return blake2b.Sum512(append([]byte("SS58PRE"), body...))
}

// ParseAddress reads an SS58 address of a 32-byte public key and returns its prefix.
func ParseAddress(text string) (public [32]byte, prefix uint16, err error) {
	if len(text) > maxAddress {
		return public, 0, fmt.Errorf("%w: %d characters", ErrAddress, len(text))
	}
	raw, err := base58.Decode(text)
	if err != nil {
		return public, 0, fmt.Errorf("%w: %v", ErrAddress, err)
	}
	prefix, n, ok := parsePrefix(raw)
	if !ok || len(raw) != n+32+2 {
		return public, 0, fmt.Errorf("%w: %d bytes, not the address of a 32-byte key", ErrAddress, len(raw))
	}
	if sum := checksum(raw[:n+32]); !bytes.Equal(sum[:2], raw[n+32:]) {
		return public, 0, fmt.Errorf("%w: checksum is wrong", ErrAddress)
	}
	return [32]byte(raw[n : n+32]), prefix, nil
}

// parsePrefix reads the prefix and how many bytes it took. A prefix below 64 in two
// bytes is refused: every key has one address under a prefix.
func parsePrefix(raw []byte) (prefix uint16, n int, ok bool) {
	switch {
	case len(raw) > 0 && raw[0] < 64:
		return uint16(raw[0]), 1, true
	case len(raw) > 1 && raw[0] < 128:
		prefix = uint16(raw[0]&0x3f)<<2 | uint16(raw[1]>>6) | uint16(raw[1]&0x3f)<<8
		return prefix, 2, prefix >= 64
	}
	return 0, 0, false
}
