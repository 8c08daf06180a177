// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package join

import (
	"cmp"
	"slices"
)

// MaxEvents is the number of events that one span gets at most: the longest.
const MaxEvents = 32

// match collects what the store knows of a span that leaves. Nothing is taken
// out: a span that passes again, because its sender tries again or because it
// stands in two pipelines, gets the same.
func (s *Store) match(p *place, span *Span, m *Match) {
	var process *process
	if p != nil {
		process = s.processOf(p)
		m.Ledger = s.matchLedger(p, span)
		if len(p.events.records) > 0 {
			m.Agreed = p.agree()
			m.Events = s.matchEvents(p)
		}
	} else {
		process = s.resolve(span.Process)
	}
	if process != nil {
		s.matchFacts(process, span.Interval, m)
	}
}

func (s *Store) matchLedger(p *place, span *Span) *Ledger {
	p.owned = p.owned || span.HasLedger || p.ledger != nil
	if p.ledger == nil {
		return nil
	}
	if span.HasLedger {
		s.giveUp(p.ledger, Duplicate)
		return nil
	}
	s.join(p.ledger, BySpan)
	s.learn(span.Process.Service, p.ledger.process.service)
	return p.ledger.ledger
}

func (s *Store) matchEvents(p *place) []*Event {
	chosen := p.events.records
	if len(chosen) > MaxEvents {
		chosen = slices.Clone(chosen)
		slices.SortStableFunc(chosen, func(a, b *record) int {
			return cmp.Compare(b.interval.End-b.interval.Start, a.interval.End-a.interval.Start)
		})
		for _, r := range chosen[MaxEvents:] {
			s.giveUp(r, SpanLimit)
		}
		chosen = chosen[:MaxEvents]
		slices.SortStableFunc(chosen, func(a, b *record) int { return cmp.Compare(a.interval.End, b.interval.End) })
	}
	events := make([]*Event, len(chosen))
	for i, r := range chosen {
		events[i] = r.event
		if p.is(&r.event.Key) {
			s.join(r, BySpan)
		} else {
			s.join(r, ByGoroutine)
		}
	}
	return events
}

// matchFacts sums what the process-wide facts have in common with the span.
// Facts of a kind exclude each other in time; where clocks say otherwise, the
// sum ends at the span's own duration.
func (s *Store) matchFacts(p *process, interval Interval, m *Match) {
	p.facts(KindCycle).overlapping(interval, func(r *record, overlap int64) {
		s.join(r, ByProcess)
		m.GCOverlap += overlap
		m.GCCycle = max(m.GCCycle, r.cycle)
	})
	p.facts(KindStop).overlapping(interval, func(r *record, overlap int64) {
		s.join(r, ByProcess)
		m.StopOverlap += overlap
	})
	p.facts(KindThrottle).overlapping(interval, func(r *record, overlap int64) {
		s.join(r, ByProcess)
		m.ThrottleOverlap += overlap
	})
	duration := interval.End - interval.Start
	m.GCOverlap, m.StopOverlap = min(m.GCOverlap, duration), min(m.StopOverlap, duration)
	m.ThrottleOverlap = min(m.ThrottleOverlap, duration)
}
