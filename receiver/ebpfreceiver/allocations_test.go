// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package ebpfreceiver

import (
	"context"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/pprof/profile"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"github.com/fathom-otel/fathom/internal/events"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/discover"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/goroutines"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/plan"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/procmem"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/targettest"
)

// heapValues are alloc_objects, alloc_space, inuse_objects and inuse_space.
type heapValues [4]int64

var heapTypes = []string{"alloc_objects", "alloc_space", "inuse_objects", "inuse_space"}

// heapOf is what the program itself tells of its allocations, by stack.
func heapOf(t *testing.T, target *targettest.Target) map[string]heapValues {
	t.Helper()
	body, _, err := target.Get("/heap", nil)
	require.NoError(t, err)
	parsed, err := profile.ParseData([]byte(body))
	require.NoError(t, err)
	sums := map[string]heapValues{}
	for _, s := range parsed.Sample {
		var functions []string
		for _, location := range s.Location {
			for _, line := range location.Line {
				functions = append(functions, line.Function.Name)
			}
		}
		sum := sums[strings.Join(functions, " ")]
		for i, value := range s.Value {
			sum[i] += value
		}
		sums[strings.Join(functions, " ")] = sum
	}
	return sums
}

// lastHeap is what the receiver told of it last.
func (h *harness) lastHeap() map[string]heapValues {
	sums := map[string]heapValues{}
	for _, profiles := range slices.Backward(h.profiles.AllProfiles()) {
		tables := profiles.Dictionary()
		all := profiles.ResourceProfiles().At(0).ScopeProfiles().At(0).Profiles()
		for _, p := range all.All() {
			i := slices.Index(heapTypes, tables.StringTable().At(int(p.SampleType().TypeStrindex())))
			if i < 0 {
				continue // of CPUs
			}
			for _, s := range p.Samples().All() {
				seen := seeSample(tables, s)
				key := strings.Join(seen.functions, " ")
				sum := sums[key]
				sum[i] += seen.value
				sums[key] = sum
			}
		}
		if len(sums) > 0 {
			break
		}
	}
	return sums
}

func (h *harness) awaitHeapReads(n int64) {
	h.t.Helper()
	before := h.counter("heap_reads", "outcome", heapRead)
	require.Eventually(h.t, func() bool { return h.counter("heap_reads", "outcome", heapRead) >= before+n }, patience, tick)
}

func TestAllocationsAreThoseOfTheRuntime(t *testing.T) {
	for name, build := range map[string][]string{"plain": nil, "stripped PIE": {"-buildmode=pie", "-ldflags=-s -w"}} {
		t.Run(name, func(t *testing.T) {
			binary := targettest.Build(t, build...)
			h := observeFor(t, func(h *harness, s *sinks) { s.logs, s.profiles = &h.logs, &h.profiles }, func(c *Config) {
				c.Allocations = AllocationsConfig{Enabled: true, Interval: minInterval, Top: 3}
			}, TargetConfig{Executable: binary})
			target := targettest.Start(t, binary, "GOGC=off") // but for those that are asked for
			h.awaitAttached(1)
			const blocks, size = 4000, 100_000
			_, _, err := target.Get("/allocate?n=4000&size=100000", nil)
			require.NoError(t, err)
			own := heapOf(t, target)
			h.awaitHeapReads(2)
			h.stop()

			told := h.lastHeap()
			require.Equal(t, own, told)
			var waste heapValues
			for stack, values := range told {
				if strings.HasPrefix(stack, "main.block main.waste ") {
					waste = values
				}
			}
			t.Logf("%d stacks; wasted %v", len(told), waste)
			require.InEpsilon(t, blocks*7/8*size, waste[1], 0.3, "an estimate of what the program allocated")
			requireSites(t, h, waste[1])
		})
	}
}

// requireSites: the events tell where most was allocated, once.
func requireSites(t *testing.T, h *harness, wasted int64) {
	t.Helper()
	sum := int64(0)
	for _, site := range h.events(events.AllocationSite) {
		attributes := site.Attributes().AsRaw()
		stack := attributes[events.Stacktrace].(string)
		if !strings.Contains(stack, "\nmain.waste(...)\n\t") {
			continue
		}
		require.Equal(t, "main.block", attributes[events.FunctionName])
		require.Contains(t, attributes[events.CodeFilePath], "allocate.go")
		require.Positive(t, attributes[events.LineNumber])
		require.Positive(t, attributes[events.AllocationObjects])
		require.Positive(t, attributes[events.Duration])
		require.GreaterOrEqual(t, attributes[events.AllocationInUseBytes], int64(0))
		require.GreaterOrEqual(t, attributes[events.AllocationInUseObjects], int64(0))
		sum += attributes[events.AllocationBytes].(int64)
	}
	require.InEpsilon(t, wasted, sum, 0.01, "what was allocated from one reading to the next")
}

