package store_test

import (
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/affine-go/affine/shared/store"
	"github.com/affine-go/affine/shared/subnet"
)

// TestKeysAreSpelled as the table's users (the stack, the console) know them.
func TestKeysAreSpelled(t *testing.T) {
	task := subnet.Task{Hotkey: "5Gk", Revision: "0a1b", Env: "affine:sat", Window: 440, Index: 17, Attempt: 2}
	for _, c := range []struct{ got, want store.Key }{
		{store.SampleKey(task), store.Key{Partition: "S#5Gk#0a1b#affine:sat", Sort: "T#000000000440#000017#002"}},
		{store.MinerKey(120, "5Gk"), store.Key{Partition: "M#120", Sort: "5Gk"}},
		{store.PlanKey(120, 440), store.Key{Partition: "P#120", Sort: "000000000440"}},
		{store.WeightsKey(120, 4_400_123), store.Key{Partition: "W#120", Sort: "000004400123"}},
		{store.LeaseKey("weights"), store.Key{Partition: "L#weights", Sort: "-"}},
		{store.LeaseKey("a#b%"), store.Key{Partition: "L#a%23b%25", Sort: "-"}},
	} {
		if c.got != c.want {
			t.Errorf("key %+v, want %+v", c.got, c.want)
		}
	}
}

func TestPartitionsAreOneToOne(t *testing.T) {
	part := rapid.StringOfN(rapid.RuneFrom([]rune("a#%23")), 0, 6, -1)
	draw := func(t *rapid.T) store.Shelf {
		return store.Shelf{Hotkey: subnet.Hotkey(part.Draw(t, "hotkey")), Revision: subnet.Revision(part.Draw(t, "revision")),
			Env: subnet.EnvID(part.Draw(t, "env"))}
	}
	rapid.Check(t, func(t *rapid.T) {
		a, b := draw(t), draw(t)
		if (a == b) != (a.Partition() == b.Partition()) {
			t.Fatalf("%+v and %+v: %q and %q", a, b, a.Partition(), b.Partition())
		}
	})
}

func TestSampleRangeHoldsItsWindowsAndNoOther(t *testing.T) {
	window := rapid.OneOf(rapid.Uint64Range(0, 200), rapid.Uint64Range(store.MaxOrdinal-5, store.MaxOrdinal))
	bound := rapid.OneOf(window, rapid.Just[uint64](math.MaxUint64))
	rapid.Check(t, func(t *rapid.T) {
		w, from, to := window.Draw(t, "window"), window.Draw(t, "from"), bound.Draw(t, "to")
		key := store.SampleKey(subnet.Task{Window: w, Index: rapid.Uint32Range(0, subnet.MaxIndex).Draw(t, "index"),
			Attempt: rapid.Uint8().Draw(t, "attempt")})
		low, high := store.SampleRange(from, to)
		if in, want := low <= key.Sort && key.Sort <= high, from <= w && w <= to; in != want {
			t.Fatalf("%q in %q..%q: %v, want %v", key.Sort, low, high, in, want)
		}
	})
}

// TestKeysFitDynamoDB even when every character is escaped: partition keys end at
// 2,048 bytes, sort keys at 1,024.
func TestKeysFitDynamoDB(t *testing.T) {
	worst := strings.Repeat("#", store.MaxName)
	task := subnet.Task{Hotkey: subnet.Hotkey(worst), Revision: subnet.Revision(worst), Env: subnet.EnvID(worst)}
	for _, k := range []store.Key{store.SampleKey(task), store.MinerKey(65535, subnet.Hotkey(worst)), store.LeaseKey(worst)} {
		if len(k.Partition) > 2048 || len(k.Sort) > 1024 {
			t.Errorf("key of %d and %d bytes", len(k.Partition), len(k.Sort))
		}
	}
}
