package sqlitefile_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/affine-go/affine/shared/sqlitefile"
)

var schema = sqlitefile.Schema{
	Kind: 0x61667465, Version: 2, Sync: sqlitefile.Power,
	Tables: "CREATE TABLE notes (n INTEGER PRIMARY KEY, text TEXT NOT NULL) STRICT",
}

func open(t *testing.T, path string) *sqlitefile.File {
	t.Helper()
	f, err := sqlitefile.Open(path, schema)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() }) // a second Close is a test's own business
	return f
}

// notes is a file with the statements of these tests.
type notes struct {
	*sqlitefile.File
	add, count *sql.Stmt
}

func openNotes(t *testing.T, path string) notes {
	t.Helper()
	f := open(t, path)
	add, err1 := f.Prepare("INSERT INTO notes (text) VALUES (?)")
	count, err2 := f.PrepareRead("SELECT count(*) FROM notes")
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	return notes{f, add, count}
}

func (n notes) insert(ctx context.Context, texts ...string) error {
	return n.Update(ctx, func() error {
		for _, text := range texts {
			if _, err := n.add.Exec(text); err != nil {
				return err
			}
		}
		return nil
	})
}

func (n notes) want(t *testing.T, want int) {
	t.Helper()
	var got int
	if err := n.count.QueryRow().Scan(&got); err != nil {
		t.Fatal(err)
	}
	if got != want {
		t.Errorf("%d notes stand, want %d", got, want)
	}
}

func TestWhatIsWrittenIsThereAfterReopening(t *testing.T) {
	for _, name := range []string{"a.db", "with blank ?x=1#y %41 ä.db"} {
		path := filepath.Join(t.TempDir(), name)
		n := openNotes(t, path)
		if err := n.insert(t.Context(), "a", "b"); err != nil {
			t.Fatal(err)
		}
		n.want(t, 2)
		if err := n.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(path); err != nil {
			t.Errorf("the file is not where it was asked for: %v", err)
		}
		openNotes(t, path).want(t, 2)
	}
}

func TestUpdateIsAllOrNothing(t *testing.T) {
	n := openNotes(t, filepath.Join(t.TempDir(), "a.db"))
	own := errors.New("changed my mind")
	err := n.Update(t.Context(), func() error {
		if _, err := n.add.Exec("a"); err != nil {
			return err
		}
		return own
	})
	if !errors.Is(err, own) {
		t.Errorf("update gave %v, want fn's error", err)
	}
	n.want(t, 0)
	if err := n.insert(t.Context(), "a"); err != nil {
		t.Errorf("the next update: %v", err)
	}
	n.want(t, 1)
}

func TestUpdateUnderAnEndedContext(t *testing.T) {
	n := openNotes(t, filepath.Join(t.TempDir(), "a.db"))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := n.insert(ctx, "a"); !errors.Is(err, context.Canceled) {
		t.Errorf("update gave %v, want context.Canceled", err)
	}
	n.want(t, 0)
	ctx, cancel = context.WithCancel(t.Context())
	if err := n.Update(ctx, func() error { cancel(); _, err := n.add.Exec("a"); return err }); err != nil {
		t.Errorf("an update whose context ended within it: %v", err)
	}
	n.want(t, 1)
}

func TestConcurrentUpdatesAndReads(t *testing.T) {
	n := openNotes(t, filepath.Join(t.TempDir(), "a.db"))
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			for i := range 20 {
				if err := n.insert(t.Context(), fmt.Sprint(w, i)); err != nil {
					t.Error(err)
				}
				var seen int
				if err := n.count.QueryRow().Scan(&seen); err != nil || seen < i+1 {
					t.Errorf("read %d notes after writing %d: %v", seen, i+1, err)
				}
			}
		})
	}
	wg.Wait()
	n.want(t, 160)
}

