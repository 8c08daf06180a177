// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package sample

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fathom-otel/fathom/internal/ledger"
)

// interval of the tests' samples.
const interval = 10

type at struct {
	time, stay uint64
	cause      ledger.Cause
}

func timelineOf(samples ...at) *timeline {
	t := &timeline{}
	for _, s := range samples {
		t.add(s.time, s.stay, s.cause, interval)
	}
	return t
}

func TestLedgerOfATimeline(t *testing.T) {
	const sleep, cpu, none = ledger.Sleep, ledger.OnCPU, ledger.Unattributed
	for name, test := range map[string]struct {
		samples    []at
		start, end uint64
		want       ledger.Ledger
		unseen     bool
	}{
		"no sample": {nil, 100, 130, ledger.Ledger{none: 30}, true},
		"no time":   {[]at{{100, 100, cpu}}, 100, 100, ledger.Ledger{}, true},
		"one sample speaks for an interval around": {[]at{{150, 100, cpu}}, 100, 200, ledger.Ledger{cpu: 20, none: 80}, false},
		"not before its stay":                      {[]at{{105, 100, cpu}}, 90, 110, ledger.Ledger{cpu: 10, none: 10}, false},
		"between two of one cause":                 {[]at{{105, 100, cpu}, {115, 100, cpu}}, 100, 120, ledger.Ledger{cpu: 20}, false},
		"between two of different causes, halves":  {[]at{{104, 100, cpu}, {114, 100, sleep}}, 100, 120, ledger.Ledger{cpu: 9, sleep: 11}, false},
		"late, of one cause":                       {[]at{{105, 100, cpu}, {155, 100, cpu}}, 100, 160, ledger.Ledger{cpu: 60}, false},
		"too late, of one cause":                   {[]at{{105, 100, cpu}, {165, 100, cpu}}, 100, 170, ledger.Ledger{cpu: 30, none: 40}, false},
		"late, of different causes":                {[]at{{105, 100, cpu}, {155, 100, sleep}}, 100, 160, ledger.Ledger{cpu: 15, sleep: 15, none: 30}, false},
		"of an inner span":                         {[]at{{105, 100, cpu}, {115, 100, sleep}, {125, 100, cpu}}, 112, 122, ledger.Ledger{sleep: 8, cpu: 2}, false},
		"an inner span between samples":            {[]at{{105, 100, cpu}, {115, 100, cpu}}, 107, 112, ledger.Ledger{cpu: 5}, false},
		"of the stay before":                       {[]at{{105, 100, cpu}, {135, 130, sleep}}, 100, 120, ledger.Ledger{cpu: 15, none: 5}, false},
		"of the stay after":                        {[]at{{105, 100, cpu}, {115, 109, sleep}}, 109, 120, ledger.Ledger{sleep: 11}, false},
		"of a stay that nobody saw":                {[]at{{105, 100, cpu}, {135, 130, cpu}}, 116, 129, ledger.Ledger{none: 13}, true},
	} {
		t.Run(name, func(t *testing.T) {
			got, seen := timelineOf(test.samples...).ledger(test.start, test.end, interval)
			require.Equal(t, test.want, got)
			require.Equal(t, test.unseen, !seen)
		})
	}
}

// Whatever was sampled, the parts sum to the time, and those of two halves are
// those of the whole.
func TestPartsSumToTheTime(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		line, now, stay := &timeline{}, uint64(1000), uint64(1000)
		grown := 0
		for range random.IntN(200) {
			now += random.Uint64N(3 * interval)
			if random.IntN(10) == 0 {
				stay = now - random.Uint64N(interval)
			}
			grown += line.add(now, stay, ledger.Cause(random.IntN(3)), interval)
		}
		require.Len(t, line.runs, grown)
		start := 900 + random.Uint64N(now-899)
		end := start + random.Uint64N(now+100-start)
		whole, _ := line.ledger(start, end, interval)
		require.Equal(t, end-start, whole.Total())
		middle := start + random.Uint64N(end-start+1)
		left, _ := line.ledger(start, middle, interval)
		right, _ := line.ledger(middle, end, interval)
		for cause := range whole {
			require.Equal(t, whole[cause], left[cause]+right[cause], "%v", ledger.Cause(cause))
		}
	}
}

