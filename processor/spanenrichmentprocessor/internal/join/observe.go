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
	for i := range records.Cycles {
		c := &records.Cycles[i]
		s.observeFact(c.Process, &record{kind: KindCycle, interval: c.Interval, cycle: c.Number})
	}
	for i := range records.Stops {
		stop := &records.Stops[i]
		s.observeFact(stop.Process, &record{kind: KindStop, interval: stop.Interval})
	}
	for i := range records.Files {
		s.observeFile(records.Files[i])
	}
	var ready []*Waiting
	for i := range records.Ledgers {
		if p := s.observeLedger(records.Ledgers[i]); p != nil {
			ready = append(ready, p.waiting...)
		}
	}
	s.release(ready, Joined)
}

// observeLedger returns the ledger's place where it was stored there.
func (s *Store) observeLedger(l Ledger) *place {
	s.tally.Received[KindLedger]++
	if l.Key.Trace.IsEmpty() || l.Key.Span.IsEmpty() || !l.Interval.valid() {
		s.tally.Unjoined[KindLedger][Invalid]++
		return nil
	}
	bytes := ledgerBytes
	if !s.makeRoom(bytes + newcomerBytes(l.Process)) {
		s.tally.Unjoined[KindLedger][Memory]++
		return nil
	}
	p := s.place(l.Key)
	if p.ledger != nil || p.owned {
		s.tally.Unjoined[KindLedger][Duplicate]++
		return nil
	}
	r := &record{kind: KindLedger, interval: l.Interval, process: s.process(l.Process), place: p, ledger: &l, bytes: bytes}
	p.ledger = r
	s.keep(r)
	if p.left && p.open == 0 {
		s.giveUp(r, Late)
	}
	return p
}

func (s *Store) observeFile(f File) {
	s.tally.Received[KindFile]++
	if !f.Interval.valid() {
		s.tally.Unjoined[KindFile][Invalid]++
		return
	}
	if f.Key.Trace.IsEmpty() {
		s.tally.Unjoined[KindFile][NoTrace]++
		return
	}
	bytes := fileBytes + int64(len(f.Path)+len(f.Name)+len(f.Error))
	if !s.makeRoom(bytes + newcomerBytes(f.Process)) {
		s.tally.Unjoined[KindFile][Memory]++
		return
	}
	r := &record{kind: KindFile, interval: f.Interval, file: &f, bytes: bytes}
	if !f.Key.Span.IsEmpty() {
		r.place = s.place(f.Key)
		if r.place.files.holds(r) {
			s.tally.Unjoined[KindFile][Duplicate]++
			return
		}
		r.place.files.insert(r)
	}
	r.process = s.process(f.Process)
	s.keep(r)
	switch {
	case r.place == nil || !r.place.seen:
		s.orphan(r)
	case r.place.open == 0:
		s.giveUp(r, Late)
	}
}

// observeFact stores a collection or a stop of the world.
func (s *Store) observeFact(id Process, r *record) {
	s.tally.Received[r.kind]++
	if id.Service == "" || !r.interval.valid() {
		s.tally.Unjoined[r.kind][Invalid]++
		return
	}
	r.bytes = recordBytes
	if !s.makeRoom(r.bytes + newcomerBytes(id)) {
		s.tally.Unjoined[r.kind][Memory]++
		return
	}
	if known := s.services[id.Service]; known != nil {
		if p := known.members[id.PID]; p != nil && p.facts(r.kind).holds(r) {
			s.tally.Unjoined[r.kind][Duplicate]++
			return
		}
	}
	r.process = s.process(id)
	r.process.facts(r.kind).add(r)
	s.keep(r)
	if r.process.explains(r.interval) {
		s.giveUp(r, Late)
	}
}

// valid tells whether an interval is one: not every clock and not every
// attribute is to be trusted.
func (i Interval) valid() bool { return 0 <= i.Start && i.Start <= i.End }
