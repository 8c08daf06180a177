// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package join

import "sort"

// timeline holds records ordered by their end. Records mostly come and go in
// that order, which makes both ends of the slice the common case.
type timeline struct {
	records []*record
}

// from is the index of the first record that ends at or after ns.
func (t *timeline) from(ns int64) int {
	return sort.Search(len(t.records), func(i int) bool { return t.records[i].interval.End >= ns })
}

func (t *timeline) insert(r *record) {
	t.records = append(t.records, r)
	for i := len(t.records) - 1; i > 0 && r.interval.End < t.records[i-1].interval.End; i-- {
		t.records[i-1], t.records[i] = t.records[i], t.records[i-1]
	}
}

func (t *timeline) remove(r *record) {
	for i := t.from(r.interval.End); i < len(t.records) && t.records[i].interval.End == r.interval.End; i++ {
		if t.records[i] != r {
			continue
		}
		if i == 0 {
			t.records[0] = nil
			t.records = t.records[1:]
		} else {
			t.records = append(t.records[:i], t.records[i+1:]...)
		}
		break
	}
	if len(t.records) == 0 {
		t.records = nil
	}
}

// holds tells whether a record that tells the same as r is there.
func (t *timeline) holds(r *record) bool {
	for i := t.from(r.interval.End); i < len(t.records) && t.records[i].interval.End == r.interval.End; i++ {
		if t.records[i].tellsSame(r) {
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
