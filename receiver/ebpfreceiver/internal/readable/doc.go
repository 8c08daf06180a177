// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

// Package readable waits until a descriptor can be read, as a read of a socket
// waits: in the poller of Go's runtime. A goroutine that waits in a system call of
// its own keeps a processor, which the runtime's monitor then looks at every 20 µs,
// and less often later, until it takes it back after 10 ms (runtime/proc.go, sysmon and retake, Go
// 1.26): that took half of the agent's CPU time.
package readable
