// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"context"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/targettest"
)

// hangMany opens n requests that last until stop is called.
func hangMany(t *testing.T, server *targettest.Target, n int) (stop func()) {
	t.Helper()
	transport := &http.Transport{}
	client := &http.Client{Transport: transport}
	var senders sync.WaitGroup
	ctx, cancel := context.WithCancel(t.Context())
	for range n {
		senders.Go(func() {
			request, err := http.NewRequestWithContext(ctx, http.MethodGet, server.URL+"/hang", nil)
			if err == nil {
				var response *http.Response
				if response, err = client.Do(request); err == nil {
					err = response.Body.Close()
				}
			}
			if ctx.Err() == nil {
				t.Errorf("a request that hangs ended: %v", err)
			}
		})
	}
	return sync.OnceFunc(func() {
		cancel()
		senders.Wait()
		transport.CloseIdleConnections()
	})
}

// Whichever probes there are, the goroutines that are in a span are those of the
// requests under way.
func TestGoroutinesInASpan(t *testing.T) {
	for _, tier := range []Tier{TierSpans, TierScheduler} {
		t.Run(tier.String(), func(t *testing.T) {
			s := withTiers(t)
			s.set(tier)
			require.Equal(t, tier == TierScheduler, s.attachment.Exact())
			inSpan, err := s.programs.InSpan()
			require.NoError(t, err)
			defer func() { require.NoError(t, inSpan.Close()) }()
			require.Empty(t, inSpan.Append(nil))

			const n = 40
			before := monotonic(t)
			stop := hangMany(t, s.server, n)
			defer stop()
			var residents []Resident
			require.Eventually(t, func() bool {
				residents = inSpan.Append(residents[:0])
				return len(residents) == n
			}, time.Minute, 10*time.Millisecond)
			ids := map[uint64]bool{}
			for _, r := range residents {
				require.EqualValues(t, s.server.PID, r.PID)
				require.NotZero(t, r.Address)
				require.Greater(t, r.Start, before)
				require.Less(t, r.Start, monotonic(t))
				ids[r.GoroutineID] = true
			}
			require.Len(t, ids, n)

			stop()
			require.Eventually(t, func() bool { return len(inSpan.Append(nil)) == 0 }, time.Minute, 10*time.Millisecond,
				"who leaves gives its place back")
		})
	}
}

func TestAProcessThatIsForgottenLeavesNoPlace(t *testing.T) {
	s := withTiers(t)
	inSpan, err := s.programs.InSpan()
	require.NoError(t, err)
	defer func() { require.NoError(t, inSpan.Close()) }()
	stop := hangMany(t, s.server, 3)
	defer stop()
	require.Eventually(t, func() bool { return len(inSpan.Append(nil)) == 3 }, time.Minute, 10*time.Millisecond)
	require.Equal(t, 3, s.set(TierNone))
	require.Empty(t, inSpan.Append(nil))
	for i := range inSpan.places {
		require.Zero(t, inSpan.places[i].Taken, "place %d can be taken again", i)
	}
}

// More goroutines than there are places are counted once their spans are told.
func TestGoroutinesWithoutAPlaceAreCounted(t *testing.T) {
	s := withTiers(t)
	programs, server := s.programs, s.server
	taken := spansInSpanPlace{Taken: 1}
	for place := range programs.spans.InSpan.MaxEntries() {
		require.NoError(t, programs.spans.InSpan.Put(place, &taken))
	}
	requests(t, server, 5)
	require.EqualValues(t, 5, counters(t, programs)[DroppedSamplesFull])
	require.Len(t, readAll(t, programs), 5, "they are told all the same")
	cleared := spansInSpanPlace{}
	for place := range programs.spans.InSpan.MaxEntries() {
		require.NoError(t, programs.spans.InSpan.Put(place, &cleared))
	}
	requests(t, server, 5)
	require.EqualValues(t, 5, counters(t, programs)[DroppedSamplesFull])
}

// monotonic is the time of the BPF programs' clock.
func monotonic(t *testing.T) uint64 {
	t.Helper()
	var now unix.Timespec
	require.NoError(t, unix.ClockGettime(unix.CLOCK_MONOTONIC, &now))
	return uint64(now.Nano())
}
