package local_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/affine-go/affine/shared/queue"
)

// BenchmarkCycle measures send, receive and delete of task-sized messages in
// batches of ten, spread over 64 groups, before a backlog of 5,000.
func BenchmarkCycle(b *testing.B) {
	q := open(b, file(b), queue.Config{})
	body := fmt.Appendf(nil, `{"schema":1,"pad":"%0400d"}`, 0)
	batch := func(n int) []queue.Message {
		msgs := make([]queue.Message, 10)
		for i := range msgs {
			msgs[i] = queue.Message{Group: fmt.Sprintf("5F3sa2TJAWMqDhXG6jhV4N8ko9SxwGy8TpaNS1repo%06d", (n*10+i)%64), Body: body}
		}
		return msgs
	}
	for n := range 500 {
		if err := q.Send(b.Context(), batch(n)); err != nil {
			b.Fatal(err)
		}
	}
	start := time.Now()
	n := 0
	for b.Loop() {
		if err := q.Send(b.Context(), batch(n)); err != nil {
			b.Fatal(err)
		}
		got, err := q.Receive(b.Context(), 10, 0)
		if err != nil || len(got) != 10 {
			b.Fatalf("received %d: %v", len(got), err)
		}
		list := make([]string, len(got))
		for i, d := range got {
			list[i] = d.Receipt
		}
		if err := q.Delete(b.Context(), list); err != nil {
			b.Fatal(err)
		}
		n++
	}
	b.ReportMetric(float64(n*10)/time.Since(start).Seconds(), "msg/s")
}
