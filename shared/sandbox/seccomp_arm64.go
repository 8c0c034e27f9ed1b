//go:build linux

package sandbox

import "golang.org/x/sys/unix"

const (
	auditArch = unix.AUDIT_ARCH_AARCH64

	// foreignCalls lies above every number: arm64 has one numbering only.
	foreignCalls = 0x40000000
)

var oldCalls []uint32

func oldChecked() program { return nil }
