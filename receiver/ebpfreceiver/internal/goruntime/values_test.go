// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package goruntime

import (
	"math"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

// values are all numbers of all metrics, by the metric's name and the values of
// its attributes: integers, times in nanoseconds; and the buckets and bounds of
// the histograms.
type values struct {
	ints    map[string]int64
	buckets map[string][]uint64
	bounds  map[string][]float64
}

func noValues() values {
	return values{map[string]int64{}, map[string][]uint64{}, map[string][]float64{}}
}

// key is that of a data point.
func key(definition Definition, attributes pcommon.Map) string {
	name := definition.Name
	for _, attribute := range definition.Attributes {
		value, _ := attributes.Get(attribute)
		name += " " + value.Str()
	}
	return name
}

// observed takes a snapshot and reads the metrics made of it.
func (t *target) observed() values {
	t.tb.Helper()
	var s Snapshot
	require.NoError(t.tb, t.reader.Read(&s))
	metrics := pmetric.NewMetricSlice()
	s.AppendTo(metrics, time.Unix(1, 0), time.Unix(2, 0))
	byName := map[string]Definition{}
	for _, d := range Definitions() {
		byName[d.Name] = d
	}
	v := noValues()
	for _, m := range metrics.All() {
		definition := byName[m.Name()]
		if m.Type() == pmetric.MetricTypeHistogram {
			for _, point := range m.Histogram().DataPoints().All() {
				v.buckets[key(definition, point.Attributes())] = point.BucketCounts().AsRaw()
				v.bounds[key(definition, point.Attributes())] = point.ExplicitBounds().AsRaw()
			}
			continue
		}
		for _, point := range m.Sum().DataPoints().All() {
			number := point.IntValue()
			if definition.Unit == "s" {
				number = nanoseconds(point.DoubleValue())
			}
			v.ints[key(definition, point.Attributes())] = number
		}
	}
	return v
}

func nanoseconds(seconds float64) int64 { return int64(math.Round(seconds * 1e9)) }

// still waits until the target's numbers have not changed for a while: until
// the sweeper and the scavenger are done.
func (t *target) still() values {
	t.tb.Helper()
	last := t.observed()
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); {
		time.Sleep(100 * time.Millisecond)
		before := last
		last = t.observed()
		if assert.ObjectsAreEqual(before, last) {
			return last
		}
	}
	require.Fail(t.tb, "the idle target does not come to rest")
	return last
}

// told is what the target says of its runtime/metrics.
type told struct {
	numbers map[string]uint64
	seconds map[string]float64
	counts  map[string][]uint64
	bounds  map[string][]float64
}

// has says whether the target's release has that metric.
func (t told) has(name string) bool {
	_, number := t.numbers[name]
	_, seconds := t.seconds[name]
	_, counts := t.counts[name]
	return number || seconds || counts
}

// number is capped as contrib's instrumentation caps it.
func (t told) number(tb testing.TB, name string) int64 {
	tb.Helper()
	require.Contains(tb, t.numbers, name)
	return int64(min(t.numbers[name], math.MaxInt64))
}

// ask reads the target's answer to "read".
func (t *target) ask() told {
	t.tb.Helper()
	answer := told{map[string]uint64{}, map[string]float64{}, map[string][]uint64{}, map[string][]float64{}}
	words := strings.Fields(t.command("read"))
	take := func() uint64 {
		number, err := strconv.ParseUint(words[0], 10, 64)
		require.NoError(t.tb, err)
		words = words[1:]
		return number
	}
	for len(words) > 0 {
		name, kind := words[0], words[1]
		words = words[2:]
		switch kind {
		case "u":
			answer.numbers[name] = take()
		case "f":
			answer.seconds[name] = math.Float64frombits(take())
		case "h":
			n := take()
			for range n {
				answer.counts[name] = append(answer.counts[name], take())
			}
			for range n + 1 {
				answer.bounds[name] = append(answer.bounds[name], math.Float64frombits(take()))
			}
		}
	}
	return answer
}

