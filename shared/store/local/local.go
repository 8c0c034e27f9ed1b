// Package local is the table of a single machine: one SQLite file.
//
// Samples stand in a table of their own, in a compact encoding, because they are
// many; all other rows are JSON documents with a version under the same keys as in
// DynamoDB. A write that was answered for survives a power cut.
package local

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/affine-go/affine/shared/sqlitefile"
	"github.com/affine-go/affine/shared/store"
)

var schema = sqlitefile.Schema{
	Kind:    0x61667374, // "afst"
	Version: 1,
	Sync:    sqlitefile.Power,
	Tables: `
CREATE TABLE shelves (
	id       INTEGER PRIMARY KEY,
	hotkey   TEXT NOT NULL,
	revision TEXT NOT NULL,
	env      TEXT NOT NULL,
	UNIQUE (hotkey, revision, env)
) STRICT;
CREATE TABLE samples (
	shelf   INTEGER NOT NULL REFERENCES shelves,
	window  INTEGER NOT NULL,
	idx     INTEGER NOT NULL,
	attempt INTEGER NOT NULL,
	row     BLOB NOT NULL,
	PRIMARY KEY (shelf, window, idx, attempt)
) STRICT, WITHOUT ROWID;
CREATE TABLE docs (
	pk      TEXT NOT NULL,
	sk      TEXT NOT NULL,
	version INTEGER NOT NULL,
	doc     TEXT NOT NULL,
	PRIMARY KEY (pk, sk)
) STRICT, WITHOUT ROWID;
CREATE TABLE leases (
	pk    TEXT PRIMARY KEY,
	owner TEXT NOT NULL,
	until INTEGER NOT NULL
) STRICT, WITHOUT ROWID`,
}

// Store is a table in a file.
type Store struct {
	file *sqlitefile.File
	st   statements
}

var _ store.Store = (*Store)(nil)

// Open opens the table at path, or makes it. It returns store.ErrNewer for the file
// of a newer build.
func Open(path string) (*Store, error) {
	f, err := sqlitefile.Open(path, schema)
	if errors.Is(err, sqlitefile.ErrNewer) {
		return nil, fmt.Errorf("%w: %w", store.ErrNewer, err)
	}
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	s := &Store{file: f}
	if err := s.st.prepare(f); err != nil {
		return nil, errors.Join(fmt.Errorf("store: %w", err), f.Close())
	}
	return s, nil
}

// Close waits for the running write and closes the file.
func (s *Store) Close() error { return s.file.Close() }

// update runs one transaction and names a full disk as the contract does.
func (s *Store) update(ctx context.Context, fn func() error) error {
	err := s.file.Update(ctx, fn)
	if errors.Is(err, sqlitefile.ErrFull) {
		return fmt.Errorf("%w: %w", store.ErrFull, err)
	}
	return err
}

// statements are the prepared statements of an open file.
type statements struct {
	findShelf, addShelf, addSample *sql.Stmt
	addDoc, setDoc                 *sql.Stmt
	acquire, release               *sql.Stmt

	samples, doc, docs, latest *sql.Stmt // read only
}

func (s *statements) prepare(f *sqlitefile.File) error {
	var errs []error
	to := func(st **sql.Stmt, prepare func(string) (*sql.Stmt, error), query string) {
		var err error
		*st, err = prepare(query)
		errs = append(errs, err)
	}
	to(&s.findShelf, f.Prepare, `SELECT id FROM shelves WHERE hotkey = ? AND revision = ? AND env = ?`)
	to(&s.addShelf, f.Prepare, `INSERT INTO shelves (hotkey, revision, env) VALUES (?, ?, ?)`)
	to(&s.addSample, f.Prepare, `INSERT INTO samples (shelf, window, idx, attempt, row) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT DO NOTHING`)
	to(&s.addDoc, f.Prepare, `INSERT INTO docs (pk, sk, version, doc) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING`)
	to(&s.setDoc, f.Prepare, `UPDATE docs SET version = ?3, doc = ?4 WHERE pk = ?1 AND sk = ?2 AND version = ?3 - 1`)
	to(&s.acquire, f.Prepare, `INSERT INTO leases (pk, owner, until) VALUES (?1, ?2, ?3) ON CONFLICT (pk)
		DO UPDATE SET owner = ?2, until = ?3 WHERE owner = ?2 OR until <= ?4`)
	to(&s.release, f.Prepare, `DELETE FROM leases WHERE pk = ? AND owner = ?`)

	to(&s.samples, f.PrepareRead, `SELECT window, idx, attempt, row FROM samples
		WHERE shelf = (SELECT id FROM shelves WHERE hotkey = ? AND revision = ? AND env = ?)
		AND window BETWEEN ? AND ? ORDER BY window, idx, attempt`)
	to(&s.doc, f.PrepareRead, `SELECT version, doc FROM docs WHERE pk = ? AND sk = ?`)
	to(&s.docs, f.PrepareRead, `SELECT version, doc FROM docs WHERE pk = ? ORDER BY sk`)
	to(&s.latest, f.PrepareRead, `SELECT version, doc FROM docs WHERE pk = ? ORDER BY sk DESC LIMIT ?`)
	return errors.Join(errs...)
}
