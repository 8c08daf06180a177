// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package join

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
)

func TestHostsContradictEachOther(t *testing.T) {
	for name, test := range map[string]struct {
		a, b Origin
		want bool
	}{
		"nothing is said":                   {Origin{}, Origin{}, false},
		"one says nothing":                  {Origin{HostID: "a"}, Origin{}, false},
		"the same":                          {Origin{HostID: "a", NodeName: "n"}, Origin{HostID: "a", NodeName: "n"}, false},
		"each says something else":          {Origin{HostID: "a"}, Origin{NodeName: "n"}, false},
		"one says more":                     {Origin{HostID: "a", ContainerID: "c"}, Origin{HostID: "a"}, false},
		"two machines":                      {Origin{HostID: "a"}, Origin{HostID: "b"}, true},
		"two containers of a machine":       {Origin{HostID: "a", ContainerID: "c"}, Origin{HostID: "a", ContainerID: "d"}, true},
		"two pods":                          {Origin{PodUID: "p"}, Origin{PodUID: "q"}, true},
		"two nodes":                         {Origin{NodeName: "n"}, Origin{NodeName: "m"}, true},
		"two host names":                    {Origin{HostName: "a"}, Origin{HostName: "b"}, true},
		"a container's name and its node's": {Origin{HostName: "shop-5d9f"}, Origin{HostName: "node-1", ContainerID: "c"}, false},
		"a pod's name and its node's":       {Origin{HostName: "shop-5d9f", PodUID: "p"}, Origin{HostName: "node-1"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, test.want, HostOf(test.a).contradicts(HostOf(test.b)))
			assert.Equal(t, test.want, HostOf(test.b).contradicts(HostOf(test.a)))
		})
	}
}

// TestAResourceNamesOneProcess or none: of two that it may mean it names none,
// unless just one is of the host that it says.
func TestAResourceNamesOneProcess(t *testing.T) {
	a, b, c := HostOf(Origin{HostID: "a"}), HostOf(Origin{HostID: "b"}), HostOf(Origin{HostID: "c"})
	inA := HostOf(Origin{HostID: "a", ContainerID: "c"})
	for name, test := range map[string]struct {
		known []Process
		span  Process
		want  int // of those known, from 1; 0: none
	}{
		"by PID and host":                 {[]Process{{"shop", 1, a}, {"shop", 1, b}}, Process{"shop", 1, b}, 2},
		"by PID, on two hosts":            {[]Process{{"shop", 1, a}, {"shop", 1, b}}, Process{"shop", 1, Host{}}, 0},
		"by PID, on another host":         {[]Process{{"shop", 1, a}}, Process{"shop", 1, b}, 0},
		"by PID, the record says no host": {[]Process{{"shop", 1, Host{}}}, Process{"shop", 1, b}, 1},
		"by PID, one of the host":         {[]Process{{"shop", 1, Host{}}, {"shop", 1, b}}, Process{"shop", 1, b}, 2},
		"by PID, two that say less":       {[]Process{{"shop", 1, Host{}}, {"shop", 1, a}}, Process{"shop", 1, inA}, 0},
		"by host":                         {[]Process{{"shop", 1, a}, {"shop", 2, b}}, Process{"shop", 0, a}, 1},
		"by host, two of it":              {[]Process{{"shop", 1, a}, {"shop", 2, a}}, Process{"shop", 0, a}, 0},
		"by host, none of it":             {[]Process{{"shop", 1, a}, {"shop", 2, b}}, Process{"shop", 0, c}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			s := newTestStore()
			for i, p := range test.known {
				s.Observe(begin, &Records{Facts: []Fact{stopOf(p, 10, int64(11+i))}})
			}
			for range 2 { // the second time from what is remembered
				v := arrive(s, begin, []Span{{Key: key(1), Process: test.span, Interval: Interval{0, 100}}}, size)
				assert.Equal(t, int64(test.want), v[0].Match.StopOverlap)
			}
		})
	}
}

