package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Whoever has a development chain up can commit on it as a new miner, with the command
// that it names; a second time is one too many.
func TestNewcomerCommitsOnTheDevelopmentChain(t *testing.T) {
	if testing.Short() {
		t.Skip("runs af several times")
	}
	t.Parallel()
	data := filepath.Join(t.TempDir(), "data")
	serving := startAF(t, smallRun(data, "--serve")...)
	serving.stderr.await(t, "--revision SHA", serving.ended)
	said := regexp.MustCompile(`to commit as a new miner: af (commit .*) --repo OWNER/Affine-NAME --revision SHA`).FindStringSubmatch(serving.stderr.String())
	if said == nil {
		t.Fatalf("no command is named:\n%s", &serving.stderr)
	}
	commit := append(strings.Fields(said[1]), "--repo", "new/Affine-1B", "--revision", revisionA)
	if out, stderr, code := runAF(t, commit...); code != 0 || !strings.Contains(out, `"success":true`) || !strings.Contains(stderr, "opened in block") {
		t.Errorf("the first commitment exits with %d: %s\n%s", code, out, stderr)
	}
	commit[len(commit)-3] = "new/Affine-2B"
	if out, _, code := runAF(t, commit...); code != 1 || !strings.Contains(out, "has committed already, new/Affine-1B") {
		t.Errorf("the second commitment exits with %d: %s", code, out)
	}
	if code := serving.end(t, os.Interrupt); code != 0 {
		t.Errorf("the service exits with %d:\n%s", code, &serving.stderr)
	}
}
