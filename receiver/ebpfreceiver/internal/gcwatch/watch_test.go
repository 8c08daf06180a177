// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package gcwatch

import (
	"errors"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func pauses() Rule { return Rule{PauseOver: 5 * ms, Times: 3, Within: 10 * time.Second} }

const ms = time.Millisecond

// stop is a stop of the world by when it began.
type stop struct {
	at, length time.Duration
	reason     string
}

func TestPauses(t *testing.T) {
	const second = time.Second
	for name, test := range map[string]struct {
		stops []stop
		told  []int // after which of them
		worst time.Duration
	}{
		"three in ten seconds":           {[]stop{{1 * second, 6 * ms, "a"}, {5 * second, 9 * ms, "b"}, {10 * second, 7 * ms, "c"}}, []int{2}, 9 * ms},
		"five milliseconds are not over": {[]stop{{1 * second, 5 * ms, "a"}, {2 * second, 9 * ms, "b"}, {3 * second, 9 * ms, "b"}}, nil, 0},
		"the first is too long ago":      {[]stop{{1 * second, 6 * ms, "a"}, {5 * second, 9 * ms, "b"}, {12 * second, 7 * ms, "c"}}, nil, 0},
		"short ones between do not count": {[]stop{{1 * second, 6 * ms, "a"}, {2 * second, ms, "x"}, {3 * second, ms, "x"}, {4 * second, 8 * ms, "b"},
			{5 * second, 7 * ms, "c"}}, []int{4}, 8 * ms},
		"told again only after its time": {[]stop{{1 * second, 6 * ms, "a"}, {2 * second, 6 * ms, "b"}, {3 * second, 6 * ms, "c"}, {4 * second, 6 * ms, "d"},
			{9 * second, 6 * ms, "e"}, {12 * second, 6 * ms, "f"}, {13 * second, 6 * ms, "g"}, {14 * second, 6 * ms, "h"}}, []int{2, 6}, 6 * ms},
	} {
		t.Run(name, func(t *testing.T) {
			w := New([]Rule{pauses()})
			var told []int
			for i, s := range test.stops {
				for _, b := range w.Pause(uint64(s.at), uint64(s.at+s.length), s.reason) {
					told = append(told, i)
					require.Equal(t, test.worst, b.Worst)
					require.NotEmpty(t, b.Reason)
					require.EqualValues(t, s.at+s.length, b.End)
				}
			}
			require.Equal(t, test.told, told)
		})
	}
}

func TestWhatABreachTells(t *testing.T) {
	w := New([]Rule{pauses(), {Cycles: 2, Within: time.Second}, {AssistPercent: 10, Within: time.Second}})
	require.Empty(t, w.Pause(0, uint64(6*ms), "GC mark termination"))
	require.Empty(t, w.Pause(uint64(10*ms), uint64(30*ms), "GC sweep termination"))
	require.Equal(t, []Breach{{Rule: pauses(), Start: 0, End: uint64(47 * ms), Count: 3, Worst: 20 * ms, Reason: "GC sweep termination"}},
		w.Pause(uint64(40*ms), uint64(47*ms), "start trace"))

	require.Empty(t, w.Cycle(uint64(50*ms)))
	b := w.Cycle(uint64(60 * ms))
	require.Len(t, b, 1)
	require.Equal(t, ByCycles, b[0].Rule.Kind())
	require.Equal(t, 2, b[0].Count)

	require.Empty(t, w.Span(uint64(70*ms), uint64(20*ms), uint64(8*ms)), "40 %, but not a hundredth of a second")
	b = w.Span(uint64(80*ms), uint64(20*ms), uint64(4*ms))
	require.Len(t, b, 1)
	require.InDelta(t, 30, b[0].AssistPercent, 1e-9)
	require.Equal(t, 2, b[0].Count)
	require.Zero(t, b[0].Worst)
	require.Empty(t, New([]Rule{{AssistPercent: 10, Within: time.Second}}).Span(uint64(70*ms), uint64(900*ms), uint64(50*ms)), "less than 10 %")
}

// A rule on stops is told exactly where a search through all stops finds it broken.
func TestPausesAgreeWithASearchThroughAll(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		rule := Rule{PauseOver: time.Duration(1+random.IntN(5)) * ms, Times: 1 + random.IntN(5), Within: time.Duration(100+random.IntN(2000)) * ms}
		w := New([]Rule{rule})
		var all []stop
		var at, told time.Duration
		for range 200 {
			at += time.Duration(random.IntN(400)) * ms
			s := stop{at: at, length: time.Duration(random.IntN(8)) * ms}
			all = append(all, s)
			at += s.length
			count, worst := 0, time.Duration(0)
			for _, other := range all {
				if other.length > rule.PauseOver && other.at+other.length+rule.Within >= at {
					count++
					worst = max(worst, other.length)
				}
			}
			want := s.length > rule.PauseOver && count >= rule.Times && (told == 0 || at >= told+rule.Within)
			breaches := w.Pause(uint64(s.at), uint64(at), "")
			require.Len(t, breaches, map[bool]int{true: 1}[want], "%+v at %v: %v", rule, at, all)
			if want {
				told = at
				require.Equal(t, count, breaches[0].Count)
				require.Equal(t, worst, breaches[0].Worst)
			}
		}
	}
}

// However much happens, what is remembered is bounded.
func TestMemoryIsBounded(t *testing.T) {
	w := New([]Rule{{PauseOver: 1, Times: MaxCount, Within: MaxWithin}, {AssistPercent: 100, Within: MaxWithin}})
	for i := range uint64(3 * MaxCount) {
		w.Pause(i*10, i*10+5, "")
		w.Span(i*uint64(time.Second), 10, 1)
	}
	require.LessOrEqual(t, len(w.states[0].moments), MaxCount)
	require.LessOrEqual(t, len(w.states[1].moments), spanGrain+1)
}

func TestValidate(t *testing.T) {
	for name, test := range map[string]struct {
		rule  Rule
		wants []string
	}{
		"pauses":     {pauses(), nil},
		"cycles":     {Rule{Cycles: 50, Within: 10 * time.Second}, nil},
		"assists":    {Rule{AssistPercent: 10, Within: 10 * time.Second}, nil},
		"nothing":    {Rule{Within: time.Second}, []string{"pause_over, cycles, assist_percent: 0 of them"}},
		"two":        {Rule{Cycles: 1, AssistPercent: 1, Within: time.Second}, []string{"2 of them"}},
		"negative":   {Rule{PauseOver: -1, Within: time.Second}, []string{"pause_over: -1ns"}},
		"no times":   {Rule{PauseOver: 1, Within: time.Second}, []string{"times: 0"}},
		"times of":   {Rule{Cycles: 1, Times: 1, Within: time.Second}, []string{"times: it counts"}},
		"no time":    {Rule{Cycles: 1}, []string{"within: 0s"}},
		"many":       {Rule{Cycles: MaxCount + 1, Within: 2 * time.Hour}, []string{"cycles: 10001", "within: 2h"}},
		"all":        {Rule{AssistPercent: 101, Within: time.Second}, []string{"assist_percent: 101"}},
		"not a part": {Rule{AssistPercent: math.NaN(), Within: time.Second}, []string{"assist_percent: NaN"}},
	} {
		t.Run(name, func(t *testing.T) {
			errs := test.rule.Validate()
			require.Len(t, errs, len(test.wants), "%v", errs)
			for _, want := range test.wants {
				require.ErrorContains(t, errors.Join(errs...), want)
			}
		})
	}
}
