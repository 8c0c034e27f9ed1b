package pack_test

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/affine-go/affine/shared/archive/pack"
	"github.com/affine-go/affine/shared/subnet"
)

// bomb is n zero bytes in one frame. A streamed frame does not say how much it holds.
func bomb(t testing.TB, n int64, streamed bool) []byte {
	t.Helper()
	var buf bytes.Buffer
	w, err := zstd.NewWriter(&buf, zstd.WithEncoderConcurrency(1))
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if !streamed {
		return w.EncodeAll(make([]byte, n), nil)
	}
	if _, err := io.CopyN(w, zeros{}, n); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func TestZipBomb(t *testing.T) {
	for _, streamed := range []bool{false, true} {
		frame := bomb(t, 3*pack.MaxTranscript, streamed)
		if len(frame) > 1<<20 {
			t.Fatalf("the bomb has %d bytes", len(frame))
		}
		if _, err := pack.Read(frame); !errors.Is(err, pack.ErrTooLarge) {
			t.Errorf("streamed %v: %v, want ErrTooLarge", streamed, err)
		}
	}
}

func TestReadRefusesWhatIsNoFrame(t *testing.T) {
	frame, _ := appendAll(t, []subnet.Transcript{transcript(9)})
	skippable := append([]byte{0x50, 0x2a, 0x4d, 0x18, 4, 0, 0, 0}, "abcd"...)
	enc, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer enc.Close()
	for name, data := range map[string][]byte{
		"nothing":       nil,
		"text":          []byte("hello, world"),
		"two frames":    append(bytes.Clone(frame), frame...),
		"trailing byte": append(bytes.Clone(frame), 0),
		"skippable":     skippable,
		"not JSON":      enc.EncodeAll([]byte("{"), nil),
		"two lines":     enc.EncodeAll([]byte("{}\n{}\n"), nil),
		"wrong type":    enc.EncodeAll([]byte(`{"prompt":1}`), nil),
		"an empty text": enc.EncodeAll([]byte{}, nil),
	} {
		if got, err := pack.Read(data); err == nil || got != (subnet.Transcript{}) {
			t.Errorf("%s: %+v, %v; want an error and nothing", name, got, err)
		}
	}
}

func TestEveryTruncationAndDamageIsRefused(t *testing.T) {
	want := transcript(30)
	frame, _ := appendAll(t, []subnet.Transcript{want})
	for n := range frame {
		if _, err := pack.Read(frame[:n]); err == nil {
			t.Fatalf("the first %d of %d bytes were read", n, len(frame))
		}
		for bit := range 8 {
			damaged := bytes.Clone(frame)
			damaged[n] ^= 1 << bit
			if got, err := pack.Read(damaged); err == nil && got != want {
				t.Fatalf("damage to byte %d, bit %d went unnoticed", n, bit)
			}
		}
	}
}

func TestScanStopsAtDamage(t *testing.T) {
	packed, entries := appendAll(t, []subnet.Transcript{transcript(1), transcript(2), transcript(3)})
	damaged := bytes.Clone(packed)
	damaged[entries[1].Offset+entries[1].Length-1] ^= 1 // checksum of the second
	for name, tt := range map[string]struct {
		pack []byte
		good int
	}{
		"damaged second": {damaged, 1},
		"cut in third":   {packed[:len(packed)-2], 2},
		"cut in header":  {packed[:entries[2].Offset+3], 2},
		"text after":     {append(bytes.Clone(packed), "xyz"...), 3},
	} {
		good, bad := 0, 0
		for e, err := range pack.Scan(tt.pack) {
			if err != nil {
				bad++
			} else if good++; e != entries[good-1] {
				t.Errorf("%s: entry %d differs", name, good)
			}
		}
		if good != tt.good || bad != 1 {
			t.Errorf("%s: %d good and %d errors, want %d and 1", name, good, bad, tt.good)
		}
	}
	for range pack.Scan(packed) {
		break // a consumer may stop early
	}
}

func FuzzRead(f *testing.F) {
	packed, _ := appendAll(f, []subnet.Transcript{transcript(1)})
	f.Add(packed)
	f.Add(bomb(f, 1<<20, true))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := pack.Read(data)
		if err != nil {
			return
		}
		again, _ := appendAll(t, []subnet.Transcript{got})
		if back, err := pack.Read(again); err != nil || back != got {
			t.Fatalf("what was read does not come back: %v", err)
		}
	})
}

func FuzzScan(f *testing.F) {
	packed, _ := appendAll(f, []subnet.Transcript{transcript(1), {}, transcript(40)})
	f.Add(packed)
	f.Add(packed[:len(packed)-1])
	f.Fuzz(func(t *testing.T, data []byte) {
		var end int64
		for e, err := range pack.Scan(data) {
			if err != nil {
				return
			}
			if e.Offset != end || e.Length <= 0 {
				t.Fatalf("frame at %d, %d long, after %d", e.Offset, e.Length, end)
			}
			end = e.Offset + e.Length
		}
		if end != int64(len(data)) {
			t.Fatalf("scanned %d of %d bytes without an error", end, len(data))
		}
	})
}
