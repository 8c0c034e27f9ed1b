package devnet

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// held takes a folder's lock as another process would.
func held(t *testing.T, dir string) *os.File {
	t.Helper()
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err == nil {
		err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX)
	}
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// What is left of a killed process lets go of the folder soon; that is waited for.
func TestFolderIsWaitedFor(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		other := held(t, dir)
		time.AfterFunc(lockPatience/2, func() { _ = other.Close() })
		f, err := openFolder(t.Context(), dir)
		if err != nil {
			t.Fatal(err)
		}
		if err := f.close(); err != nil {
			t.Error(err)
		}
	})
}

// A folder that another process works in is refused, after a while.
func TestBusyFolder(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		other := held(t, dir)
		defer other.Close()
		begun := time.Now()
		if _, err := openFolder(t.Context(), dir); !errors.Is(err, ErrBusyFolder) {
			t.Errorf("error %v, want ErrBusyFolder", err)
		}
		if waited := time.Since(begun); waited != lockPatience {
			t.Errorf("waited for %v, want %v", waited, lockPatience)
		}
	})
}
