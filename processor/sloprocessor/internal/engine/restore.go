// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"fmt"

	"github.com/fathom-otel/fathom/processor/sloprocessor/internal/evidence"
	"github.com/fathom-otel/fathom/processor/sloprocessor/internal/window"
)

func readText(r *window.Reader) string { return string(r.Bytes(r.Uvarint())) }

func readCount(r *window.Reader) window.Count {
	return window.Count{Bad: r.Uvarint(), Total: r.Uvarint()}
}

func readFlag(r *window.Reader) bool { return r.Uvarint() != 0 }

// read reads a budget.
func (t *tracked) read(e *Engine, r *window.Reader) *budget {
	overflow := readFlag(r)
	var values []string
	for range r.Uvarint() {
		values = append(values, readText(r))
		if r.Err() != nil {
			return nil
		}
	}
	if !overflow && len(values) != len(t.GroupBy) {
		r.Fail(fmt.Errorf("a group has %d values, not %d", len(values), len(t.GroupBy)))
		return nil
	}
	b := t.newBudget(e, values)
	b.overflow = overflow
	b.began = r.Varint()
	b.seen = r.Uvarint()
	b.ever = readCount(r)
	if b.counts != nil {
		b.counts = r.Counts(t.plan)
	}
	if b.period != nil {
		b.period = r.Period(t.Calendar, e.now)
	}
	if b.slices != nil {
		b.slices.read(r)
	}
	b.readAlerts(r)
	return b
}

func (s *timeSlices) read(r *window.Reader) {
	s.newest = r.Varint()
	for readFlag(r) {
		one := timeSlice{number: r.Varint(), events: readCount(r), counted: readCount(r)}
		if r.Err() != nil || one.number < 0 {
			r.Fail(window.ErrTruncated)
			return
		}
		s.ring[one.number%openSlices] = one
	}
}

// readAlerts reads alerts. One of a tier that the policy has no more is dropped.
func (b *budget) readAlerts(r *window.Reader) {
	for {
		status := Status(r.Uvarint())
		if status == Inactive {
			return
		}
		name := readText(r)
		a := alert{status: status, since: r.Varint(), ended: r.Varint(), cause: readText(r)}
		for range r.Uvarint() {
			a.exemplars = append(a.exemplars, readExemplar(r))
			if r.Err() != nil {
				return
			}
		}
		if status > Resolved {
			r.Fail(fmt.Errorf("an alert has the status %d", status))
			return
		}
		for i := range b.alerts {
			if b.of.tierName(i) == name {
				b.alerts[i] = a
			}
		}
	}
}

func readExemplar(r *window.Reader) evidence.Exemplar {
	x := evidence.Exemplar{Bad: true}
	copy(x.Trace[:], r.Bytes(uint64(len(x.Trace))))
	copy(x.Span[:], r.Bytes(uint64(len(x.Span))))
	x.Time, x.Duration = r.Varint(), r.Varint()
	return x
}
