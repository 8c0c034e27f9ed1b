//go:build linux && (amd64 || arm64)

package sandbox

import (
	"slices"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The filter is classic BPF over struct seccomp_data: nr at 0, arch at 4, the six
// arguments at 16, eight bytes each, little-endian on both architectures.
const (
	offsetNr   = 0
	offsetArch = 4
	offsetArgs = 16
)

// What the filter returns.
const (
	allow   = unix.SECCOMP_RET_ALLOW
	refuse  = unix.SECCOMP_RET_ERRNO | uint32(unix.EPERM)
	missing = unix.SECCOMP_RET_ERRNO | uint32(unix.ENOSYS)
	kill    = unix.SECCOMP_RET_KILL_PROCESS
)

// allowed are the calls that CPython and its standard library need for a program
// that computes, reads files and uses threads, whatever the arguments. Each
// architecture adds its older names in oldCalls. All that is in neither list nor
// under checked is refused with EPERM.
var allowed = []uint32{
	unix.SYS_READ, unix.SYS_WRITE, unix.SYS_FUTEX, unix.SYS_MMAP, unix.SYS_MUNMAP,
	unix.SYS_BRK, unix.SYS_LSEEK, unix.SYS_CLOSE, unix.SYS_FSTAT, unix.SYS_NEWFSTATAT, unix.SYS_STATX,
	unix.SYS_MPROTECT, unix.SYS_MREMAP, unix.SYS_MADVISE,
	unix.SYS_READV, unix.SYS_WRITEV, unix.SYS_PREAD64, unix.SYS_GETDENTS64,
	unix.SYS_READLINKAT, unix.SYS_FACCESSAT, unix.SYS_FACCESSAT2, unix.SYS_GETCWD,
	unix.SYS_DUP, unix.SYS_DUP3, unix.SYS_PIPE2, unix.SYS_PPOLL, unix.SYS_PSELECT6,
	unix.SYS_RT_SIGACTION, unix.SYS_RT_SIGPROCMASK, unix.SYS_RT_SIGRETURN, unix.SYS_SIGALTSTACK,
	unix.SYS_RESTART_SYSCALL, unix.SYS_SET_ROBUST_LIST, unix.SYS_SET_TID_ADDRESS, unix.SYS_RSEQ,
	unix.SYS_SCHED_YIELD, unix.SYS_SCHED_GETAFFINITY,
	unix.SYS_GETPID, unix.SYS_GETPPID, unix.SYS_GETTID,
	unix.SYS_GETUID, unix.SYS_GETEUID, unix.SYS_GETGID, unix.SYS_GETEGID,
	unix.SYS_GETRANDOM, unix.SYS_GETRUSAGE, unix.SYS_TIMES, unix.SYS_UNAME, unix.SYS_SYSINFO,
	unix.SYS_CLOCK_GETTIME, unix.SYS_CLOCK_GETRES, unix.SYS_GETTIMEOFDAY,
	unix.SYS_NANOSLEEP, unix.SYS_CLOCK_NANOSLEEP,
	// The child itself becomes the interpreter through this call. The program may
	// repeat it: whatever it then is, the filter, the limits and Landlock remain.
	unix.SYS_EXECVE,
	unix.SYS_EXIT, unix.SYS_EXIT_GROUP,
}

// absent are calls whose callers fall back to older ones that can be checked: clone3
// and openat2 keep their flags in memory, where a filter cannot look.
var absent = []uint32{unix.SYS_CLONE3, unix.SYS_OPENAT2}

const (
	// openWrites are the flags by which open could change a file.
	openWrites = unix.O_ACCMODE | unix.O_CREAT | unix.O_TRUNC | unix.O_APPEND
	// newNamespaces are the flags by which clone could enter a namespace.
	newNamespaces = unix.CLONE_NEWNS | unix.CLONE_NEWCGROUP | unix.CLONE_NEWUTS | unix.CLONE_NEWIPC |
		unix.CLONE_NEWUSER | unix.CLONE_NEWPID | unix.CLONE_NEWNET
)

// Numbers of asm-generic/ioctls.h, which both architectures share.
const (
	fioclex  = 0x5451 // close on exec
	fionread = 0x541b // bytes that can be read
)

type program []unix.SockFilter

// checked are the calls that are allowed with some arguments only. Pid is the
// child's own, which the interpreter keeps.
func checked(pid int) program {
	var p program
	p = append(p, when(unix.SYS_OPENAT, without(2, openWrites))...)
	p = append(p, when(unix.SYS_CLONE, threadsOnly())...)
	p = append(p, when(unix.SYS_TGKILL, oneOf(0, uint32(pid)))...)
	p = append(p, when(unix.SYS_FCNTL, oneOf(1, unix.F_DUPFD, unix.F_DUPFD_CLOEXEC,
		unix.F_GETFD, unix.F_SETFD, unix.F_GETFL, unix.F_SETFL))...)
	p = append(p, when(unix.SYS_IOCTL, oneOf(1, unix.TCGETS, unix.TIOCGWINSZ, fioclex, fionread))...)
	p = append(p, when(unix.SYS_PRLIMIT64, nullPointer(2))...)
	return append(p, oldChecked()...)
}

// filter is the whole program for a child with this pid.
func filter(pid int) program {
	p := program{
		load(offsetArch), jump(unix.BPF_JEQ, auditArch, 1, 0), ret(kill),
		load(offsetNr), jump(unix.BPF_JGE, foreignCalls, 0, 1), ret(missing),
	}
	for _, nr := range slices.Concat(allowed, oldCalls) {
		p = append(p, when(nr, program{ret(allow)})...)
	}
	for _, nr := range absent {
		p = append(p, when(nr, program{ret(missing)})...)
	}
	p = append(p, checked(pid)...)
	return append(p, ret(refuse))
}

// when runs body for the call nr; a body ends by returning.
func when(nr uint32, body program) program {
	return append(program{jump(unix.BPF_JEQ, nr, 0, uint8(len(body)))}, body...)
}

// without allows a call when its argument has none of the bits.
func without(arg int, bits uint32) program {
	return program{load(low(arg)), jump(unix.BPF_JSET, bits, 0, 1), ret(refuse), ret(allow)}
}

// oneOf allows a call when its argument, an int, is one of the values.
func oneOf(arg int, values ...uint32) program {
	p := program{load(low(arg))}
	for _, v := range values {
		p = append(p, jump(unix.BPF_JEQ, v, 0, 1), ret(allow))
	}
	return append(p, ret(refuse))
}

// nullPointer allows a call when its argument is a null pointer.
func nullPointer(arg int) program {
	return program{
		load(low(arg)), jump(unix.BPF_JEQ, 0, 1, 0), ret(refuse),
		load(low(arg) + 4), jump(unix.BPF_JEQ, 0, 1, 0), ret(refuse),
		ret(allow),
	}
}

// threadsOnly allows clone for a thread of the same process, in its namespaces.
func threadsOnly() program {
	return append(program{load(low(0)), jump(unix.BPF_JSET, unix.CLONE_THREAD, 1, 0), ret(refuse)},
		without(0, newNamespaces)...)
}

func low(arg int) uint32 { return offsetArgs + 8*uint32(arg) }

func load(offset uint32) unix.SockFilter {
	return unix.SockFilter{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: offset}
}

func jump(test uint16, k uint32, yes, no uint8) unix.SockFilter {
	return unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_K | test, K: k, Jt: yes, Jf: no}
}

func ret(action uint32) unix.SockFilter {
	return unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: action}
}

// install puts the calling thread, and what it executes, under the filter. It
// needs no_new_privs and allocates nothing.
func (p program) install() unix.Errno {
	prog := unix.SockFprog{Len: uint16(len(p)), Filter: &p[0]}
	_, _, errno := unix.RawSyscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, 0, uintptr(unsafe.Pointer(&prog)))
	return errno
}
