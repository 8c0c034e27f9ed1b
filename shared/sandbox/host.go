//go:build linux && (amd64 || arm64)

package sandbox

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Sandbox runs programs. It may be used concurrently.
type Sandbox struct {
	config      Config
	interpreter interpreter
	landlock    int      // ABI version in force; 0 when the kernel has none
	slots       chan int // free slots
	root        bool     // whether slots have users of their own
}

// New finds an interpreter and proves, with a run, that this host can confine it.
// From then on the process is not dumpable: no debugger of the same user can attach
// to it and no core is written.
//
// It fails when no interpreter works within the sandbox or when the kernel refuses
// a part of it, and with ErrUnsupported on other platforms.
func New(config Config) (*Sandbox, error) {
	config = config.withDefaults()
	if config.Slots < 1 || config.FirstUID < 1 {
		return nil, fmt.Errorf("sandbox: %d slots from user %d: both must be at least 1", config.Slots, config.FirstUID)
	}
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		return nil, fmt.Errorf("sandbox: make the host non-dumpable: %w", err)
	}
	s := &Sandbox{config: config, landlock: landlockVersion(), root: os.Geteuid() == 0, slots: make(chan int, config.Slots)}
	for i := range config.Slots {
		s.slots <- i
	}
	if err := s.adopt(candidates(config.Python)); err != nil {
		return nil, err
	}
	sweep(cmp.Or(config.TempDir, os.TempDir()), time.Now())
	return s, nil
}

// adopt takes the first interpreter that runs within the sandbox.
func (s *Sandbox) adopt(names []string) error {
	var failed []error
	for _, name := range names {
		found, err := findInterpreter(name)
		if err == nil {
			s.interpreter = found
			err = s.probe()
		}
		if err == nil {
			return nil
		}
		failed = append(failed, fmt.Errorf("%s: %w", name, err))
	}
	return fmt.Errorf("sandbox: no Python interpreter can be run: %w", errors.Join(failed...))
}

// probe runs a program that answers only within the sandbox: a socket must be
// refused there.
func (s *Sandbox) probe() error {
	const source = `
import socket
try:
    socket.socket()
    print('open')
except PermissionError:
    print(input())
`
	result, err := s.Run(context.Background(), Program{Source: source, Stdin: []byte("confined\n")})
	if err != nil {
		return err
	}
	if got := strings.TrimSpace(string(result.Stdout)); got != "confined" || !result.Clean() {
		return fmt.Errorf("probe: printed %q with status %d: %.200s", got, result.ExitCode, result.Stderr)
	}
	return nil
}

// Describe says in one line what is in force, for logs.
func (s *Sandbox) Describe() string {
	user := "own user"
	if s.root {
		user = fmt.Sprintf("users %d–%d", s.config.FirstUID, s.config.FirstUID+s.config.Slots-1)
	}
	layer := "no landlock"
	if s.landlock > 0 {
		layer = fmt.Sprintf("landlock %d", s.landlock)
	}
	return fmt.Sprintf("Python %s at %s; seccomp, %s, %s, %d slots",
		s.interpreter.version, s.interpreter.path, layer, user, s.config.Slots)
}
