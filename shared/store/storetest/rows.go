package storetest

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/affine-go/affine/shared/faultplan"
	"github.com/affine-go/affine/shared/store"
	"github.com/affine-go/affine/shared/subnet"
)

func miner(h subnet.Hotkey) subnet.Miner {
	return subnet.Miner{
		Netuid: 120, UID: 7, Hotkey: h,
		Commitment:  subnet.Commitment{Model: "org/Affine <7B> & co", Revision: "0123abc", ChuteID: "c-1", Block: 4_321_000},
		CommitBlock: 4_321_000, Slug: "org-affine", State: subnet.Valid, Reason: "größer",
		Since: graded, LastGood: graded.Add(time.Nanosecond), SeenAt: 4_400_000, PausedUntil: graded.Add(time.Hour),
		Progress: map[subnet.EnvID]subnet.EnvProgress{
			"affine:sat": {Window: 44, Revision: "0123abc", Start: 5, Next: 17, Planned: graded},
			"affine:abd": {Window: 44, Revision: "0123abc"},
		},
	}
}

func plan(window uint64) subnet.WindowPlan {
	return subnet.WindowPlan{Netuid: 120, Window: window, Secret: []byte("\x00\xff0123456789abcdef0123456789abcd"), Opened: 440_000,
		Cursor: map[subnet.EnvID]uint32{"affine:sat": 3, "affine:abd": math.MaxUint32}}
}

func record(epoch subnet.Block) subnet.WeightsRecord {
	return subnet.WeightsRecord{
		Netuid: 120, Epoch: epoch, Block: epoch + 17, BlockHash: "0xabc", Mode: "seed",
		Weights: []subnet.Weight{{UID: 7, Hotkey: alice, Share: 1.0 / 3, Value: 65535}, {UID: 9, Hotkey: hotkey(9), Share: 2.0 / 3, Value: 1}},
		Why:     "alice dominates", State: subnet.Planned, Updated: graded,
	}
}

// wantRow compares a row with the one expected.
func wantRow[T any](t *testing.T, what string, want, got T) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s differs (-want +got):\n%s", what, diff)
	}
}

// versions walks a row through its life: write gives the row as written, read what
// stands. A row's version counts its writes.
func versions[T any](t *testing.T, row T, version func(*T) *int64, change func(*T),
	write func(T) (T, error), read func() (T, error)) {
	t.Helper()
	early := row
	*version(&early) = 1
	_, err := write(early)
	wantError(t, "a second version without a first", err, store.ErrConflict)

	first, err := write(row)
	if err != nil {
		t.Fatalf("first write: %v", err)
	}
	want := row
	*version(&want) = 1
	wantRow(t, "first as written", want, first)
	got, err := read()
	if err != nil {
		t.Fatalf("read: %v", err)
	}
	wantRow(t, "first as read", want, got)

	_, err = write(row)
	wantError(t, "a second first version", err, store.ErrConflict)
	change(&first)
	second, err := write(first)
	if err != nil {
		t.Fatalf("second write: %v", err)
	}
	if *version(&second) != 2 {
		t.Errorf("second write has version %d", *version(&second))
	}
	for _, wrong := range []int64{-1, 0, 1, 3, math.MaxInt32} {
		row := first
		*version(&row) = wrong
		_, err = write(row)
		wantError(t, fmt.Sprintf("a write from version %d", wrong), err, store.ErrConflict)
	}
	got, err = read()
	if err != nil {
		t.Fatalf("read: %v", err)
	}
	wantRow(t, "second as read", second, got)
}

func minerVersions(t *testing.T, s store.Store) {
	versions(t, miner(alice), func(m *subnet.Miner) *int64 { return &m.Version },
		func(m *subnet.Miner) { m.State, m.Reason, m.Progress = subnet.ChuteCold, "cold since block 5", nil },
		func(m subnet.Miner) (subnet.Miner, error) { return s.PutMiner(t.Context(), m) },
		func() (subnet.Miner, error) {
			all, err := s.Miners(t.Context(), 120)
			if err != nil || len(all) != 1 {
				return subnet.Miner{}, fmt.Errorf("%d miners: %w", len(all), err)
			}
			return all[0], nil
		})
}

