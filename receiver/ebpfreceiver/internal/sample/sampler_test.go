// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package sample

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/fathom-otel/fathom/internal/ledger"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/clock"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/goexec"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/plan"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/probe"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/targettest"
)

// observed is a real server with probes of spans, n requests under way in it, and
// a sampler.
type observed struct {
	sampler *Sampler
	inSpan  *probe.InSpan
	server  *targettest.Target
	exact   bool
}

func observe(t testing.TB, n int) *observed {
	t.Helper()
	binary := targettest.Build(t)
	analysed, err := goexec.Open(binary)
	require.NoError(t, err)
	planned := plan.For(analysed)
	require.NoError(t, analysed.Close())
	programs, err := probe.Load(probe.Options{})
	require.NoError(t, err, "this test needs root on a kernel that loads BPF")
	t.Cleanup(func() { require.NoError(t, programs.Close()) })
	o := &observed{server: targettest.Start(t, binary)}
	executable, err := os.Open(fmt.Sprintf("/proc/%d/exe", o.server.PID))
	require.NoError(t, err)
	attachment, err := programs.Attach(probe.Target{
		PID: o.server.PID, Executable: executable, SampleRate: 1000, Events: probe.NoEvents(), Plan: planned,
	}, probe.TierSpans)
	require.NoError(t, err)
	t.Cleanup(func() {
		_, err := attachment.Close()
		require.NoError(t, err)
	})
	o.inSpan, err = programs.InSpan()
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, o.inSpan.Close()) })
	looks, err := programs.Looks(Interval)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, looks.Close()) })
	o.sampler = New(o.inSpan, looks, func(pid int, err error) { t.Errorf("process %d: %v", pid, err) })
	require.NoError(t, o.sampler.Add(Process{PID: o.server.PID, Plan: planned, Exact: func() bool { return o.exact }}))
	t.Cleanup(func() { require.NoError(t, o.sampler.Remove(o.server.PID)) })
	o.hang(t, n)
	return o
}

// hang opens n requests that last until the test ends.
func (o *observed) hang(t testing.TB, n int) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	transport := &http.Transport{}
	client := &http.Client{Transport: transport}
	var senders sync.WaitGroup
	for range n {
		senders.Go(func() {
			request, err := http.NewRequestWithContext(ctx, http.MethodGet, o.server.URL+"/hang", nil)
			if err != nil {
				t.Error(err)
				return
			}
			if response, err := client.Do(request); err == nil {
				response.Body.Close()
			}
		})
	}
	t.Cleanup(func() {
		cancel()
		senders.Wait()
		transport.CloseIdleConnections()
	})
	require.Eventually(t, func() bool { return len(o.inSpan.Append(nil)) == n }, 30*time.Second, 10*time.Millisecond)
}

func TestALookAtRealGoroutines(t *testing.T) {
	const n = 20
	o := observe(t, n)
	residents := o.inSpan.Append(nil)
	waits := func() (waiting int) {
		o.sampler.Look()
		for _, r := range residents {
			spent, ok := o.sampler.Ledger(r.PID, r.GoroutineID, clock.Monotonic()-1, clock.Monotonic())
			require.True(t, ok)
			if cause, _ := spent.Dominant(); cause == ledger.BlockedChannel {
				waiting++
			}
		}
		return waiting
	}
	require.Eventually(t, func() bool { return waits() == n }, 30*time.Second, 10*time.Millisecond, "all wait for a channel")
	require.Positive(t, o.sampler.Counts().Samples)
	require.Len(t, o.sampler.targets[uint32(o.server.PID)].parked, n, "their stacks were walked")

	o.exact = true
	before := o.sampler.Counts().Samples
	o.sampler.Look()
	require.Equal(t, before, o.sampler.Counts().Samples, "there is no need to look")
	o.exact = false

	_, ok := o.sampler.Ledger(1, 1, 0, 1)
	require.False(t, ok, "of a process that is not sampled there is no ledger")
}

func TestAProcessThatEnds(t *testing.T) {
	o := observe(t, 1)
	r := o.inSpan.Append(nil)[0]
	o.sampler.Look()
	o.server.Kill()
	o.sampler.Look()
	require.EqualValues(t, 1, o.sampler.Counts().Unreadable)
	require.NoError(t, o.sampler.Remove(o.server.PID))
	_, ok := o.sampler.Ledger(r.PID, r.GoroutineID, clock.Monotonic()-1, clock.Monotonic())
	require.True(t, ok, "its last spans may still be told")
	require.ErrorContains(t, o.sampler.Add(Process{PID: o.server.PID, Plan: &plan.Plan{}}), fmt.Sprint(o.server.PID))
}

func TestRunEndsWithItsContext(t *testing.T) {
	o := observe(t, 1)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- o.sampler.Run(ctx) }()
	require.Eventually(t, func() bool { return o.sampler.Counts().Samples > 2 }, 30*time.Second, 10*time.Millisecond)
	cancel()
	require.NoError(t, <-done)
	require.NotEmpty(t, o.sampler.targets, "it can be run again")
	o.sampler.Close()
	require.Empty(t, o.sampler.targets)
}

// What a look costs with so many goroutines in spans.
func BenchmarkLook(b *testing.B) {
	for _, n := range []int{0, 8, 100, 1000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			o := observe(b, n)
			b.ReportAllocs()
			for b.Loop() {
				o.sampler.Look()
			}
			require.Zero(b, o.sampler.Counts().Unreadable)
		})
	}
}

func BenchmarkLedger(b *testing.B) {
	line := &timeline{}
	for i := range uint64(100) {
		line.add(1000+i*interval, 1000, ledger.Cause(i%3), interval)
	}
	b.ReportAllocs()
	for b.Loop() {
		line.ledger(1000, 2000, interval)
	}
}
