//go:build linux && (amd64 || arm64)

package sandbox

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Rights that Landlock can grant beneath a path.
const (
	readFile = unix.LANDLOCK_ACCESS_FS_READ_FILE
	readTree = readFile | unix.LANDLOCK_ACCESS_FS_READ_DIR
	execute  = unix.LANDLOCK_ACCESS_FS_EXECUTE
)

// grant is a path and what may be done beneath it. All else is denied.
type grant struct {
	Path   string `json:"path"`
	Access uint64 `json:"access"`
}

// systemGrants are what any interpreter needs of the host: shared libraries and
// their loader, the time zones, the two devices that hold nothing.
func systemGrants() []grant {
	return []grant{
		{"/lib", readTree | execute}, {"/lib64", readTree | execute},
		{"/usr/lib", readTree | execute}, {"/usr/lib64", readTree | execute},
		{"/usr/local/lib", readTree | execute},
		{"/etc/ld.so.cache", readFile}, {"/etc/localtime", readFile}, {"/usr/share/zoneinfo", readTree},
		{"/dev/null", readFile}, {"/dev/urandom", readFile},
	}
}

// landlockVersion is the kernel's Landlock ABI, 0 when it has none.
func landlockVersion() int {
	v, _, errno := unix.RawSyscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, unix.LANDLOCK_CREATE_RULESET_VERSION)
	if errno != 0 {
		return 0
	}
	return int(v)
}

// landlock denies the calling thread, and what it executes, every use of the file
// system but the grants. A granted path that does not exist is left out. The thread
// needs no_new_privs.
func landlock(version int, grants []grant) error {
	attr := landlockRules(version)
	fd, _, errno := unix.RawSyscall(unix.SYS_LANDLOCK_CREATE_RULESET,
		uintptr(unsafe.Pointer(&attr)), unsafe.Sizeof(attr), 0)
	if errno != 0 {
		return fmt.Errorf("landlock ruleset: %w", errno)
	}
	for _, g := range grants {
		if err := addGrant(int(fd), g); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("landlock rule for %s: %w", g.Path, err)
		}
	}
	if _, _, errno := unix.RawSyscall(unix.SYS_LANDLOCK_RESTRICT_SELF, fd, 0, 0); errno != 0 {
		return fmt.Errorf("landlock: %w", errno)
	}
	return nil
}

// landlockRules names all that the ABI version can restrict; what is restricted is
// denied where no grant allows it.
func landlockRules(version int) unix.LandlockRulesetAttr {
	attr := unix.LandlockRulesetAttr{Handled_access_fs: unix.LANDLOCK_ACCESS_FS_MAKE_SYM<<1 - 1}
	if version >= 2 {
		attr.Handled_access_fs |= unix.LANDLOCK_ACCESS_FS_REFER
	}
	if version >= 3 {
		attr.Handled_access_fs |= unix.LANDLOCK_ACCESS_FS_TRUNCATE
	}
	if version >= 4 {
		attr.Handled_access_net = unix.LANDLOCK_ACCESS_NET_BIND_TCP | unix.LANDLOCK_ACCESS_NET_CONNECT_TCP
	}
	if version >= 5 {
		attr.Handled_access_fs |= unix.LANDLOCK_ACCESS_FS_IOCTL_DEV
	}
	if version >= 6 {
		attr.Scoped = unix.LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET | unix.LANDLOCK_SCOPE_SIGNAL
	}
	return attr
}

func addGrant(ruleset int, g grant) error {
	path, err := os.OpenFile(g.Path, unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer path.Close()
	if info, err := path.Stat(); err != nil {
		return err
	} else if !info.IsDir() {
		g.Access &^= unix.LANDLOCK_ACCESS_FS_READ_DIR
	}
	attr := unix.LandlockPathBeneathAttr{Allowed_access: g.Access, Parent_fd: int32(path.Fd())}
	_, _, errno := unix.RawSyscall6(unix.SYS_LANDLOCK_ADD_RULE, uintptr(ruleset),
		unix.LANDLOCK_RULE_PATH_BENEATH, uintptr(unsafe.Pointer(&attr)), 0, 0, 0)
	if errno != 0 {
		return errno
	}
	return nil
}