// truth computes from the target's runtime/metrics what the metrics must be.
// Goroutines by state are not in it: they depend on who asks.
func (t *target) truth() values {
	t.tb.Helper()
	answer := t.ask()
	v := noValues()
	t.memoryTruth(answer, v)
	for ours, theirs := range map[string]string{
		"go.goroutine.count":          "/sched/goroutines:goroutines",
		"go.processor.limit":          "/sched/gomaxprocs:threads",
		"go.config.gogc":              "/gc/gogc:percent",
		"fathom.go.goroutine.created": "/sched/goroutines-created:goroutines",
	} {
		if ours != "fathom.go.goroutine.created" || answer.has(theirs) {
			v.ints[ours] = answer.number(t.tb, theirs)
		}
	}
	require.Contains(t.tb, answer.seconds, "/sync/mutex/wait/total:seconds")
	v.ints["fathom.go.mutex.wait"] = nanoseconds(answer.seconds["/sync/mutex/wait/total:seconds"])
	for _, class := range cpuClasses() {
		theirs := "/cpu/classes/" + class.detail + ":cpu-seconds"
		require.Contains(t.tb, answer.seconds, theirs)
		v.ints["go.cpu.time "+class.state+" "+class.detail] = nanoseconds(answer.seconds[theirs])
	}
	pauses := "/gc/pauses:seconds"
	if t.layout != nil && t.layout.minor >= 22 {
		pauses = "/sched/pauses/total/gc:seconds"
		require.True(t.tb, answer.has("/sched/pauses/stopping/gc:seconds"))
	}
	for ours, theirs := range map[string]string{
		"go.schedule.duration":                             "/sched/latencies:seconds",
		"go.memory.gc.pause.duration":                      pauses,
		"fathom.go.stop_the_world.other.duration":          "/sched/pauses/total/other:seconds",
		"fathom.go.stop_the_world.stopping.duration gc":    "/sched/pauses/stopping/gc:seconds",
		"fathom.go.stop_the_world.stopping.duration other": "/sched/pauses/stopping/other:seconds",
	} {
		if answer.has(theirs) {
			bounds := answer.bounds[theirs]
			v.buckets[ours] = answer.counts[theirs]
			v.bounds[ours] = bounds[1 : len(bounds)-1] // without the infinities
		}
	}
	return v
}

// memoryTruth adds what is known of memory and its collector.
func (t *target) memoryTruth(answer told, v values) {
	t.tb.Helper()
	number := func(name string) int64 { t.tb.Helper(); return answer.number(t.tb, name) }
	stacks, total := number("/memory/classes/heap/stacks:bytes"), int64(0)
	v.ints["go.memory.used stack"] = stacks
	for class, name := range memoryClassNames() {
		bytes := int64(0)
		switch class {
		case classCaches, classSpans:
			bytes = number("/memory/classes/"+name+"/free:bytes") + number("/memory/classes/"+name+"/inuse:bytes")
		default:
			bytes = number("/memory/classes/" + name + ":bytes")
		}
		v.ints["fathom.go.memory.classes "+name] = bytes
		total += bytes
	}
	require.Equal(t.tb, number("/memory/classes/total:bytes"), total, "the classes sum to all memory")
	v.ints["go.memory.used other"] = total - number("/memory/classes/heap/released:bytes") - stacks
	if limit := number("/gc/gomemlimit:bytes"); limit != math.MaxInt64 {
		v.ints["go.memory.limit"] = limit
	}
	for ours, theirs := range map[string]string{
		"go.memory.allocated":           "/gc/heap/allocs:bytes",
		"go.memory.allocations":         "/gc/heap/allocs:objects",
		"go.memory.gc.goal":             "/gc/heap/goal:bytes",
		"go.memory.gc.cycles":           "/gc/cycles/total:gc-cycles",
		"fathom.go.memory.heap.live":    "/gc/heap/live:bytes",
		"fathom.go.memory.heap.objects": "/gc/heap/objects:objects",
		"fathom.go.memory.freed":        "/gc/heap/frees:bytes",
		"fathom.go.memory.frees":        "/gc/heap/frees:objects",
	} {
		v.ints[ours] = number(theirs)
	}
}
