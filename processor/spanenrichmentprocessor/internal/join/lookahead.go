// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package join

// What a batch needs of the store is scattered over more memory than a CPU's
// caches hold, and the way to it has steps that wait for each other: a slot of the
// index, the trace, the place, its records. Before a group of a batch is handled,
// lookAhead takes each step for all of the group, in a loop so short that the CPU
// waits for many of them at once. Nothing depends on what it finds: what is handled
// then looks for itself, and finds it in the cache.

// group is for how many spans or records that is done: few enough that what was
// found is still in the cache when it is needed.
const group = 64

// lookAhead goes the way to the places of up to group keys.
func (s *Store) lookAhead(n int, key func(i int) *SpanKey) {
	var hashes [group]uint64
	var traces [group]*trace
	var found [group]*place
	for i := range n {
		hashes[i] = s.traces.hash(&key(i).Trace)
	}
	for i := range n {
		traces[i] = s.traces.guess(hashes[i])
	}
	for i := range n {
		if traces[i] != nil {
			found[i] = traces[i].places.find(key(i).Span)
		}
	}
	s.touch(found[:n])
}

// touch reads what joining begins with of each place, where there is one, and of
// the first of its records.
func (s *Store) touch(places []*place) {
	var ledgers, events [group]*record
	var sum int64
	for i, p := range places {
		if p == nil {
			continue
		}
		sum += int64(p.open) + p.goroutine
		ledgers[i] = p.ledger
		if len(p.events.records) > 0 {
			events[i] = p.events.records[0]
		}
	}
	for i := range places {
		if r := ledgers[i]; r != nil {
			sum += r.interval.End
		}
		if r := events[i]; r != nil {
			sum += r.interval.End
		}
	}
	s.touched = sum
}

// touchTraces goes from places, where there are any, to what their end changes: the
// places themselves, their traces and these's slots in the index.
func (s *Store) touchTraces(places []*place) {
	var hashes [group]uint64
	var sum int64
	for i, p := range places {
		if p != nil {
			sum += int64(p.open)
			hashes[i] = s.traces.hash(&p.trace.id)
		}
	}
	mask := uint64(len(s.traces.slots) - 1)
	for i := range places {
		sum += int64(s.traces.slots[hashes[i]&mask].hash)
	}
	s.touched = sum
}

// lookAheadToForget and lookAheadToDiscard do so for what is the oldest.
func (s *Store) lookAheadToForget() {
	var places [group]*place
	next := s.departures.next(group)
	for i := range next {
		places[i] = next[i].place
	}
	s.touchTraces(places[:len(next)])
}

func (s *Store) lookAheadToDiscard() {
	var places [group]*place
	next := s.records.next(group)
	for i, r := range next {
		places[i] = r.place
	}
	s.touchTraces(places[:len(next)])
}
