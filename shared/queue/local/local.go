// Package local is the queue of a single machine: one SQLite file, owned by one
// process.
//
// What Send has answered for survives the process's death at any moment; a power
// cut may undo the latest calls, which the at-least-once contract allows for
// Receive and Delete, and which the planner finds out for Send (a task without a
// row). Time comes from Config.Clock.
package local

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/affine-go/affine/shared/queue"
	"github.com/affine-go/affine/shared/sqlitefile"
)

// schema of the file. A message is ready when its receipt is 0 and hidden otherwise;
// groups counts both per group, so that whose turn it is takes no scan. Times are
// Unix nanoseconds.
var schema = sqlitefile.Schema{
	Kind:    0x61667175, // "afqu"
	Version: 1,
	Sync:    sqlitefile.Process,
	Tables: `
CREATE TABLE messages (
	id       INTEGER PRIMARY KEY AUTOINCREMENT,
	grp      TEXT NOT NULL,
	sent     INTEGER NOT NULL,
	receives INTEGER NOT NULL,
	receipt  INTEGER NOT NULL,
	until    INTEGER NOT NULL,
	body     BLOB NOT NULL
) STRICT;
CREATE INDEX ready ON messages (grp, id) WHERE receipt = 0;
CREATE INDEX hidden ON messages (until) WHERE receipt <> 0;
CREATE TABLE groups (
	grp    TEXT PRIMARY KEY,
	ready  INTEGER NOT NULL,
	hidden INTEGER NOT NULL,
	served INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX turn ON groups (hidden, served, grp) WHERE ready > 0;
CREATE TABLE dead (
	id       INTEGER PRIMARY KEY,
	grp      TEXT NOT NULL,
	sent     INTEGER NOT NULL,
	receives INTEGER NOT NULL,
	body     BLOB NOT NULL
) STRICT`,
}

// Queue is a queue in a file.
type Queue struct {
	config queue.Config
	file   *sqlitefile.File
	st     statements
	served int64 // turns taken; within Update only

	mu      sync.Mutex
	arrived chan struct{} // closed when a message may have become visible
}

var _ queue.Queue = (*Queue)(nil)

// Open opens the queue at path, or makes it. It returns queue.ErrNewer for the file
// of a newer build. A group's turn starts anew at each opening.
func Open(path string, c queue.Config) (*Queue, error) {
	c, err := c.WithDefaults()
	if err != nil {
		return nil, err
	}
	f, err := sqlitefile.Open(path, schema)
	if errors.Is(err, sqlitefile.ErrNewer) {
		return nil, fmt.Errorf("%w: %w", queue.ErrNewer, err)
	}
	if err != nil {
		return nil, fmt.Errorf("queue: %w", err)
	}
	q := &Queue{config: c, file: f, arrived: make(chan struct{})}
	if err := q.start(); err != nil {
		return nil, errors.Join(fmt.Errorf("queue: %w", err), f.Close())
	}
	return q, nil
}

// start forgets the groups that hold no message and lets the others begin level.
func (q *Queue) start() error {
	if err := q.st.prepare(q.file); err != nil {
		return err
	}
	return q.file.Update(context.Background(), func() error {
		if _, err := q.st.forgetGroups.Exec(); err != nil {
			return err
		}
		_, err := q.st.level.Exec()
		return err
	})
}

// Close closes the file. Calls that wait return with an error.
func (q *Queue) Close() error {
	err := q.file.Close()
	q.wake()
	return err
}

// Send puts all messages that Check lets pass on the queue in one transaction.
func (q *Queue) Send(ctx context.Context, msgs []queue.Message) error {
	failed := map[int]error{}
	now := q.config.Clock().UnixNano()
	err := q.file.Update(ctx, func() error {
		moved := moves{}
		for i, m := range msgs {
			if err := m.Check(); err != nil {
				failed[i] = err
				continue
			}
			if _, err := q.st.insert.Exec(m.Group, now, m.Body); err != nil {
				return err
			}
			moved.add(m.Group, 1, 0)
		}
		return q.move(moved)
	})
	if err != nil {
		return fmt.Errorf("queue: send %d messages: %w", len(msgs), err)
	}
	q.wake()
	return queue.Partial(failed, len(msgs))
}

