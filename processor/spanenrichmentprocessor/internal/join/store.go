// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package join

import (
	"slices"
	"time"
)

// Config bounds a Store.
type Config struct {
	Wait      time.Duration // for which a span waits for its ledger at most
	Retention time.Duration // for which records, and spans that left, are kept
	Bytes     int64         // of all that is stored and held; held spans take up to half of it
}

// Store keeps records and spans until they are joined. It is not safe for
// concurrent use.
type Store struct {
	config Config
	epoch  time.Time
	clock  time.Duration // since epoch; never goes back

	traces   index
	services map[string]*service // by the receiver's name
	aliases  map[string]*service // by an SDK's, where that is another

	records    fifo[*record]   // by arrival
	departures fifo[departure] // by departure
	waiting    deadlines
	released   []*Waiting
	leaving    []*place  // lent by borrow
	room       []Waiting // for the next spans that wait

	recent     *process // that a record came from last
	resolved   resolution
	generation int64 // of what resolve depends on

	forgotten int   // spans so far
	discarded int   // records so far
	touched   int64 // by lookAhead, so that it is not for nothing to the compiler
	heldBytes int64
	evicted   int64 // how often something was dropped to make room
	tally     Tally
}

// NewStore returns an empty store. No later call may pass a time before now.
func NewStore(config Config, now time.Time) *Store {
	return &Store{
		config:   config,
		epoch:    now,
		traces:   newIndex(),
		services: map[string]*service{},
		aliases:  map[string]*service{},
	}
}

// Tally returns what the store did so far and what it holds.
func (s *Store) Tally() Tally { return s.tally }

// Advance lets time pass: spans that waited long enough are released, and what
// is older than the retention is dropped.
func (s *Store) Advance(now time.Time) {
	// A caller that was overtaken on its way to the store's lock brings an old time.
	s.clock = max(s.clock, now.Sub(s.epoch))
	s.releaseDue()
	for s.records.len() > 0 && s.records.first().arrived+s.config.Retention <= s.clock {
		s.discard(Unmatched)
	}
	for s.departures.len() > 0 && s.departures.first().at+s.config.Retention <= s.clock {
		s.forget()
	}
}

// Close counts what never joined a span. The store must not be used after it.
func (s *Store) Close() {
	for s.records.len() > 0 {
		s.discard(Shutdown)
	}
}

// Arrive takes a batch of spans and says of each whether it leaves at once, with
// what, or waits for its ledger, in verdicts, which must be as many and zero.
// size returns the memory in bytes that the i-th span would take while it waits.
func (s *Store) Arrive(now time.Time, spans []Span, verdicts []Verdict, size func(i int) int64) {
	s.Advance(now)
	leaving := s.borrow(len(spans))
	for i := range spans {
		if i%group == 0 {
			s.lookAhead(min(group, len(spans)-i), func(n int) *SpanKey { return &spans[i+n].Key })
		}
		leaving[i], verdicts[i].Waiting = s.admit(&spans[i], i, size)
	}
	s.serveOrphans(leaving)
	for i := range spans {
		if verdicts[i].Waiting == nil {
			s.match(leaving[i], &spans[i], &verdicts[i].Match)
		}
	}
	s.departAll(leaving)
}

// borrow returns n places to fill, whose memory serves the next call too.
func (s *Store) borrow(n int) []*place {
	s.leaving = slices.Grow(s.leaving[:0], n)[:n]
	return s.leaving
}

// departAll ends the stay of what borrow lent, and takes it back.
func (s *Store) departAll(leaving []*place) {
	for _, p := range leaving {
		if p != nil {
			s.depart(p)
		}
	}
	clear(leaving)
	if cap(s.leaving) > maxBorrowed {
		s.leaving = nil
	}
}

// maxBorrowed is the number of places for which memory is kept.
const maxBorrowed = 16384

// admit notes a span and decides whether it waits. The place is that of a span
// that leaves, and nil where the store has no reason to remember the span.
func (s *Store) admit(span *Span, i int, size func(int) int64) (*place, *Waiting) {
	named := s.service(span.Process.Service)
	observed := named != nil && named.records > 0
	t, p := s.find(&span.Key)
	if p == nil && !observed {
		return nil, nil
	}
	evicted := s.evicted
	roomy := s.makeRoom(placeBytes + traceBytes)
	if s.evicted != evicted {
		t, p = s.find(&span.Key) // making room may have removed it
	}
	expected := s.config.Wait > 0 && observed && named.ledgers > 0 &&
		!span.HasLedger && (p == nil || p.ledger == nil)
	if !roomy {
		return nil, s.refuseToHold(expected)
	}
	if p == nil {
		p = s.newPlace(t, &span.Key)
	}
	s.see(p, span)
	if !expected {
		return p, nil
	}
	if w := s.reserve(p, span, size(i)); w != nil {
		return nil, w
	}
	return p, s.refuseToHold(expected)
}

// refuseToHold counts a span that ought to wait and cannot.
func (s *Store) refuseToHold(expected bool) *Waiting {
	if expected {
		s.tally.Departed[NoRoom]++
	}
	return nil
}

// serveOrphans gives orphans to the spans of a set that is about to leave, the
// inner ones first.
func (s *Store) serveOrphans(leaving []*place) {
	var ordered []*place
	for _, p := range leaving {
		if p != nil && len(p.trace.orphans.records) > 0 {
			ordered = append(ordered, p)
		}
	}
	slices.SortFunc(ordered, func(a, b *place) int { return compareRank(a.rank(), b.rank()) })
	for _, p := range ordered {
		s.takeOrphans(p.trace, p)
	}
}
