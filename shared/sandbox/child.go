//go:build linux && (amd64 || arm64)

package sandbox

import (
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// childName is argv[0] of the copy of the host that becomes the program.
const childName = "affine-sandbox"

// reportFD is where the child reports how far it came: "ready" and end of file
// when it has become the interpreter, else the reason why not.
const reportFD = 3

// ready is reported directly before the child becomes the interpreter.
const ready = "ready"

// sourceName is the program's file in its private directory.
const sourceName = "main.py"

// bootstrap gives the program what it would have as a script under site, which -S
// leaves out together with the host's third-party packages: exit and quit, and its
// own name.
const bootstrap = `import builtins, sys
def exit(code=None):
    raise SystemExit(code)
builtins.exit = builtins.quit = exit
sys.argv[0] = '` + sourceName + `'
del builtins, sys, exit
exec(compile(open('` + sourceName + `', 'rb').read(), '` + sourceName + `', 'exec'))`

// environment is all that a program sees. The interpreter runs without -I and -E,
// which would make it ignore the hash seed.
var environment = []string{"PYTHONHASHSEED=0", "LC_ALL=C.UTF-8", "TZ=UTC"}

// spec tells the child what to become.
type spec struct {
	Python   string  `json:"python"`
	Dir      string  `json:"dir"`
	Parent   int     `json:"parent"` // pid of the host
	UID      int     `json:"uid"`    // user and group to become; 0 keeps the host's
	CPU      uint64  `json:"cpu"`    // seconds
	Memory   uint64  `json:"memory"` // bytes
	Files    uint64  `json:"files"`
	Threads  uint64  `json:"threads"`
	Landlock int     `json:"landlock"` // ABI version; 0 leaves it out
	Grants   []grant `json:"grants"`
}

// Main turns the process into a sandboxed program when the host started it for
// that, and then never returns. Every binary that runs programs, tests included,
// calls it first in main; in any other process it does nothing.
func Main() {
	if len(os.Args) != 2 || os.Args[0] != childName {
		return
	}
	runtime.LockOSThread() // seccomp, Landlock and no_new_privs belong to the thread
	err := become(os.Args[1])
	_, _ = unix.Write(reportFD, []byte(err.Error()))
	os.Exit(1)
}

// become gives up all rights and executes the interpreter. It returns only on
// failure. The order matters: each step still needs what the later ones take away.
func become(text string) error {
	var s spec
	if err := json.Unmarshal([]byte(text), &s); err != nil {
		return fmt.Errorf("read the spec: %w", err)
	}
	if err := os.Chdir(s.Dir); err != nil {
		return fmt.Errorf("enter the private directory: %w", err)
	}
	unix.Umask(0o077)
	for _, step := range []func(spec) error{setLimits, dropUser, tieToParent, closeOnExec, denyPrivileges} {
		if err := step(s); err != nil {
			return err
		}
	}
	return execInterpreter(s)
}

// setLimits sets the limits that the remaining steps do not feel.
func setLimits(s spec) error {
	limits := map[string]struct {
		resource int
		limit    unix.Rlimit
	}{
		// The kernel warns at the soft limit with SIGXCPU and kills a second later.
		"cpu":   {unix.RLIMIT_CPU, unix.Rlimit{Cur: s.CPU, Max: s.CPU + 1}},
		"fsize": {unix.RLIMIT_FSIZE, unix.Rlimit{}},
		"core":  {unix.RLIMIT_CORE, unix.Rlimit{}},
		"files": {unix.RLIMIT_NOFILE, unix.Rlimit{Cur: s.Files, Max: s.Files}},
	}
	if s.UID != 0 { // counts all of a user's threads: only of use to a user of its own
		limits["threads"] = struct {
			resource int
			limit    unix.Rlimit
		}{unix.RLIMIT_NPROC, unix.Rlimit{Cur: s.Threads, Max: s.Threads}}
	}
	for name, l := range limits {
		if err := unix.Prlimit(0, l.resource, &l.limit, nil); err != nil {
			return fmt.Errorf("limit %s: %w", name, err)
		}
	}
	return nil
}

// dropUser leaves root for the slot's user, and with it every capability.
func dropUser(s spec) error {
	if s.UID == 0 {
		return nil
	}
	for c := uintptr(0); ; c++ {
		err := unix.Prctl(unix.PR_CAPBSET_DROP, c, 0, 0, 0)
		if err == unix.EINVAL { // past the last capability
			break
		}
		if err != nil {
			return fmt.Errorf("drop capability %d: %w", c, err)
		}
	}
	if err := unix.Setgroups(nil); err != nil {
		return fmt.Errorf("drop groups: %w", err)
	}
	if err := unix.Setresgid(s.UID, s.UID, s.UID); err != nil {
		return fmt.Errorf("become group %d: %w", s.UID, err)
	}
	if err := unix.Setresuid(s.UID, s.UID, s.UID); err != nil {
		return fmt.Errorf("become user %d: %w", s.UID, err)
	}
	return nil
}

// tieToParent makes the program die with the host. A change of user undoes the
// request that the host made at the fork, so it is made again.
func tieToParent(s spec) error {
	if err := unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(unix.SIGKILL), 0, 0, 0); err != nil {
		return fmt.Errorf("die with the host: %w", err)
	}
	if os.Getppid() != s.Parent {
		return fmt.Errorf("the host %d is gone", s.Parent)
	}
	return nil
}

// closeOnExec keeps all descriptors but the standard ones from the program,
// including any that the host itself inherited. Kernels before 5.11 cannot mark a
// whole range.
func closeOnExec(s spec) error {
	const everything = 1<<31 - 1
	if unix.CloseRange(reportFD, everything, unix.CLOSE_RANGE_CLOEXEC) == nil {
		return nil
	}
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return fmt.Errorf("list descriptors: %w", err)
	}
	for _, entry := range entries {
		var fd int
		if _, err := fmt.Sscan(entry.Name(), &fd); err == nil && fd >= reportFD {
			unix.CloseOnExec(fd)
		}
	}
	return nil
}

func denyPrivileges(s spec) error {
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("no new privileges: %w", err)
	}
	if s.Landlock == 0 {
		return nil
	}
	return landlock(s.Landlock, s.Grants)
}

// execInterpreter takes the last two steps, after which this process can neither allocate
// freely nor make most calls, and executes the interpreter.
func execInterpreter(s spec) error {
	argv, err := syscall.SlicePtrFromStrings([]string{s.Python, "-S", "-s", "-B", "-X", "utf8", "-c", bootstrap})
	if err != nil {
		return fmt.Errorf("arguments: %w", err)
	}
	env, err := syscall.SlicePtrFromStrings(environment)
	if err != nil {
		return fmt.Errorf("environment: %w", err)
	}
	memory := unix.Rlimit{Cur: s.Memory, Max: s.Memory}
	calls := filter(os.Getpid())
	note := []byte(ready)

	if err := unix.Prlimit(0, unix.RLIMIT_AS, &memory, nil); err != nil {
		return fmt.Errorf("limit memory: %w", err)
	}
	if errno := calls.install(); errno != 0 {
		return fmt.Errorf("install the seccomp filter: %w", errno)
	}
	_, _, _ = unix.RawSyscall(unix.SYS_WRITE, reportFD, uintptr(unsafe.Pointer(&note[0])), uintptr(len(note)))
	_, _, errno := unix.RawSyscall(unix.SYS_EXECVE, uintptr(unsafe.Pointer(argv[0])),
		uintptr(unsafe.Pointer(&argv[0])), uintptr(unsafe.Pointer(&env[0])))
	return fmt.Errorf("execute %s: %w", s.Python, errno)
}
