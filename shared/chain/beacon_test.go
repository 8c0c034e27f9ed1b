package chain

import (
	"maps"
	"testing"
	"time"

	"github.com/affine-go/affine/shared/chain/timelock"
)

// A beacon is what the chain says, if that can be one.
func TestBeaconItem(t *testing.T) {
	quicknet := timelock.Quicknet()
	said := map[string]any{"public_key": quicknet.PublicKey[:], "period": uint64(5), "genesis_time": uint64(1_700_000_000)}
	var got timelock.Beacon
	it := beaconItem(&got)
	if err := it.into(nil); err != nil || got != quicknet {
		t.Errorf("a runtime that does not say: %+v, %v; want quicknet", got, err)
	}
	want := timelock.Beacon{PublicKey: quicknet.PublicKey, Genesis: time.Unix(1_700_000_000, 0).UTC(), Period: 5 * time.Second}
	if err := it.into(said); err != nil || got != want {
		t.Errorf("%+v, %v; want %+v", got, err, want)
	}
	for name, spoil := range map[string]func(map[string]any){
		"no period":       func(b map[string]any) { b["period"] = uint64(0) },
		"a long period":   func(b map[string]any) { b["period"] = uint64(3601) },
		"a short key":     func(b map[string]any) { b["public_key"] = quicknet.PublicKey[:95] },
		"no key":          func(b map[string]any) { delete(b, "public_key") },
		"another genesis": func(b map[string]any) { b["genesis_time"] = "long ago" },
	} {
		bad := maps.Clone(said)
		spoil(bad)
		if err := it.into(bad); err == nil {
			t.Errorf("%s: taken for %+v", name, got)
		}
	}
	if err := it.into("no record"); err == nil {
		t.Error("text was taken for a beacon")
	}
}
