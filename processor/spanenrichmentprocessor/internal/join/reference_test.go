// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package join

import (
	"maps"
	"slices"
	"time"
)

// reference does what a Store does, without bounds on memory and without any
// index: each question is answered by looking at everything there is.
type reference struct {
	config  Config
	now     time.Duration
	records []*refRecord
	spans   []*refSpan
	waiting []*refWaiting
	aliases map[string]string // an SDK's name for a service, and the receiver's
	tally   Tally
}

type refRecord struct {
	kind     Kind
	arrived  time.Duration
	settled  bool
	process  Process
	interval Interval
	ledger   *Ledger
	event    *Event
	cycle    int64
	owner    SpanKey // of a file: where it belongs; no span ID while that is unknown
	bypassed *rank
}

// refSpan is a span that the store has reason to remember.
type refSpan struct {
	Span
	open      int
	left      bool
	leftAt    time.Duration
	owned     bool
	process   *Process // once it left
	goroutine int64
}

type refWaiting struct {
	span     *refSpan
	deadline time.Duration
	held     bool
}

func (m *reference) advance(now time.Duration) (out []*refWaiting) {
	m.now = now
	out = m.releaseIf(func(w *refWaiting) bool { return w.held && w.deadline <= now }, Waited)
	m.records = slices.DeleteFunc(m.records, func(r *refRecord) bool {
		if r.arrived+m.config.Retention > now {
			return false
		}
		if r.bypassed != nil {
			m.drop(r, Late)
		}
		m.drop(r, Unmatched)
		return true
	})
	for _, s := range slices.Clone(m.spans) {
		if s.left && s.leftAt+m.config.Retention <= now {
			s.left, s.owned, s.process = false, false, nil
			m.unsee(s)
		}
	}
	maps.DeleteFunc(m.aliases, func(_, name string) bool { return !m.knows(name) })
	return out
}

// knows tells whether a record, or a span that left, is of a process of the
// service, by the receiver's name.
func (m *reference) knows(name string) bool {
	return slices.ContainsFunc(m.records, func(r *refRecord) bool { return r.process.Service == name }) ||
		slices.ContainsFunc(m.spans, func(s *refSpan) bool { return s.left && s.process != nil && s.process.Service == name })
}

// receiverName is what the receiver calls a service.
func (m *reference) receiverName(name string) string {
	if alias, ok := m.aliases[name]; ok && !m.knows(name) {
		return alias
	}
	return name
}

func (m *reference) unsee(s *refSpan) {
	if s.open > 0 || s.left {
		return
	}
	m.spans = slices.DeleteFunc(m.spans, func(other *refSpan) bool { return other == s })
	for _, r := range m.records {
		if r.event != nil && r.owner == s.Key && !r.settled {
			m.bypass(r)
		}
	}
}

func (m *reference) span(key SpanKey) *refSpan {
	for _, s := range m.spans {
		if s.Key == key {
			return s
		}
	}
	return nil
}

func (m *reference) ledgerOf(key SpanKey) *refRecord {
	for _, r := range m.records {
		if r.kind == KindLedger && r.ledger.Key == key {
			return r
		}
	}
	return nil
}

func (m *reference) drop(r *refRecord, reason Reason) {
	if !r.settled {
		r.settled = true
		m.tally.Unjoined[r.kind][reason]++
	}
}

func (m *reference) match(r *refRecord, key Key) {
	if !r.settled {
		r.settled = true
		m.tally.Matched[r.kind][key]++
	}
}

func (m *reference) processOf(s *refSpan) *Process {
	if s.open == 0 {
		return s.process
	}
	if l := m.ledgerOf(s.Key); l != nil {
		return &l.process
	}
	return m.resolve(s.Process)
}

func (m *reference) covers(s *refSpan, r *refRecord) bool {
	process, goroutine := m.processOf(s), s.goroutine
	if l := m.ledgerOf(s.Key); goroutine == 0 && s.open > 0 && l != nil {
		goroutine = l.ledger.Goroutine
	}
	return s.Key.Trace == r.event.Key.Trace && s.Interval.Covers(r.interval) &&
		process != nil && *process == r.process &&
		(goroutine == 0 || r.event.Goroutine == 0 || goroutine == r.event.Goroutine)
}

// bypass notes which span that left an orphan would have been for.
func (m *reference) bypass(r *refRecord) {
	for _, s := range m.spans {
		at := rank{interval: s.Interval, span: s.Key.Span}
		if s.open == 0 && m.covers(s, r) && (r.bypassed == nil || compareRank(at, *r.bypassed) < 0) {
			r.bypassed = &at
		}
	}
}