func TestAllocationsThatCannotBeRead(t *testing.T) {
	binary := targettest.Build(t, "-ldflags=-s -w -X runtime.buildVersion=go1.26.99") // whose structs nobody has seen
	h := observeFor(t, func(h *harness, s *sinks) { s.logs = &h.logs }, func(c *Config) {
		c.Allocations.Interval = minInterval
	}, TargetConfig{Executable: binary})
	targettest.Start(t, binary)
	h.awaitAttached(1)
	require.EqualValues(t, 1, h.counter("probes_refused", "feature", string(plan.Allocations)))
	require.Never(t, func() bool { return h.counter("heap_reads", "", "") > 0 }, 5*minInterval, minInterval)
}

func TestAProcessThatSamplesNoAllocations(t *testing.T) {
	binary := targettest.Build(t)
	h := observeFor(t, func(h *harness, s *sinks) { s.logs = &h.logs }, func(c *Config) {
		c.Allocations.Interval = minInterval
	}, TargetConfig{Executable: binary})
	targettest.Start(t, binary, "GODEBUG=memprofilerate=0")
	h.awaitAttached(1)
	require.Eventually(t, func() bool { return h.counter("heap_reads", "outcome", heapOff) > 0 }, patience, 10*time.Millisecond)
	require.Empty(t, h.events(events.AllocationSite))
}

// The attacher does not wait while the heap of another process is read, and a
// receiver that stops waits for one at most.
func TestNobodyWaitsForAnotherHeap(t *testing.T) {
	slow, quick := &discover.Process{PID: 1}, &discover.Process{PID: 2}
	reading, goOn := make(chan struct{}), make(chan struct{})
	memory, err := procmem.Open(os.Getpid())
	require.NoError(t, err)
	reads := 0
	h := &heaps{logger: zap.NewNop(), heaps: map[*discover.Process]*heap{
		slow: {process: slow, open: func() (goroutines.Executable, error) {
			reads++
			close(reading)
			<-goOn
			return nil, procmem.ErrGone
		}},
		quick: {process: quick, memory: memory, open: func() (goroutines.Executable, error) { return nil, procmem.ErrGone }},
	}}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		h.readAll(ctx, nil, nil)
	}()
	<-reading
	removed := make(chan struct{})
	go func() {
		defer close(removed)
		h.remove(quick)
	}()
	select {
	case <-removed:
	case <-time.After(patience):
		t.Error("it waits")
	}
	close(goOn)
	<-done
	<-removed
	require.Len(t, h.heaps, 1)
	stop()
	h.readAll(ctx, nil, nil)
	require.Equal(t, 1, reads)
}

// A span tells how much its own goroutine allocated, within what the number of
// samples allows: the spread of the estimate is about its root.
func TestAllocationsOfSpans(t *testing.T) {
	for name, test := range map[string]struct {
		query string
		bytes float64 // by the runtime's size classes
	}{
		"large": {"n=4000&size=100000", 4000 * 106496},
		"small": {"n=1000000&size=200", 1000000 * 208},
		"huge":  {"n=100&size=8388608", 100 * 8 << 20},
	} {
		t.Run(name, func(t *testing.T) {
			binary := targettest.Build(t)
			h := observe(t, nil, TargetConfig{Executable: binary})
			target := targettest.Start(t, binary)
			h.awaitAttached(1)
			_, _, err := target.Get("/allocate?"+test.query, nil)
			require.NoError(t, err)
			require.Eventually(t, func() bool { return len(h.events(events.SpanLedger)) > 0 }, patience, tick)
			attributes := h.events(events.SpanLedger)[0].Attributes().AsRaw()
			samples, _ := attributes[events.AllocationSamples].(int64)
			require.Greater(t, samples, int64(50))
			t.Logf("%v of %v bytes, by %d samples", attributes[events.AllocatedBytes], test.bytes, samples)
			require.InEpsilon(t, test.bytes, attributes[events.AllocatedBytes], 0.3)
		})
	}
}

func TestAllocationsOfSpansCanBeSwitchedOff(t *testing.T) {
	binary := targettest.Build(t)
	h := observe(t, func(c *Config) { c.Allocations.Enabled = false }, TargetConfig{Executable: binary})
	target := targettest.Start(t, binary)
	h.awaitAttached(1)
	_, _, err := target.Get("/allocate?n=1000&size=100000", nil)
	require.NoError(t, err)
	require.Eventually(t, func() bool { return len(h.events(events.SpanLedger)) > 0 }, patience, tick)
	require.NotContains(t, h.events(events.SpanLedger)[0].Attributes().AsRaw(), events.AllocatedBytes)
	require.Empty(t, h.events(events.AllocationSite))
}
