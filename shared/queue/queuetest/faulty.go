package queuetest

import (
	"context"
	"time"

	"github.com/affine-go/affine/shared/faultplan"
	"github.com/affine-go/affine/shared/queue"
)

// Faulty is a queue whose calls fail by a plan. The plan knows the methods by
// their names: "Send", "Receive", "Extend", "Delete", "Depth". A Receive whose
// reply is lost has made its messages invisible.
func Faulty(q queue.Queue, plan faultplan.Plan) queue.Queue {
	return &faulty{q, faultplan.Counter{Plan: plan}}
}

type faulty struct {
	queue.Queue
	faults faultplan.Counter
}

func (f *faulty) Send(ctx context.Context, msgs []queue.Message) error {
	return f.faults.Do("Send", func() error { return f.Queue.Send(ctx, msgs) })
}

func (f *faulty) Receive(ctx context.Context, max int, wait time.Duration) ([]queue.Delivery, error) {
	var got []queue.Delivery
	err := f.faults.Do("Receive", func() (err error) {
		got, err = f.Queue.Receive(ctx, max, wait)
		return err
	})
	if err != nil {
		return nil, err
	}
	return got, nil
}

func (f *faulty) Extend(ctx context.Context, receipts []string, d time.Duration) error {
	return f.faults.Do("Extend", func() error { return f.Queue.Extend(ctx, receipts, d) })
}

func (f *faulty) Delete(ctx context.Context, receipts []string) error {
	return f.faults.Do("Delete", func() error { return f.Queue.Delete(ctx, receipts) })
}

func (f *faulty) Depth(ctx context.Context) (queue.Depth, error) {
	var d queue.Depth
	err := f.faults.Do("Depth", func() (err error) {
		d, err = f.Queue.Depth(ctx)
		return err
	})
	if err != nil {
		return queue.Depth{}, err
	}
	return d, nil
}
