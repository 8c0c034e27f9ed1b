//go:build linux && (amd64 || arm64)

package sandbox

import (
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"path/filepath"
	"time"
)

// interpreter is a Python that was found on the host.
type interpreter struct {
	path    string
	version string
	grants  []grant // what Landlock lets it read and execute
}

func candidates(configured string) []string {
	if configured != "" {
		return []string{configured}
	}
	return []string{"python3", "/usr/bin/python3", "/usr/local/bin/python3"}
}

// describeSelf prints the interpreter behind a name, which may be a script of a
// version manager or belong to a virtual environment.
const describeSelf = `import json, os, platform, sys, sysconfig
print(json.dumps({
    'path': os.path.realpath(getattr(sys, '_base_executable', None) or sys.executable),
    'version': platform.python_version(),
    'folders': [sysconfig.get_path('stdlib'), sysconfig.get_path('platstdlib'), os.path.join(sys.base_prefix, 'lib')]}))`

// askLimit bounds the asking; a script of a version manager may take seconds.
const askLimit = 30 * time.Second

// findInterpreter asks the named command which interpreter it is. The command is
// the operator's own and runs outside the sandbox.
func findInterpreter(name string) (interpreter, error) {
	command, err := exec.LookPath(name)
	if err != nil {
		return interpreter{}, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), askLimit)
	defer cancel()
	out, err := exec.CommandContext(ctx, command, "-I", "-c", describeSelf).Output()
	if err != nil {
		return interpreter{}, fmt.Errorf("ask which interpreter it is: %w", err)
	}
	var self struct {
		Path    string   `json:"path"`
		Version string   `json:"version"`
		Folders []string `json:"folders"`
	}
	if err := json.Unmarshal(out, &self); err != nil {
		return interpreter{}, fmt.Errorf("ask which interpreter it is: %w", err)
	}
	found := interpreter{path: self.Path, version: self.Version, grants: systemGrants()}
	found.grants = append(found.grants, grant{self.Path, readFile | execute})
	for _, folder := range self.Folders {
		if filepath.IsAbs(folder) {
			found.grants = append(found.grants, grant{folder, readTree | execute})
		}
	}
	return found, nil
}
