// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package emit

import (
	"time"

	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/clock"
)

// ReadClock reads both clocks now. Wall time is steered, so readings age.
func ReadClock() Clock {
	monotonic := clock.Monotonic()
	return NewClock(time.Now(), monotonic)
}
