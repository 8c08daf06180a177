// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package join

import (
	"slices"
	"time"
)

// record is a stored record of any kind.
type record struct {
	kind     Kind
	settled  bool // counted as matched or unjoined
	orphan   bool // in its trace's orphans
	taken    bool // among its trace's taken
	bypassed bool // a span that covers it had left when it came
	arrived  time.Duration
	bytes    int64
	interval Interval
	process  *process
	place    *place // of ledgers and events; nil where no span ID is known
	ledger   *Ledger
	event    *Event
	cycle    int64
	left     rank // the innermost span that it was bypassed by
}

// ledgerRecord and eventRecord are a record and what it tells, made at once.
type ledgerRecord struct {
	record
	ledger Ledger
}

type eventRecord struct {
	record
	event Event
}

// equal tells whether two events are the same, sent twice.
func (e *Event) equal(other *Event) bool {
	return e.Interval == other.Interval && e.Kind == other.Kind && e.Key == other.Key && e.Name == other.Name &&
		e.Process == other.Process && e.Goroutine == other.Goroutine && e.Thread == other.Thread &&
		e.Path == other.Path && e.Peer == other.Peer && e.Error == other.Error && slices.Equal(e.More, other.More)
}

// join counts the record's first join.
func (s *Store) join(r *record, key Key) {
	if !r.settled {
		r.settled = true
		s.tally.Pending[r.kind]--
		s.tally.Matched[r.kind][key]++
	}
}

// giveUp counts that the record joined no span, and why.
func (s *Store) giveUp(r *record, reason Reason) {
	if !r.settled {
		r.settled = true
		s.tally.Pending[r.kind]--
		s.tally.Unjoined[r.kind][reason]++
	}
}

// keep stores a record whose process is known and whose bytes there is room for.
func (s *Store) keep(r *record) {
	r.arrived = s.clock
	s.records.push(r)
	s.charge(r.bytes)
	s.tally.Stored++
	s.tally.Pending[r.kind]++
	s.gain(r.process, r)
}

// discard removes the oldest record from the store.
func (s *Store) discard(reason Reason) {
	if s.discarded++; s.discarded%group == 0 {
		s.lookAheadToDiscard()
	}
	r := s.records.pop()
	if reason == Unmatched && r.bypassed {
		reason = Late
	}
	s.giveUp(r, reason)
	s.charge(-r.bytes)
	s.tally.Stored--
	switch {
	case r.ledger != nil:
		r.place.ledger = nil
		s.tidy(r.place)
	case r.event != nil:
		s.adopt(r)
		s.untake(r)
		if r.place != nil {
			r.place.events.remove(r)
			s.tidy(r.place)
		}
	default:
		r.process.facts(r.kind).remove(r)
	}
	s.lose(r.process, r)
	s.retire(r.process)
}
