// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

// Package goroutines takes dumps of the goroutines of a Go process out of its
// memory: no probe, no stop, no code in the process. It groups them as Go's own
// goroutine profile would, says for how long they have been there, and finds
// groups that leak.
//
// A Layout says where a binary keeps its goroutines, a Reader walks them, a
// Tracker makes groups of them and compares successive dumps, and a Watch says
// which groups leak and which of these was not told before.
//
// The process runs on while it is read. What a goroutine looked like before and
// after its stack was read is compared; what changed is not believed. All is
// bounded by Limits, and what is beyond them is counted.
package goroutines
