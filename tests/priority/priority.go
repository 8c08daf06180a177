// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

// Package priority keeps what else a machine does away from tests that measure:
// docs/development.md tells which processes have which, and why.
package priority

import (
	"fmt"
	"os"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// First starts processes that run before all others of the machine, by real-time
// scheduling: threads inherit it. Where that is not allowed they are as others.
func First(t testing.TB, start func()) {
	t.Helper()
	runtime.LockOSThread() // the thread that forks is the one whose priority counts
	defer runtime.UnlockOSThread()
	before, err := unix.SchedGetAttr(0, 0)
	require.NoError(t, err)
	realTime := unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_RR, Priority: 1}
	if err := unix.SchedSetAttr(0, &realTime, 0); err != nil {
		t.Logf("no real-time scheduling (%v): what else this machine does may displace the process", err)
		start()
		return
	}
	defer func() { require.NoError(t, unix.SchedSetAttr(0, before, 0)) }()
	start()
}

// Prefer gives a process that leads a session, its children too, more of the
// CPUs than others get.
func Prefer(t testing.TB, pid int) {
	t.Helper()
	path := fmt.Sprintf("/proc/%d/autogroup", pid)
	if _, err := os.Stat(path); err != nil {
		return // a kernel without CONFIG_SCHED_AUTOGROUP
	}
	if err := os.WriteFile(path, []byte("-15"), 0); err != nil {
		t.Logf("process %d has the priority of others: %v", pid, err)
	}
}
