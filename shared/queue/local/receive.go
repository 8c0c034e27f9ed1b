package local

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/affine-go/affine/shared/queue"
)

// Receive hands out messages group by group: the next message is always the oldest
// of the group with the fewest in flight and, among those, of the one that has
// waited longest for its turn. So a group with a large backlog, or one whose work
// is slow, gets no more than its share as long as others have work.
func (q *Queue) Receive(ctx context.Context, max int, wait time.Duration) ([]queue.Delivery, error) {
	if err := queue.CheckReceive(max, wait); err != nil {
		return nil, err
	}
	over := time.NewTimer(wait)
	defer over.Stop()
	for {
		arrived := q.arrivals() // before looking, so that no arrival is missed
		got, next, err := q.take(ctx, max)
		if err != nil {
			return nil, fmt.Errorf("queue: receive: %w", err)
		}
		if len(got) > 0 || wait == 0 {
			return got, nil
		}
		again := time.NewTimer(next)
		select {
		case <-arrived:
		case <-again.C:
		case <-over.C:
			return nil, nil
		case <-ctx.Done():
			return nil, fmt.Errorf("queue: receive: %w", ctx.Err())
		}
		again.Stop()
	}
}

// take delivers up to max messages. When there are none it says how long it is
// until the next hidden one comes back.
func (q *Queue) take(ctx context.Context, max int) ([]queue.Delivery, time.Duration, error) {
	if err := ctx.Err(); err != nil {
		return nil, 0, err
	}
	now := q.config.Clock()
	var ready bool
	var back int64
	if err := q.st.anything.QueryRow().Scan(&ready, &back); err != nil {
		return nil, 0, err
	}
	if !ready && (back == 0 || back > now.UnixNano()) {
		return nil, untilBack(back, now), nil
	}
	var got []queue.Delivery
	err := q.file.Update(ctx, func() (err error) {
		got, err = q.deliverUpTo(max, now)
		return err
	})
	// Nothing to give here means that others were quicker or that the rest is dead:
	// look again soon.
	return got, soon, err
}

// soon is the least time between two looks of one waiting Receive, for clocks that
// stand still.
const soon = 5 * time.Millisecond

func untilBack(back int64, now time.Time) time.Duration {
	if back == 0 {
		return queue.MaxVisibility
	}
	return max(soon, time.Duration(back-now.UnixNano()))
}

// deliverUpTo brings back what has run out and delivers max messages; within Update.
func (q *Queue) deliverUpTo(max int, now time.Time) ([]queue.Delivery, error) {
	if err := q.expire(now); err != nil {
		return nil, err
	}
	var got []queue.Delivery
	for len(got) < max {
		var group string
		err := q.st.turn.QueryRow().Scan(&group)
		if noRows(err) {
			break
		}
		if err != nil {
			return nil, err
		}
		d, alive, err := q.deliverOldest(group, now)
		if err != nil {
			return nil, err
		}
		if alive {
			got = append(got, d)
		}
	}
	return got, nil
}

// deliverOldest delivers the oldest ready message of a group, or puts it on the
// dead-letter queue when it has been delivered often enough.
func (q *Queue) deliverOldest(group string, now time.Time) (d queue.Delivery, alive bool, err error) {
	var id, sent int64
	if err := q.st.oldest.QueryRow(group).Scan(&id, &sent, &d.Receives, &d.Body); err != nil {
		return d, false, fmt.Errorf("oldest message of group %q: %w", group, err)
	}
	if d.Receives >= q.config.MaxReceives {
		return d, false, q.buryMessage(id, group)
	}
	r := newReceipt(id)
	if _, err := q.st.deliver.Exec(r.token, now.Add(q.config.Visibility).UnixNano(), id); err != nil {
		return d, false, err
	}
	q.served++
	if _, err := q.st.serve.Exec(q.served, group); err != nil {
		return d, false, err
	}
	d.Group, d.ID, d.Receipt = group, strconv.FormatInt(id, 10), r.String()
	d.Receives++
	d.Sent = time.Unix(0, sent).UTC()
	return d, true, nil
}

func (q *Queue) buryMessage(id int64, group string) error {
	if _, err := q.st.bury.Exec(id); err != nil {
		return err
	}
	if _, err := q.st.drop.Exec(id); err != nil {
		return err
	}
	return q.move(moves{group: {-1, 0}})
}

// expire makes the messages ready again whose invisibility has run out.
func (q *Queue) expire(now time.Time) error {
	rows, err := q.st.expire.Query(now.UnixNano())
	if err != nil {
		return err
	}
	moved := moves{}
	if err := eachGroup(rows, func(group string) { moved.add(group, 1, -1) }); err != nil {
		return err
	}
	return q.move(moved)
}
