// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package sample

import "github.com/fathom-otel/fathom/internal/ledger"

const (
	// maxRuns of a timeline; the older half is folded into one sum then.
	maxRuns = 512
	// bridged is how many intervals may lie between two samples of one cause
	// for the time between them to be that cause's: polls come late where the
	// machine is busy.
	bridged = 5
)

// timeline is what one goroutine did while it was in spans, as samples tell it.
// Neighbouring samples of one cause are one run.
type timeline struct {
	runs   []run
	folded fold
	seen   uint64 // time of the last sample
}

// run are samples of one cause, from the first to the last.
type run struct {
	from, to uint64
	stay     uint64 // start of the outermost span in which they were taken
	cause    ledger.Cause
}

// fold is the sum over runs that were too many to keep: all of a stay until to.
type fold struct {
	stay, from, to uint64
	spent          ledger.Ledger
}

// add puts in a sample taken at a time, later than all before, in the stay in
// spans that began at stay. It returns by how many the runs have grown.
func (t *timeline) add(at, stay uint64, cause ledger.Cause, interval uint64) int {
	t.seen = at
	if n := len(t.runs); n > 0 {
		last := &t.runs[n-1]
		if at <= last.to {
			return 0
		}
		if last.stay == stay && last.cause == cause && at-last.to <= bridged*interval {
			last.to = at
			return 0
		}
	}
	before := len(t.runs)
	if before >= maxRuns {
		t.fold(before/2, stay, interval)
	}
	t.runs = append(t.runs, run{from: at, to: at, stay: stay, cause: cause})
	return len(t.runs) - before
}

// covers is the part of the time that the samples of run i speak for: half of
// the gap to each neighbour of its stay, and never more than an interval.
func (t *timeline) covers(i int, interval uint64) (low, high uint64) {
	r := t.runs[i]
	low, high = r.from-min(interval, r.from), r.to+interval
	if i > 0 && t.runs[i-1].stay == r.stay {
		gap := r.from - t.runs[i-1].to
		low = max(low, r.from-(gap-gap/2))
	} else {
		low = max(low, r.stay)
	}
	if i+1 < len(t.runs) {
		next := t.runs[i+1]
		if next.stay == r.stay {
			high = min(high, r.to+(next.from-r.to)/2)
		} else {
			high = min(high, next.stay)
		}
	}
	return low, high
}

// ledger splits the time from start to end. Its parts sum to that; what no
// sample speaks for is unattributed. It reports whether there was any.
func (t *timeline) ledger(start, end, interval uint64) (spent ledger.Ledger, sampled bool) {
	if end <= start {
		return spent, false
	}
	at, known := start, uint64(0)
	if f := &t.folded; f.to > start && f.from < end {
		if start <= f.from && end >= f.to {
			spent = f.spent
			known = f.spent.Total()
		}
		at = min(f.to, end)
	}
	for i := range t.runs {
		low, high := t.covers(i, interval)
		low, high = max(low, at), min(high, end)
		if low >= high {
			continue
		}
		spent[t.runs[i].cause] += high - low
		known += high - low
		at = high
	}
	spent[ledger.Unattributed] += end - start - known
	return spent, known > 0
}

// fold sums the first n runs up. Those of another stay than the current one are
// forgotten: their span was told long ago, or will not be.
func (t *timeline) fold(n int, stay, interval uint64) {
	first := 0
	for first < n && t.runs[first].stay != stay {
		first++
	}
	next := fold{}
	if first < n {
		next.stay = stay
		next.from, _ = t.covers(first, interval)
		next.to, _ = t.covers(n, interval)
		if t.folded.stay == stay {
			next.from = t.folded.from
		}
		next.spent, _ = t.ledger(next.from, next.to, interval)
	}
	t.folded = next
	t.runs = append(t.runs[:0], t.runs[n:]...)
}

// forget drops the runs of stays that were over before a time, and returns how
// many.
func (t *timeline) forget(before uint64) int {
	n := 0
	for n < len(t.runs) && t.runs[n].to < before && (n+1 == len(t.runs) || t.runs[n].stay != t.runs[len(t.runs)-1].stay) {
		n++
	}
	t.runs = append(t.runs[:0], t.runs[n:]...)
	return n
}
