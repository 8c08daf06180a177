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

// places are those of goroutines that are in a span.
func places(t *testing.T, p *Programs) (taken []spansInSpanPlace) {
	t.Helper()
	for i := range p.spans.InSpan.MaxEntries() {
		var place spansInSpanPlace
		require.NoError(t, p.spans.InSpan.Lookup(i, &place))
		if place.G != 0 {
			taken = append(taken, place)
		}
	}
	return taken
}

// taken is how many places the programs believe to be taken.
func taken(t *testing.T, p *Programs) (n int) {
	t.Helper()
	for part := range uint32(parts) {
		var given, cleared uint64
		require.NoError(t, p.spans.Parts.Lookup(part, &given))
		require.NoError(t, p.spans.Parts.Lookup(parts+part, &cleared))
		n += int(given - cleared)
	}
	return n
}

// Whichever probes there are, the goroutines that are in a span are those of the
// requests under way.
func TestGoroutinesInASpan(t *testing.T) {
	for _, tier := range []Tier{TierSpans, TierScheduler} {
		t.Run(tier.String(), func(t *testing.T) {
			s := withTiers(t)
			s.set(tier)
			require.Equal(t, tier == TierScheduler, s.attachment.Exact())
			require.Empty(t, places(t, s.programs))

			const n = 40
			before := monotonic(t)
			stop := hangMany(t, s.server, n)
			defer stop()
			require.Eventually(t, func() bool { return len(places(t, s.programs)) == n }, time.Minute, 10*time.Millisecond)
			goroutines := map[uint64]bool{}
			for _, place := range places(t, s.programs) {
				require.EqualValues(t, s.server.PID, place.Tgid)
				require.Greater(t, place.Start, before)
				require.Less(t, place.Start, monotonic(t))
				goroutines[place.G] = true
			}
			require.Len(t, goroutines, n)
			require.Equal(t, n, taken(t, s.programs))

			stop()
			require.Eventually(t, func() bool { return len(places(t, s.programs)) == 0 && taken(t, s.programs) == 0 },
				time.Minute, 10*time.Millisecond, "who leaves gives its place back")
		})
	}
}

func TestAProcessThatIsForgottenLeavesNoPlace(t *testing.T) {
	s := withTiers(t)
	stop := hangMany(t, s.server, 3)
	defer stop()
	require.Eventually(t, func() bool { return len(places(t, s.programs)) == 3 }, time.Minute, 10*time.Millisecond)
	require.Equal(t, 3, s.set(TierNone))
	require.Empty(t, places(t, s.programs))
	require.Zero(t, taken(t, s.programs))
	for range s.programs.spans.FreePlaces.MaxEntries() {
		var place uint32
		require.NoError(t, s.programs.spans.FreePlaces.LookupAndDelete(nil, &place), "all places can be taken again")
	}
}

// More goroutines than there are places are counted once their spans are told.
func TestGoroutinesWithoutAPlaceAreCounted(t *testing.T) {
	s := withTiers(t)
	programs, server := s.programs, s.server
	for range programs.spans.FreePlaces.MaxEntries() {
		var place uint32
		require.NoError(t, programs.spans.FreePlaces.LookupAndDelete(nil, &place))
	}
	requests(t, server, 5)
	require.EqualValues(t, 5, counters(t, programs)[DroppedSamplesFull])
	require.Len(t, readAll(t, programs), 5, "they are told all the same")
	require.NoError(t, programs.freePlaces())
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
