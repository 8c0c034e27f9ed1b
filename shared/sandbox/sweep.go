//go:build linux && (amd64 || arm64)

package sandbox

import (
	"os"
	"path/filepath"
	"strings"
	"time"
)

// dirPrefix begins the name of every private directory of a run.
const dirPrefix = "affine-sandbox-"

// leftAfter is the age past which no run can still use its directory.
const leftAfter = time.Hour

// sweep removes the directories that hosts left behind which were killed. What
// cannot be removed, because it is another user's, stays.
func sweep(parent string, now time.Time) {
	entries, err := os.ReadDir(parent)
	if err != nil {
		return // the run that wants a directory here will say so
	}
	for _, e := range entries {
		if !e.IsDir() || !strings.HasPrefix(e.Name(), dirPrefix) {
			continue
		}
		if info, err := e.Info(); err == nil && now.Sub(info.ModTime()) > leftAfter {
			_ = os.RemoveAll(filepath.Join(parent, e.Name()))
		}
	}
}
