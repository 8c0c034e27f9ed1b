//go:build linux && (amd64 || arm64)

package sandbox

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestSweepRemovesWhatKilledHostsLeft(t *testing.T) {
	parent := t.TempDir()
	now := time.Now()
	for name, age := range map[string]time.Duration{
		dirPrefix + "old": 2 * time.Hour, dirPrefix + "running": time.Minute, "somebody-elses": 2 * time.Hour,
	} {
		dir := filepath.Join(parent, name)
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "program.py"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(dir, now.Add(-age), now.Add(-age)); err != nil {
			t.Fatal(err)
		}
	}
	outside := filepath.Join(t.TempDir(), "outside")
	if err := os.Mkdir(outside, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, filepath.Join(parent, dirPrefix+"link")); err != nil {
		t.Fatal(err)
	}
	sweep(parent, now)
	for name, want := range map[string]bool{
		dirPrefix + "old": false, dirPrefix + "running": true, "somebody-elses": true, dirPrefix + "link": true,
	} {
		if _, err := os.Lstat(filepath.Join(parent, name)); (err == nil) != want {
			t.Errorf("%s is there: %v, want %v", name, err == nil, want)
		}
	}
	if _, err := os.Stat(outside); err != nil {
		t.Errorf("a link was followed: %v", err)
	}
}
