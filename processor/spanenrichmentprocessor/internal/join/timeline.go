// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package join

import (
	"slices"
	"sort"
)

// timeline holds records ordered by their end. Records mostly come and go in
// that order, which makes both ends of the slice the common case.
type timeline struct {
	records []*record
}

// from is the index of the first record that ends at or after ns.
func (t *timeline) from(ns int64) int {
	n := len(t.records)
	if n == 0 || t.records[n-1].interval.End < ns {
		return n
	}
	return sort.Search(n, func(i int) bool { return t.records[i].interval.End >= ns })
}

func (t *timeline) insert(r *record) {
	t.records = append(t.records, r)
	for i := len(t.records) - 1; i > 0 && r.interval.End < t.records[i-1].interval.End; i-- {
		t.records[i-1], t.records[i] = t.records[i], t.records[i-1]
	}
}

// few is the number of records up to which moving them is cheaper than new memory.
const few = 8

func (t *timeline) remove(r *record) {
	i := 0
	if len(t.records) > few {
		i = t.from(r.interval.End)
	}
	for i < len(t.records) && t.records[i] != r {
		i++
	}
	if i == len(t.records) {
		return
	}
	if i == 0 && len(t.records) > few {
		t.records[0] = nil
		t.records = t.records[1:]
	} else {
		t.records = slices.Delete(t.records, i, i+1)
	}
	if len(t.records) == 0 && cap(t.records) > few {
		t.records = nil
	}
}

// holds tells whether the same event is there.
func (t *timeline) holds(e *Event) bool {
	for i := t.from(e.Interval.End); i < len(t.records) && t.records[i].interval.End == e.Interval.End; i++ {
		if t.records[i].event.equal(e) {
			return true
		}
	}
	return false
}

// within calls visit for the records that end within the interval, until it
// has seen all of them. It must not change the timeline.
func (t *timeline) within(interval Interval, visit func(*record)) {
	for i := t.from(interval.Start); i < len(t.records) && t.records[i].interval.End <= interval.End; i++ {
		visit(t.records[i])
	}
}
