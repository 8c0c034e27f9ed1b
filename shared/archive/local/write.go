package local

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// write brings an object onto the disk and gives it its name by publish, which is
// os.Link (fails when the name is taken) or os.Rename (takes it).
func (a *Archive) write(key string, body []byte, publish func(temp, path string) error) error {
	path := a.path(key)
	folder := filepath.Dir(path)
	if err := makeDir(folder); err != nil {
		return err
	}
	temp, err := writeTemp(folder, body)
	if err != nil {
		return err
	}
	err = publish(temp, path)
	if gone := os.Remove(temp); gone != nil && !errors.Is(gone, fs.ErrNotExist) {
		err = errors.Join(err, gone)
	}
	if err != nil {
		return err
	}
	return syncDir(folder)
}

// writeTemp writes a synced file with a temporary name, or leaves nothing behind.
func writeTemp(folder string, body []byte) (string, error) {
	file, err := os.CreateTemp(folder, tempPattern)
	if err != nil {
		return "", err
	}
	_, err = file.Write(body)
	if err == nil {
		err = file.Chmod(0o644) // analysts read the archive under their own account
	}
	if err == nil {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err != nil {
		os.Remove(file.Name()) // best effort: what stays is swept by a later Open
		return "", err
	}
	return file.Name(), nil
}

// makeDir is os.MkdirAll that also syncs the folder each new folder is named in:
// a file is not durable while its folder's name is not.
func makeDir(dir string) error {
	info, err := os.Stat(dir)
	switch {
	case err == nil && info.IsDir():
		return nil
	case err == nil:
		return &fs.PathError{Op: "mkdir", Path: dir, Err: errors.New("a part of the key is an object, not a folder")}
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	parent := filepath.Dir(dir)
	if parent != dir {
		if err := makeDir(parent); err != nil {
			return err
		}
	}
	if err := os.Mkdir(dir, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return syncDir(parent)
}

func syncDir(dir string) error {
	folder, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}

// sweep removes temporary files last written before the given time.
func sweep(dir string, before time.Time) error {
	return filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // its writer finished meanwhile
		}
		if err != nil || !entry.Type().IsRegular() || !strings.HasPrefix(entry.Name(), tempPrefix) {
			return err
		}
		info, err := entry.Info()
		if err == nil && info.ModTime().Before(before) {
			err = os.Remove(path)
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	})
}