func planVersions(t *testing.T, s store.Store) {
	_, err := s.Plan(t.Context(), 120, 44)
	wantError(t, "the plan of a window without one", err, store.ErrNotFound)
	versions(t, plan(44), func(p *subnet.WindowPlan) *int64 { return &p.Version },
		func(p *subnet.WindowPlan) { p.Closed = true },
		func(p subnet.WindowPlan) (subnet.WindowPlan, error) { return s.PutPlan(t.Context(), p) },
		func() (subnet.WindowPlan, error) { return s.Plan(t.Context(), 120, 44) })
	for _, other := range []struct {
		n subnet.Netuid
		w uint64
	}{{120, 4}, {120, 440}, {12, 44}, {121, 44}, {120, math.MaxUint64}} {
		_, err := s.Plan(t.Context(), other.n, other.w)
		wantError(t, fmt.Sprintf("plan %d of subnet %d", other.w, other.n), err, store.ErrNotFound)
	}
	_, err = s.PutPlan(t.Context(), plan(store.MaxOrdinal+1))
	wantError(t, "a plan of no window", err, store.ErrUnstorable)
}

func weightsVersions(t *testing.T, s store.Store) {
	_, err := s.Weights(t.Context(), 120, 4_400_000)
	wantError(t, "the weights of an epoch without", err, store.ErrNotFound)
	versions(t, record(4_400_000), func(r *subnet.WeightsRecord) *int64 { return &r.Version },
		func(r *subnet.WeightsRecord) { r.State, r.Extrinsic = subnet.Signed, strings.Repeat("ab", 2000) },
		func(r subnet.WeightsRecord) (subnet.WeightsRecord, error) { return s.PutWeights(t.Context(), r) },
		func() (subnet.WeightsRecord, error) { return s.Weights(t.Context(), 120, 4_400_000) })
}

// minersInOrder: in the byte order of hotkeys, one subnet apart from another.
func minersInOrder(t *testing.T, s store.Store) {
	var want []subnet.Miner
	for _, h := range []subnet.Hotkey{"#", "5", "5#", "5A", "5a", "5aa", "é", "😀"} {
		want = append(want, miner(h))
	}
	for i := len(want) - 1; i >= 0; i-- {
		for _, netuid := range []subnet.Netuid{12, 120} {
			m := want[i]
			m.Netuid = netuid
			if _, err := s.PutMiner(t.Context(), m); err != nil {
				t.Fatalf("put miner %s: %v", m.Hotkey, err)
			}
		}
	}
	for _, netuid := range []subnet.Netuid{12, 120} {
		for i := range want {
			want[i].Netuid, want[i].Version = netuid, 1
		}
		got, err := s.Miners(t.Context(), netuid)
		if err != nil {
			t.Fatalf("miners: %v", err)
		}
		wantRow(t, fmt.Sprintf("miners of subnet %d", netuid), want, got)
	}
	if none, err := s.Miners(t.Context(), 1); err != nil || len(none) != 0 {
		t.Errorf("miners of an empty subnet: %v, %v", none, err)
	}
}

func badMiners(t *testing.T, s store.Store) {
	for name, breakIt := range map[string]func(*subnet.Miner){
		"no hotkey":        func(m *subnet.Miner) { m.Hotkey = "" },
		"hotkey not UTF-8": func(m *subnet.Miner) { m.Hotkey = "a\xff" },
		"huge hotkey":      func(m *subnet.Miner) { m.Hotkey = subnet.Hotkey(strings.Repeat("x", 2000)) },
		"reason not UTF-8": func(m *subnet.Miner) { m.Reason = "a\xff" },
		"model not UTF-8":  func(m *subnet.Miner) { m.Model = "a\xff" },
		"env not UTF-8":    func(m *subnet.Miner) { m.Progress = map[subnet.EnvID]subnet.EnvProgress{"\xff": {}} },
		"huge reason":      func(m *subnet.Miner) { m.Reason = strings.Repeat("x", store.MaxDoc) },
		"two commit blocks": func(m *subnet.Miner) {
			m.CommitBlock = m.Commitment.Block + 1
		},
	} {
		m := miner(alice)
		breakIt(&m)
		_, err := s.PutMiner(t.Context(), m)
		wantError(t, name, err, store.ErrUnstorable)
	}
	if all, err := s.Miners(t.Context(), 120); err != nil || len(all) != 0 {
		t.Errorf("%d miners stand, error %v; want none", len(all), err)
	}
}

func latestWeights(t *testing.T, s store.Store) {
	var want []subnet.WeightsRecord
	for _, epoch := range []subnet.Block{store.MaxOrdinal, 10_000_000, 4_400_360, 4_400_000, 99, 0} {
		r, err := s.PutWeights(t.Context(), record(epoch))
		if err != nil {
			t.Fatalf("put weights of %d: %v", epoch, err)
		}
		want = append(want, r)
	}
	other := record(5)
	other.Netuid = 12
	if _, err := s.PutWeights(t.Context(), other); err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{-1, 0, 1, 4, 6, 100} {
		got, err := s.LatestWeights(t.Context(), 120, n)
		if err != nil {
			t.Fatalf("latest %d: %v", n, err)
		}
		if k := max(0, min(n, len(want))); len(got) != k || k > 0 && !cmp.Equal(want[:k], got) {
			t.Errorf("latest %d gave %d records: %s", n, len(got), cmp.Diff(want[:k], got))
		}
	}
}

