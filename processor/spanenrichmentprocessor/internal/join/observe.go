// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package join

import "time"

// Observe takes the records of a batch of logs. Spans that waited for one of
// them are released.
func (s *Store) Observe(now time.Time, records *Records) {
	s.Advance(now)
	for _, r := range records.Refused {
		s.tally.Received[r.Kind]++
		s.tally.Unjoined[r.Kind][r.Reason]++
	}
	for i := range records.Facts {
		s.observeFact(&records.Facts[i])
	}
	for i := range records.Events {
		if i%group == 0 {
			s.lookAhead(min(group, len(records.Events)-i), func(n int) *SpanKey { return &records.Events[i+n].Key })
		}
		s.observeEvent(&records.Events[i])
	}
	var ready []*Waiting
	for i := range records.Ledgers {
		if i%group == 0 {
			s.lookAhead(min(group, len(records.Ledgers)-i), func(n int) *SpanKey { return &records.Ledgers[i+n].Key })
		}
		if p := s.observeLedger(&records.Ledgers[i]); p != nil {
			ready = append(ready, p.waiting...)
			// Where memory is short, the batch's next ledgers may push this one out, and
			// one of them may be the span's too: that is released once.
			p.waiting = p.waiting[:0]
		}
	}
	s.release(ready, Joined)
}

// observeLedger returns the ledger's place where it was stored there.
func (s *Store) observeLedger(l *Ledger) *place {
	s.tally.Received[KindLedger]++
	if l.Key.Trace.IsEmpty() || l.Key.Span.IsEmpty() || !l.Interval.valid() {
		s.tally.Unjoined[KindLedger][Invalid]++
		return nil
	}
	if !s.makeRoom(ledgerBytes + newcomerBytes(l.Process)) {
		s.tally.Unjoined[KindLedger][Memory]++
		return nil
	}
	p := s.place(&l.Key)
	if p.ledger != nil || p.owned {
		s.tally.Unjoined[KindLedger][Duplicate]++
		return nil
	}
	stored := &ledgerRecord{
		record: record{kind: KindLedger, interval: l.Interval, process: s.process(l.Process), place: p, bytes: ledgerBytes},
		ledger: *l,
	}
	r := &stored.record
	r.ledger = &stored.ledger
	p.ledger = r
	s.keep(r)
	if p.left && p.open == 0 {
		s.giveUp(r, Late)
	}
	return p
}

func (s *Store) observeEvent(e *Event) {
	s.tally.Received[e.Kind]++
	if !e.Interval.valid() {
		s.tally.Unjoined[e.Kind][Invalid]++
		return
	}
	if e.Key.Trace.IsEmpty() {
		s.tally.Unjoined[e.Kind][NoTrace]++
		return
	}
	bytes := e.size()
	if !s.makeRoom(bytes + newcomerBytes(e.Process)) {
		s.tally.Unjoined[e.Kind][Memory]++
		return
	}
	t, own := s.find(&e.Key) // no place for an event without a span ID
	// It may be at its own span, wait for a span of its trace, or be at one that took it.
	if own != nil && own.events.holds(e) || t != nil && (t.orphans.holds(e) || t.taken.holds(e)) {
		s.tally.Unjoined[e.Kind][Duplicate]++
		return
	}
	s.storeEvent(e, bytes, t, own)
}

// storeEvent stores an event, where its place and its trace are known with them.
func (s *Store) storeEvent(e *Event, bytes int64, t *trace, own *place) {
	stored := &eventRecord{record: record{kind: e.Kind, interval: e.Interval, bytes: bytes, place: own}, event: *e}
	r := &stored.record
	r.event = &stored.event
	if own == nil && !e.Key.Span.IsEmpty() {
		r.place = s.newPlace(t, &e.Key)
		t = r.place.trace
	}
	if r.place != nil {
		r.place.events.insert(r)
	}
	r.process = s.process(e.Process)
	s.keep(r)
	switch {
	case r.place == nil || !r.place.seen:
		if t == nil {
			t = s.newTrace(e.Key.Trace)
		}
		s.orphan(t, r)
	case r.place.open == 0:
		s.giveUp(r, Late)
	}
}

func (s *Store) observeFact(f *Fact) {
	s.tally.Received[f.Kind]++
	if f.Process.Service == "" || !f.Interval.valid() {
		s.tally.Unjoined[f.Kind][Invalid]++
		return
	}
	if !s.makeRoom(factBytes + newcomerBytes(f.Process)) {
		s.tally.Unjoined[f.Kind][Memory]++
		return
	}
	if p := s.member(f.Process); p != nil && p.facts(f.Kind).holds(f) {
		s.tally.Unjoined[f.Kind][Duplicate]++
		return
	}
	r := &record{kind: f.Kind, interval: f.Interval, cycle: f.Cycle, process: s.process(f.Process), bytes: factBytes}
	r.process.facts(r.kind).add(r)
	s.keep(r)
	if r.process.explains(r.interval) {
		s.giveUp(r, Late)
	}
}

// valid tells whether an interval is one: not every clock and not every
// attribute is to be trusted.
func (i Interval) valid() bool { return 0 <= i.Start && i.Start <= i.End }