// TestTwoOpenings: the file is meant for one owner, but a second one does no harm.
func TestTwoOpenings(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	a, b := openNotes(t, path), openNotes(t, path)
	var wg sync.WaitGroup
	for _, n := range []notes{a, b} {
		wg.Go(func() {
			for range 20 {
				if err := n.insert(t.Context(), "x"); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	a.want(t, 40)
	b.want(t, 40)
}

// TestFullDisk fills the file up to a bound, as a full disk would: the transaction
// that does not fit leaves no trace, and one that fits later succeeds.
func TestFullDisk(t *testing.T) {
	n := openNotes(t, filepath.Join(t.TempDir(), "a.db"))
	if err := n.insert(t.Context(), "first"); err != nil {
		t.Fatal(err)
	}
	if err := n.LimitPages(10); err != nil {
		t.Fatal(err)
	}
	err := n.insert(t.Context(), "second", strings.Repeat("x", 100_000))
	if !errors.Is(err, sqlitefile.ErrFull) {
		t.Fatalf("an update beyond the bound gave %v, want ErrFull", err)
	}
	if strings.Contains(err.Error(), "\n") {
		t.Errorf("the error has several lines: %q", err)
	}
	n.want(t, 1)
	if err := n.LimitPages(0); err != nil {
		t.Fatal(err)
	}
	if err := n.insert(t.Context(), strings.Repeat("x", 100_000)); err != nil {
		t.Errorf("with the bound lifted: %v", err)
	}
	n.want(t, 2)
}

// made is the content of a file with a thousand notes, closed in good order.
func made(t *testing.T, s sqlitefile.Schema) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "made.db")
	f, err := sqlitefile.Open(path, s)
	if err != nil {
		t.Fatal(err)
	}
	n := notes{File: f}
	if n.add, err = f.Prepare("INSERT INTO notes (text) VALUES (?)"); err != nil {
		t.Fatal(err)
	}
	if err := n.insert(t.Context(), slices.Repeat([]string{"a note"}, 1000)...); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func with(s sqlitefile.Schema, change func(*sqlitefile.Schema)) sqlitefile.Schema {
	change(&s)
	return s
}

// TestOpenRefuses wants an error of one line that names the file, and the file as
// it was.
func TestOpenRefuses(t *testing.T) {
	good := made(t, schema)
	for name, c := range map[string]struct {
		content []byte
		want    error
	}{
		"newer":       {made(t, with(schema, func(s *sqlitefile.Schema) { s.Version = 3 })), sqlitefile.ErrNewer},
		"older":       {made(t, with(schema, func(s *sqlitefile.Schema) { s.Version = 1 })), sqlitefile.ErrForeign},
		"other kind":  {made(t, with(schema, func(s *sqlitefile.Schema) { s.Kind = 5 })), sqlitefile.ErrForeign},
		"garbage":     {bytes.Repeat([]byte("garbage\n"), 4096), sqlitefile.ErrDamaged},
		"short":       {[]byte("hello"), sqlitefile.ErrDamaged},
		"zeros":       {make([]byte, 8192), sqlitefile.ErrDamaged},
		"cut":         {good[:len(good)-5000], sqlitefile.ErrDamaged},
		"cut in half": {good[:len(good)/2], sqlitefile.ErrDamaged},
		"header only": {good[:100], sqlitefile.ErrDamaged},
	} {
		path := filepath.Join(t.TempDir(), "a.db")
		if err := os.WriteFile(path, c.content, 0o600); err != nil {
			t.Fatal(err)
		}
		f, err := sqlitefile.Open(path, schema)
		if err == nil {
			_ = f.Close()
		}
		if !errors.Is(err, c.want) {
			t.Errorf("%s: open gave %v, want %v", name, err, c.want)
			continue
		}
		if strings.Contains(err.Error(), "\n") || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: the error is not one line with the path: %q", name, err)
		}
		if after, err := os.ReadFile(path); err != nil || !bytes.Equal(after, c.content) {
			t.Errorf("%s: the refused file was changed (read error %v)", name, err)
		}
	}
}

func TestOpenTakesAnEmptyFileAndNoMissingFolder(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	openNotes(t, path).want(t, 0)
	if _, err := sqlitefile.Open(filepath.Join(t.TempDir(), "none", "a.db"), schema); err == nil {
		t.Error("a file in a folder that does not exist was opened")
	}
	if _, err := sqlitefile.Open(t.TempDir(), schema); err == nil {
		t.Error("a folder was opened as a file")
	}
}

// TestDamageWithin: a page that SQLite finds malformed when it reads it.
func TestDamageWithin(t *testing.T) {
	content := made(t, schema)
	for i := 4096; i < len(content); i++ {
		content[i] = 0xff
	}
	path := filepath.Join(t.TempDir(), "a.db")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	n := openNotes(t, path)
	if err := n.insert(t.Context(), "a"); !errors.Is(err, sqlitefile.ErrDamaged) {
		t.Errorf("writing to a damaged table gave %v, want ErrDamaged", err)
	}
}
