package metadata_test

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/affine-go/affine/shared/chain/metadata"
	"github.com/affine-go/affine/shared/chain/scale"
)

// FuzzParse: whatever is accepted as metadata is safe to use.
func FuzzParse(f *testing.F) {
	for _, version := range []uint8{14, 15, 16} {
		f.Add(own(f, version))
	}
	f.Add((&handmade{definition: []byte{5, 3}, kind: 1, hashers: []byte{4, 6}, pallets: 1}).bytes())
	f.Add([]byte("meta\x0f\x03\x00\x00\x00\x40"))
	f.Fuzz(func(t *testing.T, input []byte) {
		if m, err := metadata.Parse(input); err == nil {
			use(m)
		}
	})
}

// FuzzDecodeType: whatever decodes as any type of a runtime encodes back to the same
// bytes, also by way of JSON.
func FuzzDecodeType(f *testing.F) {
	m, err := metadata.Parse(own(f, 15))
	if err != nil {
		f.Fatal(err)
	}
	for id := range m.TypeCount() {
		f.Add(uint32(id), make([]byte, 40))
		f.Add(uint32(id), []byte{4, 1, 134, 8, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10})
	}
	f.Add(uint32(3), []byte{0x02, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, id uint32, input []byte) { encodesBack(t, m, id%uint32(m.TypeCount()), input) })
}

// FuzzDecodeCall: a call that can be taken apart is put together again as it was.
func FuzzDecodeCall(f *testing.F) {
	m, err := metadata.Parse(own(f, 14))
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte{7, 0, 4, 1, 134, 8, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1})
	f.Add([]byte{7, 0, 0x02, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, input []byte) {
		pallet, name, args, err := m.DecodeCall(input)
		if err != nil {
			return
		}
		if again, err := m.EncodeCall(pallet, name, args); err != nil || !bytes.Equal(again, input) {
			t.Errorf("%x became %x, %v", input, again, err)
		}
	})
}

// FuzzDecodeStorageKey: a key that can be taken apart is made again from its parts.
func FuzzDecodeStorageKey(f *testing.F) {
	m, err := metadata.Parse(own(f, 16))
	if err != nil {
		f.Fatal(err)
	}
	key, err := m.StorageKey("SubtensorModule", "Uids", 120, make([]byte, 32))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(key)
	f.Add(key[:len(key)-1])
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, input []byte) {
		keys, err := m.DecodeStorageKey("SubtensorModule", "Uids", input)
		if err != nil {
			return
		}
		if again, err := m.StorageKey("SubtensorModule", "Uids", keys...); err != nil || !bytes.Equal(again, input) {
			t.Errorf("%x became %x, %v", input, again, err)
		}
	})
}

// FuzzDecodeEvents: as many events come out as the input says.
func FuzzDecodeEvents(f *testing.F) {
	m, err := metadata.Parse(own(f, 14))
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte{4, 0, 1, 0, 0, 0, 7, 0, 120, 0, 0})
	f.Add([]byte{8, 1, 7, 0, 120, 0, 0, 2, 7, 0, 120, 0, 0})
	f.Add([]byte{0x02, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, input []byte) {
		events, err := m.DecodeEvents(input)
		if err != nil {
			return
		}
		if n := scale.NewDecoder(input).Len(1); n != len(events) {
			t.Errorf("%x: %d events of %d", input, len(events), n)
		}
		for _, e := range events {
			if e.Pallet != "SubtensorModule" || e.Name != "Set" {
				t.Errorf("%x: event %v", input, e)
			}
		}
	})
}

// FuzzEncodeType: whatever JSON is accepted for a type is, read back and written again,
// the same bytes.
func FuzzEncodeType(f *testing.F) {
	m, err := metadata.Parse(own(f, 15))
	if err != nil {
		f.Fatal(err)
	}
	for id := range m.TypeCount() {
		f.Add(uint32(id), `[null, "0x0102", 7, {"variant": "Sealed", "encrypted": "0x", "round": 1}]`)
		f.Add(uint32(id), `{"pallet": "SubtensorModule", "call": "set", "args": {"data": [null], "n": "5"}}`)
	}
	f.Fuzz(func(t *testing.T, id uint32, text string) {
		d := json.NewDecoder(bytes.NewReader([]byte(text)))
		d.UseNumber()
		var v any
		if d.Decode(&v) != nil {
			return
		}
		id %= uint32(m.TypeCount())
		var e scale.Encoder
		if m.EncodeType(&e, id, v) == nil && !encodesBack(t, m, id, e.Data()) {
			t.Errorf("%s is written %x, which is no value of type %d", text, e.Data(), id)
		}
	})
}
