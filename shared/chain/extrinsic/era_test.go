package extrinsic_test

import (
	"encoding/hex"
	"errors"
	"math"
	"testing"

	"pgregory.net/rapid"

	"github.com/affine-go/affine/shared/chain/extrinsic"
)

func TestEraForms(t *testing.T) {
	for _, c := range []struct {
		era  extrinsic.Era
		form string
	}{
		{extrinsic.Era{}, "00"},
		{extrinsic.Mortal(64, 5), "5500"},
		{extrinsic.Era{Period: 64, Phase: 24}, "8501"},
		{extrinsic.Mortal(128, 1000), "8606"},
		{extrinsic.Era{Period: 4}, "0100"},
		{extrinsic.Era{Period: 32768, Phase: 20000}, "4e9c"}, // the example in Substrate's own documentation
		{extrinsic.Era{Period: 65536, Phase: 65520}, "ffff"},
	} {
		got, err := c.era.Encode()
		if err != nil || hex.EncodeToString(got) != c.form {
			t.Errorf("%+v is written %x, %v; want %s", c.era, got, err, c.form)
		}
		back, n, err := extrinsic.DecodeEra(got)
		if err != nil || back != c.era || n != len(got) {
			t.Errorf("%x is read as %+v, %d bytes, %v", got, back, n, err)
		}
	}
}

func TestEraRefuses(t *testing.T) {
	for _, e := range []extrinsic.Era{
		{Period: 3}, {Period: 2}, {Period: 1 << 17}, {Period: 64, Phase: 64}, {Period: 8192, Phase: 1}, {Phase: 1},
	} {
		if b, err := e.Encode(); !errors.Is(err, extrinsic.ErrEra) {
			t.Errorf("%+v is written %x, %v", e, b, err)
		}
	}
	for _, b := range [][]byte{nil, {1}, {0x10, 0}, {0x41, 0x00}, {0xff}} { // none, cut, period 2, phase 4 of period 4, cut
		if e, _, err := extrinsic.DecodeEra(b); !errors.Is(err, extrinsic.ErrEra) {
			t.Errorf("%x is read as %+v, %v", b, e, err)
		}
	}
}

func TestImmortalEraNeverDies(t *testing.T) {
	var e extrinsic.Era
	if !e.Immortal() || e.Birth(1000) != 0 || e.Death(1000) != math.MaxUint64 {
		t.Errorf("birth %d, death %d", e.Birth(1000), e.Death(1000))
	}
}

// TestEraIsAliveWhenMade: the era holds the current block, for as long as it may, and
// all its blocks agree on its birth, whose hash they check.
func TestEraIsAliveWhenMade(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		period := rapid.Uint64Range(0, 1<<18).Draw(t, "period")
		current := rapid.Uint64Range(0, 1<<40).Draw(t, "current")
		e := extrinsic.Mortal(period, current)
		if e.Period < min(period, extrinsic.MaxPeriod) || e.Period > max(2*period, extrinsic.MinPeriod) {
			t.Fatalf("period %d became %d", period, e.Period)
		}
		birth, death := e.Birth(current), e.Death(current)
		if birth > current || current >= death || death != birth+e.Period || current-birth > 15 {
			t.Fatalf("born at %d, dead at %d, current %d", birth, death, current)
		}
		later := rapid.Uint64Range(birth, death-1).Draw(t, "later")
		if e.Birth(later) != birth {
			t.Fatalf("at %d it is born at %d, not %d", later, e.Birth(later), birth)
		}
		form, err := e.Encode()
		if err != nil {
			t.Fatal(err)
		}
		if back, n, err := extrinsic.DecodeEra(form); err != nil || back != e || n != 2 {
			t.Fatalf("%+v is read as %+v, %v", e, back, err)
		}
	})
}

func FuzzDecodeEra(f *testing.F) {
	for _, b := range [][]byte{{0}, {0x55, 0}, {0xff, 0xff}, {0x10}, nil} {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		e, n, err := extrinsic.DecodeEra(b)
		if err != nil {
			return
		}
		if form, err := e.Encode(); err != nil || string(form) != string(b[:n]) {
			t.Errorf("%x is read as %+v, which is written %x, %v", b[:n], e, form, err)
		}
	})
}
