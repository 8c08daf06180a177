// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package window

import "math"

// One is an event in the unit of a Count, which is the 4096th part of an event:
// what a sampled span stands for, its adjusted count, need not be whole. A sum
// overflows after 4.5e15 events, which is 1.5e9 a second for 35 days.
const One = 1 << 12

// MaxWeight is the most that a single event may count: 2^20 events. It keeps a
// sampling threshold that nobody meant from filling a sum.
const MaxWeight = One << 20

// Weight is n events in the unit of a Count, rounded to it, at most MaxWeight.
// What is no number above zero weighs nothing.
func Weight(n float64) uint64 {
	switch {
	case !(n > 0): // NaN too
		return 0
	case n >= MaxWeight/One:
		return MaxWeight
	}
	return uint64(math.Round(n * One))
}

// Count is how many events there were, and how many of them were bad, in units of One.
type Count struct{ Bad, Total uint64 }

// Plus is the sum of both counts.
func (c Count) Plus(d Count) Count { return Count{c.Bad + d.Bad, c.Total + d.Total} }

// minus takes away what was added before.
func (c Count) minus(d Count) Count { return Count{c.Bad - d.Bad, c.Total - d.Total} }

// Events are the bad events and all events, as numbers of events.
func (c Count) Events() (bad, total float64) {
	return float64(c.Bad) / One, float64(c.Total) / One
}

// Sum is what a window holds.
type Sum struct {
	Count
	// Occupied is in how many of the window's buckets there was any event.
	Occupied int
}
