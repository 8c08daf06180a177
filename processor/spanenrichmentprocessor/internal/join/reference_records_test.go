// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package join

import (
	"cmp"
	"slices"
)

// releaseIf lets those waiting spans leave together that ready tells.
func (m *reference) releaseIf(ready func(*refWaiting) bool, departure Departure) (out []*refWaiting) {
	var leaving []*refSpan
	m.waiting = slices.DeleteFunc(m.waiting, func(w *refWaiting) bool {
		if !ready(w) {
			return false
		}
		out, leaving = append(out, w), append(leaving, w.span)
		m.tally.Departed[departure]++
		return true
	})
	m.leave(leaving)
	return out
}

func (m *reference) hold(waits []*refWaiting) []*refWaiting {
	for _, w := range waits {
		w.held = true
	}
	return m.releaseIf(func(w *refWaiting) bool {
		return slices.Contains(waits, w) && m.ledgerOf(w.span.Key) != nil
	}, Joined)
}

func (m *reference) abandon(waits []*refWaiting) {
	for _, w := range waits {
		m.waiting = slices.DeleteFunc(m.waiting, func(other *refWaiting) bool { return other == w })
		w.span.open--
		m.unsee(w.span)
	}
}

func (m *reference) observe(records *Records) []*refWaiting {
	for i := range records.Cycles {
		c := &records.Cycles[i]
		m.observeFact(&refRecord{kind: KindCycle, process: c.Process, interval: c.Interval, cycle: c.Number})
	}
	for i := range records.Stops {
		s := &records.Stops[i]
		m.observeFact(&refRecord{kind: KindStop, process: s.Process, interval: s.Interval})
	}
	for i := range records.Files {
		m.observeFile(&records.Files[i])
	}
	for i := range records.Ledgers {
		m.observeLedger(&records.Ledgers[i])
	}
	return m.releaseIf(func(w *refWaiting) bool { return w.held && m.ledgerOf(w.span.Key) != nil }, Joined)
}

func (m *reference) store(r *refRecord, duplicate func(*refRecord) bool) bool {
	m.tally.Received[r.kind]++
	if slices.ContainsFunc(m.records, duplicate) {
		m.tally.Unjoined[r.kind][Duplicate]++
		return false
	}
	r.arrived = m.now
	m.records = append(m.records, r)
	return true
}

func (m *reference) observeFact(r *refRecord) {
	if !m.store(r, func(o *refRecord) bool {
		return o.kind == r.kind && o.process == r.process && o.interval == r.interval && o.cycle == r.cycle
	}) {
		return
	}
	for _, s := range m.spans {
		if s.left && s.process != nil && *s.process == r.process && s.Interval.Overlap(r.interval) > 0 {
			m.drop(r, Late)
		}
	}
}

func (m *reference) observeFile(f *File) {
	r := &refRecord{kind: KindFile, process: f.Process, interval: f.Interval, file: f, owner: f.Key}
	if !m.store(r, func(o *refRecord) bool {
		return o.kind == KindFile && !f.Key.Span.IsEmpty() && o.owner == f.Key && *o.file == *f
	}) {
		return
	}
	switch s := m.span(f.Key); {
	case s == nil:
		m.bypass(r)
	case s.open == 0:
		m.drop(r, Late)
	}
}

func (m *reference) observeLedger(l *Ledger) {
	s := m.span(l.Key)
	r := &refRecord{kind: KindLedger, process: l.Process, interval: l.Interval, ledger: l}
	if !m.store(r, func(o *refRecord) bool { return o.kind == KindLedger && o.ledger.Key == l.Key || s != nil && s.owned }) {
		return
	}
	if s != nil && s.left && s.open == 0 {
		m.drop(r, Late)
	}
}

// totals completes the tally.
func (m *reference) totals() Tally {
	t := m.tally
	for _, r := range m.records {
		t.Stored++
		if !r.settled {
			t.Pending[r.kind]++
		}
	}
	return t
}

// sorted puts files that end together in one order.
func sorted(files []*File) []File {
	var list []File
	for _, f := range files {
		list = append(list, *f)
	}
	slices.SortFunc(list, func(a, b File) int {
		return cmp.Or(cmp.Compare(a.Interval.End, b.Interval.End), cmp.Compare(a.Interval.Start, b.Interval.Start),
			cmp.Compare(a.Goroutine, b.Goroutine), cmp.Compare(a.Path, b.Path), cmp.Compare(a.Process.PID, b.Process.PID), cmp.Compare(a.Key.Span[7], b.Key.Span[7]))
	})
	return list
}