func TestALongTimelineIsFolded(t *testing.T) {
	line, runs := &timeline{}, 0
	const n = 10 * maxRuns
	for i := range uint64(n) {
		runs += line.add(100+i*interval, 100, ledger.Cause(i%2), interval)
		require.LessOrEqual(t, len(line.runs), maxRuns)
		require.Len(t, line.runs, runs)
	}
	whole, seen := line.ledger(100, 100+n*interval, interval)
	require.True(t, seen)
	require.EqualValues(t, n*interval, whole.Total())
	require.InDelta(t, n*interval/2, float64(whole[0]), interval)
	require.Zero(t, whole[ledger.Unattributed])

	end := uint64(100 + n*interval)
	recent, _ := line.ledger(end-1000, end, interval)
	require.Zero(t, recent[ledger.Unattributed])
	early, _ := line.ledger(200, end, interval)
	require.EqualValues(t, end-200, early.Total())
	require.Positive(t, early[ledger.Unattributed], "of a span that began within the sum nothing is known but its end")
}

func TestFoldingForgetsWhatIsOver(t *testing.T) {
	line := &timeline{}
	for i := range uint64(maxRuns) {
		line.add(100+i*interval, 100, ledger.Cause(i%2), interval)
	}
	last := uint64(100 + maxRuns*interval)
	line.add(last, last, ledger.Sleep, interval)
	spent, _ := line.ledger(last, last+5, interval)
	require.Equal(t, ledger.Ledger{ledger.Sleep: 5}, spent)
	require.Zero(t, line.folded)
}

func TestWhatWasToldIsForgotten(t *testing.T) {
	s := newStore(interval)
	one, other := goroutine{id: 1, pid: 7}, goroutine{id: 2, pid: 8}
	s.add(105, []sample{{one, 100, ledger.OnCPU}, {other, 100, ledger.Sleep}})
	s.add(125, []sample{{one, 120, ledger.Sleep}})
	require.Equal(t, 3, s.runs)
	spent, seen := s.ledger(one, 100, 110)
	require.True(t, seen)
	require.Equal(t, ledger.Ledger{ledger.OnCPU: 10}, spent)

	s.told(one, 110)
	require.Equal(t, 2, s.runs)
	spent, _ = s.ledger(one, 120, 130)
	require.Equal(t, ledger.Ledger{ledger.Sleep: 10}, spent, "what comes after stays")
	s.told(one, 130)
	require.Equal(t, 1, s.runs)
	s.told(one, 130)
	s.forget(8)
	require.Empty(t, s.timelines)
	require.Zero(t, s.runs)
	_, seen = s.ledger(other, 100, 110)
	require.False(t, seen)
}

func TestWhatIsNotToldExpires(t *testing.T) {
	s := newStore(interval)
	g := goroutine{id: 1, pid: 7}
	s.add(100, []sample{{g, 100, ledger.OnCPU}})
	s.expire(keep + 100)
	require.Len(t, s.timelines, 1)
	s.add(keep, []sample{{g, keep, ledger.OnCPU}})
	s.expire(keep + 200)
	require.Equal(t, 1, s.runs, "the stay that is over has gone")
	s.expire(2*keep + 1)
	require.Empty(t, s.timelines)
	require.Zero(t, s.runs)
}

func TestTheStoreIsBounded(t *testing.T) {
	s := newStore(interval)
	s.runs = maxStored - 1
	require.Equal(t, 1, s.add(100, []sample{
		{goroutine{id: 1}, 100, ledger.OnCPU}, {goroutine{id: 2}, 100, ledger.OnCPU},
	}))
	require.Equal(t, maxStored, s.runs)
}
