// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package join

import (
	"cmp"
	"reflect"
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
	for _, f := range records.Facts {
		m.observeFact(&refRecord{kind: f.Kind, process: f.Process, interval: f.Interval, cycle: f.Cycle})
	}
	for i := range records.Events {
		m.observeEvent(&records.Events[i])
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

func (m *reference) observeEvent(e *Event) {
	r := &refRecord{kind: e.Kind, process: e.Process, interval: e.Interval, event: e, owner: e.Key}
	if !m.store(r, func(o *refRecord) bool { return o.event != nil && reflect.DeepEqual(o.event, e) }) {
		return
	}
	switch s := m.span(e.Key); {
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

// sorted puts events that end together in one order.
func sorted(events []*Event) []Event {
	var list []Event
	for _, e := range events {
		list = append(list, *e)
	}
	slices.SortFunc(list, func(a, b Event) int {
		return cmp.Or(cmp.Compare(a.Interval.End, b.Interval.End), cmp.Compare(a.Interval.Start, b.Interval.Start),
			cmp.Compare(a.Goroutine, b.Goroutine), cmp.Compare(a.Path, b.Path), cmp.Compare(a.Process.PID, b.Process.PID),
			cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Peer.Port, b.Peer.Port), cmp.Compare(len(a.More), len(b.More)),
			cmp.Compare(hostNumber(a.Process), hostNumber(b.Process)), cmp.Compare(a.Key.Span[7], b.Key.Span[7]))
	})
	return list
}
