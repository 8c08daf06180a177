// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package cause

import (
	"context"
	"time"
)

// channel waits to receive what another goroutine sends after d.
func channel(_ context.Context, d time.Duration) error {
	quotes := make(chan int)
	go func() {
		time.Sleep(d)
		quotes <- 1
	}()
	<-quotes
	return nil
}

// selects waits in a select with two cases.
func selects(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
