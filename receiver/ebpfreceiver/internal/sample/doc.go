// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

// Package sample makes time ledgers without a probe on the goroutine scheduler:
// a hundred times a second it reads the state of each goroutine that is in a
// span out of its process's memory, and keeps what it saw as a timeline until
// the span's end is told.
//
// Timeline and state are pure; Sampler does the reading. Times are nanoseconds
// of CLOCK_MONOTONIC.
package sample
