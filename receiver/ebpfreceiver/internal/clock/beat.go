// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package clock

import "time"

// NextBeat is the next moment that is a multiple of the interval by CLOCK_MONOTONIC.
// What is done at intervals that are multiples of each other is done at the same
// moments then, so that a process which has nothing else to do wakes up once for all
// of it.
func NextBeat(interval time.Duration) time.Time {
	monotonic := Monotonic() // before the time, so that it is never too soon
	return time.Now().Add(untilBeat(monotonic, interval))
}

// untilBeat is positive, and at most the interval.
func untilBeat(monotonic uint64, interval time.Duration) time.Duration {
	return interval - time.Duration(monotonic%uint64(interval))
}
