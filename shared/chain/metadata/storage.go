package metadata

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"github.com/cespare/xxhash/v2"
	"golang.org/x/crypto/blake2b"

	"github.com/affine-go/affine/shared/chain/scale"
)

// StorageKey returns the key of an item; it takes as many keys as the item has.
func (m *Metadata) StorageKey(pallet, entry string, keys ...any) ([]byte, error) {
	s, err := m.StorageEntry(pallet, entry)
	if err != nil {
		return nil, err
	}
	if len(keys) != len(s.Keys) {
		return nil, fmt.Errorf("%w: storage %s.%s takes %d keys, not %d", ErrValue, pallet, entry, len(s.Keys), len(keys))
	}
	return m.storageKey(s, keys)
}

// StoragePrefix returns what the keys of an item begin with, given its first keys (none
// to all).
func (m *Metadata) StoragePrefix(pallet, entry string, keys ...any) ([]byte, error) {
	s, err := m.StorageEntry(pallet, entry)
	if err != nil {
		return nil, err
	}
	if len(keys) > len(s.Keys) {
		return nil, fmt.Errorf("%w: storage %s.%s takes %d keys, not %d", ErrValue, pallet, entry, len(s.Keys), len(keys))
	}
	return m.storageKey(s, keys)
}

func (m *Metadata) storageKey(s *StorageEntry, keys []any) ([]byte, error) {
	key := s.prefix()
	for i, v := range keys {
		var e scale.Encoder
		if err := m.EncodeType(&e, s.Keys[i], v); err != nil {
			return nil, fmt.Errorf("storage %s.%s: key %d: %w", s.pallet.Name, s.Name, i, err)
		}
		key = append(key, s.Hashers[i].hash(e.Data())...)
	}
	return key, nil
}

// prefix is what all keys of the item begin with.
func (s *StorageEntry) prefix() []byte {
	return append(twox([]byte(s.pallet.Prefix), 2), twox([]byte(s.Name), 2)...)
}

// DecodeStorageKey takes a storage key apart: the keys' values where the hasher keeps
// them (Blake2_128Concat, Twox64Concat, Identity). It refuses other hashers, and a hash
// that is not that of the key behind it.
func (m *Metadata) DecodeStorageKey(pallet, entry string, key []byte) ([]any, error) {
	s, err := m.StorageEntry(pallet, entry)
	if err != nil {
		return nil, err
	}
	rest, ok := bytes.CutPrefix(key, s.prefix())
	if !ok {
		return nil, fmt.Errorf("%w: not a key of storage %s.%s", ErrDecode, pallet, entry)
	}
	values := make([]any, 0, len(s.Keys))
	for i, id := range s.Keys {
		v, n, err := m.storedKey(s.Hashers[i], id, rest)
		if err != nil {
			return nil, fmt.Errorf("storage %s.%s: key %d: %w", pallet, entry, i, err)
		}
		values = append(values, v)
		rest = rest[n:]
	}
	if len(rest) > 0 {
		return nil, fmt.Errorf("storage %s.%s: %w: %w", pallet, entry, ErrDecode, scale.ErrTrailing)
	}
	return values, nil
}

// storedKey reads one key and returns how many bytes it took, its hash included.
func (m *Metadata) storedKey(h Hasher, id uint32, b []byte) (any, int, error) {
	hash, ok := h.kept()
	if !ok {
		return nil, 0, fmt.Errorf("%w: %s does not keep the key", ErrDecode, h)
	}
	if len(b) < hash {
		return nil, 0, fmt.Errorf("%w: %w", ErrDecode, scale.ErrShort)
	}
	d := scale.NewDecoder(b[hash:])
	v, err := m.DecodeType(d, id)
	if err != nil {
		return nil, 0, err
	}
	n := hash + d.Offset()
	if !bytes.Equal(h.hash(b[hash:n]), b[:n]) {
		return nil, 0, fmt.Errorf("%w: hash and key disagree", ErrDecode)
	}
	return v, n, nil
}

// DecodeStorage decodes an item's value. A nil value means the item is absent: the
// default is decoded then, or nil returned when the item is optional.
func (m *Metadata) DecodeStorage(pallet, entry string, value []byte) (any, error) {
	s, err := m.StorageEntry(pallet, entry)
	if err != nil {
		return nil, err
	}
	if value == nil {
		if s.Optional {
			return nil, nil
		}
		value = s.Default
	}
	return m.decodeAll(value, s.Value, fmt.Sprintf("storage %s.%s", pallet, entry))
}

// String is the hasher's name in the chain's source.
func (h Hasher) String() string {
	names := [...]string{"Blake2_128", "Blake2_256", "Blake2_128Concat", "Twox128", "Twox256", "Twox64Concat", "Identity"}
	if int(h) < len(names) {
		return names[h]
	}
	return fmt.Sprintf("Hasher(%d)", uint8(h))
}

func (h Hasher) hash(b []byte) []byte {
	switch h {
	case Blake2_128:
		return blake2(b, 16)
	case Blake2_256:
		return blake2(b, 32)
	case Blake2_128Concat:
		return append(blake2(b, 16), b...)
	case Twox128:
		return twox(b, 2)
	case Twox256:
		return twox(b, 4)
	case Twox64Concat:
		return append(twox(b, 1), b...)
	}
	return b
}

// kept returns how many bytes of hash stand before the key, and whether the key is kept.
func (h Hasher) kept() (int, bool) {
	switch h {
	case Blake2_128Concat:
		return 16, true
	case Twox64Concat:
		return 8, true
	case Identity:
		return 0, true
	}
	return 0, false
}

func blake2(b []byte, size int) []byte {
	h, err := blake2b.New(size, nil)
	if err != nil {
		panic(err) // sizes 16 and 32 are valid
	}
	h.Write(b)
	return h.Sum(nil)
}

// twox is xxHash64 under the seeds 0 to words-1, little-endian, one after the other.
func twox(b []byte, words int) []byte {
	var out []byte
	for seed := range words {
		h := xxhash.NewWithSeed(uint64(seed))
		h.Write(b)
		out = binary.LittleEndian.AppendUint64(out, h.Sum64())
	}
	return out
}
