package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// fullDisk runs af on a file system of 2 MB, gives it more room, runs af again over
// the same folder, and copies that folder out before the file system goes.
const fullDisk = `
mount -t tmpfs -o size=2m tmpfs "$DISK" || exit 77
"$AF" dev --data "$DISK/data" --samples 40 --block-time 50ms --latency 0.005 >"$OUT/first" 2>&1
echo $? >"$OUT/code"
mount -o remount,size=200m "$DISK" || exit 77
"$AF" dev --data "$DISK/data" --samples 40 --block-time 50ms --latency 0.005 >"$OUT/second" 2>&1 || exit 1
cp -R "$DISK/data" "$OUT/data"
`

// A full disk ends a run with one line that says so and an exit code; a later run
// with room goes on and has everything once.
func TestFullDiskEndsARunAndLosesNothing(t *testing.T) {
	if testing.Short() {
		t.Skip("samples a whole subnet")
	}
	t.Parallel()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	out, disk, tool := t.TempDir(), t.TempDir(), filepath.Join(t.TempDir(), "af")
	if err := os.Symlink(self, tool); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "unshare", "--mount", "sh", "-c", fullDisk)
	cmd.Env = append(os.Environ(), "AFFINE_CRUXEVAL=", "AF="+tool, "OUT="+out, "DISK="+disk)
	said, err := cmd.CombinedOutput()
	if _, ran := os.Stat(filepath.Join(out, "code")); ran != nil {
		t.Skipf("NOT TESTED: a full disk, since no file system can be mounted here: %v: %s", err, said)
	}
	if err != nil {
		t.Fatalf("%v: %s%s", err, said, read(t, filepath.Join(out, "second")))
	}
	first := strings.TrimSpace(string(read(t, filepath.Join(out, "first"))))
	lines := strings.Split(first, "\n")
	last := lines[len(lines)-1]
	if code := strings.TrimSpace(string(read(t, filepath.Join(out, "code")))); code != "1" ||
		!strings.HasPrefix(last, "af: dev: ") || !strings.Contains(last, "full") && !strings.Contains(last, "no space") {
		t.Errorf("exit code %s and\n%s\nwant 1 and a last line that names the full disk", code, first)
	}
	if n := strings.Count(first, "level="); n > 20 {
		t.Errorf("%d log lines bury the error", n)
	}
	checkFolder(t, filepath.Join(out, "data"))
}