func badWeights(t *testing.T, s store.Store) {
	for name, breakIt := range map[string]func(*subnet.WeightsRecord){
		"epoch":            func(r *subnet.WeightsRecord) { r.Epoch = store.MaxOrdinal + 1 },
		"NaN share":        func(r *subnet.WeightsRecord) { r.Weights[0].Share = math.NaN() },
		"infinite share":   func(r *subnet.WeightsRecord) { r.Weights[1].Share = math.Inf(1) },
		"why not UTF-8":    func(r *subnet.WeightsRecord) { r.Why = "a\xff" },
		"hotkey not UTF-8": func(r *subnet.WeightsRecord) { r.Weights[0].Hotkey = "a\xff" },
		"huge extrinsic":   func(r *subnet.WeightsRecord) { r.Extrinsic = strings.Repeat("a", store.MaxDoc+1) },
	} {
		r := record(4_400_000)
		breakIt(&r)
		_, err := s.PutWeights(t.Context(), r)
		wantError(t, name, err, store.ErrUnstorable)
	}
	if all, err := s.LatestWeights(t.Context(), 120, 10); err != nil || len(all) != 0 {
		t.Errorf("%d records stand, error %v; want none", len(all), err)
	}
}

// oneWins lets twenty writers update the same version of each kind of row.
func oneWins(t *testing.T, s store.Store) {
	for name, write := range map[string]func() error{
		"miner":   func() error { _, err := s.PutMiner(t.Context(), miner(alice)); return err },
		"plan":    func() error { _, err := s.PutPlan(t.Context(), plan(44)); return err },
		"weights": func() error { _, err := s.PutWeights(t.Context(), record(4_400_000)); return err },
	} {
		if won := winners(t, name, 20, store.ErrConflict, func(int) error { return write() }); won != 1 {
			t.Errorf("%s: %d of 20 writers won", name, won)
		}
	}
}

// winners counts how many of n concurrent calls succeed; all others must give lost.
func winners(t *testing.T, name string, n int, lost error, call func(i int) error) int {
	t.Helper()
	errs := make([]error, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { errs[i] = call(i) })
	}
	wg.Wait()
	won := 0
	for i, err := range errs {
		switch {
		case err == nil:
			won++
		case !errors.Is(err, lost):
			t.Errorf("%s: writer %d: %v, want %v", name, i, err, lost)
		}
	}
	return won
}

// rowsUnderFaults: a write that was refused can be repeated; the repeat of one whose
// reply was lost conflicts with itself, and the row read then is the one written.
func rowsUnderFaults(t *testing.T, s store.Store) {
	faults := []faultplan.Fault{faultplan.Refuse, faultplan.LoseReply}
	f := Faulty(s, faultplan.Calls(map[string][]faultplan.Fault{"PutMiner": faults, "PutPlan": faults, "PutWeights": faults}))
	for name, c := range map[string]struct {
		write func() error
		read  func() (int64, error)
	}{
		"miner": {
			func() error { _, err := f.PutMiner(t.Context(), miner(alice)); return err },
			func() (int64, error) {
				all, err := s.Miners(t.Context(), 120)
				if err != nil || len(all) == 0 {
					return 0, err
				}
				return all[0].Version, nil
			},
		},
		"plan": {
			func() error { _, err := f.PutPlan(t.Context(), plan(44)); return err },
			func() (int64, error) { p, err := s.Plan(t.Context(), 120, 44); return p.Version, orNone(err) },
		},
		"weights": {
			func() error { _, err := f.PutWeights(t.Context(), record(4_400_000)); return err },
			func() (int64, error) {
				r, err := s.Weights(t.Context(), 120, 4_400_000)
				return r.Version, orNone(err)
			},
		},
	} {
		for i, step := range []struct {
			err     error
			version int64
		}{{faultplan.ErrInjected, 0}, {faultplan.ErrInjected, 1}, {store.ErrConflict, 1}} {
			wantError(t, fmt.Sprintf("%s: write %d", name, i), c.write(), step.err)
			if v, err := c.read(); err != nil || v != step.version {
				t.Errorf("%s: after write %d version %d stands, error %v; want %d", name, i, v, err, step.version)
			}
		}
	}
}

func orNone(err error) error {
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	return err
}
