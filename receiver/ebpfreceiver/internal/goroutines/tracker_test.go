// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package goroutines

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/goexec"
)

var (
	receiving = Key{Created: 0x100, Top: 0x200, State: 19}
	sleeping  = Key{Created: 0x100, Top: 0x300, State: 20}
)

// followed is a tracker and the time of its next dump.
type followed struct {
	*Tracker
	now time.Time
}

func follow(limits Limits) *followed {
	now := time.Unix(1_000_000, 0)
	return &followed{NewTracker(limits, now), now}
}

// dump takes a dump a second after the last.
func (f *followed) dump(sightings ...sighting) {
	f.now = f.now.Add(time.Second)
	f.begin(f.now)
	for _, s := range sightings {
		f.add(s)
	}
	f.end()
}

// sight is a goroutine in the slot of its ID.
func sight(id uint64, key Key, sequence uint8) sighting {
	return sighting{slot: int(id), id: id, parent: 1, sequence: sequence, key: key, frames: []uint64{key.Top}}
}

func tableLayout() *Layout {
	l := &Layout{reasons: map[uint8]string{19: "chan receive", 20: "sleep"}, places: newPlaces(&goexec.Lines{})}
	l.places.known[0x100] = &place{calls: []goexec.Call{{Function: "main.start", File: "/m.go", Line: 7}}}
	l.places.known[0x200] = &place{calls: []goexec.Call{{Function: "main.inner", File: "/m.go", Line: 9}, {Function: "main.outer", File: "/m.go", Line: 11}}}
	return l
}

func (f *followed) group(t *testing.T, key Key) Group {
	t.Helper()
	for _, g := range f.Top(tableLayout(), 100) {
		if g.Key == key {
			return g
		}
	}
	require.Fail(t, "no such group", "%v", key)
	return Group{}
}

func TestAgesComeFromSuccessiveDumps(t *testing.T) {
	f := follow(DefaultLimits())
	f.dump(sight(7, receiving, 0), sight(8, sleeping, 0))
	require.Zero(t, f.group(t, receiving).Age, "seen for the first time")
	f.dump(sight(7, receiving, 0), sight(8, sleeping, 0), sight(5, receiving, 0))
	f.dump(sight(7, receiving, 0), sight(8, sleeping, 1), sight(5, receiving, 0))

	g := f.group(t, receiving)
	require.Equal(t, 2, g.Count)
	require.Equal(t, 2, g.Settled)
	require.EqualValues(t, 7, g.ID, "seen first, whatever its ID")
	require.Equal(t, 2*time.Second, g.Age)
	require.Equal(t, 2*time.Second, g.Waiting)
	g = f.group(t, sleeping)
	require.Equal(t, 2*time.Second, g.Age)
	require.Zero(t, g.Waiting, "it ran in between")

	f.dump(sight(7, sleeping, 1), sighting{slot: 5, id: 50, key: receiving})
	g = f.group(t, sleeping)
	require.Equal(t, 3*time.Second, g.Age, "a goroutine keeps its age where it goes")
	require.Zero(t, g.Waiting)
	require.Equal(t, 1, g.Settled)
	g = f.group(t, receiving)
	require.Zero(t, g.Age, "another goroutine in the slot is new")
	require.Zero(t, g.Settled)
}

func TestADumpThatFailsIsForgotten(t *testing.T) {
	f := follow(DefaultLimits())
	f.dump(sight(1, receiving, 0), sight(2, receiving, 0))
	f.now = f.now.Add(time.Second)
	f.begin(f.now)
	f.add(sight(1, receiving, 0))
	f.add(sight(3, sleeping, 0))
	f.dump(sight(1, receiving, 0), sight(2, receiving, 0))
	require.Equal(t, 2, f.group(t, receiving).Count)
	require.Len(t, f.groups, 1)
	require.Equal(t, 2, f.Live())
	require.Equal(t, []sample{{at: int64(3 * time.Second), settled: 2}}, f.groups[receiving].history.samples)
}

func TestGroupsAreBounded(t *testing.T) {
	f := follow(Limits{Goroutines: 100, Groups: 2, Frames: 10})
	other := Key{Created: 0x900, State: 19}
	f.dump(sight(1, receiving, 0), sight(2, sleeping, 0), sight(3, other, 0), sight(4, other, 0))
	require.Equal(t, [NumLosses]uint64{GroupsFull: 2}, f.TakeLosses())
	require.Equal(t, 4, f.Live())
	f.dump(sight(1, receiving, 0))
	f.dump(sight(1, receiving, 0), sight(3, other, 0))
	require.Zero(t, f.TakeLosses(), "a group that is gone makes room")
	require.Equal(t, 1, f.group(t, other).Count)
}

func TestHistoryIsBounded(t *testing.T) {
	var h history
	for i := range 3 * MaxDumps {
		h.add(sample{at: int64(i), settled: i})
	}
	require.Len(t, h.samples, MaxDumps)
	require.Equal(t, []sample{{at: 178, settled: 178}, {at: 179, settled: 179}}, h.window(2))
	require.Len(t, h.window(1000), MaxDumps)
}

