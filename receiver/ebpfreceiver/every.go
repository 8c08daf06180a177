// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package ebpfreceiver

import (
	"context"
	"time"

	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/clock"
)

// every does something at each beat of an interval, until ctx is done.
func every(ctx context.Context, interval time.Duration, do func(now time.Time)) error {
	timer := time.NewTimer(untilBeat(interval))
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case now := <-timer.C:
			do(now)
			timer.Reset(untilBeat(interval))
		}
	}
}

func untilBeat(interval time.Duration) time.Duration {
	return time.Until(clock.NextBeat(interval))
}
