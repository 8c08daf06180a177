// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

// Package allocations reads out of a process's memory what the Go runtime keeps
// for its heap profile: which stacks allocated how much, and how much of that is
// still in use. The process is not stopped, and nothing runs for it there.
package allocations
