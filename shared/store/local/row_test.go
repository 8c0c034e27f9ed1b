package local

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/affine-go/affine/shared/store/storetest"
	"github.com/affine-go/affine/shared/subnet"
)

// unkeyed is a sample without what its key says, as decodeRow gives it.
func unkeyed(s subnet.Sample) subnet.Sample {
	s.Hotkey, s.Revision, s.Env, s.Window, s.Index, s.Attempt = "", "", "", 0, 0, 0
	return s
}

func TestRowRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := storetest.AnySample().Draw(t, "sample")
		var got subnet.Sample
		if err := decodeRow(appendRow(nil, &want), &got); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(unkeyed(want), got); diff != "" {
			t.Fatalf("differs (-want +got):\n%s", diff)
		}
	})
}

// TestRowIsCompact: what a sample costs on the disk besides its key.
func TestRowIsCompact(t *testing.T) {
	s := storetest.Sample("5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY", 44, 3)
	if n := len(appendRow(nil, &s)); n > 160 {
		t.Errorf("a row has %d bytes, want 160 at most", n)
	}
}

func TestDecodeRowRefuses(t *testing.T) {
	s := storetest.Sample("5G", 44, 3)
	good := appendRow(nil, &s)
	for n := range good {
		if err := decodeRow(good[:n], new(subnet.Sample)); err == nil {
			t.Fatalf("a row cut to %d of %d bytes was taken", n, len(good))
		}
	}
	if err := decodeRow(append(bytes.Clone(good), 0), new(subnet.Sample)); !errors.Is(err, errRow) {
		t.Errorf("a row with a byte too many gave %v", err)
	}
	newer := bytes.Clone(good)
	newer[0] = rowFormat + 1
	if err := decodeRow(newer, new(subnet.Sample)); !errors.Is(err, errRow) {
		t.Errorf("a row of another format gave %v", err)
	}
}

func FuzzDecodeRow(f *testing.F) {
	s := storetest.Sample("5G", 44, 3)
	f.Add(appendRow(nil, &s))
	f.Add([]byte{})
	f.Add([]byte{rowFormat})
	f.Add(bytes.Repeat([]byte{0xff}, 64))
	f.Add(append([]byte{rowFormat}, bytes.Repeat([]byte{0x80}, 64)...))
	f.Fuzz(func(t *testing.T, row []byte) {
		var s subnet.Sample
		if decodeRow(row, &s) != nil {
			return
		}
		// What was understood means the same when written again.
		var again subnet.Sample
		if err := decodeRow(appendRow(nil, &s), &again); err != nil {
			t.Fatalf("%+v: %v", s, err)
		}
		s.At, again.At = s.At.Truncate(time.Millisecond), again.At.Truncate(time.Millisecond)
		if diff := cmp.Diff(s, again); diff != "" {
			t.Fatalf("differs (-first +again):\n%s", diff)
		}
	})
}
