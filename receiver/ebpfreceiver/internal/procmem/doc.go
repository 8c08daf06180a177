// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

// Package procmem reads the memory of another process. It never writes, never
// stops the process and uses no ptrace: each read is one process_vm_readv(2),
// which needs the rights of PTRACE_MODE_ATTACH_REALCREDS (same user, or
// CAP_SYS_PTRACE).
package procmem
