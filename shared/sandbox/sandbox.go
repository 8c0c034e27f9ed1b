// Package sandbox runs an untrusted Python program so that nothing it does reaches
// a secret, the network, the file system or the process that started it, and so
// that it ends.
//
// The program runs in a child of its own, made in two steps: the host executes its
// own binary again, that copy gives up every right (Main) and then becomes the
// interpreter. What holds the program:
//
//   - resource limits on CPU time, address space, files, threads and file size;
//   - an own session, killed as a group when the wall limit passes;
//   - no new privileges, no capabilities, and as root an own user id per slot;
//   - a seccomp allow-list: no sockets of any family, no processes, no signals, no
//     file opened for writing, no ptrace, namespaces, keys, bpf, io_uring;
//   - Landlock where the kernel has it: nothing is readable but the interpreter's
//     libraries and the program itself, and nothing else can be executed;
//   - an environment of three fixed variables, no inherited descriptor, an own
//     directory that is removed afterwards;
//   - a host that is not dumpable, so that /proc shows no one its environment.
//
// Whatever of this the kernel refuses makes New or Run fail with a message; the
// program is then not run. Landlock alone is optional, for kernels before 5.13 and
// hosts that switch it off; Describe says what is in force.
//
// The same program with the same input gives the same output: string hashes are
// not randomised and only the interpreter's standard library can be imported.
package sandbox

import (
	"cmp"
	"errors"
	"time"
)

// ErrUnsupported means that this operating system or processor has no sandbox.
var ErrUnsupported = errors.New("sandbox: only Linux on amd64 and arm64 can run untrusted programs")

// Config says how programs are run. The zero value is ready for use.
type Config struct {
	// Python is the interpreter: a path, or a name to look up in PATH. When empty,
	// the first of "python3" in PATH, /usr/bin/python3 and /usr/local/bin/python3
	// that works within the sandbox; 3.8 or later.
	Python string

	Slots    int    // programs that may run at once, 8 when 0; further ones wait
	FirstUID int    // as root, slot i runs as user and group FirstUID+i; 60600 when 0
	TempDir  string // where the private directories are made; os.TempDir() when empty
}

// Defaults of Config.
const (
	defaultSlots    = 8
	defaultFirstUID = 60600 // systemd, Debian and Fedora leave 60578–61183 unused
)

func (c Config) withDefaults() Config {
	if c.Slots == 0 {
		c.Slots = defaultSlots
	}
	if c.FirstUID == 0 {
		c.FirstUID = defaultFirstUID
	}
	return c
}

// Program is what to run.
type Program struct {
	Source string // Python source, UTF-8 unless it declares another coding
	Stdin  []byte
	Limits Limits
}

// Limits bound one run. A field that is 0 takes its default.
type Limits struct {
	CPU     time.Duration // processor time, rounded up to whole seconds; 5 s
	Wall    time.Duration // from start to end; 10 s
	Memory  int64         // bytes of address space; 512 MiB
	Output  int           // bytes of stdout, and of stderr; 1 MiB
	Files   int           // open descriptors; 64
	Threads int           // threads, enforced as root only; 32
}

func (l Limits) withDefaults() Limits {
	return Limits{
		CPU:     cmp.Or(l.CPU, 5*time.Second),
		Wall:    cmp.Or(l.Wall, 10*time.Second),
		Memory:  cmp.Or(l.Memory, 512<<20),
		Output:  cmp.Or(l.Output, 1<<20),
		Files:   cmp.Or(l.Files, 64),
		Threads: cmp.Or(l.Threads, 32),
	}
}

// Limit names the limit that ended a run.
type Limit string

const (
	NoLimit     Limit = ""       // the program ended by itself
	LimitCPU    Limit = "cpu"    // it used up its processor time
	LimitWall   Limit = "wall"   // it was still running after its wall time
	LimitMemory Limit = "memory" // it died of MemoryError
	LimitOutput Limit = "output" // it wrote more than was allowed
)

// Result is how a run ended.
type Result struct {
	Stdout, Stderr []byte        // at most Limits.Output bytes each
	ExitCode       int           // exit status; -1 when a signal ended it
	Signal         string        // the signal that ended it, such as "killed"; else empty
	Limit          Limit         // the limit that ended it; else NoLimit
	Wall, CPU      time.Duration // of the whole child, interpreter start included
}

// Clean reports whether the program ended by itself, with status 0 and nothing on
// stderr.
func (r Result) Clean() bool {
	return r.Limit == NoLimit && r.ExitCode == 0 && len(r.Stderr) == 0
}
