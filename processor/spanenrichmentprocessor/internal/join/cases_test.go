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

var (
	shop  = proc("shop", 4242)
	begin = time.Unix(1_800_000_000, 0)
)

func newTestStore() *Store {
	return NewStore(Config{Wait: time.Second, Retention: 30 * time.Second, Bytes: 1 << 20}, begin)
}

// arrive has spans arrive, with room for the verdicts.
func arrive(s *Store, now time.Time, spans []Span, size func(int) int64) []Verdict {
	verdicts := make([]Verdict, len(spans))
	s.Arrive(now, spans, verdicts, size)
	return verdicts
}

func key(span byte) SpanKey { return SpanKey{pcommon.TraceID{15: 1}, pcommon.SpanID{7: span}} }

func proc(service string, pid int64) Process { return Process{Service: service, PID: pid} }

func stopOf(p Process, start, end int64) Fact {
	return Fact{Kind: KindStop, Process: p, Interval: Interval{start, end}}
}

func cycleOf(p Process, start, end, number int64) Fact {
	return Fact{Kind: KindCycle, Process: p, Interval: Interval{start, end}, Cycle: number}
}

func testFile(span byte, start, end, goroutine int64) Event {
	return Event{Kind: KindFile, Key: key(span), Process: shop, Interval: Interval{start, end}, Goroutine: goroutine, Name: "fathom.file.fsync", Path: "/wal"}
}

func TestFileOfAnUnknownSpanGoesToTheInnermostThatCoversIt(t *testing.T) {
	for name, test := range map[string]struct {
		spans []Span
		file  Event
		want  byte // 0: none
	}{
		"inner of two": {
			spans: []Span{{Key: key(1), Interval: Interval{0, 100}}, {Key: key(2), Interval: Interval{10, 50}}},
			file:  testFile(9, 20, 30, 0), want: 2,
		},
		"only the outer covers": {
			spans: []Span{{Key: key(1), Interval: Interval{0, 100}}, {Key: key(2), Interval: Interval{10, 25}}},
			file:  testFile(9, 20, 30, 0), want: 1,
		},
		"inner on another goroutine": {
			spans: []Span{{Key: key(1), Interval: Interval{0, 100}, Goroutine: 7}, {Key: key(2), Interval: Interval{10, 50}, Goroutine: 8}},
			file:  testFile(9, 20, 30, 7), want: 1,
		},
		"none covers": {
			spans: []Span{{Key: key(1), Interval: Interval{0, 25}}},
			file:  testFile(9, 20, 30, 0),
		},
		"another process": {
			spans: []Span{{Key: key(1), Interval: Interval{0, 100}, Process: proc("shop", 1)}},
			file:  testFile(9, 20, 30, 0),
		},
		"its own span is there": {
			spans: []Span{{Key: key(1), Interval: Interval{0, 100}}, {Key: key(2), Interval: Interval{10, 50}}},
			file:  testFile(1, 20, 30, 0), want: 1,
		},
		"a span ID is not known": {
			spans: []Span{{Key: key(1), Interval: Interval{0, 100}}},
			file:  testFile(0, 20, 30, 0), want: 1,
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newTestStore()
			s.Observe(begin, &Records{Events: []Event{test.file}})
			for i := range test.spans {
				if test.spans[i].Process == (Process{}) {
					test.spans[i].Process = shop
				}
			}
			for i, v := range arrive(s, begin, test.spans, size) {
				if test.spans[i].Key.Span[7] == test.want {
					require.Len(t, v.Match.Events, 1)
					assert.Equal(t, test.file, *v.Match.Events[0])
				} else {
					assert.Empty(t, v.Match.Events)
				}
			}
		})
	}
}

// TestProcessWideFactsNeedOneProcess: without a PID, a service says which
// process a span is of only while one process of it is known.
func TestProcessWideFactsNeedOneProcess(t *testing.T) {
	stop := func(pid int64) Fact { return stopOf(proc("shop", pid), 10, 20) }
	for name, test := range map[string]struct {
		stops []Fact
		span  Process
		want  int64
	}{
		"by PID":                        {[]Fact{stop(1), stop(2)}, proc("shop", 2), 10},
		"by the service alone":          {[]Fact{stop(1)}, proc("shop", 0), 10},
		"two processes of the service":  {[]Fact{stop(1), stop(2)}, proc("shop", 0), 0},
		"another PID of the service":    {[]Fact{stop(1)}, proc("shop", 2), 0},
		"another service":               {[]Fact{stop(1)}, proc("cart", 1), 0},
		"a resource without a name":     {[]Fact{stopOf(proc("", 1), 10, 20)}, proc("", 1), 0},
		"two stops overlap in the span": {[]Fact{stop(1), stopOf(proc("shop", 1), 40, 45)}, proc("shop", 1), 15},
		"a stop ends after the span":    {[]Fact{stopOf(proc("shop", 1), 90, 200)}, proc("shop", 1), 10},
	} {
		t.Run(name, func(t *testing.T) {
			s := newTestStore()
			s.Observe(begin, &Records{Facts: test.stops})
			v := arrive(s, begin, []Span{{Key: key(1), Process: test.span, Interval: Interval{0, 100}}}, size)
			assert.Equal(t, test.want, v[0].Match.StopOverlap)
		})
	}
}

