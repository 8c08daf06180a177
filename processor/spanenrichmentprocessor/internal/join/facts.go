// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package join

import "slices"

// facts are the collections of a process, or its stops of the world, or the
// times in which its cgroup was throttled, ordered by their end. The ends stand
// beside the records: each span is looked up in them.
type facts struct {
	records []*record
	ends    []int64
	longest int64 // no fact since the list was last empty was longer
}

// from is the index of the first fact that ends at or after ns.
func (f *facts) from(ns int64) int {
	at, _ := slices.BinarySearch(f.ends, ns)
	return at
}

func (f *facts) add(r *record) {
	if len(f.records) == 0 {
		f.longest = 0
	}
	f.longest = max(f.longest, r.interval.End-r.interval.Start)
	at := len(f.ends) // facts mostly come in order
	for at > 0 && f.ends[at-1] > r.interval.End {
		at--
	}
	f.records, f.ends = slices.Insert(f.records, at, r), slices.Insert(f.ends, at, r.interval.End)
}

func (f *facts) remove(r *record) {
	at := f.from(r.interval.End)
	for f.records[at] != r {
		at++
	}
	switch {
	case len(f.records) == 1:
		f.records, f.ends = nil, nil
	case at == 0:
		f.records[0] = nil
		f.records, f.ends = f.records[1:], f.ends[1:]
	default:
		f.records, f.ends = slices.Delete(f.records, at, at+1), slices.Delete(f.ends, at, at+1)
	}
}

// holds tells whether the same fact is there.
func (f *facts) holds(fact *Fact) bool {
	for i := f.from(fact.Interval.End); i < len(f.ends) && f.ends[i] == fact.Interval.End; i++ {
		if f.records[i].interval == fact.Interval && f.records[i].cycle == fact.Cycle {
			return true
		}
	}
	return false
}

// overlapping calls visit for each fact that overlaps the interval.
func (f *facts) overlapping(interval Interval, visit func(r *record, overlap int64)) {
	for i := f.from(interval.Start); i < len(f.ends); i++ {
		if f.ends[i]-f.longest >= interval.End {
			return // neither this one nor a later one can have begun before
		}
		if overlap := interval.Overlap(f.records[i].interval); overlap > 0 {
			visit(f.records[i], overlap)
		}
	}
}
