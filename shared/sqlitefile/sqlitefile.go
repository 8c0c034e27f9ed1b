// Package sqlitefile opens the SQLite files of a data folder and runs transactions
// on them.
//
// A file carries its kind (PRAGMA application_id) and the version of its tables
// (PRAGMA user_version). Open looks at both before it writes anything, so that a
// file of a newer build, of another program, or a damaged one is refused untouched
// with an error of one line.
//
// Each file has one writing connection, held by one transaction at a time, and any
// number of reading ones. A commit survives the death of the process at any moment
// (write-ahead log). Whether it also survives a power cut is for Schema.Sync to say.
package sqlitefile

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"sync"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

var (
	// ErrNewer is returned by Open when the file's tables are of a newer version
	// than this build writes.
	ErrNewer = errors.New("the file was written by a newer version of this program")

	// ErrForeign is returned by Open for a file that holds something else.
	ErrForeign = errors.New("the file is not one of this program's")

	// ErrDamaged is returned by Open for a file that lacks pages or is no database.
	ErrDamaged = errors.New("the file is damaged")

	// ErrFull is returned by Update when the disk, or the size the file is limited
	// to, is full. The transaction has left no trace.
	ErrFull = errors.New("the disk is full")
)

// Sync says what a commit survives.
type Sync string

const (
	Process Sync = "NORMAL" // the process's death; a power cut may undo the latest commits, in order
	Power   Sync = "FULL"   // a power cut as well, at the price of one fsync a commit
)

// Schema describes the tables of one kind of file.
type Schema struct {
	Kind    int32  // application_id: what tells this kind of file from all others
	Version int    // user_version that this build writes; 1 or more
	Tables  string // the statements that make an empty file into one of this Version
	Sync    Sync
}

// File is an open file. All methods may be called concurrently.
type File struct {
	path   string
	reads  *sql.DB
	writes *sql.DB
	writer *sql.Conn
	mu     sync.Mutex // held for the length of a writing transaction
}

// Open opens the file at path, or makes it. The folder must exist.
func Open(path string, s Schema) (*File, error) {
	if err := prepare(path, s); err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	f := &File{path: path}
	var err error
	if f.reads, err = sql.Open("sqlite", dsn(path, s.Sync)); err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	f.reads.SetMaxOpenConns(4)
	f.reads.SetMaxIdleConns(4)
	if f.writes, err = sql.Open("sqlite", dsn(path, s.Sync)); err != nil {
		return nil, errors.Join(fmt.Errorf("open %s: %w", path, err), f.reads.Close())
	}
	if f.writer, err = f.writes.Conn(context.Background()); err != nil {
		return nil, errors.Join(fmt.Errorf("open %s: %w", path, explain(err)), f.reads.Close(), f.writes.Close())
	}
	return f, nil
}

// dsn names the file for the driver, with the settings each connection starts with.
// The log is carried over into the file, which waits for the disk, every 16 MB
// rather than SQLite's 4.
func dsn(path string, s Sync) string {
	q := url.Values{"_pragma": {
		"busy_timeout(10000)", "journal_mode(WAL)", "wal_autocheckpoint(4000)", "synchronous(" + string(s) + ")",
	}}
	return name(path) + "?" + q.Encode()
}

// name is the path as a URI, in which '?', '#' and '%' are not taken for syntax.
func name(path string) string { return "file:" + (&url.URL{Path: path}).EscapedPath() }

// Prepare readies a statement for use within Update.
func (f *File) Prepare(query string) (*sql.Stmt, error) {
	st, err := f.writer.PrepareContext(context.Background(), query)
	if err != nil {
		return nil, fmt.Errorf("%s: prepare %q: %w", f.path, query, explain(err))
	}
	return st, nil
}

// PrepareRead readies a statement that only reads. It sees the commits made before
// it starts and holds up no writer.
func (f *File) PrepareRead(query string) (*sql.Stmt, error) {
	st, err := f.reads.PrepareContext(context.Background(), query)
	if err != nil {
		return nil, fmt.Errorf("%s: prepare %q: %w", f.path, query, explain(err))
	}
	return st, nil
}

// Update runs fn as one transaction: all of it is done when Update returns nil, and
// nothing when it returns an error. fn may use statements from Prepare only.
//
// A context that is done is noticed before the transaction begins, never within it,
// so that an error of the context always means that nothing was done.
func (f *File) Update(ctx context.Context, fn func() error) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := f.exec("BEGIN IMMEDIATE"); err != nil {
		return err
	}
	err := fn()
	if err == nil {
		err = f.exec("COMMIT")
	}
	if err == nil {
		return nil
	}
	// SQLite itself has rolled back after some errors; this ROLLBACK then fails, and
	// the first error is the one to tell.
	_, _ = f.writer.ExecContext(context.Background(), "ROLLBACK")
	return explain(err)
}

func (f *File) exec(statement string) error {
	_, err := f.writer.ExecContext(context.Background(), statement)
	return explain(err)
}

// LimitPages bounds the file's size in pages (of 4 KiB), as a full disk would; 0
// lifts the bound. Pages in use already are kept.
func (f *File) LimitPages(n int) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if n <= 0 {
		n = 1<<32 - 2
	}
	return f.exec(fmt.Sprintf("PRAGMA max_page_count = %d", n))
}

// Close waits for the running transaction and closes the file.
func (f *File) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return errors.Join(f.writer.Close(), f.writes.Close(), f.reads.Close())
}

// explain puts the plain cause before SQLite's own words where a caller may want
// to tell it apart.
func explain(err error) error {
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return err
	}
	switch e.Code() & 0xff {
	case sqlite3.SQLITE_FULL:
		return fmt.Errorf("%w: %w", ErrFull, err)
	case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	default:
		return err
	}
}
