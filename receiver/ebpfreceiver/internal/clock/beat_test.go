// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package clock

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestBeatsOfMultiplesCoincide(t *testing.T) {
	const short = 250 * time.Millisecond
	random := rand.New(rand.NewPCG(1, 2))
	for range 10_000 {
		now := random.Uint64N(1 << 60)
		for _, interval := range []time.Duration{short, time.Second, 10 * time.Second, 7 * time.Millisecond} {
			wait := untilBeat(now, interval)
			require.Positive(t, wait)
			require.LessOrEqual(t, wait, interval)
			at := now + uint64(wait)
			require.Zero(t, at%uint64(interval))
			require.Equal(t, interval, untilBeat(at, interval), "the one after it")
			if interval%short == 0 {
				require.Zero(t, at%uint64(short))
			}
		}
	}
}

func TestNextBeatIsWithinTheInterval(t *testing.T) {
	now := time.Now()
	next := NextBeat(time.Minute)
	require.True(t, next.After(now))
	require.LessOrEqual(t, time.Until(next), time.Minute)
	require.Less(t, (Monotonic()+uint64(time.Until(next)))%uint64(time.Minute), uint64(10*time.Second), "it is on the kernel's clock")
}
