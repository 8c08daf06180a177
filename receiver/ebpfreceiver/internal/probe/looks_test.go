// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/headertest"
)

// Nobody is woken up unless a goroutine is in a span.
func TestLooksAreToldWhileAGoroutineIsInASpan(t *testing.T) {
	require.EqualValues(t, headertest.Constants(t, "in_span.h")["PLACES_CLEARED"], placesCleared)
	s := withTiers(t)
	looks, err := s.programs.Looks(5 * time.Millisecond)
	require.NoError(t, err)
	defer func() { require.NoError(t, looks.Close()) }()
	next := func(wait time.Duration) (uint64, bool) {
		at, due, err := looks.Next(wait)
		require.NoError(t, err)
		return at, due
	}
	begins := func() (stop func()) {
		before := monotonic(t)
		stop = hangMany(t, s.server, 3)
		at, due := next(time.Minute)
		require.True(t, due, "while requests hang")
		require.Greater(t, at, before)
		return stop
	}
	over := func() bool {
		next(time.Millisecond) // what was told before it was
		_, due := next(100 * time.Millisecond)
		return !due
	}
	require.NoError(t, looks.Enable(true))
	require.NoError(t, looks.Enable(true), "it is on already")
	require.True(t, over(), "nobody is in a span")
	begins()()
	require.Eventually(t, over, time.Minute, time.Millisecond, "who leaves is not looked at")

	stop := begins()
	defer stop()
	require.NoError(t, looks.Enable(false))
	require.Eventually(t, over, time.Minute, time.Millisecond, "it is off")
	require.NoError(t, looks.Enable(true))
	_, due := next(time.Minute)
	require.True(t, due)
	require.Positive(t, s.set(TierNone))
	require.Eventually(t, over, time.Minute, time.Millisecond, "nor is who was forgotten")

	looks.Interrupt()
	began := time.Now()
	_, due = next(time.Minute)
	require.False(t, due)
	require.Less(t, time.Since(began), 50*time.Second, "it was interrupted")
}
