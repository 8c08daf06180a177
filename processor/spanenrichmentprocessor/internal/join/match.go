// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package join

import (
	"cmp"
	"slices"
)

// MaxFiles is the number of file events that one span gets at most: the longest.
const MaxFiles = 32

// match collects what the store knows of a span that leaves. Nothing is taken
// out: a span that passes again, because its sender tries again or because it
// stands in two pipelines, gets the same.
func (s *Store) match(p *place, span *Span) Match {
	var m Match
	process := s.resolve(span.Process)
	if p != nil {
		process = s.processOf(p)
		m.Ledger = s.matchLedger(p, span)
		m.Files = s.matchFiles(p)
	}
	if process != nil {
		s.matchFacts(process, span.Interval, &m)
	}
	return m
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

func (s *Store) matchFiles(p *place) []*File {
	if len(p.files.records) == 0 {
		return nil
	}
	chosen := slices.Clone(p.files.records)
	if len(chosen) > MaxFiles {
		slices.SortStableFunc(chosen, func(a, b *record) int {
			return cmp.Compare(b.interval.End-b.interval.Start, a.interval.End-a.interval.Start)
		})
		for _, r := range chosen[MaxFiles:] {
			s.giveUp(r, SpanLimit)
		}
		chosen = chosen[:MaxFiles]
		slices.SortStableFunc(chosen, func(a, b *record) int { return cmp.Compare(a.interval.End, b.interval.End) })
	}
	files := make([]*File, len(chosen))
	for i, r := range chosen {
		files[i] = r.file
		if r.file.Key == p.key {
			s.join(r, BySpan)
		} else {
			s.join(r, ByGoroutine)
		}
	}
	return files
}

// matchFacts sums what the process-wide facts have in common with the span.
// Facts of a kind exclude each other in time; where clocks say otherwise, the
// sum ends at the span's own duration.
func (s *Store) matchFacts(p *process, interval Interval, m *Match) {
	p.cycles.overlapping(interval, func(r *record, overlap int64) {
		s.join(r, ByProcess)
		m.GCOverlap += overlap
		m.GCCycle = max(m.GCCycle, r.cycle)
	})
	p.stops.overlapping(interval, func(r *record, overlap int64) {
		s.join(r, ByProcess)
		m.StopOverlap += overlap
	})
	duration := interval.End - interval.Start
	m.GCOverlap, m.StopOverlap = min(m.GCOverlap, duration), min(m.StopOverlap, duration)
}
