// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

// Package window counts events by time in constant memory and tells exact sums
// over windows that end now.
//
// A Plan says which windows are asked for. Counts has four rings of buckets, in
// which an event is counted at once:
//
//	10 s x 420 = 70 min
//	1 min x 370 = 6 h 10 min
//	5 min x 876 = 73 h
//	1 h x 840 = 35 d
//
// 2,506 buckets of 16 bytes, 39 KiB. A window is served by the finest ring that
// holds it, so it begins at the edge of a bucket of that ring: at time t, a window
// of length w over buckets of width b has the events from e-w on, where e is the
// end of the bucket that t is in. It is shorter than w by less than b. That is the
// only difference from sums over all events; nothing is estimated.
//
// Period counts a calendar's day, week, month, quarter or year by event time, with
// no bucket at all.
//
// The package has no clock and no locks. Times are nanoseconds since 1970, UTC.
package window
