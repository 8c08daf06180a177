// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package ebpfreceiver

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// initPIDNamespace is the inode number of the host's PID namespace, the same on
// every kernel: PROC_PID_INIT_INO of include/linux/proc_ns.h.
const initPIDNamespace = 0xEFFFFFFC

// errPIDNamespace: the programs name processes by the host's IDs, discovery by
// those that the collector sees. Where the two differ nothing would be observed.
var errPIDNamespace = errors.New("the collector does not run in the host's PID namespace, whose process IDs the BPF programs tell: " +
	"set hostPID: true for its pod, or --pid=host for its container")

// requireHostPIDs returns errPIDNamespace where this process numbers processes
// otherwise than the kernel.
func requireHostPIDs() error {
	const link = "/proc/self/ns/pid"
	info, err := os.Stat(link)
	if err != nil {
		return fmt.Errorf("looking at the collector's PID namespace: %w", err)
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return fmt.Errorf("looking at the collector's PID namespace: %s has no inode", link)
	}
	if stat.Ino != initPIDNamespace {
		return errPIDNamespace
	}
	return nil
}
