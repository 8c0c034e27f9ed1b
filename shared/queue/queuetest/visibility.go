package queuetest

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/affine-go/affine/shared/queue"
)

// margin is added to a visibility so that a service that counts in whole seconds
// has passed it for certain.
const margin = 1200 * time.Millisecond

func inFlightInvisible(t *testing.T, h Harness) {
	send(t, h, messages("g", 3)...)
	receive(t, h, 3)
	nothingVisible(t, h, "with all three in flight")
}

func comesBack(t *testing.T, h Harness) {
	send(t, h, message("g", 1))
	first := receive(t, h, 1)[0]
	second := receiveAfter(t, h, h.Config.Visibility+margin)
	if second.ID != first.ID || !bytes.Equal(second.Body, first.Body) {
		t.Errorf("came back as %q %q, was %q %q", second.ID, second.Body, first.ID, first.Body)
	}
	if second.Receives != 2 {
		t.Errorf("receives %d, want 2", second.Receives)
	}
	if second.Receipt == first.Receipt {
		t.Error("both deliveries have the same receipt")
	}
	if !second.Sent.Equal(first.Sent) {
		t.Errorf("sent at %v, was %v", second.Sent, first.Sent)
	}
	remove(t, h, second)
	nothingVisible(t, h, "after delete")
}

// extendKeeps extends three of twelve before their time runs out: only the other
// nine come back.
func extendKeeps(t *testing.T, h Harness) {
	send(t, h, messages("g", 12)...)
	all := receive(t, h, 12)
	extend(t, h, time.Hour, all[:3]...)
	h.Pass(h.Config.Visibility + margin)
	back := receive(t, h, 9)
	for _, d := range back {
		for _, kept := range all[:3] {
			if d.ID == kept.ID {
				t.Errorf("message %s came back though it was extended", d.ID)
			}
		}
	}
	remove(t, h, all[:3]...) // the extended receipts are still good
	remove(t, h, back...)
}

func release(t *testing.T, h Harness) {
	send(t, h, message("g", 1))
	first := receive(t, h, 1)[0]
	extend(t, h, 0, first)
	second := receive(t, h, 1)[0]
	if second.ID != first.ID || second.Receives != 2 {
		t.Errorf("received %s for the %d. time, want %s for the 2.", second.ID, second.Receives, first.ID)
	}
}

func extendToLess(t *testing.T, h Harness) {
	send(t, h, message("g", 1))
	d := receive(t, h, 1)[0]
	extend(t, h, time.Hour, d)
	extend(t, h, time.Second, d)
	nothingVisible(t, h, "within the second")
	if again := receiveAfter(t, h, time.Second+margin); again.ID != d.ID {
		t.Errorf("received %s, want %s", again.ID, d.ID)
	}
}

func deleteIsForGood(t *testing.T, h Harness) {
	send(t, h, messages("g", 2)...)
	ds := receive(t, h, 2)
	remove(t, h, ds[0])
	again := receiveAfter(t, h, h.Config.Visibility+margin)
	if again.ID != ds[1].ID {
		t.Errorf("received %s, want %s, which was not deleted", again.ID, ds[1].ID)
	}
	nothingVisible(t, h, "with the other in flight")
}

// wantStale wants every receipt of a call refused as stale.
func wantStale(t *testing.T, what string, err error, n int) {
	t.Helper()
	var partial *queue.PartialError
	if !errors.As(err, &partial) {
		t.Fatalf("%s gave %v, want a PartialError", what, err)
	}
	if len(partial.Failed) != n || partial.Total != n {
		t.Errorf("%s: %d of %d failed, want %d of %d", what, len(partial.Failed), partial.Total, n, n)
	}
	for i, err := range partial.Failed {
		if !errors.Is(err, queue.ErrStale) {
			t.Errorf("%s: number %d gave %v, want ErrStale", what, i, err)
		}
	}
}