// leave ends the stay of spans that leave together.
func (m *reference) leave(spans []*refSpan) []Match {
	m.giveOrphans(spans)
	matches := make([]Match, len(spans))
	for i, s := range spans {
		matches[i] = m.matchOf(s.Span, s)
	}
	for _, s := range spans {
		m.depart(s)
	}
	return matches
}

// giveOrphans gives spans that leave together the events that name no span seen.
func (m *reference) giveOrphans(spans []*refSpan) {
	for _, r := range m.records {
		if r.event == nil || r.settled || m.span(r.owner) != nil {
			continue
		}
		var best *refSpan
		for _, s := range m.spans {
			if s.open > 0 && m.covers(s, r) && (best == nil || compareRank(s.rank(), best.rank()) < 0) {
				best = s
			}
		}
		if best == nil || !slices.Contains(spans, best) {
			continue
		}
		if r.bypassed == nil || compareRank(best.rank(), *r.bypassed) <= 0 {
			r.owner = best.Key
		}
	}
}

func (s *refSpan) rank() rank { return rank{interval: s.Interval, span: s.Key.Span} }

func (m *reference) matchOf(span Span, s *refSpan) (match Match) {
	process := m.resolve(span.Process)
	if s != nil {
		process = m.processOf(s)
		if l := m.ledgerOf(span.Key); l != nil && span.HasLedger {
			m.drop(l, Duplicate)
		} else if l != nil {
			m.match(l, BySpan)
			match.Ledger = l.ledger
			if name := span.Process.Service; name != "" && !m.knows(m.receiverName(name)) {
				m.aliases[name] = l.process.Service
			}
		}
		s.owned = s.owned || span.HasLedger || match.Ledger != nil
		match.Events = m.eventsOf(span.Key)
		match.Agreed = agreedBy(span.Key, match.Events)
	}
	for _, r := range m.records {
		overlap := span.Interval.Overlap(r.interval)
		if process == nil || *process != r.process || overlap == 0 {
			continue
		}
		switch r.kind {
		case KindCycle:
			match.GCOverlap += overlap
			match.GCCycle = max(match.GCCycle, r.cycle)
			m.match(r, ByProcess)
		case KindStop:
			match.StopOverlap += overlap
			m.match(r, ByProcess)
		case KindThrottle:
			match.ThrottleOverlap += overlap
			m.match(r, ByProcess)
		}
	}
	duration := span.Interval.End - span.Interval.Start
	match.GCOverlap, match.StopOverlap = min(match.GCOverlap, duration), min(match.StopOverlap, duration)
	match.ThrottleOverlap = min(match.ThrottleOverlap, duration)
	return match
}

func (m *reference) eventsOf(key SpanKey) (events []*Event) {
	for _, r := range m.records {
		if r.event == nil || r.owner != key {
			continue
		}
		events = append(events, r.event)
		if r.event.Key == key {
			m.match(r, BySpan)
		} else {
			m.match(r, ByGoroutine)
		}
	}
	return events
}

func (m *reference) depart(s *refSpan) {
	process, goroutine := m.processOf(s), s.goroutine
	if l := m.ledgerOf(s.Key); goroutine == 0 && l != nil {
		goroutine = l.ledger.Goroutine
	}
	s.open--
	s.goroutine = goroutine
	if !s.left {
		s.left, s.leftAt, s.process = true, m.now, process
	}
}

func (m *reference) arrive(spans []Span) (matches []Match, waits []*refWaiting) {
	matches, waits = make([]Match, len(spans)), make([]*refWaiting, len(spans))
	var leaving []*refSpan
	of := make([]*refSpan, len(spans))
	for i, span := range spans {
		observed, ledgers, known := false, false, m.span(span.Key) != nil
		for _, r := range m.records {
			same := span.Process.Service != "" && r.process.Service == m.receiverName(span.Process.Service)
			observed = observed || same
			ledgers = ledgers || same && r.kind == KindLedger
			known = known || r.kind == KindLedger && r.ledger.Key == span.Key || r.event != nil && r.owner == span.Key
		}
		if !known && !observed {
			continue
		}
		s := m.span(span.Key)
		if s == nil {
			s = &refSpan{}
			m.spans = append(m.spans, s)
		}
		s.Span, s.goroutine = span, span.Goroutine
		s.open++
		if m.config.Wait > 0 && ledgers && !span.HasLedger && m.ledgerOf(span.Key) == nil {
			waits[i] = &refWaiting{span: s, deadline: m.now + m.config.Wait}
			m.waiting = append(m.waiting, waits[i])
			continue
		}
		leaving, of[i] = append(leaving, s), s
	}
	m.giveOrphans(leaving)
	for i, span := range spans { // in order: what one tells of its service, the next ones know
		if waits[i] == nil {
			matches[i] = m.matchOf(span, of[i])
		}
	}
	for _, s := range leaving {
		m.depart(s)
	}
	return matches, waits
}