func TestLeaksAreToldOnce(t *testing.T) {
	f, layout := follow(DefaultLimits()), tableLayout()
	watch := NewWatch(Rule{Growth: 10, Dumps: 3, MinAge: 2 * time.Second})
	var all []sighting
	var told []int
	for id := uint64(1); id <= 400; id += 5 {
		for i := range uint64(5) {
			all = append(all, sight(id+i, receiving, 0))
		}
		f.dump(append(all, sight(1000+id, sleeping, 0))...)
		for _, leak := range watch.Leaks(f.Tracker, layout) {
			require.Equal(t, ByGrowth, leak.By)
			require.Equal(t, receiving, leak.Key)
			require.Equal(t, 10, leak.Grew)
			require.Equal(t, 2*time.Second, leak.Window)
			require.EqualValues(t, 1, leak.ID)
			told = append(told, leak.Count)
		}
	}
	require.Equal(t, []int{20, 40, 80, 160, 320}, told)
}

func TestALeakIsOldEnough(t *testing.T) {
	f, layout := follow(DefaultLimits()), tableLayout()
	watch := NewWatch(Rule{Growth: 10, Dumps: 3, MinAge: 6 * time.Second})
	var all []sighting
	for dump := range 20 {
		for i := range 5 {
			all = append(all, sight(uint64(5*dump+i), receiving, 0))
		}
		f.dump(all...)
		if leaks := watch.Leaks(f.Tracker, layout); len(leaks) > 0 {
			require.Equal(t, 6*time.Second, leaks[0].Age)
			return
		}
	}
	require.Fail(t, "not told")
}

func TestTooManyGoroutines(t *testing.T) {
	f, layout := follow(DefaultLimits()), tableLayout()
	watch := NewWatch(Rule{Threshold: 10, Dumps: 3})
	told := map[int]int{}
	for _, n := range []uint64{5, 10, 11, 12, 21, 22, 23, 11, 12, 3, 11} {
		sightings := []sighting{sight(1000, sleeping, 0)}
		for id := range n - 1 {
			sightings = append(sightings, sight(id+1, receiving, 0))
		}
		f.dump(sightings...)
		for _, leak := range watch.Leaks(f.Tracker, layout) {
			require.Equal(t, ByThreshold, leak.By)
			require.Equal(t, receiving, leak.Key)
			told[f.Live()]++
		}
	}
	require.Equal(t, map[int]int{11: 3, 22: 1}, told, "11, 22, then 11 and 11 again after half were gone")
}

func TestStacktrace(t *testing.T) {
	f := follow(DefaultLimits())
	f.dump(sight(7, receiving, 0), sight(8, Key{State: 19, Top: 0x999}, 0))
	g := f.group(t, receiving)
	require.Equal(t, "goroutine 7 [chan receive]:\nmain.inner(...)\n\t/m.go:9\nmain.outer(...)\n\t/m.go:11\n"+
		"created by main.start in goroutine 1\n\t/m.go:7\n", g.Stacktrace())
	g = f.group(t, Key{State: 19, Top: 0x999})
	require.Equal(t, "goroutine 8 [chan receive]:\n0x999(...)\n", g.Stacktrace(), "code that is unknown, and no go statement")
}

func TestNamesOfFunctions(t *testing.T) {
	for function, want := range map[string]struct {
		name          string
		waits, system bool
	}{
		"runtime.gopark":                         {"runtime", true, true},
		"runtime.main":                           {"runtime", true, false},
		"runtime/trace.Start.func1":              {"runtime/trace", true, false},
		"internal/poll.(*FD).Read":               {"internal/poll", true, false},
		"net.(*conn).Read":                       {"net", true, false},
		"net/http.(*conn).serve":                 {"net/http", false, false},
		"golang.org/x/net/http2.(*Server).Serve": {"golang.org/x/net/http2", false, false},
		"main.f[go.shape.struct { a/b.X }]":      {"main", false, false},
		"example.com/v2.(*T[...]).f":             {"example.com/v2", false, false},
		"gosave":                                 {"gosave", false, false},
	} {
		require.Equal(t, want.name, packageOf(function))
		require.Equal(t, want.waits, waits(function), function)
		require.Equal(t, want.system, isSystem(function), function)
	}
	for function, want := range map[string]bool{
		"runtime.gopark": false, "runtime.Gosched": true, "sync.runtime_notifyListWait": true,
		"main.f.gowrap1": false, "main.f.func2.deferwrap1": false, "main.(*T).f-fm": false, "main.gowrap": true,
	} {
		require.Equal(t, want, shown(goexec.Call{Function: function}), function)
	}
	require.False(t, shown(goexec.Call{Function: "main.T.f", File: "<autogenerated>"}))
	require.Equal(t, "main.(*Map[...]).f", nameForPrint("main.(*Map[go.shape.string,go.shape.[]int]).f"))
	require.Equal(t, "main.f", nameForPrint("main.f"))
	require.Equal(t, "main.]f[", nameForPrint("main.]f["))
}
