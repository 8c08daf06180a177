// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package join

import (
	"slices"
	"time"
)

// Verdict is what becomes of a span that arrived: it leaves with Match, or it
// waits.
type Verdict struct {
	Match   Match
	Waiting *Waiting // nil for a span that leaves
}

// Waiting is a span that waits for its ledger. Arrive reserves its memory; the
// caller then gives it to Hold, or to Abandon. Once it is among the Released,
// Match is set, and after it went downstream it goes to Sent.
type Waiting struct {
	Handle any // the caller's own, to find the span again
	Match  Match

	service  string // as the span's resource names it
	interval Interval
	place    *place
	deadline time.Duration
	bytes    int64

	listed        bool // among the store's deadlines
	before, after *Waiting
}

// reserve lets a span wait, or returns nil where held spans have their share of
// the memory: else they would drive out the records that they wait for.
func (s *Store) reserve(p *place, span *Span, bytes int64) *Waiting {
	if s.heldBytes+bytes > s.config.Bytes/2 || !s.makeRoom(bytes) {
		return nil
	}
	s.charge(bytes)
	s.heldBytes += bytes
	s.tally.Held++
	p.trace.waiting++
	w := s.newWaiting()
	w.service, w.interval = span.Process.Service, span.Interval
	w.place, w.deadline, w.bytes = p, s.clock+s.config.Wait, bytes
	return w
}

// newWaiting makes room for some at once: spans that wait come and go together.
func (s *Store) newWaiting() *Waiting {
	if len(s.room) == 0 {
		s.room = make([]Waiting, 16)
	}
	w := &s.room[0]
	s.room = s.room[1:]
	return w
}

// Hold begins to hold spans that wait. Those whose ledger came since they
// arrived are released at once.
func (s *Store) Hold(now time.Time, spans []*Waiting) {
	s.Advance(now)
	var ready []*Waiting
	for _, w := range spans {
		w.place.waiting = append(w.place.waiting, w)
		if w.place.ledger != nil {
			ready = append(ready, w)
			continue
		}
		s.waiting.insert(w)
	}
	s.release(ready, Joined)
}

// Abandon takes spans back that were to wait: their sender keeps them, and may
// send them again.
func (s *Store) Abandon(spans []*Waiting) {
	for _, w := range spans {
		p := w.place
		p.trace.waiting--
		if p.open--; p.open == 0 && !p.left {
			s.unsee(p)
			s.tidy(p)
		}
	}
	s.Sent(spans)
}

// Released returns the spans that ceased to wait since the last call.
func (s *Store) Released() []*Waiting {
	released := s.released
	s.released = nil
	return released
}

// Sent gives back the memory of spans that went downstream: those that were made
// with them may wait for longer, and must not keep alive what these led to.
func (s *Store) Sent(spans []*Waiting) {
	for _, w := range spans {
		s.charge(-w.bytes)
		s.heldBytes -= w.bytes
		s.tally.Held--
		*w = Waiting{}
	}
}

// Flush releases the spans that wait and that belong says are concerned.
func (s *Store) Flush(now time.Time, belong func(*Waiting) bool) {
	s.Advance(now)
	var flushed []*Waiting
	for w := s.waiting.first; w != nil; w = w.after {
		if belong(w) {
			flushed = append(flushed, w)
		}
	}
	s.release(flushed, Flushed)
}

// Deadline is the time at which the next span has waited long enough; false
// where none waits.
func (s *Store) Deadline() (time.Time, bool) {
	if s.waiting.first == nil {
		return time.Time{}, false
	}
	return s.epoch.Add(s.waiting.first.deadline), true
}

func (s *Store) releaseDue() {
	var due []*Waiting
	for w := s.waiting.first; w != nil && w.deadline <= s.clock; w = w.after {
		due = append(due, w)
	}
	s.release(due, Waited)
}

// release ends the wait of spans, with all that is known of them by now.
func (s *Store) release(spans []*Waiting, departure Departure) {
	if len(spans) == 0 {
		return
	}
	leaving := s.borrow(len(spans))
	for i, w := range spans {
		s.waiting.remove(w)
		w.place.waiting = slices.DeleteFunc(w.place.waiting, func(other *Waiting) bool { return other == w })
		w.place.trace.waiting--
		leaving[i] = w.place
	}
	s.serveOrphans(leaving)
	for i, w := range spans {
		s.match(leaving[i], &Span{Process: Process{Service: w.service}, Interval: w.interval}, &w.Match)
		s.tally.Departed[departure]++
	}
	s.departAll(leaving)
	s.released = append(s.released, spans...)
}
