package queuetest

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/affine-go/affine/shared/queue"
)

func comesBackAsSent(t *testing.T, h Harness) {
	m := message("5F3sa2TJAWMqDhXG6jhV4N8ko9SxwGy8TpaNS1repo5EYjQX", 1)
	send(t, h, m)
	d := receive(t, h, 1)[0]
	if !bytes.Equal(d.Body, m.Body) {
		t.Errorf("body %q, sent %q", d.Body, m.Body)
	}
	if d.Group != m.Group {
		t.Errorf("group %q, sent %q", d.Group, m.Group)
	}
	if d.ID == "" || d.Receipt == "" || d.Receives != 1 {
		t.Errorf("id %q, receipt %q, receives %d", d.ID, d.Receipt, d.Receives)
	}
	if age := h.Now().Sub(d.Sent); age.Abs() > time.Minute {
		t.Errorf("sent at %v, which is %v ago", d.Sent, age)
	}
	remove(t, h, d)
	nothingVisible(t, h, "after delete")
}

func moreThanTen(t *testing.T, h Harness) {
	msgs := messages("g", 25)
	send(t, h, msgs...)
	got := receive(t, h, len(msgs))
	remove(t, h, got...) // 25 receipts in one call
	var bodies []string
	for _, d := range got {
		bodies = append(bodies, string(d.Body))
	}
	var want []string
	for _, m := range msgs {
		want = append(want, string(m.Body))
	}
	slices.Sort(bodies)
	slices.Sort(want)
	if !slices.Equal(bodies, want) {
		t.Errorf("received %q, sent %q", bodies, want)
	}
	nothingVisible(t, h, "after delete")
}

// largeBatch sends messages that fit into a request one by one but not together.
func largeBatch(t *testing.T, h Harness) {
	sizes := []int{queue.MaxBody, 1, queue.MaxBody / 2, queue.MaxBody/2 + 1, 100_000, 100_000, 100_000}
	msgs := make([]queue.Message, len(sizes))
	for i, n := range sizes {
		msgs[i] = queue.Message{Group: "g", Body: []byte(strings.Repeat("1", n))}
	}
	send(t, h, msgs...)
	var got []int
	for _, d := range receive(t, h, len(msgs)) {
		got = append(got, len(d.Body))
	}
	slices.Sort(got)
	slices.Sort(sizes)
	if !slices.Equal(got, sizes) {
		t.Errorf("received bodies of %v bytes, sent %v", got, sizes)
	}
}

func unsendable(t *testing.T, h Harness) {
	bad := map[string]queue.Message{
		"empty body":          {Group: "g"},
		"huge body":           {Group: "g", Body: bytes.Repeat([]byte("x"), queue.MaxBody+1)},
		"not UTF-8":           {Group: "g", Body: []byte("a\xffb")},
		"cut rune":            {Group: "g", Body: []byte("a\xe2\x82")},
		"encoded surrogate":   {Group: "g", Body: []byte("\xed\xa0\x80")},
		"NUL":                 {Group: "g", Body: []byte("a\x00b")},
		"escape":              {Group: "g", Body: []byte("a\x1bb")},
		"U+FFFE":              {Group: "g", Body: []byte("\ufffe")},
		"no group":            {Body: []byte("1")},
		"group with a blank":  {Group: "a b", Body: []byte("1")},
		"group not ASCII":     {Group: "ä", Body: []byte("1")},
		"group of 129 bytes":  {Group: strings.Repeat("g", 129), Body: []byte("1")},
		"group with newlines": {Group: "a\nb", Body: []byte("1")},
	}
	msgs := messages("g", 12)
	want := map[int]string{}
	for name, m := range bad {
		want[len(msgs)] = name
		msgs = append(msgs, m, message("g", len(msgs)+1))
	}
	err := h.Queue.Send(t.Context(), msgs)
	var partial *queue.PartialError
	if !errors.As(err, &partial) {
		t.Fatalf("send gave %v, want a PartialError", err)
	}
	if partial.Total != len(msgs) {
		t.Errorf("total %d, want %d", partial.Total, len(msgs))
	}
	for i := range msgs {
		switch err, name := partial.Failed[i], want[i]; {
		case name == "" && err != nil:
			t.Errorf("good message %d refused: %v", i, err)
		case name != "" && !errors.Is(err, queue.ErrUnsendable):
			t.Errorf("%s: error %v, want ErrUnsendable", name, err)
		}
	}
	receive(t, h, len(msgs)-len(bad))
	nothingVisible(t, h, "after the good ones")
}

