// Package local is the archive in a folder: one file an object, durable when Put
// returns, for a validator on one machine and for tests.
//
// A file comes to be under a temporary name, is synced, and only then gets its
// key's name by a hard link, which the kernel refuses when the name is taken. So
// "written once" holds among goroutines, processes and crashes, without a lock.
package local

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/affine-go/affine/shared/archive"
)

const (
	tempPattern = ".put-*" // no key's segment begins with a dot
	tempPrefix  = ".put-"

	// tempAge is how old a temporary file must be before Open takes it for a crash's
	// leftover: another process may be writing to the same folder right now.
	tempAge = time.Hour
)

// Archive keeps objects as files under a folder. It holds no state of its own, so
// several processes may open the same folder.
type Archive struct {
	dir string
}

var _ archive.Archive = (*Archive)(nil)

// Open makes the folder when it is missing and removes temporary files that a
// crash left behind.
func Open(dir string) (*Archive, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("archive: opening %s: %w", dir, err)
	}
	if err := makeDir(dir); err != nil {
		return nil, fmt.Errorf("archive: opening %s: %w", dir, cause(err))
	}
	if err := sweep(dir, time.Now().Add(-tempAge)); err != nil {
		return nil, fmt.Errorf("archive: removing leftovers in %s: %w", dir, cause(err))
	}
	return &Archive{dir: dir}, nil
}

// Put writes an object under a free key; see archive.Archive.
func (a *Archive) Put(ctx context.Context, key string, body []byte) error {
	if err := check(ctx, key); err != nil {
		return err
	}
	err := a.write(key, body, os.Link)
	if errors.Is(err, fs.ErrExist) {
		return a.same(key, body)
	}
	if err != nil {
		return fmt.Errorf("archive: put %s: %w", key, cause(err))
	}
	return nil
}

// Replace writes an object whatever stands under the key.
func (a *Archive) Replace(ctx context.Context, key string, body []byte) error {
	if err := check(ctx, key); err != nil {
		return err
	}
	if err := a.write(key, body, os.Rename); err != nil {
		return fmt.Errorf("archive: replace %s: %w", key, cause(err))
	}
	return nil
}

// Get returns exactly the bytes asked for; see archive.Archive.
func (a *Archive) Get(ctx context.Context, key string, offset, length int64) ([]byte, error) {
	if err := check(ctx, key); err != nil {
		return nil, err
	}
	body, err := readRange(a.path(key), offset, length)
	if err != nil {
		return nil, fmt.Errorf("archive: get %s: %w", key, cause(err))
	}
	return body, nil
}

// List returns the keys that start with prefix, in lexical order.
func (a *Archive) List(ctx context.Context, prefix string) ([]string, error) {
	if err := archive.CheckPrefix(prefix); err != nil {
		return nil, err
	}
	folder := filepath.Join(a.dir, filepath.FromSlash(prefix[:strings.LastIndex(prefix, "/")+1]))
	var keys []string
	err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if path == folder && missing(err) {
			return fs.SkipAll // no key has this prefix yet
		}
		if err != nil || ctx.Err() != nil {
			return errors.Join(err, ctx.Err())
		}
		if entry.Type().IsRegular() && !strings.HasPrefix(entry.Name(), tempPrefix) {
			if key := a.key(path); strings.HasPrefix(key, prefix) {
				keys = append(keys, key)
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("archive: list %s: %w", prefix, cause(err))
	}
	slices.Sort(keys) // a walk puts "a/b" before "a-b"
	return keys, nil
}

func check(ctx context.Context, key string) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("archive: key %s: %w", key, err)
	}
	return archive.CheckKey(key)
}

func (a *Archive) path(key string) string { return filepath.Join(a.dir, filepath.FromSlash(key)) }

func (a *Archive) key(path string) string {
	return filepath.ToSlash(strings.TrimPrefix(path[len(a.dir):], string(filepath.Separator)))
}

// same decides what a key that is taken means: nil when it holds these very bytes.
func (a *Archive) same(key string, body []byte) error {
	standing, err := readRange(a.path(key), 0, -1)
	if errors.Is(err, archive.ErrNotFound) {
		return fmt.Errorf("archive: put %s: the key is the folder of other objects", key)
	}
	if err != nil {
		return fmt.Errorf("archive: put %s: comparing with what stands there: %w", key, cause(err))
	}
	if !bytes.Equal(standing, body) {
		return fmt.Errorf("archive: put %s: %w", key, archive.ErrExists)
	}
	// Whoever wrote it may have died before the name was on disk.
	if err := syncDir(filepath.Dir(a.path(key))); err != nil {
		return fmt.Errorf("archive: put %s: %w", key, cause(err))
	}
	return nil
}

func readRange(path string, offset, length int64) ([]byte, error) {
	file, err := os.Open(path)
	if missing(err) {
		return nil, archive.ErrNotFound
	}
	if err != nil {
		return nil, err
	}
	defer file.Close()
	info, err := file.Stat()
	switch {
	case err != nil:
		return nil, err
	case info.IsDir():
		return nil, archive.ErrNotFound
	case length < 0:
		length = info.Size() - offset
	}
	if offset < 0 || offset > info.Size() || length > info.Size()-offset {
		return nil, fmt.Errorf("%w: %d bytes from %d of %d", archive.ErrPastEnd, length, offset, info.Size())
	}
	body := make([]byte, length)
	_, err = io.ReadFull(io.NewSectionReader(file, offset, length), body)
	return body, err
}

// missing reports that nothing stands under a name, or that a part of the name is
// a file and not a folder.
func missing(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)
}

// cause takes the file names off an error: the message names the key instead.
func cause(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	var link *os.LinkError
	if errors.As(err, &link) {
		return link.Err
	}
	return err
}
