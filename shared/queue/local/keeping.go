package local

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/affine-go/affine/shared/queue"
)

// Depth counts exactly, as of now.
func (q *Queue) Depth(ctx context.Context) (queue.Depth, error) {
	if err := ctx.Err(); err != nil {
		return queue.Depth{}, fmt.Errorf("queue: depth: %w", err)
	}
	now := q.config.Clock()
	var d queue.Depth
	var back int // hidden no longer, but not looked at since
	if err := q.st.depth.QueryRow(now.UnixNano()).Scan(&d.Visible, &d.InFlight, &back, &d.Dead); err != nil {
		return queue.Depth{}, fmt.Errorf("queue: depth: %w", err)
	}
	d.Visible, d.InFlight = d.Visible+back, d.InFlight-back
	var sent int64
	err := q.st.oldestSent.QueryRow(now.UnixNano()).Scan(&sent)
	if noRows(err) {
		return d, nil
	}
	if err != nil {
		return queue.Depth{}, fmt.Errorf("queue: depth: %w", err)
	}
	d.Oldest = now.Sub(time.Unix(0, sent))
	return d, nil
}

// ReclaimAll gives back every delivery at once and takes it back off the message's
// count. It is for an owner that has just opened the file alone, after its
// predecessor died: what was in flight then is in nobody's hands, and the death was
// not the message's doing. It returns how many came back.
func (q *Queue) ReclaimAll(ctx context.Context) (int, error) {
	var n int64
	err := q.file.Update(ctx, func() error {
		res, err := q.st.reclaim.Exec()
		if err != nil {
			return err
		}
		if n, err = res.RowsAffected(); err != nil {
			return err
		}
		_, err = q.st.recount.Exec()
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("queue: reclaim all: %w", err)
	}
	q.wake()
	return int(n), nil
}

// Dead lists the dead-letter queue, oldest first. The deliveries have no receipt.
func (q *Queue) Dead(ctx context.Context) ([]queue.Delivery, error) {
	rows, err := q.st.listDead.QueryContext(ctx)
	if err != nil {
		return nil, fmt.Errorf("queue: dead letters: %w", err)
	}
	defer rows.Close()
	var dead []queue.Delivery
	for rows.Next() {
		var d queue.Delivery
		var id, sent int64
		if err := rows.Scan(&id, &d.Group, &sent, &d.Receives, &d.Body); err != nil {
			return nil, fmt.Errorf("queue: dead letters: %w", err)
		}
		d.ID, d.Sent = strconv.FormatInt(id, 10), time.Unix(0, sent).UTC()
		dead = append(dead, d)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("queue: dead letters: %w", err)
	}
	return dead, nil
}

// Redrive puts every dead letter back on the queue with its count at zero, and
// returns how many there were.
func (q *Queue) Redrive(ctx context.Context) (int, error) {
	n := 0
	err := q.file.Update(ctx, func() error {
		rows, err := q.st.redrive.Query()
		if err != nil {
			return err
		}
		moved := moves{}
		if err := eachGroup(rows, func(group string) { moved.add(group, 1, 0); n++ }); err != nil {
			return err
		}
		if _, err := q.st.emptyDead.Exec(); err != nil {
			return err
		}
		return q.move(moved)
	})
	if err != nil {
		return 0, fmt.Errorf("queue: redrive: %w", err)
	}
	q.wake()
	return n, nil
}

func noRows(err error) bool { return errors.Is(err, sql.ErrNoRows) }

// eachGroup reads rows of one text column to their end and closes them.
func eachGroup(rows *sql.Rows, fn func(group string)) error {
	defer rows.Close()
	for rows.Next() {
		var group string
		if err := rows.Scan(&group); err != nil {
			return err
		}
		fn(group)
	}
	return rows.Err()
}