func badArguments(t *testing.T, h Harness) {
	for _, c := range []struct {
		max  int
		wait time.Duration
	}{{0, 0}, {-1, 0}, {11, 0}, {1, -time.Second}} {
		if _, err := h.Queue.Receive(t.Context(), c.max, c.wait); !errors.Is(err, queue.ErrArgument) {
			t.Errorf("Receive(%d, %v) gave %v, want ErrArgument", c.max, c.wait, err)
		}
	}
	send(t, h, message("g", 1))
	d := receive(t, h, 1)[0]
	for _, by := range []time.Duration{-1, queue.MaxVisibility + time.Second} {
		if err := h.Queue.Extend(t.Context(), []string{d.Receipt}, by); !errors.Is(err, queue.ErrArgument) {
			t.Errorf("Extend by %v gave %v, want ErrArgument", by, err)
		}
	}
	nothingVisible(t, h, "after refused calls")
}

func emptyCalls(t *testing.T, h Harness) {
	for name, err := range map[string]error{
		"Send":   h.Queue.Send(t.Context(), nil),
		"Extend": h.Queue.Extend(t.Context(), nil, time.Minute),
		"Delete": h.Queue.Delete(t.Context(), nil),
	} {
		if err != nil {
			t.Errorf("%s of nothing: %v", name, err)
		}
	}
}

func emptyQueue(t *testing.T, h Harness) { nothingVisible(t, h, "at the start") }

// wakesOnSend sends while a receive waits, and wants the message well before the
// wait is over.
func wakesOnSend(t *testing.T, h Harness) {
	const wait = 20 * time.Second
	type result struct {
		got  []queue.Delivery
		err  error
		took time.Duration
	}
	results := make(chan result)
	began := make(chan struct{})
	go func() {
		start := time.Now()
		close(began)
		got, err := h.Queue.Receive(t.Context(), 1, wait)
		results <- result{got, err, time.Since(start)}
	}()
	<-began
	send(t, h, message("g", 1))
	r := <-results
	if r.err != nil || len(r.got) != 1 {
		t.Fatalf("received %d messages, error %v, want one", len(r.got), r.err)
	}
	if r.took > wait/2 {
		t.Errorf("the message came after %v", r.took)
	}
}

func endsWithContext(t *testing.T, h Harness) {
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() {
		_, err := h.Queue.Receive(ctx, 1, 20*time.Second)
		done <- err
	}()
	cancel()
	select {
	case err := <-done:
		if !errors.Is(err, context.Canceled) {
			t.Errorf("receive gave %v, want context.Canceled", err)
		}
	case <-time.After(settle):
		t.Fatal("receive goes on after its context ended")
	}
	if err := h.Queue.Send(ctx, messages("g", 2)); !errors.Is(err, context.Canceled) {
		t.Errorf("send under an ended context gave %v", err)
	}
	nothingVisible(t, h, "after a send under an ended context")
}

func waitPasses(t *testing.T, h Harness) {
	start := time.Now()
	got, err := h.Queue.Receive(t.Context(), 1, time.Second)
	if err != nil || len(got) != 0 {
		t.Fatalf("received %d messages, error %v; want neither", len(got), err)
	}
	if took := time.Since(start); took < 900*time.Millisecond {
		t.Errorf("waited %v, want a second", took)
	}
}
