// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package cause

import (
	"context"
	"time"
)

// cpu spends CPU time, not wall time: a goroutine that loops until a clock says
// so would wait for a busy machine's CPUs instead of using them.
type cpu struct {
	roundsPerMs int
}

// newCPU measures how fast an undisturbed loop runs: the best of several tries.
func newCPU() cpu {
	const rounds, tries = 200_000, 10
	best := time.Duration(1 << 62)
	for range tries {
		began := time.Now()
		spin(rounds)
		best = min(best, time.Since(began))
	}
	return cpu{roundsPerMs: int(rounds * int64(time.Millisecond) / max(int64(best), 1))}
}

func (c cpu) run(_ context.Context, d time.Duration) error {
	spin(int(d.Milliseconds()) * c.roundsPerMs)
	return nil
}

// spin computes without memory. The result is returned so that the compiler
// keeps the loop.
//
//go:noinline
func spin(rounds int) uint64 {
	x := uint64(88172645463325252)
	for range rounds {
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
	}
	return x
}
