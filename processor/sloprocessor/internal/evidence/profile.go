// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package evidence

import (
	"fmt"
	"time"

	"github.com/fathom-otel/fathom/internal/ledger"
)

const (
	slot     = int64(5 * time.Minute)
	numSlots = 26
	hour     = int64(time.Hour)
)

// Recent is for how long before now bad spans are compared with good ones, at most.
const Recent = time.Hour

// sum adds up spans that have a ledger.
type sum struct {
	spans uint64
	parts ledger.Ledger
}

func (s *sum) add(l *ledger.Ledger) {
	s.spans++
	for cause, ns := range l {
		s.parts[cause] += ns
	}
}

func (s *sum) merge(o *sum) {
	s.spans += o.spans
	for cause, ns := range o.parts {
		s.parts[cause] += ns
	}
}

// mean is how long a span takes on average for the cause, in nanoseconds.
func (s *sum) mean(cause int) float64 { return float64(s.parts[cause]) / float64(s.spans) }

// Profile sums up ledgers by time.
type Profile struct {
	numbers   [numSlots]int64
	bad, good [numSlots]sum
}

// Add adds the ledger of a span that ended at t. One that is older than what is kept
// is left out.
func (p *Profile) Add(t int64, bad bool, l *ledger.Ledger) {
	number := t / slot
	if number < 0 {
		return
	}
	i := number % numSlots
	if number < p.numbers[i] {
		return
	}
	if number > p.numbers[i] {
		p.numbers[i], p.bad[i], p.good[i] = number, sum{}, sum{}
	}
	if bad {
		p.bad[i].add(l)
	} else {
		p.good[i].add(l)
	}
}

// between sums up the slots that begin from begin on and before end.
func (p *Profile) between(begin, end int64) (bad, good sum) {
	for i, number := range p.numbers {
		if t := number * slot; t >= begin && t < end {
			bad.merge(&p.bad[i])
			good.merge(&p.good[i])
		}
	}
	return bad, good
}

// Finding is what ledgers say of why bad spans are slow.
type Finding struct {
	// Bad and Good are how many spans with a ledger there were.
	Bad, Good uint64
	// Excess is by how much bad spans take longer than good ones, on average; without
	// good ones, how long they take.
	Excess time.Duration
	// Cause took most of the excess, Share is its share of the parts that are longer.
	Cause ledger.Cause
	Share float64
	// Before is the cause's share of the time of all spans of the hour before, false
	// in HasBefore where none of them had a ledger.
	Before    float64
	HasBefore bool
}

// Find compares the bad spans of a time before now, an hour at most, with the good
// ones of the same time and with the hour before it. Times are of slots of 5 minutes.
func (p *Profile) Find(now int64, recent time.Duration) Finding {
	begin := now - min(int64(recent), int64(Recent))
	begin -= begin % slot
	bad, good := p.between(begin, now+1)
	f := Finding{Bad: bad.spans, Good: good.spans}
	if bad.spans == 0 {
		return f
	}
	total, most := 0.0, 0.0
	for cause := range ledger.NumCauses {
		excess := bad.mean(cause)
		if good.spans > 0 {
			excess -= good.mean(cause)
		}
		f.Excess += time.Duration(excess)
		total += max(excess, 0)
		if excess > most {
			f.Cause, most = ledger.Cause(cause), excess
		}
	}
	if total > 0 {
		f.Share = most / total
	}
	before, others := p.between(begin-hour, begin)
	before.merge(&others)
	if time := before.parts.Total(); time > 0 {
		f.Before, f.HasBefore = float64(before.parts[f.Cause])/float64(time), true
	}
	return f
}

// String says what was found in a sentence.
func (f Finding) String() string {
	if f.Bad == 0 {
		return "no bad span has a time ledger (fathom.time.*)"
	}
	before := ""
	if f.HasBefore {
		before = fmt.Sprintf(", which was %.0f %% of the time in the hour before", 100*f.Before)
	}
	switch {
	case f.Good == 0:
		return fmt.Sprintf("%.0f %% of the time of bad spans is %s%s; no good span has a time ledger to compare with", 100*f.Share, f.Cause, before)
	case f.Excess <= 0:
		return "bad spans are not slower than good ones"
	}
	return fmt.Sprintf("%.0f %% of the excess over good spans is %s%s", 100*f.Share, f.Cause, before)
}