// Extend moves the end of the deliveries' invisibility to now + d.
func (q *Queue) Extend(ctx context.Context, receipts []string, d time.Duration) error {
	if err := queue.CheckExtend(d); err != nil {
		return err
	}
	now := q.config.Clock()
	err := q.each(ctx, receipts, func(r receipt, moved moves) error {
		var group string
		if d > 0 {
			return q.st.extend.QueryRow(now.Add(d).UnixNano(), r.id, r.token, now.UnixNano()).Scan(&group)
		}
		err := q.st.release.QueryRow(r.id, r.token, now.UnixNano()).Scan(&group)
		if err == nil {
			moved.add(group, 1, -1)
		}
		return err
	})
	q.wake()
	return wrap(err, "extend", len(receipts))
}

// Delete removes the messages. Every stale receipt is told.
func (q *Queue) Delete(ctx context.Context, receipts []string) error {
	now := q.config.Clock().UnixNano()
	err := q.each(ctx, receipts, func(r receipt, moved moves) error {
		var group string
		err := q.st.delete.QueryRow(r.id, r.token, now).Scan(&group)
		if err == nil {
			moved.add(group, 0, -1)
		}
		return err
	})
	return wrap(err, "delete", len(receipts))
}

func wrap(err error, what string, n int) error {
	var partial *queue.PartialError
	if err == nil || errors.As(err, &partial) {
		return err
	}
	return fmt.Errorf("queue: %s %d messages: %w", what, n, err)
}

// each runs fn on every receipt in one transaction. A receipt that is none, or for
// which fn finds no row, is stale.
func (q *Queue) each(ctx context.Context, receipts []string, fn func(receipt, moves) error) error {
	failed := map[int]error{}
	err := q.file.Update(ctx, func() error {
		moved := moves{}
		for i, text := range receipts {
			r, ok := parseReceipt(text)
			if !ok {
				failed[i] = queue.ErrStale
				continue
			}
			err := fn(r, moved)
			if errors.Is(err, sql.ErrNoRows) {
				failed[i] = queue.ErrStale
				continue
			}
			if err != nil {
				return err
			}
		}
		return q.move(moved)
	})
	if err != nil {
		return err
	}
	return queue.Partial(failed, len(receipts))
}

// receipt names one delivery: the message and the random token of this delivery.
type receipt struct{ id, token int64 }

func newReceipt(id int64) receipt { return receipt{id, 1 + rand.Int64N(1<<62)} }

func (r receipt) String() string {
	return strconv.FormatInt(r.id, 36) + "." + strconv.FormatInt(r.token, 36)
}

func parseReceipt(text string) (receipt, bool) {
	id, token, found := strings.Cut(text, ".")
	if !found {
		return receipt{}, false
	}
	n, err1 := strconv.ParseInt(id, 36, 64)
	k, err2 := strconv.ParseInt(token, 36, 64)
	return receipt{n, k}, err1 == nil && err2 == nil && k > 0
}

// moves counts, per group, how many messages more or fewer are ready and hidden.
type moves map[string][2]int

func (m moves) add(group string, ready, hidden int) {
	by := m[group]
	m[group] = [2]int{by[0] + ready, by[1] + hidden}
}

// move brings the groups' counts up to date; within Update only.
func (q *Queue) move(m moves) error {
	for group, by := range m {
		if _, err := q.st.count.Exec(group, by[0], by[1]); err != nil {
			return err
		}
	}
	return nil
}

// wake lets every waiting Receive look again.
func (q *Queue) wake() {
	q.mu.Lock()
	defer q.mu.Unlock()
	close(q.arrived)
	q.arrived = make(chan struct{})
}

// arrivals is closed at the next wake.
func (q *Queue) arrivals() <-chan struct{} {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.arrived
}
