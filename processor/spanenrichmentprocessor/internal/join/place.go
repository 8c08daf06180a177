// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package join

import "time"

// place is all that is known of one trace ID and span ID.
type place struct {
	key    SpanKey
	ledger *record
	events timeline
	two    [2]*record // events, as long as there are no more

	seen  bool   // a span came
	left  bool   // a copy of it left, and is remembered
	owned bool   // that copy has a ledger
	open  int    // copies of it that have not left
	trace *trace // once a span came
	index int    // in the trace's list of spans seen

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

func (p *place) rank() rank { return rank{interval: p.interval, span: p.key.Span} }

// place returns what is known of the key, and makes it if there is nothing.
func (s *Store) place(key SpanKey) *place {
	if p := s.places[key]; p != nil {
		return p
	}
	return s.newPlace(key)
}

func (s *Store) newPlace(key SpanKey) *place {
	p := &place{key: key}
	p.events.records, p.waiting = p.two[:0], p.one[:0]
	s.places[key] = p
	s.charge(placeBytes)
	return p
}

// tidy removes a place that says nothing any more.
func (s *Store) tidy(p *place) {
	if p.ledger == nil && len(p.events.records) == 0 && p.open == 0 && !p.left {
		delete(s.places, p.key)
		s.charge(-placeBytes)
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
	t := s.trace(p.key.Trace)
	p.trace, p.index = t, len(t.seen)
	t.seen = append(t.seen, p)
	for _, r := range p.events.records {
		s.adopt(r)
	}
}

// unsee takes back what see noted, once no copy of the span is open and none
// is remembered. What is still pending waits for another span to cover it.
func (s *Store) unsee(p *place) {
	t := p.trace
	last := len(t.seen) - 1
	t.seen[last].index = p.index
	t.seen[p.index] = t.seen[last]
	t.seen[last] = nil
	t.seen = t.seen[:last]
	p.seen, p.trace = false, nil
	for _, r := range p.events.records {
		if !r.settled {
			s.orphan(t, r)
		}
	}
	s.tidyTrace(t)
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
