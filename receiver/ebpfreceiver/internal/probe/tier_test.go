// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/goexec"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/plan"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/record"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/targettest"
)

// tiered is a target whose tier the test sets.
type tiered struct {
	t          *testing.T
	programs   *Programs
	server     *targettest.Target
	attachment *Attachment
}

func withTiers(t *testing.T) *tiered {
	t.Helper()
	return withTiersOf(t, targettest.Build(t), NoEvents())
}

func withTiersOf(t *testing.T, binary string, events Events, env ...string) *tiered {
	t.Helper()
	analysed, err := goexec.Open(binary)
	require.NoError(t, err)
	planned := plan.For(analysed)
	require.NoError(t, analysed.Close())
	programs, err := Load(Options{})
	require.NoError(t, err, "this test needs root on a kernel that loads BPF")
	t.Cleanup(func() { require.NoError(t, programs.Close()) })
	server := targettest.Start(t, binary, env...)
	attachment, err := programs.Attach(Target{
		PID: server.PID, Executable: opened(t, fmt.Sprintf("/proc/%d/exe", server.PID)), SampleRate: 1000,
		Events: events, Looks: true, Plan: planned,
	}, TierSpans)
	require.NoError(t, err)
	t.Cleanup(func() {
		_, err := attachment.Close()
		require.NoError(t, err)
	})
	return &tiered{t, programs, server, attachment}
}

func (s *tiered) set(tier Tier) (lost int) {
	s.t.Helper()
	lost, err := s.attachment.SetTier(tier)
	require.NoError(s.t, err)
	require.Equal(s.t, tier, s.attachment.Tier())
	return lost
}

func (s *tiered) get(path string) {
	s.t.Helper()
	_, _, err := s.server.Get(path, nil)
	require.NoError(s.t, err)
}

// requested are the requests that were told, by path: whether their ledgers are exact.
func (s *tiered) requested() map[string]bool {
	s.t.Helper()
	exact := map[string]bool{}
	for _, r := range readAll(s.t, s.programs) {
		if request, ok := r.(*record.Request); ok {
			exact[request.Path] = request.Exact
		}
	}
	return exact
}

func TestEachTierSeesItsPart(t *testing.T) {
	s := withTiers(t)
	s.get("/sleep/spans")
	s.set(TierScheduler)
	s.get("/sleep/scheduler")
	s.set(TierSpans)
	s.get("/sleep/spans-again")
	s.set(TierNone)
	s.get("/sleep/none")
	s.set(TierScheduler)
	s.get("/sleep/scheduler-again")
	require.Equal(t, map[string]bool{
		"/sleep/spans": false, "/sleep/scheduler": true, "/sleep/spans-again": false, "/sleep/scheduler-again": true,
	}, s.requested())
}

// A ledger is exact only where the scheduler's probes were there from its span's
// beginning to its end.
func TestALedgerOverAChangeIsNotExact(t *testing.T) {
	for name, change := range map[string]func(*tiered){
		"they came":          func(s *tiered) { s.set(TierScheduler) },
		"they went":          func(s *tiered) { s.set(TierSpans) },
		"they went and came": func(s *tiered) { s.set(TierSpans); s.set(TierScheduler) },
	} {
		t.Run(name, func(t *testing.T) {
			s := withTiers(t)
			if name != "they came" {
				s.set(TierScheduler)
			}
			finish := s.hang()
			change(s)
			finish()
			require.Equal(t, map[string]bool{"/hang": false}, s.requested())
			s.get("/sleep/after")
			require.Equal(t, map[string]bool{"/sleep/after": s.attachment.Tier() == TierScheduler}, s.requested())
		})
	}
}

// hang begins a request that lasts until finish is called and returns when its
// span is open.
func (s *tiered) hang() (finish func()) {
	s.t.Helper()
	ctx, cancel := context.WithCancel(s.t.Context())
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.server.URL+"/hang", nil)
	require.NoError(s.t, err)
	done := make(chan struct{})
	go func() {
		defer close(done)
		if response, err := http.DefaultClient.Do(request); err == nil {
			response.Body.Close()
		}
	}()
	s.awaitOpen(1)
	return func() {
		s.t.Helper()
		cancel()
		<-done
		s.awaitOpen(0)
	}
}

// awaitOpen waits until n spans are open.
func (s *tiered) awaitOpen(n int) {
	s.t.Helper()
	require.Eventually(s.t, func() bool { return s.open() == n }, time.Minute, 5*time.Millisecond)
}

func (s *tiered) open() (open int) {
	var key goroutineKey
	var value spansGoroutine
	for goroutines := s.programs.spans.Goroutines.Iterate(); goroutines.Next(&key, &value); {
		open += openSpans(&value)
	}
	return open
}

func TestWhatIsOpenIsLostWithTheLastTier(t *testing.T) {
	s := withTiers(t)
	finish := s.hang()
	require.Equal(t, 1, s.set(TierNone))
	require.Zero(t, s.open())
	finish()
	require.Empty(t, s.requested())
}

// Without the scheduler's probes, goroutines that end within a span leave
// nothing behind.
func TestGoroutinesEndWithoutTheSchedulersProbes(t *testing.T) {
	s := withTiers(t)
	for range 5 {
		_, _, err := s.server.Get("/panic", nil)
		require.Error(t, err)
	}
	require.Eventually(t, func() bool { return s.open() == 0 }, time.Minute, 5*time.Millisecond)
}

func TestHitsAreCountedByTier(t *testing.T) {
	s := withTiers(t)
	s.get("/sleep/1")
	spans, err := s.attachment.Hits()
	require.NoError(t, err)
	require.Positive(t, spans.Spans.Count)
	require.Positive(t, spans.Spans.Time)
	require.Positive(t, spans.Kernel.Count, "system calls")
	require.Zero(t, spans.Scheduler)
	s.set(TierScheduler)
	s.get("/sleep/2")
	both, err := s.attachment.Hits()
	require.NoError(t, err)
	require.Positive(t, both.Minus(spans).Spans.Count)
	require.Positive(t, both.Scheduler.Count)
	require.Positive(t, both.Scheduler.Time)
}

func TestSetTierAfterClose(t *testing.T) {
	s := withTiers(t)
	_, err := s.attachment.Close()
	require.NoError(t, err)
	_, err = s.attachment.SetTier(TierScheduler)
	require.ErrorIs(t, err, ErrDetached, "the governor may be late")
	_, err = s.attachment.Close()
	require.NoError(t, err)
}

func TestTheCostOfAHit(t *testing.T) {
	for name, options := range map[string]Options{"what the kernel has": {}, "no more than Linux 5.10": {abilities: &abilities{}}} {
		t.Run(name, func(t *testing.T) {
			programs, err := Load(options)
			require.NoError(t, err)
			defer programs.Close()
			cost, err := programs.HitCost()
			require.NoError(t, err)
			t.Logf("a hit costs %v", cost)
			require.Less(t, cost, 10*time.Millisecond)
			again, err := programs.slots.take()
			require.NoError(t, err)
			require.Zero(t, again, "the slot was given back")
		})
	}
}
