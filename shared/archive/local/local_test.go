package local_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/affine-go/affine/shared/archive"
	"github.com/affine-go/affine/shared/archive/archivetest"
	"github.com/affine-go/affine/shared/archive/local"
)

func open(t *testing.T, dir string) *local.Archive {
	t.Helper()
	a, err := local.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestConformance(t *testing.T) {
	archivetest.Run(t, func(t *testing.T) archive.Archive { return open(t, t.TempDir()) })
}

func TestTwoProcessesShareAFolder(t *testing.T) {
	dir := t.TempDir()
	one, two := open(t, dir), open(t, dir)
	if err := one.Put(t.Context(), "k", []byte("one")); err != nil {
		t.Fatal(err)
	}
	if err := two.Put(t.Context(), "k", []byte("two")); !errors.Is(err, archive.ErrExists) {
		t.Errorf("second writer: %v, want ErrExists", err)
	}
	if err := two.Put(t.Context(), "k", []byte("one")); err != nil {
		t.Errorf("second writer with the same bytes: %v", err)
	}
}

func TestOpenKeepsObjects(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := open(t, "data/../data/here/").Put(t.Context(), "a/b", []byte("x")); err != nil {
		t.Fatal(err)
	}
	again := open(t, "./data/here")
	t.Chdir(t.TempDir()) // a relative folder stays the one it was at Open
	keys, err := again.List(t.Context(), "")
	if err != nil || !slices.Equal(keys, []string{"a/b"}) {
		t.Errorf("listed %q, %v", keys, err)
	}
}

// A crash leaves a temporary file: nobody sees it, and the next Open removes it,
// unless it is so young that another process may be writing it.
func TestLeftoversOfACrash(t *testing.T) {
	dir := t.TempDir()
	a := open(t, dir)
	if err := a.Put(t.Context(), "samples/one", []byte("x")); err != nil {
		t.Fatal(err)
	}
	stale, fresh := filepath.Join(dir, "samples", ".put-123"), filepath.Join(dir, "samples", ".put-456")
	for _, path := range []string{stale, fresh} {
		if err := os.WriteFile(path, []byte("half"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	old := time.Now().Add(-2 * time.Hour)
	for _, path := range []string{stale, filepath.Join(dir, "samples", "one")} {
		if err := os.Chtimes(path, old, old); err != nil {
			t.Fatal(err)
		}
	}
	keys, err := a.List(t.Context(), "samples/")
	if err != nil || !slices.Equal(keys, []string{"samples/one"}) {
		t.Errorf("listed %q, %v; want the object alone", keys, err)
	}
	open(t, dir)
	if _, err := os.Stat(stale); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Open left the stale temporary file: %v", err)
	}
	if _, err := os.Stat(fresh); err != nil {
		t.Errorf("Open removed a temporary file that may be in use: %v", err)
	}
	if _, err := a.Get(t.Context(), "samples/one", 0, -1); err != nil {
		t.Errorf("Open removed an object: %v", err)
	}
}

// The one thing CheckKey cannot see: a key that is the folder of another.
func TestKeyThatIsAFolder(t *testing.T) {
	dir := t.TempDir()
	a := open(t, dir)
	if err := a.Put(t.Context(), "a/b", []byte("x")); err != nil {
		t.Fatal(err)
	}
	for key, put := range map[string]func() error{
		"a":     func() error { return a.Put(t.Context(), "a", []byte("y")) },
		"a ":    func() error { return a.Replace(t.Context(), "a", []byte("y")) },
		"a/b/c": func() error { return a.Put(t.Context(), "a/b/c", []byte("y")) },
	} {
		err := put()
		if err == nil || errors.Is(err, archive.ErrExists) || errors.Is(err, archive.ErrNotFound) {
			t.Errorf("writing %q: %v, want a plain refusal", key, err)
		}
	}
	wantFiles(t, dir, "a/b")
}

func TestOpenRefusesAFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{path, filepath.Join(path, "below")} {
		_, err := local.Open(dir)
		if err == nil || strings.Contains(err.Error(), "\n") {
			t.Errorf("opening %s: %v, want a one-line error", dir, err)
		}
	}
}
