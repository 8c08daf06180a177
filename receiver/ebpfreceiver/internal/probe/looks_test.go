// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The clocks of the CPUs run while goroutines in spans are looked at, and no longer.
func TestClocksRunWhileGoroutinesAreLookedAt(t *testing.T) {
	s := withTiers(t)
	looks, err := s.programs.Looks()
	require.NoError(t, err)
	defer func() { require.NoError(t, looks.Close()) }()
	looks.idle = 100 * time.Millisecond
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- looks.Run(ctx) }()
	running := func(want bool) func() bool {
		return func() bool {
			var since uint64
			require.NoError(t, s.programs.spans.ClockStates.Lookup(uint32(clocksRun), &since))
			return (since != 0) == want
		}
	}
	require.True(t, running(false)(), "nobody is in a span")
	looks.expect()
	require.Eventually(t, running(true), time.Minute, time.Millisecond, "somebody will be soon")
	require.Eventually(t, running(false), time.Minute, 10*time.Millisecond)
	for range 2 {
		require.Eventually(t, func() bool { s.get("/sleep/1"); return running(true)() }, time.Minute, time.Millisecond)
		require.Eventually(t, running(false), time.Minute, 10*time.Millisecond, "nobody is looked at any more")
	}

	s.set(TierScheduler)
	before := counters(t, s.programs)[LooksTaken]
	for range 10 {
		s.get("/")
	}
	require.Equal(t, before, counters(t, s.programs)[LooksTaken], "ledgers are exact")
	require.True(t, running(false)())

	s.set(TierSpans)
	stop := hangMany(t, s.server, 3)
	defer stop()
	require.Eventually(t, running(true), time.Minute, time.Millisecond)
	cancel()
	require.NoError(t, <-done)
	require.True(t, running(false)(), "it has ended")
}
