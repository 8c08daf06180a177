// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package goruntime

import (
	"encoding/binary"
	"math"
	"runtime/metrics"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/otel/semconv/v1.43.0/goconv"
)

func TestBoundsAreThoseOfRuntimeMetrics(t *testing.T) {
	sample := []metrics.Sample{{Name: "/sched/latencies:seconds"}}
	metrics.Read(sample)
	theirs := sample[0].Value.Float64Histogram()
	assert.Equal(t, theirs.Buckets[1:len(theirs.Buckets)-1], bounds())
	assert.Len(t, theirs.Counts, histogramBuckets)
}

func TestDecodeDurationsKeepsTheOrderOfRuntimeMetrics(t *testing.T) {
	var memory []byte
	for i := range uint64(histogramBuckets) {
		memory = binary.LittleEndian.AppendUint64(memory, 1000+i)
	}
	var d durations
	decodeDurations(memory, &d)
	assert.Equal(t, uint64(1000+innerBuckets), d[0], "underflow")
	assert.Equal(t, uint64(1000), d[1])
	assert.Equal(t, uint64(1000+innerBuckets-1), d[innerBuckets])
	assert.Equal(t, uint64(1000+innerBuckets+1), d[innerBuckets+1], "overflow")
}

func TestPutDurations(t *testing.T) {
	d := durations{0: 3, 1: 2, 2: 5, histogramBuckets - 1: 1}
	b := bounds()
	point := pmetric.NewHistogramDataPoint()
	putDurations(&d, b, point)
	assert.Equal(t, uint64(11), point.Count())
	assert.InDelta(t, 0*2+64e-9*5+b[len(b)-1], point.Sum(), 1e-12, "each counts as its bucket's lower bound")
	assert.Equal(t, point.BucketCounts().Len(), point.ExplicitBounds().Len()+1)
}

func TestHeapGoal(t *testing.T) {
	idle := pacer{memoryLimit: math.MaxInt64, gcPercentHeapGoal: 4 << 20, triggered: outsideOfMarkPhase, mappedReady: 10 << 20, totalAlloc: 5 << 20, totalFree: 2 << 20, heapFree: 1 << 20, heapMarked: 2 << 20}
	tests := map[string]struct {
		change func(p *pacer)
		want   uint64
	}{
		"by GOGC":                        {func(*pacer) {}, 4 << 20},
		"GOGC off, no limit":             {func(p *pacer) { p.gcPercentHeapGoal = math.MaxUint64 }, math.MaxInt64 - 6<<20 - (math.MaxInt64-6<<20)/100*3},
		"the sweeper needs more":         {func(p *pacer) { p.sweepDistMinTrigger = 5 << 20 }, 5 << 20},
		"marking began beyond the goal":  {func(p *pacer) { p.triggered = 8 << 20 }, 8<<20 + 64<<10},
		"marking began below the goal":   {func(p *pacer) { p.triggered = 1 << 20 }, 4 << 20},
		"limit above":                    {func(p *pacer) { p.memoryLimit = 100 << 20 }, 4 << 20},
		"limit of 9 MiB: 1 MiB headroom": {func(p *pacer) { p.memoryLimit = 9<<20 + 512<<10 }, 9<<20 + 512<<10 - 6<<20 - 512<<10 - 1<<20},
		"limit: least goal":              {func(p *pacer) { p.memoryLimit = 8<<20 + 512<<10; p.heapMarked = 0 }, 1 << 20},
		"limit below what is marked":     {func(p *pacer) { p.memoryLimit = 8<<20 + 512<<10 }, 2 << 20},
		"limit below all else":           {func(p *pacer) { p.memoryLimit = 1 << 20 }, 2 << 20},
		"limit, headroom of 3 %": {func(p *pacer) { p.memoryLimit = 206 << 20; p.gcPercentHeapGoal = math.MaxUint64 },
			200<<20 - (200<<20)/100*3},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			p := idle
			test.change(&p)
			assert.True(t, p.plausible())
			assert.Equal(t, test.want, p.heapGoal())
		})
	}
}

func TestSettled(t *testing.T) {
	d := deltaLayout{size: 8}
	memory := func(a, b, c byte) []byte {
		m := make([]byte, 24)
		m[0], m[8], m[16] = a, b, c
		return m
	}
	tests := map[string]struct {
		first, second           []byte
		generation1, generation uint32
		want                    bool
	}{
		"at rest":                          {memory(9, 0, 0), memory(9, 0, 0), 0, 0, true},
		"current grows":                    {memory(5, 9, 0), memory(5, 10, 0), 1, 1, true},
		"old one not yet cleared":          {memory(5, 0, 9), memory(5, 0, 9), 1, 1, false},
		"cleared meanwhile":                {memory(5, 0, 9), memory(5, 9, 0), 1, 1, false},
		"rotation began before the second": {memory(9, 0, 0), memory(9, 0, 0), 0, 1, false},
		"wraps around":                     {memory(0, 3, 9), memory(0, 3, 9), 2, 2, true},
		"hostile generation":               {memory(0, 0, 0), memory(0, 0, 0), math.MaxUint32, math.MaxUint32, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, test.want, settled(test.first, test.second, test.generation1, test.generation, d))
		})
	}
}

