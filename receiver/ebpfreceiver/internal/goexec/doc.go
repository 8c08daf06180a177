// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

// Package goexec analyses Go executables: it proves, for one binary, the
// addresses and offsets that probes and memory readers need. Where a fact
// cannot be proven the caller gets an error, never a guess: a probe at a wrong
// offset crashes its target.
//
// Everything here is bounded in memory and time, because the file may be
// hostile or broken. Addresses are link-time virtual addresses unless the name
// says otherwise; offsets into the file are what the kernel's uprobes want.
package goexec
