package local_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/affine-go/affine/shared/archive"
	"github.com/affine-go/affine/shared/archive/local"
)

// inChild names the folder that a child process of this test binary works in.
const inChild = "ARCHIVE_LOCAL_TEST_DIR"

// runChild runs the calling test again in a process of its own, where inChild is set.
func runChild(t *testing.T, dir string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), inChild+"="+dir)
	out, err := cmd.CombinedOutput()
	if err != nil || !bytes.Contains(out, []byte("--- PASS: "+t.Name())) {
		t.Errorf("child process: %v\n%s", err, out)
	}
}

// A file size limit makes a write end half-way with an error, as a full disk does.
func TestDiskFull(t *testing.T) {
	if dir := os.Getenv(inChild); dir != "" {
		fillDisk(t, open(t, dir))
		return
	}
	dir := t.TempDir()
	runChild(t, dir)
	wantFiles(t, dir, "after", "small", "spot")
}

func fillDisk(t *testing.T, a *local.Archive) {
	if err := errors.Join(a.Put(t.Context(), "small", []byte("fits")), a.Replace(t.Context(), "spot", []byte("old"))); err != nil {
		t.Fatal(err)
	}
	signal.Ignore(syscall.SIGXFSZ) // so that the write fails and the process lives
	limit := syscall.Rlimit{Cur: 4096, Max: 1 << 30}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		t.Fatal(err)
	}
	large := bytes.Repeat([]byte("x"), 10_000)
	wantRefusal(t, a.Put(t.Context(), "large", large), "large", syscall.EFBIG)
	wantRefusal(t, a.Replace(t.Context(), "spot", large), "spot", syscall.EFBIG)
	if got, err := a.Get(t.Context(), "spot", 0, -1); err != nil || string(got) != "old" {
		t.Errorf("a refused replace left %.10q, %v", got, err)
	}
	if _, err := a.Get(t.Context(), "large", 0, -1); !errors.Is(err, archive.ErrNotFound) {
		t.Errorf("a refused put left something: %v", err)
	}
	if err := a.Put(t.Context(), "after", []byte("still works")); err != nil {
		t.Error(err)
	}
}

func TestNoPermission(t *testing.T) {
	if dir := os.Getenv(inChild); dir != "" {
		lackPermission(t, dir)
		return
	}
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "locked"), 0o555); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.Chmod(filepath.Dir(dir), 0o755), os.WriteFile(filepath.Join(dir, "secret"), nil, 0o000)); err != nil {
		t.Fatal(err)
	}
	runChild(t, dir)
	wantFiles(t, dir, "secret")
}

func lackPermission(t *testing.T, dir string) {
	a := open(t, dir)
	if os.Getuid() == 0 { // to whom nothing is forbidden
		if err := syscall.Setuid(65534); err != nil {
			t.Fatal(err)
		}
	}
	wantRefusal(t, a.Put(t.Context(), "locked/key", []byte("x")), "locked/key", fs.ErrPermission)
	wantRefusal(t, a.Replace(t.Context(), "locked/key", []byte("x")), "locked/key", fs.ErrPermission)
	wantRefusal(t, a.Put(t.Context(), "locked/new/key", []byte("x")), "locked/new/key", fs.ErrPermission)
	_, err := a.Get(t.Context(), "secret", 0, -1)
	wantRefusal(t, err, "secret", fs.ErrPermission)
	_, err = local.Open(filepath.Join(dir, "locked", "archive"))
	wantRefusal(t, err, "archive", fs.ErrPermission)
}

// wantRefusal holds an error to one line that names the key and tells the cause.
func wantRefusal(t *testing.T, err error, key string, cause error) {
	t.Helper()
	if !errors.Is(err, cause) {
		t.Errorf("%s: %v, want %v", key, err, cause)
		return
	}
	if text := err.Error(); !strings.Contains(text, key) || strings.Contains(text, "\n") {
		t.Errorf("%q is not one line that names %s", text, key)
	}
}

// wantFiles fails unless exactly these files lie in the folder, temporary files
// included.
func wantFiles(t *testing.T, dir string, want ...string) {
	t.Helper()
	var got []string
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			got = append(got, strings.TrimPrefix(path, dir+"/"))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(got, want) {
		t.Errorf("files %q, want %q", got, want)
	}
}

// A process that is killed while it writes leaves whole objects and nothing else
// that List shows, and the same writes can be made again.
func TestKilledWhileWriting(t *testing.T) {
	if dir := os.Getenv(inChild); dir != "" {
		writeForever(t, open(t, dir))
		return
	}
	dir := t.TempDir()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$")
	cmd.Env = append(os.Environ(), inChild+"="+dir)
	progress, err := cmd.StdoutPipe()
	if err := errors.Join(err, cmd.Start()); err != nil {
		t.Fatal(err)
	}
	if _, err := progress.Read(make([]byte, 64)); err != nil { // some objects stand
		t.Fatal(err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	wantWholeObjects(t, open(t, dir))
}

func writeForever(t *testing.T, a *local.Archive) {
	for i := 0; ; i++ {
		if err := a.Put(t.Context(), fmt.Sprintf("kill/%06d", i), killBody(i)); err != nil {
			t.Fatal(err)
		}
		if i == 20 {
			fmt.Println("twenty written")
		}
	}
}

func wantWholeObjects(t *testing.T, a *local.Archive) {
	t.Helper()
	keys, err := a.List(t.Context(), "kill/")
	if err != nil || len(keys) < 20 {
		t.Fatalf("%d objects, %v; want at least the 20 that were reported", len(keys), err)
	}
	for i, key := range keys {
		if want := fmt.Sprintf("kill/%06d", i); key != want {
			t.Fatalf("object %d is %s", i, key)
		}
		if err := a.Put(t.Context(), key, killBody(i)); err != nil {
			t.Errorf("repeating a write: %v", err)
		}
	}
	if err := a.Put(t.Context(), fmt.Sprintf("kill/%06d", len(keys)), killBody(len(keys))); err != nil {
		t.Errorf("the write that was cut off: %v", err)
	}
}

func killBody(i int) []byte { return bytes.Repeat([]byte{byte(i)}, 100_000) }
