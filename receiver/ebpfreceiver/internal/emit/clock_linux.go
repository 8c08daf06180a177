// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package emit

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// ReadClock reads both clocks now. Wall time is steered, so readings age.
func ReadClock() (Clock, error) {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts); err != nil {
		return Clock{}, fmt.Errorf("reading CLOCK_MONOTONIC: %w", err)
	}
	return NewClock(time.Now(), uint64(ts.Nano())), nil
}
