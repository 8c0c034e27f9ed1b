package sqlitefile

import (
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
)

// prepare looks at what stands at path and makes the tables when nothing does. Its
// connection sets no journal mode, so a file that is refused stays as it was.
func prepare(path string, s Schema) (err error) {
	if err := whole(path); err != nil {
		return err
	}
	db, err := sql.Open("sqlite", name(path))
	if err != nil {
		return err
	}
	db.SetMaxOpenConns(1)
	defer func() { err = errors.Join(err, db.Close()) }()
	empty, err := look(db, s)
	if err != nil || !empty {
		return explain(err)
	}
	return explain(create(db, s))
}

// look compares the file's kind and version with the schema's. A file without any
// table is empty, whoever made it.
func look(db *sql.DB, s Schema) (empty bool, err error) {
	var kind int32
	var version, tables int
	for _, q := range []struct {
		query string
		into  any
	}{
		{"PRAGMA application_id", &kind},
		{"PRAGMA user_version", &version},
		{"SELECT count(*) FROM sqlite_schema", &tables},
	} {
		if err := db.QueryRow(q.query).Scan(q.into); err != nil {
			return false, err
		}
	}
	switch {
	case kind == 0 && version == 0 && tables == 0:
		return true, nil
	case kind != s.Kind:
		return false, fmt.Errorf("%w: application id %#x, want %#x", ErrForeign, kind, s.Kind)
	case version > s.Version:
		return false, fmt.Errorf("%w: version %d, this build reads up to %d", ErrNewer, version, s.Version)
	case version < s.Version:
		return false, fmt.Errorf("%w: version %d, this build reads %d", ErrForeign, version, s.Version)
	}
	return false, nil
}

// create makes tables, kind and version in one transaction: a process that dies
// within it leaves an empty file.
func create(db *sql.DB, s Schema) error {
	_, err := db.Exec(fmt.Sprintf("PRAGMA journal_mode = WAL; PRAGMA synchronous = %s;"+
		"BEGIN IMMEDIATE; %s; PRAGMA application_id = %d; PRAGMA user_version = %d; COMMIT",
		s.Sync, s.Tables, s.Kind, s.Version))
	return err
}

// whole refuses a file that is shorter than its own header says. SQLite would find
// out only when it reads a page that is missing. A file beside which a write-ahead
// log stands may still lack pages that the log holds, and is not judged here.
func whole(path string) error {
	if info, err := os.Stat(path + "-wal"); err == nil && info.Size() > 0 {
		return nil
	}
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || info.Size() == 0 {
		return err
	}
	header := make([]byte, 100)
	if _, err := io.ReadFull(f, header); err != nil {
		return fmt.Errorf("%w: %d bytes are no database", ErrDamaged, info.Size())
	}
	// File format, "The Database Header": page size at 16 (1 stands for 65536), size
	// in pages at 28.
	page := int64(binary.BigEndian.Uint16(header[16:]))
	if page == 1 {
		page = 65536
	}
	if want := page * int64(binary.BigEndian.Uint32(header[28:])); info.Size() < want {
		return fmt.Errorf("%w: %d bytes, its header says %d", ErrDamaged, info.Size(), want)
	}
	return nil
}
