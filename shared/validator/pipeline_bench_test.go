package validator_test

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/affine-go/affine/shared/archive/batch"
	archivelocal "github.com/affine-go/affine/shared/archive/local"
	"github.com/affine-go/affine/shared/env"
	"github.com/affine-go/affine/shared/env/sat"
	"github.com/affine-go/affine/shared/queue"
	queuelocal "github.com/affine-go/affine/shared/queue/local"
	storelocal "github.com/affine-go/affine/shared/store/local"
	"github.com/affine-go/affine/shared/subnet"
	"github.com/affine-go/affine/shared/validator"
)

// BenchmarkPipeline drives SAT tasks from the queue to table and archive over the
// local backends, with a model that answers at once: what is left is our own cost.
// An iteration is a sample. Reported: samples a second, and own CPU per sample.
func BenchmarkPipeline(b *testing.B) {
	dir := b.TempDir()
	q, err := queuelocal.Open(filepath.Join(dir, "queue.db"), queue.Config{Visibility: time.Minute})
	if err != nil {
		b.Fatal(err)
	}
	defer q.Close()
	s, err := storelocal.Open(filepath.Join(dir, "store.db"))
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	a, err := archivelocal.Open(filepath.Join(dir, "archive"))
	if err != nil {
		b.Fatal(err)
	}
	fill(b, q, b.N)
	ctx, stop := context.WithCancel(context.Background())
	var stored atomic.Int64
	r := &validator.Runner{
		Queues: []queue.Queue{q}, Envs: map[subnet.EnvID]env.Env{sat.LegacyID: sat.Legacy()},
		Model: modelFunc(func(context.Context, subnet.Task, string) (subnet.Completion, error) {
			return subnet.Completion{Text: allTrue, Tokens: 60}, nil
		}),
		Batch: batch.New(a, "bench"), Store: s,
		InFlight: 64, PerMiner: 16, Visibility: time.Minute, GiveUp: 3, Backoff: time.Second, MaxBackoff: time.Second,
		Flush: validator.Flush{Count: 1000, Bytes: 8 << 20, Every: 100 * time.Millisecond},
		Drain: time.Minute, PollWait: 100 * time.Millisecond, Rest: time.Second, Clock: time.Now, Log: quiet(),
		Observe: func(subnet.Sample) {
			if stored.Add(1) == int64(b.N) {
				stop()
			}
		},
	}
	before := cpu(b)
	b.ResetTimer()
	if err := r.Run(ctx); err != nil {
		b.Fatal(err)
	}
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "samples/s")
	b.ReportMetric(float64((cpu(b)-before).Microseconds())/float64(b.N), "cpu-µs/sample")
}

var allTrue = func() string {
	text := ""
	for v := 1; v <= 15; v++ {
		text += fmt.Sprintf("x%d=True, ", v)
	}
	return text
}()

func fill(b *testing.B, q queue.Queue, n int) {
	b.Helper()
	msgs := make([]queue.Message, 0, n)
	for i := range n {
		t := taskFor(subnet.Hotkey(fmt.Sprintf("hotkey-%02d", i%32)), uint32(i/32%subnet.MaxIndex))
		t.Env, t.TaskID = sat.LegacyID, subnet.TaskID(i/32%500)
		body, err := json.Marshal(t)
		if err != nil {
			b.Fatal(err)
		}
		msgs = append(msgs, queue.Message{Group: string(t.Hotkey), Body: body})
	}
	if err := q.Send(context.Background(), msgs); err != nil {
		b.Fatal(err)
	}
}

// cpu is the processor time that this process has used.
func cpu(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
