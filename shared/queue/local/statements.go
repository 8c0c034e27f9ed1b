package local

import (
	"database/sql"
	"errors"

	"github.com/affine-go/affine/shared/sqlitefile"
)

// statements are the prepared statements of an open file. An index with a WHERE is
// used only by a statement that repeats its condition word for word.
type statements struct {
	insert, count                 *sql.Stmt
	forgetGroups, level           *sql.Stmt
	expire, turn, oldest, deliver *sql.Stmt
	serve, bury, drop             *sql.Stmt
	extend, release, delete       *sql.Stmt
	reclaim, recount              *sql.Stmt
	redrive, emptyDead            *sql.Stmt

	anything, depth, oldestSent, listDead *sql.Stmt // read only
}

func (s *statements) prepare(f *sqlitefile.File) error {
	var errs []error
	to := func(st **sql.Stmt, prepare func(string) (*sql.Stmt, error), query string) {
		var err error
		*st, err = prepare(query)
		errs = append(errs, err)
	}
	to(&s.insert, f.Prepare, `INSERT INTO messages (grp, sent, receives, receipt, until, body) VALUES (?, ?, 0, 0, 0, ?)`)
	to(&s.count, f.Prepare, `INSERT INTO groups (grp, ready, hidden, served) VALUES (?, ?, ?, 0)
		ON CONFLICT (grp) DO UPDATE SET ready = ready + excluded.ready, hidden = hidden + excluded.hidden`)
	to(&s.forgetGroups, f.Prepare, `DELETE FROM groups WHERE ready = 0 AND hidden = 0`)
	to(&s.level, f.Prepare, `UPDATE groups SET served = 0`)

	to(&s.expire, f.Prepare, `UPDATE messages SET receipt = 0 WHERE receipt <> 0 AND until <= ? RETURNING grp`)
	to(&s.turn, f.Prepare, `SELECT grp FROM groups WHERE ready > 0 ORDER BY hidden, served, grp LIMIT 1`)
	to(&s.oldest, f.Prepare, `SELECT id, sent, receives, body FROM messages WHERE receipt = 0 AND grp = ? ORDER BY id LIMIT 1`)
	to(&s.deliver, f.Prepare, `UPDATE messages SET receipt = ?, until = ?, receives = receives + 1 WHERE id = ?`)
	to(&s.serve, f.Prepare, `UPDATE groups SET ready = ready - 1, hidden = hidden + 1, served = ? WHERE grp = ?`)
	to(&s.bury, f.Prepare, `INSERT INTO dead (id, grp, sent, receives, body)
		SELECT id, grp, sent, receives, body FROM messages WHERE id = ?`)
	to(&s.drop, f.Prepare, `DELETE FROM messages WHERE id = ?`)

	to(&s.extend, f.Prepare, `UPDATE messages SET until = ? WHERE id = ? AND receipt = ? AND until > ? RETURNING grp`)
	to(&s.release, f.Prepare, `UPDATE messages SET receipt = 0 WHERE id = ? AND receipt = ? AND until > ? RETURNING grp`)
	to(&s.delete, f.Prepare, `DELETE FROM messages WHERE id = ? AND receipt = ? AND until > ? RETURNING grp`)

	to(&s.reclaim, f.Prepare, `UPDATE messages SET receipt = 0, receives = receives - 1 WHERE receipt <> 0`)
	to(&s.recount, f.Prepare, `UPDATE groups SET ready = ready + hidden, hidden = 0`)
	to(&s.redrive, f.Prepare, `INSERT INTO messages (id, grp, sent, receives, receipt, until, body)
		SELECT id, grp, sent, 0, 0, 0, body FROM dead RETURNING grp`)
	to(&s.emptyDead, f.Prepare, `DELETE FROM dead`)

	to(&s.anything, f.PrepareRead, `SELECT EXISTS (SELECT 1 FROM groups WHERE ready > 0),
		coalesce((SELECT min(until) FROM messages WHERE receipt <> 0), 0)`)
	to(&s.depth, f.PrepareRead, `SELECT coalesce(sum(ready), 0), coalesce(sum(hidden), 0),
		(SELECT count(*) FROM messages WHERE receipt <> 0 AND until <= ?), (SELECT count(*) FROM dead) FROM groups`)
	to(&s.oldestSent, f.PrepareRead, `SELECT sent FROM messages WHERE receipt = 0 OR until <= ? ORDER BY id LIMIT 1`)
	to(&s.listDead, f.PrepareRead, `SELECT id, grp, sent, receives, body FROM dead ORDER BY id`)
	return errors.Join(errs...)
}
