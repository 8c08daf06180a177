// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

// Package governor keeps what observing costs a process within a share of the CPU time
// that the process itself uses. It reckons the cost from how long programs ran for it and
// what the way to each run costs on this machine, and takes probes off, the most costly
// ones first, until the share has paid for them.
package governor
