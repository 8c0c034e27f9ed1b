package sqlitefile

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// prepare looks at what stands at path and makes the tables when nothing does. Its
// connection sets no journal mode, so a file that is refused stays as it was.
func prepare(path string, s Schema) (err error) {
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
		if err := db.QueryRowContext(context.Background(), q.query).Scan(q.into); err != nil {
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
	_, err := db.ExecContext(context.Background(), fmt.Sprintf("PRAGMA journal_mode = WAL; PRAGMA synchronous = %s;"+
		"BEGIN IMMEDIATE; %s; PRAGMA application_id = %d; PRAGMA user_version = %d; COMMIT",
		s.Sync, s.Tables, s.Kind, s.Version))
	return err
}
