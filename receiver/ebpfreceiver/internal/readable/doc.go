// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

// Package readable waits until a descriptor can be read, as a read of a socket
// waits: in the poller of Go's runtime. A goroutine that waits in a system call of
// its own keeps a processor until the runtime's monitor takes it back, after 10 ms,
// and the monitor looks every 20 µs at first (runtime/proc.go, sysmon and retake,
// Go 1.26): with three that waited so, the monitor took half of the agent's CPU time.
package readable
