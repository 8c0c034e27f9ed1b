// Package signertest holds every implementation of a signer's ledger to its contract.
package signertest

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/affine-go/affine/shared/faultplan"
	"github.com/affine-go/affine/shared/signer"
	"github.com/affine-go/affine/shared/subnet"
)

// Storage is where ledgers under test keep their entries.
type Storage struct {
	Open func() signer.Ledger  // another signer's handle on the same entries
	Read func() []signer.Entry // all entries, in any order
}

// Entry is an entry of a window.
func Entry(window subnet.Block) signer.Entry {
	return signer.Entry{
		At: time.Unix(1_800_000_000, 5).UTC(), Netuid: 120, Series: signer.Weights, Window: window, Hotkey: "5Hot",
		Call: "SubtensorModule.set_weights", Message: "0xab", Nonce: 4, Death: window + 64, Round: 7, Intent: json.RawMessage(`{"uids":[1]}`),
	}
}

// Run runs the suite; begin makes an empty storage.
func Run(t *testing.T, begin func(t *testing.T) Storage) {
	for name, test := range map[string]func(*testing.T, Storage){
		"slots ascend up to the ceiling": slotsAscend,
		"places are counted apart":       placesApart,
		"a restart counts on":            restart,
		"signers share a ceiling":        concurrent,
		"malformed":                      malformed,
		"cancelled":                      cancelled,
	} {
		t.Run(name, func(t *testing.T) { test(t, begin(t)) })
	}
}

func slotsAscend(t *testing.T, s Storage) {
	ledger := s.Open()
	var want []signer.Entry
	for slot := range 3 {
		e := Entry(1000)
		e.Slot = 99 // what the caller says of it does not count
		e.Nonce = uint32(slot)
		got, err := ledger.Claim(t.Context(), e, 3)
		if err != nil || got != slot {
			t.Fatalf("claim %d: slot %d, %v", slot, got, err)
		}
		e.Slot = slot
		want = append(want, e)
	}
	for _, most := range []int{3, 1, 0, -1} {
		if _, err := ledger.Claim(t.Context(), Entry(1000), most); !errors.Is(err, signer.ErrCeiling) {
			t.Errorf("claim under a ceiling of %d: %v, want ErrCeiling", most, err)
		}
	}
	if slot, err := ledger.Claim(t.Context(), Entry(1000), 4); err != nil || slot != 3 {
		t.Errorf("under a higher ceiling: slot %d, %v", slot, err)
	}
	got := s.Read()
	slices.SortFunc(got, func(a, b signer.Entry) int { return a.Slot - b.Slot })
	if diff := cmp.Diff(want, got[:min(3, len(got))]); diff != "" || len(got) != 4 {
		t.Errorf("%d entries (-claimed +stored):\n%s", len(got), diff)
	}
}

func placesApart(t *testing.T, s Storage) {
	ledger := s.Open()
	for _, change := range []func(*signer.Entry){
		func(*signer.Entry) {},
		func(e *signer.Entry) { e.Window++ },
		func(e *signer.Entry) { e.Netuid = 12 },
		func(e *signer.Entry) { e.Series = signer.Commitment },
		func(e *signer.Entry) { e.Series = signer.WeightsOf(1) },
		func(e *signer.Entry) { e.Series = signer.WeightsOf(10) },
	} {
		e := Entry(1000)
		change(&e)
		if slot, err := ledger.Claim(t.Context(), e, 1); err != nil || slot != 0 {
			t.Errorf("first of %s in window %d of subnet %d: slot %d, %v", e.Series, e.Window, e.Netuid, slot, err)
		}
		if _, err := ledger.Claim(t.Context(), e, 1); !errors.Is(err, signer.ErrCeiling) {
			t.Errorf("second of %s in window %d of subnet %d: %v", e.Series, e.Window, e.Netuid, err)
		}
	}
	another := Entry(1000)
	another.Hotkey = "5Other"
	if _, err := ledger.Claim(t.Context(), another, 1); !errors.Is(err, signer.ErrCeiling) {
		t.Errorf("another hotkey in the same place: %v, want ErrCeiling", err)
	}
}

func restart(t *testing.T, s Storage) {
	for slot := range 2 {
		if got, err := s.Open().Claim(t.Context(), Entry(1000), 2); err != nil || got != slot {
			t.Fatalf("slot %d, %v; want %d", got, err, slot)
		}
	}
	if _, err := s.Open().Claim(t.Context(), Entry(1000), 2); !errors.Is(err, signer.ErrCeiling) {
		t.Errorf("a third signer: %v, want ErrCeiling", err)
	}
}

// concurrent has more signers than slots ask at once.
func concurrent(t *testing.T, s Storage) {
	const signers, each, most = 4, 5, 7
	var mu sync.Mutex
	var running sync.WaitGroup
	given := map[int]int{}
	for range signers {
		ledger := s.Open()
		running.Go(func() {
			for range each {
				slot, err := ledger.Claim(t.Context(), Entry(1000), most)
				if err != nil && !errors.Is(err, signer.ErrCeiling) {
					t.Error(err)
				}
				if err == nil {
					mu.Lock()
					given[slot]++
					mu.Unlock()
				}
			}
		})
	}
	running.Wait()
	for slot := range most {
		if given[slot] != 1 {
			t.Errorf("slot %d was given %d times", slot, given[slot])
		}
	}
	if len(given) != most || len(s.Read()) != most {
		t.Errorf("%d slots given, %d entries; the ceiling is %d", len(given), len(s.Read()), most)
	}
}

func malformed(t *testing.T, s Storage) {
	for _, series := range []signer.Series{"", "a#b", "Weights", "w\n", signer.Series(make([]byte, 40))} {
		e := Entry(1000)
		e.Series = series
		if _, err := s.Open().Claim(t.Context(), e, 3); !errors.Is(err, signer.ErrEntry) {
			t.Errorf("series %q: %v, want ErrEntry", series, err)
		}
	}
	if left := s.Read(); len(left) > 0 {
		t.Errorf("entered: %+v", left)
	}
}

func cancelled(t *testing.T, s Storage) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if slot, err := s.Open().Claim(ctx, Entry(1000), 3); !errors.Is(err, context.Canceled) {
		t.Errorf("slot %d, %v; want the context's error", slot, err)
	}
}

// Faulty is a ledger whose claims fail by a plan, which knows the one method "Claim".
func Faulty(l signer.Ledger, plan faultplan.Plan) signer.Ledger {
	return &faulty{l, faultplan.Counter{Plan: plan}}
}

type faulty struct {
	ledger signer.Ledger
	faults faultplan.Counter
}

func (f *faulty) Claim(ctx context.Context, e signer.Entry, most int) (slot int, err error) {
	err = f.faults.Do("Claim", func() (err error) {
		slot, err = f.ledger.Claim(ctx, e, most)
		return err
	})
	if err != nil {
		return 0, err
	}
	return slot, nil
}
