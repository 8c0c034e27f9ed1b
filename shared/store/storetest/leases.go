package storetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/affine-go/affine/shared/faultplan"
	"github.com/affine-go/affine/shared/store"
)

func leases(t *testing.T, s store.Store) {
	const ttl = time.Minute
	at := func(d time.Duration) time.Time { return graded.Add(d) }
	for i, step := range []struct {
		what string
		call func() error
		want error
	}{
		{"a takes it", func() error { return s.Acquire(t.Context(), "weights", "a", at(0), ttl) }, nil},
		{"b finds it held", func() error { return s.Acquire(t.Context(), "weights", "b", at(0), ttl) }, store.ErrHeld},
		{"b takes another", func() error { return s.Acquire(t.Context(), "enumerate", "b", at(0), ttl) }, nil},
		{"a renews it", func() error { return s.Acquire(t.Context(), "weights", "a", at(30*time.Second), ttl) }, nil},
		{"b finds it held still", func() error { return s.Acquire(t.Context(), "weights", "b", at(90*time.Second-time.Millisecond), ttl) }, store.ErrHeld},
		{"b's release does nothing", func() error { return s.Release(t.Context(), "weights", "b") }, nil},
		{"b finds it held after that", func() error { return s.Acquire(t.Context(), "weights", "b", at(60*time.Second), ttl) }, store.ErrHeld},
		{"b takes it when it has run out", func() error { return s.Acquire(t.Context(), "weights", "b", at(90*time.Second), ttl) }, nil},
		{"a finds it held by b", func() error { return s.Acquire(t.Context(), "weights", "a", at(91*time.Second), ttl) }, store.ErrHeld},
		{"a's late release does nothing", func() error { return s.Release(t.Context(), "weights", "a") }, nil},
		{"a finds it held by b still", func() error { return s.Acquire(t.Context(), "weights", "a", at(92*time.Second), ttl) }, store.ErrHeld},
		{"b releases it", func() error { return s.Release(t.Context(), "weights", "b") }, nil},
		{"b releases it again", func() error { return s.Release(t.Context(), "weights", "b") }, nil},
		{"a takes it at once", func() error { return s.Acquire(t.Context(), "weights", "a", at(92*time.Second), ttl) }, nil},
		{"nobody's is released", func() error { return s.Release(t.Context(), "never", "a") }, nil},
	} {
		err := step.call()
		if step.want == nil && err != nil {
			t.Fatalf("step %d, %s: %v", i, step.what, err)
		}
		if step.want != nil {
			wantError(t, step.what, err, step.want)
		}
	}
}

func oneHolds(t *testing.T, s store.Store) {
	won := winners(t, "lease", 20, store.ErrHeld, func(i int) error {
		return s.Acquire(t.Context(), "weights", fmt.Sprintf("owner %d", i), graded, time.Minute)
	})
	if won != 1 {
		t.Errorf("%d of 20 hold the lease", won)
	}
}

func leaseNames(t *testing.T, s store.Store) {
	for _, name := range hostile {
		if err := s.Acquire(t.Context(), name, name, graded, time.Minute); err != nil {
			t.Errorf("lease %q: %v", name, err)
		}
		wantError(t, fmt.Sprintf("held lease %q", name), s.Acquire(t.Context(), name, "other", graded, time.Minute), store.ErrHeld)
	}
	for _, c := range [][2]string{{"", "a"}, {"a", ""}, {"a\xff", "a"}, {"a", "a\xff"}} {
		wantError(t, fmt.Sprintf("acquire %q", c), s.Acquire(t.Context(), c[0], c[1], graded, time.Minute), store.ErrUnstorable)
		wantError(t, fmt.Sprintf("release %q", c), s.Release(t.Context(), c[0], c[1]), store.ErrUnstorable)
	}
}

// leasesUnderFaults: whoever is not told whether it holds the lease asks again.
func leasesUnderFaults(t *testing.T, s store.Store) {
	faults := []faultplan.Fault{faultplan.Refuse, faultplan.LoseReply}
	f := Faulty(s, faultplan.Calls(map[string][]faultplan.Fault{"Acquire": faults, "Release": faults}))
	acquire := func(s store.Store, owner string) error {
		return s.Acquire(t.Context(), "weights", owner, graded, time.Minute)
	}
	wantError(t, "a refused acquire", acquire(f, "a"), faultplan.ErrInjected)
	if err := acquire(s, "b"); err != nil {
		t.Fatalf("b after a's refusal: %v", err)
	}
	wantError(t, "a refused release", f.Release(t.Context(), "weights", "b"), faultplan.ErrInjected)
	wantError(t, "a while b holds it", acquire(s, "a"), store.ErrHeld)
	wantError(t, "a release without reply", f.Release(t.Context(), "weights", "b"), faultplan.ErrInjected)
	wantError(t, "an acquire without reply", acquire(f, "a"), faultplan.ErrInjected)
	wantError(t, "b after a's lost reply", acquire(s, "b"), store.ErrHeld)
	if err := acquire(f, "a"); err != nil {
		t.Errorf("a's repeat: %v", err)
	}
}
