// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package join

import (
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
)

// place is all that is known of one trace ID and span ID.
type place struct {
	trace  *trace
	span   pcommon.SpanID
	ledger *record
	events timeline
	two    [2]*record // events, as long as there are no more

	seen  bool  // a span came
	left  bool  // a copy of it left, and is remembered
	owned bool  // that copy has a ledger
	index int32 // among its trace's seen places, where these are listed
	open  int   // copies of it that have not left

	identity  Process // of the span's resource
	interval  Interval
	goroutine int64
	process   *process // as known when it left
	waiting   []*Waiting
	one       [1]*Waiting // waiting, as long as it is one
}

// departure is a span that left, to be forgotten after the retention.
type departure struct {
	place *place
	at    time.Duration
}

func (p *place) rank() rank { return rank{interval: p.interval, span: p.span} }

// is tells whether the key is the place's.
func (p *place) is(key *SpanKey) bool { return key.Span == p.span && key.Trace == p.trace.id }

// place returns what is known of the key, and makes it if there is nothing.
func (s *Store) place(key *SpanKey) *place {
	t, p := s.find(key)
	if p == nil {
		p = s.newPlace(t, key)
	}
	return p
}

// newPlace makes the place of a key, and its trace where that is nil.
func (s *Store) newPlace(t *trace, key *SpanKey) *place {
	if t == nil {
		t = s.newTrace(key.Trace)
	}
	p := &place{trace: t, span: key.Span}
	p.events.records, p.waiting = p.two[:0], p.one[:0]
	t.places.add(p)
	s.charge(placeBytes)
	return p
}

// tidy removes a place that says nothing any more.
func (s *Store) tidy(p *place) {
	if p.ledger == nil && len(p.events.records) == 0 && p.open == 0 && !p.left {
		p.trace.places.remove(p.span)
		s.charge(-placeBytes)
		s.tidyTrace(p.trace)
	}
}

// see notes that a span came. The events that waited for it are no orphans
// any more.
func (s *Store) see(p *place, span *Span) {
	p.open++
	p.identity, p.interval = span.Process, span.Interval
	p.goroutine = span.Goroutine
	if p.seen {
		return
	}
	p.seen = true
	p.trace.places.see(p)
	for _, r := range p.events.records {
		s.adopt(r)
	}
}

// unsee takes back what see noted, once no copy of the span is open and none
// is remembered. What is still pending waits for another span to cover it.
func (s *Store) unsee(p *place) {
	p.seen = false
	p.trace.places.unsee(p)
	for _, r := range p.events.records {
		if !r.settled {
			s.orphan(p.trace, r)
		}
	}
}

// depart ends the stay of one copy of a span, and remembers the span, as it is
// known by now, for the retention.
func (s *Store) depart(p *place) {
	process := s.processOf(p)
	p.goroutine = goroutineOf(p)
	p.open--
	if p.left {
		return // another copy left before: the retention counts from then
	}
	p.process, p.left = process, true
	s.departures.push(departure{place: p, at: s.clock})
	if process != nil {
		process.gone.push(p.interval)
	}
}

// forget drops the memory of the span that left first.
func (s *Store) forget() {
	if s.forgotten++; s.forgotten%group == 0 {
		s.lookAheadToForget()
	}
	p := s.departures.pop().place
	p.left, p.owned = false, false
	if p.process != nil {
		p.process.gone.pop() // each process's spans are forgotten in the order in which they left
		s.retire(p.process)
		p.process = nil
	}
	if p.open == 0 {
		s.unsee(p)
	}
	s.tidy(p)
}

// processOf is the process that a span belongs to: that of its ledger, which
// holds even where a container's PIDs are not the host's, else what the span's
// resource names.
func (s *Store) processOf(p *place) *process {
	switch {
	case p.open == 0:
		return p.process
	case p.ledger != nil:
		return p.ledger.process
	default:
		return s.resolve(p.identity)
	}
}

// goroutineOf is the goroutine that a span ran on, 0 where it is not known.
func goroutineOf(p *place) int64 {
	if p.goroutine == 0 && p.open > 0 && p.ledger != nil {
		return p.ledger.ledger.Goroutine
	}
	return p.goroutine
}
