// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package confine

import (
	"errors"
	"fmt"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Rights to files (include/uapi/linux/landlock.h).
const (
	execute       = unix.LANDLOCK_ACCESS_FS_EXECUTE
	read          = unix.LANDLOCK_ACCESS_FS_READ_FILE | unix.LANDLOCK_ACCESS_FS_READ_DIR
	truncate      = unix.LANDLOCK_ACCESS_FS_TRUNCATE
	readWriteFile = unix.LANDLOCK_ACCESS_FS_READ_FILE | unix.LANDLOCK_ACCESS_FS_WRITE_FILE | truncate
	ofFiles       = readWriteFile | execute
	readWrite     = read | readWriteFile |
		unix.LANDLOCK_ACCESS_FS_REMOVE_DIR | unix.LANDLOCK_ACCESS_FS_REMOVE_FILE |
		unix.LANDLOCK_ACCESS_FS_MAKE_DIR | unix.LANDLOCK_ACCESS_FS_MAKE_REG |
		unix.LANDLOCK_ACCESS_FS_MAKE_SYM | unix.LANDLOCK_ACCESS_FS_REFER

	// handledV2 are the rights of version 2, the first one under which a file
	// can be moved between directories; all of them are denied unless allowed.
	handledV2 = readWrite&^truncate | execute |
		unix.LANDLOCK_ACCESS_FS_MAKE_CHAR | unix.LANDLOCK_ACCESS_FS_MAKE_BLOCK |
		unix.LANDLOCK_ACCESS_FS_MAKE_SOCK | unix.LANDLOCK_ACCESS_FS_MAKE_FIFO
)

// The versions of Landlock that brought what is used.
const (
	versionRefer    = 2
	versionTruncate = 3
	versionTCP      = 4
)

// ruleset is a set of rules that is not in force yet.
type ruleset struct {
	fd      int
	handled uint64 // rights to files that the kernel knows
}

func newRuleset() (*ruleset, error) {
	version, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, unix.LANDLOCK_CREATE_RULESET_VERSION)
	if errno != 0 {
		return nil, &UnavailableError{errno}
	}
	if version < versionRefer {
		return nil, &UnavailableError{fmt.Errorf("version %d, not %d", version, versionRefer)}
	}
	attributes := unix.LandlockRulesetAttr{Handled_access_fs: handledV2}
	if version >= versionTruncate {
		attributes.Handled_access_fs |= truncate
	}
	size := unsafe.Sizeof(attributes.Handled_access_fs)
	if version >= versionTCP {
		attributes.Handled_access_net = unix.LANDLOCK_ACCESS_NET_CONNECT_TCP // to nobody
		size += unsafe.Sizeof(attributes.Handled_access_net)
	}
	fd, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, uintptr(unsafe.Pointer(&attributes)), size, 0)
	if errno != 0 {
		return nil, &UnavailableError{errno}
	}
	return &ruleset{fd: int(fd), handled: attributes.Handled_access_fs}, nil
}

func (r *ruleset) close() { _ = unix.Close(r.fd) } // nothing was written to it

// allow adds rights to paths and to all that is below them.
func (r *ruleset) allow(rights uint64, paths ...string) error {
	for _, path := range paths {
		if err := r.allowOne(rights, path); err != nil {
			return fmt.Errorf("allowing %s: %w", path, err)
		}
	}
	return nil
}

// allowThere is allow for those of the paths that exist.
func (r *ruleset) allowThere(rights uint64, paths ...string) error {
	for _, path := range paths {
		if err := r.allow(rights, path); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return nil
}

func (r *ruleset) allowOne(rights uint64, path string) error {
	fd, err := unix.Open(path, unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	var stat unix.Stat_t
	if err := unix.Fstat(fd, &stat); err != nil {
		return err
	}
	if stat.Mode&unix.S_IFMT != unix.S_IFDIR {
		rights &= ofFiles
	}
	rule := unix.LandlockPathBeneathAttr{Allowed_access: rights & r.handled, Parent_fd: int32(fd)}
	_, _, errno := unix.Syscall6(unix.SYS_LANDLOCK_ADD_RULE, uintptr(r.fd), unix.LANDLOCK_RULE_PATH_BENEATH, uintptr(unsafe.Pointer(&rule)), 0, 0, 0)
	if errno != 0 {
		return errno
	}
	return nil
}

// enforce puts the rules in force for this thread, for good.
func (r *ruleset) enforce() error {
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("giving up new privileges: %w", err)
	}
	if _, _, errno := unix.Syscall(unix.SYS_LANDLOCK_RESTRICT_SELF, uintptr(r.fd), 0, 0); errno != 0 {
		return fmt.Errorf("enforcing Landlock's rules: %w", errno)
	}
	return nil
}