// TestLedgerTellsTheProcess: in a container the SDK's process.pid is not the
// host's; the ledger, joined by IDs, says which process the span is of.
func TestLedgerTellsTheProcess(t *testing.T) {
	s := newTestStore()
	s.Observe(begin, &Records{
		Ledgers: []Ledger{{Key: key(1), Process: shop, Interval: Interval{0, 100}}},
		Facts:   []Fact{cycleOf(shop, 10, 30, 6), cycleOf(shop, 50, 60, 7), cycleOf(shop, 100, 120, 8)},
	})
	v := arrive(s, begin, []Span{{Key: key(1), Process: proc("shop", 1), Interval: Interval{0, 100}}}, size)
	assert.Equal(t, int64(30), v[0].Match.GCOverlap)
	assert.Equal(t, int64(7), v[0].Match.GCCycle, "the last that overlapped")
}

func TestSpanGetsItsLongestEvents(t *testing.T) {
	s := newTestStore()
	var files []Event
	for i := range int64(MaxEvents + 10) {
		files = append(files, testFile(1, i*100, i*100+i, 0))
	}
	s.Observe(begin, &Records{Events: files})
	for range 2 {
		v := arrive(s, begin, []Span{{Key: key(1), Process: shop, Interval: Interval{0, 10_000}}}, size)
		require.Len(t, v[0].Match.Events, MaxEvents)
		for i, f := range v[0].Match.Events {
			assert.Equal(t, int64(10+i), f.Interval.End-f.Interval.Start)
		}
	}
	assert.Equal(t, int64(10), s.Tally().Unjoined[KindFile][SpanLimit], "counted once")
}

func TestRecordsThatCannotBeJoinedAreCounted(t *testing.T) {
	s := newTestStore()
	s.Observe(begin, &Records{
		Ledgers: []Ledger{{Process: shop}, {Key: SpanKey{Trace: key(1).Trace}, Process: shop}, {Key: key(1), Process: shop, Interval: Interval{5, 1}}},
		Events:  []Event{{Kind: KindFile, Process: shop}, {Kind: KindFile, Key: key(1), Process: shop, Interval: Interval{-1, 1}}},
		Facts:   []Fact{cycleOf(proc("", 1), 1, 2, 1), stopOf(shop, 2, 1)},
		Refused: []Refusal{{KindLedger, Invalid}},
	})
	tally := s.Tally()
	assert.Equal(t, int64(4), tally.Unjoined[KindLedger][Invalid])
	assert.Equal(t, int64(1), tally.Unjoined[KindFile][NoTrace])
	assert.Equal(t, int64(1), tally.Unjoined[KindFile][Invalid])
	assert.Equal(t, int64(1), tally.Unjoined[KindCycle][Invalid])
	assert.Equal(t, int64(1), tally.Unjoined[KindStop][Invalid])
	assert.Zero(t, tally.Bytes)
	requireConserved(t, tally)
}

func TestCloseCountsWhatIsPending(t *testing.T) {
	s := newTestStore()
	s.Observe(begin, &Records{Ledgers: []Ledger{{Key: key(1), Process: shop}, {Key: key(2), Process: shop}}})
	arrive(s, begin, []Span{{Key: key(1), Process: shop}}, size)
	s.Close()
	assert.Equal(t, int64(1), s.Tally().Unjoined[KindLedger][Shutdown])
	requireConserved(t, s.Tally())
}

// TestTimeDoesNotGoBack: a caller that was overtaken brings an older time.
func TestTimeDoesNotGoBack(t *testing.T) {
	s := newTestStore()
	s.Observe(begin.Add(10*time.Second), &Records{Ledgers: []Ledger{{Key: key(1), Process: shop}}})
	s.Advance(begin)
	s.Advance(begin.Add(39 * time.Second))
	assert.Equal(t, int64(1), s.Tally().Stored)
	s.Advance(begin.Add(40 * time.Second))
	assert.Zero(t, s.Tally().Stored)
}

// TestAnSDKsNameOfAServiceIsLearned: its spans wait although the receiver has
// another name for the service.
func TestAnSDKsNameOfAServiceIsLearned(t *testing.T) {
	s := newTestStore()
	named := Process{Service: "shop-frontend"}
	span := func(id byte) []Span { return []Span{{Key: key(id), Process: named, Interval: Interval{0, 100}}} }
	s.Observe(begin, &Records{Ledgers: []Ledger{{Key: key(1), Process: shop, Interval: Interval{0, 100}}}})
	require.Nil(t, arrive(s, begin, span(2), size)[0].Waiting, "not known yet")
	require.NotNil(t, arrive(s, begin, span(1), size)[0].Match.Ledger)
	require.NotNil(t, arrive(s, begin, span(3), size)[0].Waiting)

	s.Observe(begin, &Records{Facts: []Fact{stopOf(shop, 10, 20)}})
	assert.Equal(t, int64(10), arrive(s, begin, span(1), size)[0].Match.StopOverlap)
	s.Advance(begin.Add(time.Hour))
	s.Advance(begin.Add(2 * time.Hour))
	assert.Empty(t, s.aliases)
}
