// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package emit

import (
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
)

// Clock turns CLOCK_MONOTONIC, by which the records tell time, into wall time.
type Clock struct{ offset int64 }

// NewClock is the clock for a moment that was read as both.
func NewClock(wall time.Time, monotonic uint64) Clock {
	return Clock{offset: wall.UnixNano() - int64(monotonic)}
}

// Wall is the wall time at a reading of CLOCK_MONOTONIC in nanoseconds.
func (c Clock) Wall(monotonic uint64) pcommon.Timestamp {
	return pcommon.Timestamp(int64(monotonic) + c.offset)
}