// TestAProcessThatRestartsWithItsPID: the next process counts its collections
// and its goroutines from 1 again. Time tells the two apart.
func TestAProcessThatRestartsWithItsPID(t *testing.T) {
	s := newTestStore()
	first, second := pcommon.TraceID{15: 1}, pcommon.TraceID{15: 2}
	event := func(trace pcommon.TraceID, start int64) Event {
		return Event{Kind: KindFile, Key: SpanKey{Trace: trace}, Process: shop, Interval: Interval{start, start + 5}, Goroutine: 1, Path: "/wal"}
	}
	s.Observe(begin, &Records{
		Facts:  []Fact{cycleOf(shop, 10, 20, 1), cycleOf(shop, 1010, 1040, 1), stopOf(shop, 10, 11), stopOf(shop, 1010, 1013)},
		Events: []Event{event(first, 15), event(second, 1015)},
	})
	v := arrive(s, begin, []Span{
		{Key: SpanKey{first, pcommon.SpanID{7: 1}}, Process: shop, Interval: Interval{0, 100}, Goroutine: 1},
		{Key: SpanKey{second, pcommon.SpanID{7: 1}}, Process: shop, Interval: Interval{1000, 1100}, Goroutine: 1},
	}, size)
	for i, want := range []struct{ gc, stop, file int64 }{{10, 1, 15}, {30, 3, 1015}} {
		m := v[i].Match
		assert.Equal(t, want.gc, m.GCOverlap)
		assert.Equal(t, want.stop, m.StopOverlap)
		require.Len(t, m.Events, 1)
		assert.Equal(t, want.file, m.Events[0].Interval.Start)
	}
	assert.Zero(t, s.Tally().Unjoined[KindCycle][Duplicate], "the same number, another collection")
}

// TestSentTwiceIsJoinedOnce: an agent whose request timed out sends a batch
// again, after its events were joined, by whatever key.
func TestSentTwiceIsJoinedOnce(t *testing.T) {
	for name, e := range map[string]Event{
		"of its own span":  testFile(1, 20, 30, 0),
		"of an inner span": testFile(9, 20, 30, 0),
		"of no span":       testFile(0, 20, 30, 0),
	} {
		t.Run(name, func(t *testing.T) {
			s := newTestStore()
			batch := &Records{
				Events:  []Event{e},
				Facts:   []Fact{stopOf(shop, 10, 20)},
				Ledgers: []Ledger{{Key: key(1), Process: shop, Interval: Interval{0, 100}}},
			}
			span := []Span{{Key: key(1), Process: shop, Interval: Interval{0, 100}}}
			s.Observe(begin, batch)
			s.Observe(begin, batch)
			want := arrive(s, begin, span, size)[0].Match
			require.Len(t, want.Events, 1)
			s.Observe(begin, batch)
			assert.Equal(t, want, arrive(s, begin, span, size)[0].Match, "an SDK that sends again gets the same")
			for _, kind := range []Kind{KindLedger, KindFile, KindStop} {
				assert.Equal(t, int64(2), s.Tally().Unjoined[kind][Duplicate], kind)
			}
			audit(t, s)
		})
	}
}

// TestTracesThatNeverComeExpire: a head sampler dropped them, or they went
// elsewhere.
func TestTracesThatNeverComeExpire(t *testing.T) {
	s := newTestStore()
	const traces = 100
	for i := range traces {
		k := SpanKey{pcommon.TraceID{0: byte(i), 15: 7}, pcommon.SpanID{7: 1}}
		s.Observe(begin, &Records{
			Ledgers: []Ledger{{Key: k, Process: shop, Interval: Interval{0, 100}}},
			Events: []Event{
				{Kind: KindFile, Key: k, Process: shop, Interval: Interval{1, 2}},
				{Kind: KindNetwork, Key: SpanKey{Trace: k.Trace}, Process: shop, Interval: Interval{1, 2}},
			},
		})
	}
	s.Advance(begin.Add(29 * time.Second))
	assert.Equal(t, int64(3*traces), s.Tally().Stored)
	s.Advance(begin.Add(30 * time.Second))
	for _, kind := range []Kind{KindLedger, KindFile, KindNetwork} {
		assert.Equal(t, int64(traces), s.Tally().Unjoined[kind][Unmatched], kind)
	}
	assert.Zero(t, s.Tally().Bytes)
	assert.Zero(t, s.traces.used)
	assert.Empty(t, s.services)
}
