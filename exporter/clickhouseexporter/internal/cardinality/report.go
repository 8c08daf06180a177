// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package cardinality

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

const (
	// shown is how many offenders a report names.
	shown = 10
	// shownKey is how many bytes of a key it shows.
	shownKey = 64
)

// Report is what was over a limit in an interval.
type Report struct {
	// Took is how long the interval was.
	Took time.Duration
	// Offenders are the worst, the worst of them first.
	Offenders []Offender
	// Others is how many more there were.
	Others int
}

// Offender is a key of a column, or a column, that was over a limit.
type Offender struct {
	Column Column
	// Key is empty where the column had too many.
	Key    string
	Excess Excess
	// Count is how many attributes were over the limit.
	Count int64
	// Sample is one of them: of keys the name, of values the length and a digest.
	Sample string
}

// String is the offender in the log.
func (o Offender) String() string {
	if o.Excess == OverKeys {
		return fmt.Sprintf("%s: %d attributes beyond the limit of keys, such as %q", o.Column, o.Count, o.Sample)
	}
	return fmt.Sprintf("%s[%q]: %d over the limit of %s, such as one of %s", o.Column, cut(o.Key, shownKey), o.Count, o.Excess, o.Sample)
}

// rotate ends an interval that is over, and reports it.
func (g *Guard) rotate(now time.Time, force bool) {
	took := now.Sub(g.since)
	if took < g.interval && !force {
		return
	}
	offenders := g.offenders()
	g.since = now
	g.values.clear()
	for c := range g.columns {
		g.columns[c].beyond = offence{}
		for name, k := range g.columns[c].keys {
			if !k.used {
				delete(g.columns[c].keys, name) // makes room for another
				continue
			}
			*k = key{name: k.name, hash: k.hash}
		}
	}
	if len(offenders) > 0 {
		worst := offenders[:min(shown, len(offenders))]
		g.report(Report{Took: took, Offenders: worst, Others: len(offenders) - len(worst)})
	}
}

// offenders are all of the interval, the worst first.
func (g *Guard) offenders() []Offender {
	var all []Offender
	for c := range Column(numColumns) {
		column := &g.columns[c]
		if o := column.beyond; o.count > 0 {
			all = append(all, Offender{Column: c, Excess: OverKeys, Count: o.count, Sample: o.sample})
		}
		for name, k := range column.keys {
			for excess, o := range k.over {
				if o.count > 0 {
					all = append(all, Offender{Column: c, Key: name, Excess: Excess(excess), Count: o.count, Sample: o.sample})
				}
			}
		}
	}
	slices.SortFunc(all, func(a, b Offender) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Column, b.Column), cmp.Compare(a.Key, b.Key))
	})
	return all
}

// Flush reports what the interval has so far, and begins another.
func (g *Guard) Flush() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.rotate(g.now(), true)
}