func TestDefinitionsAreTheSemanticConventions(t *testing.T) {
	type convention interface{ Name() string }
	type described interface {
		Description() string
		Unit() string
	}
	conventions := map[string]described{}
	for _, c := range []convention{
		goconv.MemoryUsed{}, goconv.MemoryLimit{}, goconv.MemoryAllocated{}, goconv.MemoryAllocations{},
		goconv.MemoryGCGoal{}, goconv.MemoryGCCycles{}, goconv.MemoryGCPauseDuration{}, goconv.GoroutineCount{},
		goconv.ProcessorLimit{}, goconv.ConfigGogc{}, goconv.ScheduleDuration{}, goconv.CPUTime{},
	} {
		conventions[c.Name()] = c.(described)
	}
	for _, d := range Definitions() {
		c := conventions[d.Name]
		if c == nil {
			assert.True(t, strings.HasPrefix(d.Name, "fathom.go."), d.Name)
			continue
		}
		delete(conventions, d.Name)
		assert.Equal(t, c.Unit(), d.Unit, d.Name)
		assert.Equal(t, c.Description(), d.Description, d.Name)
		assert.NotEmpty(t, d.Sources, d.Name)
	}
	assert.Empty(t, conventions)
	assert.Equal(t, string(goconv.CPUStateGC), cpuClasses()[0].state)
	assert.EqualValues(t, goconv.CPUTime{}.AttrCPUDetailedState("").Key, CPUDetailedState)
}

func TestAppendTo(t *testing.T) {
	p := newProcess(t, 26)
	p.memory.put64(p.at(t, softMemoryLimit), 1<<30)
	p.memory.put64(p.at(t, heapStats)+fakeInStacks, 77)
	p.putList(t, 3, gWaiting, 14)
	p.memory.put64(p.at(t, mutexWaitTime), 1500)
	start, now := time.Unix(100, 0), time.Unix(200, 5)
	metrics := pmetric.NewMetricSlice()
	p.read(t).AppendTo(metrics, start, now)
	require.Equal(t, numMetrics, metrics.Len())
	for i, d := range Definitions() {
		m := metrics.At(i)
		assert.Equal(t, [3]string{d.Name, d.Unit, d.Description}, [3]string{m.Name(), m.Unit(), m.Description()})
		if d.Instrument == Histogram {
			assert.Equal(t, pmetric.AggregationTemporalityCumulative, m.Histogram().AggregationTemporality())
			point := m.Histogram().DataPoints().At(0)
			assert.Equal(t, len(d.Attributes), point.Attributes().Len(), d.Name)
			assert.Equal(t, [2]time.Time{start.UTC(), now.UTC()}, [2]time.Time{point.StartTimestamp().AsTime(), point.Timestamp().AsTime()})
			continue
		}
		assert.Equal(t, pmetric.AggregationTemporalityCumulative, m.Sum().AggregationTemporality())
		assert.Equal(t, d.Instrument == Counter, m.Sum().IsMonotonic(), d.Name)
		for _, point := range m.Sum().DataPoints().All() {
			assert.Equal(t, [2]time.Time{start.UTC(), now.UTC()}, [2]time.Time{point.StartTimestamp().AsTime(), point.Timestamp().AsTime()})
			assert.Equal(t, len(d.Attributes), point.Attributes().Len(), d.Name)
		}
	}
	used := metrics.At(int(memoryUsed)).Sum().DataPoints()
	require.Equal(t, 2, used.Len())
	assert.Equal(t, map[string]any{MemoryType: "stack"}, used.At(0).Attributes().AsRaw())
	assert.Equal(t, int64(77), used.At(0).IntValue())
	assert.Equal(t, map[string]any{MemoryType: "other"}, used.At(1).Attributes().AsRaw())
	assert.Equal(t, numCPUClasses, metrics.At(int(cpuTime)).Sum().DataPoints().Len())
	assert.Equal(t, map[string]any{CPUState: "gc", CPUDetailedState: "gc/mark/assist"},
		metrics.At(int(cpuTime)).Sum().DataPoints().At(0).Attributes().AsRaw())
	assert.Equal(t, 1500e-9, metrics.At(int(mutexWait)).Sum().DataPoints().At(0).DoubleValue())
	waits := metrics.At(int(goroutineWaits)).Sum().DataPoints()
	require.Equal(t, 1, waits.Len())
	assert.Equal(t, map[string]any{WaitReason: "chan receive"}, waits.At(0).Attributes().AsRaw())
	assert.Equal(t, int64(3), waits.At(0).IntValue())
}

// Reasons that the version has no text for are one data point.
func TestUnknownWaitReasonsAreOneSeries(t *testing.T) {
	s := Snapshot{texts: map[uint8]string{0: "", 14: "chan receive"}}
	s.waits[0], s.waits[14], s.waits[200] = 1, 2, 3
	assert.Equal(t, []value{{[]string{"chan receive"}, 2}, {[]string{"unknown"}, 4}}, s.values(goroutineWaits))
}

func TestAppendToLeavesOut(t *testing.T) {
	b := newFakeBinary(26)
	delete(b.symbols, "runtime.sched")
	l := Resolve(b)
	s := Snapshot{has: l.has}
	s.ints[memoryLimit] = math.MaxInt64
	metrics := pmetric.NewMetricSlice()
	s.AppendTo(metrics, time.Now(), time.Now())
	for _, m := range metrics.All() {
		assert.NotContains(t, []string{"go.memory.limit", "go.goroutine.count", "go.schedule.duration", "go.memory.gc.pause.duration"}, m.Name())
	}
	assert.Equal(t, numMetrics-len(l.Missing())-1, metrics.Len())
}