func staleAfterRedelivery(t *testing.T, h Harness) {
	send(t, h, message("g", 1))
	first := receive(t, h, 1)[0]
	extend(t, h, 0, first)
	second := receive(t, h, 1)[0]
	extend(t, h, time.Hour, second)
	t.Run("extend", func(t *testing.T) {
		lacking(t, h.Caps.NoStaleExtend)
		wantStale(t, "extend", h.Queue.Extend(t.Context(), []string{first.Receipt}, 0), 1)
		nothingVisible(t, h, "after a stale extend")
	})
	t.Run("delete", func(t *testing.T) {
		lacking(t, h.Caps.NoStaleDelete)
		wantStale(t, "delete", h.Queue.Delete(t.Context(), []string{first.Receipt}), 1)
		extend(t, h, 0, second)
		if third := receive(t, h, 1)[0]; third.ID != first.ID {
			t.Errorf("received %s, want %s, which a stale delete must have left", third.ID, first.ID)
		}
	})
}

func staleAfterExpiry(t *testing.T, h Harness) {
	lacking(t, h.Caps.NoStaleExpired)
	send(t, h, message("g", 1))
	d := receive(t, h, 1)[0]
	h.Pass(h.Config.Visibility + margin)
	wantStale(t, "extend", h.Queue.Extend(t.Context(), []string{d.Receipt}, time.Hour), 1)
	wantStale(t, "delete", h.Queue.Delete(t.Context(), []string{d.Receipt}), 1)
	receive(t, h, 1)
}

func staleAfterDelete(t *testing.T, h Harness) {
	send(t, h, message("g", 1))
	d := receive(t, h, 1)[0]
	remove(t, h, d)
	wantStale(t, "extend", h.Queue.Extend(t.Context(), []string{d.Receipt}, time.Hour), 1)
	t.Run("delete", func(t *testing.T) {
		lacking(t, h.Caps.NoStaleDelete)
		wantStale(t, "delete", h.Queue.Delete(t.Context(), []string{d.Receipt}), 1)
	})
}

func forgedReceipt(t *testing.T, h Harness) {
	send(t, h, message("g", 1))
	d := receive(t, h, 1)[0]
	forged := []string{"", "x", "1", "1.", ".1", "1.0", "-1.-1", "'; DROP TABLE messages; --",
		strings.Repeat("9", 100), d.Receipt + "x", strings.ToUpper(d.Receipt) + "."}
	wantStale(t, "extend", h.Queue.Extend(t.Context(), forged, 0), len(forged))
	wantStale(t, "delete", h.Queue.Delete(t.Context(), forged), len(forged))
	nothingVisible(t, h, "after forged receipts")
	remove(t, h, d)
}

func staleAmongGood(t *testing.T, h Harness) {
	send(t, h, messages("g", 11)...)
	ds := receive(t, h, 11)
	list := receipts(ds)
	list[4] = "forged"
	var partial *queue.PartialError
	err := h.Queue.Delete(t.Context(), list)
	if !errors.As(err, &partial) {
		t.Fatalf("delete gave %v, want a PartialError", err)
	}
	if len(partial.Failed) != 1 || !errors.Is(partial.Failed[4], queue.ErrStale) || partial.Total != 11 {
		t.Errorf("failed %v of %d, want number 4 of 11 as stale", partial.Failed, partial.Total)
	}
	extend(t, h, 0, ds[4])
	if d := receive(t, h, 1)[0]; d.ID != ds[4].ID {
		t.Errorf("received %s, want %s", d.ID, ds[4].ID)
	}
	nothingVisible(t, h, "after the good ones were deleted")
}

// deadLetter gives one message back MaxReceives times; another, met as often but
// deleted in the end, does not follow it.
func deadLetter(t *testing.T, h Harness) {
	send(t, h, message("g", 1))
	var id string
	for n := 1; n <= h.Config.MaxReceives; n++ {
		d := receive(t, h, 1)[0]
		if d.Receives != n {
			t.Fatalf("receives %d, want %d", d.Receives, n)
		}
		id = d.ID
		extend(t, h, 0, d)
	}
	repeats := receiveNow(t, h)
	for _, d := range repeats {
		if d.ID == id {
			t.Fatalf("delivered for the %d. time, want %d at most", d.Receives, h.Config.MaxReceives)
		}
	}
	remove(t, h, repeats...) // of a send whose reply was lost, which the SDK repeats
	waitDepth(t, h, func(d queue.Depth) bool { return d.Dead == 1 && d.Visible == 0 && d.InFlight == 0 })
}
