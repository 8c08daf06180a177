// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"math/rand/v2"

	"github.com/fathom-otel/fathom/processor/sloprocessor/internal/burn"
	"github.com/fathom-otel/fathom/processor/sloprocessor/internal/evidence"
	"github.com/fathom-otel/fathom/processor/sloprocessor/internal/window"
)

// budget is that of an objective or of one of its groups.
type budget struct {
	of       *tracked
	values   []string
	overflow bool
	// counts and period are nil for a composite objective, period for a rolling window too.
	counts *window.Counts
	period *window.Period
	slices *timeSlices // nil where events count
	// ever are all events since the budget began, seen how many of them were really there.
	ever      window.Count
	seen      uint64
	began     int64
	alerts    []alert
	exemplars *evidence.Exemplars
	profile   *evidence.Profile
}

func (t *tracked) newBudget(e *Engine, values []string) *budget {
	b := &budget{of: t, values: values, began: e.now, alerts: make([]alert, len(t.Tiers)+1)}
	if len(t.Parts) > 0 {
		return b
	}
	b.counts = window.NewCounts(t.plan, e.now)
	if t.Calendar != nil {
		b.period = window.NewPeriod(t.Calendar, e.now)
	}
	if t.Slices != nil {
		b.slices = newTimeSlices(t.Slices, e.now)
	}
	return b
}

// advance lets time pass for the counts, and closes slices.
func (b *budget) advance(now int64) {
	if b.counts == nil {
		return
	}
	b.counts.Advance(now)
	if b.period != nil {
		b.period.Advance(now)
	}
	if b.slices != nil {
		b.slices.advance(now, b.correct)
	}
}

// count counts an event of the time at, which is not after now.
func (b *budget) count(now, at int64, event *Event) window.Placement {
	b.advance(now)
	n := window.Count{Total: event.Weight}
	if event.Bad {
		n.Bad = event.Weight
	}
	var placement window.Placement
	if b.slices != nil {
		placement = b.slices.add(at, n, b.correct)
	} else {
		placement = b.counts.Add(at, n)
		if b.period != nil {
			placement = earlier(placement, b.period.Add(at, n))
		}
	}
	if placement != window.Old {
		b.ever = b.ever.Plus(n)
		b.seen++
	}
	return placement
}

// earlier is what became of an event that rings and the period place differently: it
// counts if either has it.
func earlier(rings, period window.Placement) window.Placement {
	if rings == window.Old && period != window.Old {
		return window.Late
	}
	return rings
}

// correct changes what a slice counts for.
func (b *budget) correct(t int64, from, to window.Count) {
	b.counts.Correct(t, from, to)
	if b.period != nil {
		b.period.Correct(t, from, to)
	}
}

// show keeps what an alert shows of the event.
func (b *budget) show(random *rand.Rand, at int64, event *Event) {
	if event.Trace != ([16]byte{}) {
		if b.exemplars == nil {
			b.exemplars = evidence.NewExemplars(random)
		}
		b.exemplars.Add(&evidence.Exemplar{Trace: event.Trace, Span: event.Span, Time: at, Duration: event.Duration, Bad: event.Bad})
	}
	if event.Ledger != nil {
		if b.profile == nil {
			b.profile = &evidence.Profile{}
		}
		b.profile.Add(at, event.Bad, event.Ledger)
	}
}

// events are those in the window i of the objective's plan.
func (b *budget) events(i int) burn.Events {
	if b.counts != nil {
		return eventsOf(b.counts.Sum(i).Count)
	}
	return b.compose(func(p *part) window.Count { return p.of.budgets[0].counts.Sum(p.windows[i]).Count })
}

func eventsOf(n window.Count) burn.Events {
	var e burn.Events
	e.Bad, e.Total = n.Events()
	return e
}

// compose is the weighted mean of the parts that have events: of a total of their
// weights, each part's share of bad events is bad.
func (b *budget) compose(of func(*part) window.Count) burn.Events {
	var sum burn.Events
	for i := range b.of.parts {
		p := &b.of.parts[i]
		if e := eventsOf(of(p)); e.Total > 0 {
			sum.Bad += p.weight * e.Bad / e.Total
			sum.Total += p.weight
		}
	}
	return sum
}

// raw are the events in the window i, of a composite objective those of all parts
// together, and in which share of the window's buckets there are any.
func (b *budget) raw(i int) (events burn.Events, coverage float64) {
	buckets := float64(b.of.plan.Buckets(i))
	if b.counts != nil {
		sum := b.counts.Sum(i)
		return eventsOf(sum.Count), float64(sum.Occupied) / buckets
	}
	var n window.Count
	for j := range b.of.parts {
		p := &b.of.parts[j]
		sum := p.of.budgets[0].counts.Sum(p.windows[i])
		n = n.Plus(sum.Count)
		coverage = max(coverage, float64(sum.Occupied)/buckets)
	}
	return eventsOf(n), coverage
}

// rawPeriod are the events of the period so far, of a composite objective those of all
// parts together.
func (b *budget) rawPeriod() burn.Events {
	if b.of.period >= 0 {
		events, _ := b.raw(b.of.period)
		return events
	}
	if b.period != nil {
		return eventsOf(b.period.Running)
	}
	var n window.Count
	for i := range b.of.parts {
		n = n.Plus(b.of.parts[i].of.budgets[0].period.Running)
	}
	return eventsOf(n)
}

// weight is for how many events one that was seen stands, on average.
func (b *budget) weight() float64 {
	ever, seen := b.ever, b.seen
	for i := range b.of.parts {
		of := b.of.parts[i].of.budgets[0]
		ever, seen = ever.Plus(of.ever), seen+of.seen
	}
	if seen == 0 || b.of.Slices != nil { // a slice is one event, whatever is in it
		return 1
	}
	_, total := ever.Events()
	return total / float64(seen)
}
