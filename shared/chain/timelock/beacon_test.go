package timelock_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/affine-go/affine/shared/chain/timelock"
)

// A beacon of one's own does what quicknet does: its pulses verify, and open what was
// sealed to their round and nothing else.
func TestAuthority(t *testing.T) {
	authority := newAuthority(t, "a")
	beacon := authority.Beacon(time.Unix(1_700_000_000, 0), 3*time.Second)
	other := newAuthority(t, "b").Beacon(beacon.Genesis, beacon.Period)
	rapid.Check(t, func(t *rapid.T) {
		round := rapid.Uint64Min(1).Draw(t, "round")
		plaintext := rapid.SliceOfN(rapid.Byte(), 0, 64).Draw(t, "plaintext")
		signature, err := authority.Sign(round)
		if err != nil {
			t.Fatal(err)
		}
		if err := beacon.VerifyPulse(round, signature); err != nil {
			t.Fatal(err)
		}
		for name, wrong := range map[string]error{
			"another round":  beacon.VerifyPulse(round+1, signature),
			"another beacon": other.VerifyPulse(round, signature),
			"quicknet":       timelock.Quicknet().VerifyPulse(round, signature),
		} {
			if !errors.Is(wrong, timelock.ErrSignature) {
				t.Fatalf("%s: %v", name, wrong)
			}
		}
		sealed, err := beacon.Encrypt(plaintext, round, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		if opened, err := timelock.Decrypt(sealed, signature); err != nil || !bytes.Equal(opened, plaintext) {
			t.Fatalf("opened %x, %v", opened, err)
		}
	})
}

func newAuthority(t *testing.T, seed string) timelock.Authority {
	t.Helper()
	a, err := timelock.NewAuthority([]byte(seed))
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// Nothing is sealed to a key that is none: it could never be opened.
func TestBeaconWithoutAKey(t *testing.T) {
	infinity := timelock.Quicknet()
	infinity.PublicKey = [96]byte{0xc0}
	offCurve := timelock.Quicknet()
	offCurve.PublicKey[95] ^= 1
	for name, b := range map[string]timelock.Beacon{"zero": {}, "infinity": infinity, "off the curve": offCurve} {
		if sealed, err := b.Encrypt([]byte("x"), 1, rand.Reader); !errors.Is(err, timelock.ErrBeacon) || sealed != nil {
			t.Errorf("%s: %d bytes, %v", name, len(sealed), err)
		}
		_, signature := vectors(t)
		if err := b.VerifyPulse(1000, signature); !errors.Is(err, timelock.ErrBeacon) {
			t.Errorf("%s: pulse %v", name, err)
		}
	}
}
