// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package goruntime

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/goexec"
)

func TestMinorVersion(t *testing.T) {
	for text, want := range map[string]int{
		"go1.23": 23, "go1.26.8": 26, "go1.26rc1": 26, "go1.25.3 X:nodwarf5,jsonv2": 25, "go1.24.1-custom": 24,
	} {
		got, err := minorVersion(text)
		require.NoError(t, err, text)
		assert.Equal(t, want, got, text)
	}
	for _, text := range []string{"", "go1", "go2.1", "go1.22.12", "go1.27", "devel go1.26-0123abc", "1.26", "unknown"} {
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
	heap := []string{"go.memory.used", "go.memory.allocated", "go.memory.allocations"}
	tests := map[string]struct {
		damage  func(b *fakeBinary)
		missing []string
	}{
		"nothing":              {func(*fakeBinary) {}, nil},
		"runtime.memstats":     {symbol("runtime.memstats"), append(heap, "go.memory.gc.cycles")},
		"runtime.gcController": {symbol("runtime.gcController"), []string{"go.memory.limit", "go.memory.gc.goal", "go.config.gogc"}},
		"runtime.sched":        {symbol("runtime.sched"), []string{"go.memory.gc.pause.duration", "go.goroutine.count", "go.schedule.duration"}},
		"runtime.allp":         {symbol("runtime.allp"), []string{"go.goroutine.count"}},
		"runtime.gomaxprocs":   {symbol("runtime.gomaxprocs"), []string{"go.processor.limit"}},
		"size classes":         {symbol("internal/runtime/gc.SizeClassToSize"), []string{"go.memory.allocated", "go.memory.allocations"}},
		"a field of a delta":   {field(fakeDelta, "inStacks"), heap},
		"a field of memstats":  {field("runtime.mstats", "other_sys"), []string{"go.memory.used"}},
		"the free list of a P": {field("runtime.p", "gFree.size"), []string{"go.goroutine.count"}},
		"timeToRun":            {field("runtime.schedt", "timeToRun"), []string{"go.schedule.duration"}},
		"histograms unknown":   {func(b *fakeBinary) { delete(b.sizes, "runtime.timeHistogram") }, []string{"go.memory.gc.pause.duration", "go.schedule.duration"}},
		"histograms changed":   {func(b *fakeBinary) { b.sizes["runtime.timeHistogram"] = 721 * 8 }, []string{"go.memory.gc.pause.duration", "go.schedule.duration"}},
		"one more size class":  {resize("internal/runtime/gc.SizeClassToSize", 2), []string{"go.memory.allocated", "go.memory.allocations"}},
		"no size class":        {resize("internal/runtime/gc.SizeClassToSize", -4), []string{"go.memory.allocated", "go.memory.allocations"}},
		"allp is no slice":     {resize("runtime.allp", -8), []string{"go.goroutine.count"}},
		"numgc outside":        {resize("runtime.memstats", -1), []string{"go.memory.gc.cycles"}},
		"a hostile offset":     {move("runtime.schedt", "ngsys", ^uint64(0)-2), []string{"go.goroutine.count"}},
		"a huge delta":         {func(b *fakeBinary) { b.sizes[fakeDelta] = 1 << 62 }, heap},
		"fields far apart": {func(b *fakeBinary) {
			resize("runtime.gcController", 1<<40)(b)
			move("runtime.gcControllerState", "mappedReady", 1<<39)(b)
		}, []string{"go.memory.gc.goal"}},
		"a delta's field aside": {move(fakeDelta, "largeAlloc", fakeDeltaSize), heap},
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
				assert.NotEqual(t, l.has[m], contains(missing, m.definition().Name), m.definition().Name)
			}
			assert.NotPanics(t, func() { _ = NewReader(l, &fakeMemory{}, 0).Read(&Snapshot{}) })
		})
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

func contains(names []string, name string) bool {
	for _, n := range names {
		if n == name {
			return true
		}
	}
	return false
}
