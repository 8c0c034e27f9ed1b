package devnet

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// FolderVersion is the layout of the data folder that this build reads and writes.
const FolderVersion = 1

var (
	// ErrNewerFolder is returned for a data folder that a newer build has written;
	// nothing in it has been touched.
	ErrNewerFolder = errors.New("the data folder was written by a newer version of this program")

	// ErrBusyFolder is returned when another process works in the data folder.
	ErrBusyFolder = errors.New("the data folder is in use by another process")
)

// folder is an exclusively held data folder. The kernel gives the lock back when
// the process ends, however it ends.
type folder struct {
	dir  string
	lock *os.File
}

// lockPatience is how long a busy folder is waited for. A child that a killed process was
// just starting holds the lock on until it runs its own program, or ends.
const lockPatience = 2 * time.Second

func openFolder(ctx context.Context, dir string) (*folder, error) {
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return nil, fmt.Errorf("data folder: %w", err)
	}
	lock, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("data folder: %w", err)
	}
	f := &folder{dir: dir, lock: lock}
	if err := f.hold(ctx); err != nil {
		return nil, f.fail(err)
	}
	if err := f.checkVersion(); err != nil {
		return nil, f.fail(err)
	}
	return f, nil
}

// hold takes the lock, once it is free.
func (f *folder) hold(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, lockPatience)
	defer cancel()
	for {
		if syscall.Flock(int(f.lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s: %w: end that one, or choose another with --data", f.dir, ErrBusyFolder)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func (f *folder) fail(err error) error { return errors.Join(err, f.close()) }

func (f *folder) close() error { return f.lock.Close() }

func (f *folder) path(name string) string { return filepath.Join(f.dir, name) }

func (f *folder) checkVersion() error {
	name := f.path("VERSION")
	text, err := os.ReadFile(name)
	if errors.Is(err, os.ErrNotExist) {
		return writeVersion(name)
	}
	if err != nil {
		return fmt.Errorf("data folder: %w", err)
	}
	version, err := strconv.Atoi(strings.TrimSpace(string(text)))
	switch {
	case err != nil:
		return fmt.Errorf("%s: %q is no version: this is not a data folder of af", name, clip(text))
	case version > FolderVersion:
		return fmt.Errorf("%s: %w: layout %d, this build knows up to %d: update af, or choose another folder with --data", f.dir, ErrNewerFolder, version, FolderVersion)
	}
	return nil
}

func clip(text []byte) string { return string(text[:min(len(text), 40)]) }

func writeVersion(name string) error {
	temp := name + ".new"
	if err := os.WriteFile(temp, []byte(strconv.Itoa(FolderVersion)+"\n"), 0o600); err != nil {
		return fmt.Errorf("data folder: %w", err)
	}
	if err := os.Rename(temp, name); err != nil {
		return fmt.Errorf("data folder: %w", err)
	}
	return nil
}
