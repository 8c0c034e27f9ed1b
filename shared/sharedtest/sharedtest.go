// Package sharedtest finds golden vectors and recorded data that tests read but
// the project does not contain.
package sharedtest

import (
	"os"
	"path/filepath"
	"testing"
)

// Setting names the folder that holds vectors/ and data/.
const Setting = "AFFINE_SHARED"

// Dir returns the path of sub within the folder that AFFINE_SHARED names. Without
// the setting, or when the folder lacks sub, the test is skipped with a message
// that says what was not checked; on CI (CI=true) it fails instead.
func Dir(t testing.TB, sub ...string) string {
	t.Helper()
	root := os.Getenv(Setting)
	if root == "" {
		missing(t, "NOT CHECKED: set %s to the folder with the golden vectors to run %s", Setting, t.Name())
	}
	path := filepath.Join(append([]string{root}, sub...)...)
	if _, err := os.Stat(path); err != nil {
		missing(t, "NOT CHECKED: %s: %s=%s lacks it: %v", t.Name(), Setting, root, err)
	}
	return path
}

func missing(t testing.TB, format string, args ...any) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf(format, args...)
	}
	t.Skipf(format, args...)
}
