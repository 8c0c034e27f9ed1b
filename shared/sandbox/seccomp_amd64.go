//go:build linux

package sandbox

import "golang.org/x/sys/unix"

const (
	auditArch = unix.AUDIT_ARCH_X86_64

	// foreignCalls is the first number of the x32 calls, a second numbering of the
	// same kernel that a filter by number would not recognise.
	foreignCalls = 0x40000000
)

// oldCalls are allowed calls that newer architectures do not have.
var oldCalls = []uint32{
	unix.SYS_STAT, unix.SYS_LSTAT, unix.SYS_ACCESS, unix.SYS_READLINK, unix.SYS_GETDENTS,
	unix.SYS_DUP2, unix.SYS_PIPE, unix.SYS_POLL, unix.SYS_SELECT, unix.SYS_TIME, unix.SYS_ARCH_PRCTL,
}

func oldChecked() program { return when(unix.SYS_OPEN, without(1, openWrites)) }
