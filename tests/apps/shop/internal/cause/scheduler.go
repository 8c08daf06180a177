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

// scheduler starts more CPU-bound goroutines than there are Ps. They end when the
// call that started them does, which does not wait for them: on a busy machine
// that would be a cause of slowness of its own.
type scheduler struct {
	owned sync.WaitGroup
}

// run yields: the caller is ready to run and waits for its turns, until they
// took d together.
func (s *scheduler) run(_ context.Context, d time.Duration) error {
	var enough atomic.Bool
	defer enough.Store(true)
	for range spinnersPerP * runtime.GOMAXPROCS(0) {
		s.owned.Go(func() { spinInTurns(&enough) })
	}
	for waited := time.Duration(0); waited < d; {
		ready := time.Now()
		runtime.Gosched()
		waited += time.Since(ready)
	}
	return nil
}

func spinInTurns(enough *atomic.Bool) {
	for !enough.Load() {
		for began := time.Now(); time.Since(began) < spinnerTurn && !enough.Load(); {
			spin(1000)
		}
		runtime.Gosched()
	}
}

func (s *scheduler) close() { s.owned.Wait() }
