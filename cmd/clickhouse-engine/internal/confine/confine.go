// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package confine

import (
	"errors"
	"fmt"
	"os"
	"runtime"

	"golang.org/x/sys/unix"

	"github.com/fathom-otel/fathom/internal/engineenv"
)

// marker is set in the environment of a process that is confined, to ownMark.
const marker = "FATHOM_ENGINE_CONFINED"

// ownMark tells this process from those that pass their environment on to it:
// exec keeps the PID.
func ownMark() string { return fmt.Sprintf("pid %d", os.Getpid()) }

// UnavailableError says that the kernel can not confine.
type UnavailableError struct{ cause error }

func (e *UnavailableError) Error() string {
	return fmt.Sprintf("this kernel has no usable Landlock (%v)", e.cause)
}

// Allowed is what a confined process may still use, besides the system's
// libraries and descriptions of the machine.
type Allowed struct {
	// Writable are directories, with all that is in them.
	Writable []string
	// Readable are files or directories.
	Readable []string
}

// Exec replaces this process by itself, confined: same PID, same arguments, of
// the environment only what an engine needs. In the confined process it does
// nothing and returns nil. Landlock confines a thread and what comes from it,
// and the Go runtime has several threads by now; a new start has one.
//
// Exec returns an *UnavailableError when the kernel can not confine.
func Exec(allowed Allowed) error {
	if os.Getenv(marker) == ownMark() {
		return nil
	}
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("finding the own executable: %w", err)
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread() // reached only when the process stays
	if err := restrict(allowed, self); err != nil {
		return err
	}
	environment := append(engineenv.Of(os.Environ()), marker+"="+ownMark())
	return fmt.Errorf("starting %s again, confined: %w", self, unix.Exec(self, os.Args, environment))
}

func restrict(allowed Allowed, self string) error {
	rules, err := newRuleset()
	if err != nil {
		return err
	}
	defer rules.close()
	err = errors.Join(
		rules.allow(readWrite, allowed.Writable...),
		rules.allow(read, allowed.Readable...),
		rules.allow(read|execute, self),
		rules.allowThere(read|execute, "/lib", "/lib64", "/usr/lib", "/usr/lib64"),
		rules.allowThere(read, machine()...),
		rules.allowThere(readWriteFile, "/dev/null", "/dev/zero", "/dev/random", "/dev/urandom"),
	)
	if err != nil {
		return err
	}
	return rules.enforce()
}

// machine is what the C library, the Go runtime and ClickHouse read of the
// machine and of this process, and nothing of other processes: their
// environment may hold secrets. That of this one holds none, see engineenv.
func machine() []string {
	return []string{
		"/proc/self", "/proc/cpuinfo", "/proc/meminfo", "/proc/stat", "/proc/loadavg", "/proc/uptime",
		"/proc/version", "/proc/filesystems", "/proc/diskstats", "/proc/sys",
		"/sys",
		"/etc/ld.so.cache", "/etc/localtime", "/etc/timezone", "/usr/share/zoneinfo",
		"/etc/hosts", "/etc/resolv.conf", "/etc/nsswitch.conf", "/etc/host.conf", "/etc/os-release",
	}
}
