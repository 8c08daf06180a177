// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"github.com/fathom-otel/fathom/processor/sloprocessor/internal/objective"
	"github.com/fathom-otel/fathom/processor/sloprocessor/internal/window"
)

// openSlices is for how many slices late events may still change whether they are good.
const openSlices = 64

// timeSlice is a slice of time with its events.
type timeSlice struct {
	number int64 // counted from 1970
	events window.Count
	// counted is what it counts for: nothing, or one event.
	counted window.Count
}

// timeSlices makes an event of each slice of time that has events: a bad one if too few
// of them were good. A slice counts once it is over. An event that comes late changes
// what its slice counts for, as long as that is one of the last 64.
type timeSlices struct {
	length int64
	target float64 // the share of good events of a good slice
	newest int64   // the slice that is not over
	ring   [openSlices]timeSlice
}

func newTimeSlices(config *objective.Slices, now int64) *timeSlices {
	s := &timeSlices{length: int64(config.Length), target: config.Target / 100}
	s.newest = s.number(now)
	for i := range s.ring {
		s.ring[i].number = -1
	}
	return s
}

// number is the slice that t is in. Times before 1970 are in none.
func (s *timeSlices) number(t int64) int64 {
	if t < 0 {
		return -1
	}
	return t / s.length
}

// verdict is what the events of a slice make it count for.
func (s *timeSlices) verdict(events window.Count) window.Count {
	if events.Total == 0 {
		return window.Count{}
	}
	n := window.Count{Total: window.One}
	if good := float64(events.Total-min(events.Bad, events.Total)) / float64(events.Total); good < s.target {
		n.Bad = window.One
	}
	return n
}

// add adds events to their slice, and has what it counts for corrected if it is over.
func (s *timeSlices) add(t int64, n window.Count, correct func(t int64, from, to window.Count)) window.Placement {
	number := s.number(t)
	if number < 0 || number <= s.newest-openSlices {
		return window.Old
	}
	one := &s.ring[number%openSlices]
	if one.number != number {
		*one = timeSlice{number: number}
	}
	one.events = one.events.Plus(n)
	if number == s.newest {
		return window.Current
	}
	s.count(one, correct)
	return window.Late
}

func (s *timeSlices) count(one *timeSlice, correct func(t int64, from, to window.Count)) {
	if verdict := s.verdict(one.events); verdict != one.counted {
		correct(one.number*s.length, one.counted, verdict)
		one.counted = verdict
	}
}

// advance counts the slice that was the newest when another begins.
func (s *timeSlices) advance(now int64, correct func(t int64, from, to window.Count)) {
	number := s.number(now)
	if number <= s.newest {
		return
	}
	if one := &s.ring[s.newest%openSlices]; one.number == s.newest {
		s.count(one, correct)
	}
	s.newest = number
}
