// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

// Package clock reads the kernel's clocks. None of them makes its caller wait, so
// Go's scheduler is not told of the system call: it would wake its monitor up each
// time that nothing else runs, which costs many times what the clock does
// (runtime/proc.go, entersyscall, Go 1.26).
package clock

import (
	"fmt"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Monotonic is CLOCK_MONOTONIC in ns, the clock of the BPF programs.
func Monotonic() uint64 {
	t, err := read(unix.CLOCK_MONOTONIC)
	if err != nil {
		panic(err) // this one is always there
	}
	return uint64(t)
}

// CPUTime is what all threads of a process have used, those that ended included,
// to the nanosecond. It fails with EINVAL or ESRCH for one that has ended.
func CPUTime(pid int) (time.Duration, error) {
	const sched = 2 // MAKE_PROCESS_CPUCLOCK with CPUCLOCK_SCHED, include/linux/posix-timers.h
	t, err := read(int32(^pid<<3 | sched))
	if err != nil {
		return 0, fmt.Errorf("reading the CPU time of process %d: %w", pid, err)
	}
	return t, nil
}

func read(clock int32) (time.Duration, error) {
	var t unix.Timespec
	_, _, errno := unix.RawSyscall(unix.SYS_CLOCK_GETTIME, uintptr(clock), uintptr(unsafe.Pointer(&t)), 0)
	if errno != 0 {
		return 0, errno
	}
	return time.Duration(t.Nano()), nil
}
