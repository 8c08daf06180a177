// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package cause

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// spinnersPerP is how many CPU-bound goroutines each P gets.
	spinnersPerP = 8
	// spinnerTurn is how long each of them computes before it lets the next one.
	spinnerTurn = 2 * time.Millisecond
)

// scheduler starts more CPU-bound goroutines than there are Ps and then yields:
// the caller is ready to run and waits for its turns, until they took d together.
func scheduler(_ context.Context, d time.Duration) error {
	var enough atomic.Bool
	var spinners sync.WaitGroup
	for range spinnersPerP * runtime.GOMAXPROCS(0) {
		spinners.Go(func() {
			for !enough.Load() {
				for began := time.Now(); time.Since(began) < spinnerTurn && !enough.Load(); {
					spin(1000)
				}
				runtime.Gosched()
			}
		})
	}
	for waited := time.Duration(0); waited < d; {
		ready := time.Now()
		runtime.Gosched()
		waited += time.Since(ready)
	}
	enough.Store(true)
	spinners.Wait()
	return nil
}
