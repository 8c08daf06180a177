// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package cause

import (
	"context"
	"runtime"
	"sync"
	"time"
)

// spinnersPerP is how many CPU-bound goroutines each P gets.
const spinnersPerP = 8

// scheduler starts more CPU-bound goroutines than there are Ps and then yields:
// the caller is ready to run and waits for its turn. They all stop when d is over.
func scheduler(_ context.Context, d time.Duration) error {
	deadline := time.Now().Add(d)
	var spinners sync.WaitGroup
	for range spinnersPerP * runtime.GOMAXPROCS(0) {
		spinners.Go(func() {
			for time.Now().Before(deadline) {
				spin(1000)
			}
		})
	}
	for time.Now().Before(deadline) {
		runtime.Gosched()
	}
	spinners.Wait()
	return nil
}
