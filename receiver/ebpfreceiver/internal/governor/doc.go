// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

// Package governor keeps what probes cost a process within a share of the CPU
// time that the process itself uses. It reckons the cost from how often probes
// were hit and what a hit costs on this machine, and takes probes off, the most
// costly ones first, until the share has paid for them.
package governor
