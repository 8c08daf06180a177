// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package goruntime

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/goexec"
)

func TestMinorVersion(t *testing.T) {
	for text, want := range map[string]int{
		"go1.21.0": 21, "go1.23": 23, "go1.26.8": 26, "go1.27.4": 27, "go1.26rc1": 26, "go1.25.3 X:nodwarf5,jsonv2": 25, "go1.24.1-custom": 24,
	} {
		got, err := minorVersion(text)
		require.NoError(t, err, text)
		assert.Equal(t, want, got, text)
	}
	for _, text := range []string{"", "go1", "go2.1", "go1.20.14", "go1.28", "devel go1.26-0123abc", "1.26", "unknown"} {
		_, err := minorVersion(text)
		require.ErrorIs(t, err, errVersion, text)
	}
}

func TestResolveOfAnUnknownVersion(t *testing.T) {
	b := newFakeBinary(26)
	b.version = "go1.99.1"
	l := Resolve(b)
	require.Len(t, l.Missing(), 1)
	assert.Contains(t, l.Missing()[0], "go1.99.1")
	assert.Equal(t, [numMetrics]bool{}, l.has)
}

func TestResolveLeavesOutWhatIsNotProven(t *testing.T) {
	field := func(typeName, name string) func(*fakeBinary) {
		return func(b *fakeBinary) { delete(b.offsets, goexec.Field{Type: typeName, Name: name}) }
	}
	symbol := func(name string) func(*fakeBinary) {
		return func(b *fakeBinary) { delete(b.symbols, name) }
	}
	small := []string{"go.memory.allocated", "go.memory.allocations", "fathom.go.memory.classes", "fathom.go.memory.heap.objects", "fathom.go.memory.freed", "fathom.go.memory.frees"}
	heap := append([]string{"go.memory.used"}, small...)
	histograms := []string{"go.memory.gc.pause.duration", "go.schedule.duration", "fathom.go.stop_the_world.other.duration", "fathom.go.stop_the_world.stopping.duration"}
	processors := []string{"go.goroutine.count", "fathom.go.goroutine.created"}
	states := []string{"fathom.go.goroutine.states", "fathom.go.goroutine.waiting"}
	tests := map[string]struct {
		damage  func(b *fakeBinary)
		missing []string
	}{
		"nothing":              {func(*fakeBinary) {}, nil},
		"runtime.memstats":     {symbol("runtime.memstats"), append([]string{"go.memory.gc.cycles"}, heap...)},
		"runtime.gcController": {symbol("runtime.gcController"), []string{"go.memory.limit", "go.memory.gc.goal", "go.config.gogc", "fathom.go.memory.heap.live"}},
		"runtime.sched":        {symbol("runtime.sched"), append(append([]string{"fathom.go.mutex.wait"}, histograms...), processors...)},
		"runtime.work":         {symbol("runtime.work"), []string{"go.cpu.time"}},
		"runtime.allp":         {symbol("runtime.allp"), processors},
		"runtime.allm":         {symbol("runtime.allm"), []string{"fathom.go.mutex.wait"}},
		"runtime.allgptr":      {symbol("runtime.allgptr"), states},
		"runtime.allglen":      {symbol("runtime.allglen"), append([]string{"go.goroutine.count"}, states...)},
		"runtime.gomaxprocs":   {symbol("runtime.gomaxprocs"), []string{"go.processor.limit"}},
		"size classes":         {symbol("internal/runtime/gc.SizeClassToSize"), small},
		"a field of a delta":   {field(fakeDelta, "inStacks"), heap},
		"a field of memstats":  {field("runtime.mstats", "other_sys"), []string{"go.memory.used", "fathom.go.memory.classes"}},
		"the free list of a P": {field("runtime.p", "gFree.size"), processors},
		"a P's creations":      {field("runtime.p", "goroutinesCreated"), []string{"fathom.go.goroutine.created"}},
		"the link of an M":     {field("runtime.m", "alllink"), []string{"fathom.go.mutex.wait"}},
		"the status of a g":    {field("runtime.g", "atomicstatus"), states},
		"wait reasons":         {func(b *fakeBinary) { b.reasons = nil }, states},
		"a class of CPU time":  {field("runtime.cpuStats", "IdleTime"), []string{"go.cpu.time"}},
		"CPU time outside":     {move("runtime.cpuStats", "IdleTime", 88), []string{"go.cpu.time"}},
		"timeToRun":            {field("runtime.schedt", "timeToRun"), []string{"go.schedule.duration"}},
		"histograms unknown":   {func(b *fakeBinary) { delete(b.sizes, "runtime.timeHistogram") }, histograms},
		"histograms changed":   {func(b *fakeBinary) { b.sizes["runtime.timeHistogram"] = 721 * 8 }, histograms},
		"one more size class":  {resize("internal/runtime/gc.SizeClassToSize", 2), small},
		"no size class":        {resize("internal/runtime/gc.SizeClassToSize", -4), small},
		"allp is no slice":     {resize("runtime.allp", -8), processors},
		"numgc outside":        {resize("runtime.memstats", -1), []string{"go.memory.gc.cycles"}},
		"a hostile offset":     {move("runtime.schedt", "ngsys", ^uint64(0)-2), []string{"go.goroutine.count"}},
		"a hostile struct":     {move("runtime.g", "waitreason", 1<<62), states},
		"a huge delta":         {func(b *fakeBinary) { b.sizes[fakeDelta] = 1 << 62 }, heap},
		"fields far apart": {func(b *fakeBinary) {
			resize("runtime.gcController", 1<<40)(b)
			move("runtime.gcControllerState", "mappedReady", 1<<39)(b)
		}, []string{"go.memory.gc.goal"}},
		"a delta's field aside":    {move(fakeDelta, "largeAlloc", fakeDeltaSize), heap},
		"frees of fewer classes":   {move(fakeDelta, "smallFreeCount", fakeSmallFreeCount+8), heap},
		"a delta's field, hostile": {move(fakeDelta, "largeAlloc", ^uint64(0)-3), heap},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			b := newFakeBinary(26)
			test.damage(b)
			l := Resolve(b)
			var missing []string
			for _, line := range l.Missing() {
				metric, why, _ := strings.Cut(line, ": ")
				missing = append(missing, metric)
				assert.NotEmpty(t, why)
			}
			assert.ElementsMatch(t, test.missing, missing)
			for m := range metric(numMetrics) {
				assert.NotEqual(t, l.has[m], slices.Contains(missing, m.definition().Name), m.definition().Name)
			}
			assert.NotPanics(t, func() { _ = NewReader(l, &fakeMemory{}, 0, 100).Read(&Snapshot{}) })
		})
	}
}

// What a release does not count is not missing: there is nothing to read.
func TestResolveOfOlderReleases(t *testing.T) {
	for minor, absent := range map[int][]metric{
		21: {otherStops, stoppingDuration, goroutinesCreated}, 22: {goroutinesCreated}, 25: {goroutinesCreated}, 26: nil, 27: nil,
	} {
		l := Resolve(newFakeBinary(minor))
		assert.Empty(t, l.Missing(), "go1.%d", minor)
		for m := range metric(numMetrics) {
			assert.NotEqual(t, l.has[m], slices.Contains(absent, m), "go1.%d: %s", minor, m.definition().Name)
		}
	}
}

func resize(symbol string, by int64) func(*fakeBinary) {
	return func(b *fakeBinary) {
		s := b.symbols[symbol]
		s.Size = uint64(int64(s.Size) + by)
		b.symbols[symbol] = s
	}
}

func move(typeName, name string, to uint64) func(*fakeBinary) {
	return func(b *fakeBinary) { b.offsets[goexec.Field{Type: typeName, Name: name}] = to }
}
