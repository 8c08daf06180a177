// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package evidence

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"time"
)

const (
	// drawn is how many bad events of a generation are drawn at random, and how many good ones.
	drawn = 4
	// slowest is how many of the slowest bad events are kept.
	slowest = 4
	// generation is for how long events are drawn together; the one before is kept.
	generation = int64(30 * time.Minute)
)

// Exemplar is an event that has a trace.
type Exemplar struct {
	Trace    [16]byte
	Span     [8]byte
	Time     int64 // of its end, in nanoseconds since 1970
	Duration int64 // in nanoseconds
	Bad      bool
}

// drawing draws so many of any number of events, each with the same probability.
type drawing struct {
	seen uint64
	kept [drawn]Exemplar
}

func (d *drawing) add(random *rand.Rand, e *Exemplar) {
	d.seen++
	if d.seen <= drawn {
		d.kept[d.seen-1] = *e
		return
	}
	if i := random.Uint64N(d.seen); i < drawn {
		d.kept[i] = *e
	}
}

func (d *drawing) all() []Exemplar { return d.kept[:min(d.seen, drawn)] }

// draws are the exemplars of a generation.
type draws struct {
	number    int64
	bad, good drawing
	slow      [slowest]Exemplar // slowest first
	numSlow   int
}

func (d *draws) addBad(random *rand.Rand, e *Exemplar) {
	d.bad.add(random, e)
	if d.numSlow == slowest && e.Duration <= d.slow[slowest-1].Duration {
		return
	}
	at := 0
	for at < d.numSlow && d.slow[at].Duration >= e.Duration {
		at++
	}
	d.numSlow = min(d.numSlow+1, slowest)
	copy(d.slow[at+1:d.numSlow], d.slow[at:])
	d.slow[at] = *e
}

// Exemplars are events that have a trace, drawn from all.
type Exemplars struct {
	random *rand.Rand
	last   [2]draws // by number, even and odd
}

// NewExemplars draws with the random numbers.
func NewExemplars(random *rand.Rand) *Exemplars { return &Exemplars{random: random} }

// Add adds an event. One that is older than what is kept is left out.
func (e *Exemplars) Add(x *Exemplar) {
	number := x.Time / generation
	d := &e.last[number&1]
	switch {
	case number < d.number:
		return
	case number > d.number:
		*d = draws{number: number}
	}
	if x.Bad {
		d.addBad(e.random, x)
	} else {
		d.good.add(e.random, x)
	}
}

// Bad are the slowest bad events since begin, and as many drawn from all bad ones,
// each once, at most limit.
func (e *Exemplars) Bad(begin int64, limit int) []Exemplar {
	var slow, random []Exemplar
	for i := range e.last {
		d := &e.last[i]
		slow = append(slow, d.slow[:d.numSlow]...)
		random = append(random, d.bad.all()...)
	}
	slices.SortStableFunc(slow, func(a, b Exemplar) int { return cmp.Compare(b.Duration, a.Duration) })
	var chosen []Exemplar
	choose := func(from []Exemplar, most int) {
		for _, x := range from {
			if len(chosen) < most && x.Time >= begin && !slices.Contains(chosen, x) {
				chosen = append(chosen, x)
			}
		}
	}
	choose(slow, (limit+1)/2)
	choose(random, limit)
	choose(slow, limit)
	return chosen
}

// Good are good events since begin, drawn from all, at most limit.
func (e *Exemplars) Good(begin int64, limit int) []Exemplar {
	var chosen []Exemplar
	for i := range e.last {
		for _, x := range e.last[i].good.all() {
			if len(chosen) < limit && x.Time >= begin {
				chosen = append(chosen, x)
			}
		}
	}
	return chosen
}
