// Package queuetest holds the suite that every implementation of the queue contract
// passes, and a wrapper that makes calls fail.
package queuetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/affine-go/affine/shared/queue"
)

// Harness is a new, empty queue under test.
type Harness struct {
	Queue  queue.Queue
	Config queue.Config // as the queue was made; Visibility and MaxReceives are used

	Now  func() time.Time    // the queue's clock, to the minute
	Pass func(time.Duration) // lets time pass on it

	Caps Caps
}

// Caps names what the service behind an implementation does not do. Each field says
// why, in a sentence; empty means that it does. What is named here is shown as
// skipped, never passed over in silence.
type Caps struct {
	NoFairness     string // groups do not take turns strictly
	NoStaleDelete  string // Delete accepts a receipt that is no longer good
	NoStaleExtend  string // Extend accepts the receipt of an earlier delivery
	NoStaleExpired string // a receipt stays good after its visibility ran out, until the next delivery
}

func lacking(t *testing.T, why string) {
	t.Helper()
	if why != "" {
		t.Skipf("NOT CHECKED: %s", why)
	}
}

// Run runs the suite; open makes a queue for each test.
func Run(t *testing.T, open func(t *testing.T) Harness) {
	for _, c := range []struct {
		name string
		run  func(t *testing.T, h Harness)
	}{
		{"a message comes back as sent", comesBackAsSent},
		{"more than ten messages", moreThanTen},
		{"large batch payload", largeBatch},
		{"unsendable messages are named and the rest sent", unsendable},
		{"bad arguments", badArguments},
		{"empty calls", emptyCalls},
		{"an empty queue gives nothing", emptyQueue},
		{"a waiting receive wakes on send", wakesOnSend},
		{"a waiting receive ends with its context", endsWithContext},
		{"a wait that passes is no error", waitPasses},
		{"in flight is invisible", inFlightInvisible},
		{"a delivery comes back after its visibility", comesBack},
		{"extend keeps it invisible", extendKeeps},
		{"extend by nothing gives it back at once", release},
		{"extend to less", extendToLess},
		{"delete is for good", deleteIsForGood},
		{"a receipt of an earlier delivery is stale", staleAfterRedelivery},
		{"a receipt whose time ran out is stale", staleAfterExpiry},
		{"a receipt of a deleted message is stale", staleAfterDelete},
		{"a receipt that is none", forgedReceipt},
		{"stale and good receipts in one call", staleAmongGood},
		{"the dead-letter queue takes it after the last delivery", deadLetter},
		{"groups do not starve", noStarvation},
		{"receivers never share a delivery", noSharing},
		{"depth", depth},
		{"faults", faults},
	} {
		t.Run(c.name, func(t *testing.T) { c.run(t, open(t)) })
	}
}

// settle is the longest that a service may take to show what was just done.
const settle = 10 * time.Second

func message(group string, n int) queue.Message {
	return queue.Message{Group: group, Body: fmt.Appendf(nil, `{"n":%d,"text":"größer ≤ 😀 \" <&>"}`, n)}
}

func messages(group string, n int) []queue.Message {
	msgs := make([]queue.Message, n)
	for i := range msgs {
		msgs[i] = message(group, i)
	}
	return msgs
}

func send(t *testing.T, h Harness, msgs ...queue.Message) {
	t.Helper()
	if err := h.Queue.Send(t.Context(), msgs); err != nil {
		t.Fatalf("send %d messages: %v", len(msgs), err)
	}
}

// receive takes n messages, in as many calls as it needs.
func receive(t *testing.T, h Harness, n int) []queue.Delivery {
	t.Helper()
	var got []queue.Delivery
	for deadline := time.Now().Add(settle); len(got) < n && time.Now().Before(deadline); {
		more, err := h.Queue.Receive(t.Context(), min(n-len(got), queue.MaxBatch), time.Second)
		if err != nil {
			t.Fatalf("receive: %v", err)
		}
		got = append(got, more...)
	}
	if len(got) != n {
		t.Fatalf("received %d messages, want %d", len(got), n)
	}
	return got
}

// receiveAfter lets d pass and takes one message.
func receiveAfter(t *testing.T, h Harness, d time.Duration) queue.Delivery {
	t.Helper()
	h.Pass(d)
	return receive(t, h, 1)[0]
}

func nothingVisible(t *testing.T, h Harness, when string) {
	t.Helper()
	if got := receiveNow(t, h); len(got) != 0 {
		t.Fatalf("%s: received %d messages (the first for the %d. time), want none", when, len(got), got[0].Receives)
	}
}

// receiveNow takes what is visible at once.
func receiveNow(t *testing.T, h Harness) []queue.Delivery {
	t.Helper()
	got, err := h.Queue.Receive(t.Context(), queue.MaxBatch, 0)
	if err != nil {
		t.Fatalf("receive: %v", err)
	}
	return got
}

func extend(t *testing.T, h Harness, d time.Duration, ds ...queue.Delivery) {
	t.Helper()
	if err := h.Queue.Extend(t.Context(), receipts(ds), d); err != nil {
		t.Fatalf("extend %d by %v: %v", len(ds), d, err)
	}
}

func remove(t *testing.T, h Harness, ds ...queue.Delivery) {
	t.Helper()
	if err := h.Queue.Delete(t.Context(), receipts(ds)); err != nil {
		t.Fatalf("delete %d: %v", len(ds), err)
	}
}

func receipts(ds []queue.Delivery) []string {
	out := make([]string, len(ds))
	for i, d := range ds {
		out[i] = d.Receipt
	}
	return out
}
