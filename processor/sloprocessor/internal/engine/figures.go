// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"cmp"
	"slices"
	"time"

	"github.com/fathom-otel/fathom/processor/sloprocessor/internal/burn"
	"github.com/fathom-otel/fathom/processor/sloprocessor/internal/objective"
	"github.com/fathom-otel/fathom/processor/sloprocessor/internal/window"
)

// Remaining is what is left of a budget. Where nothing happened in the period it is
// not Defined.
type Remaining struct {
	// Events are those of the period so far.
	Events burn.Events
	// Left is the share of the budget that is left, below 0 when more is spent.
	Left    float64
	Defined bool
	// Estimated says that the period's events are not known before it ends: those so
	// far were taken to go on at the same rate.
	Estimated bool
}

// condition of the alert that no budget is left.
func (r Remaining) condition() burn.Condition {
	switch {
	case !r.Defined:
		return burn.Undefined
	case r.Left <= 0:
		return burn.Burning
	}
	return burn.Calm
}

// remaining is what is left of the budget now.
func (b *budget) remaining(now int64) Remaining {
	if b.of.Calendar != nil {
		return b.ofCalendar(now)
	}
	r := Remaining{Events: b.events(b.of.period)}
	r.Left, r.Defined = r.Events.Left(b.of.Share)
	return r
}

// ofCalendar is what is left of the budget of a whole period of the calendar. Of slices
// it is known how many there will be; other events are extrapolated.
func (b *budget) ofCalendar(now int64) Remaining {
	var r Remaining
	begin, end := b.of.Calendar.Bounds(now)
	if b.period != nil {
		r.Events = eventsOf(b.period.Running)
	} else {
		r.Events = b.compose(func(p *part) window.Count { return p.of.budgets[0].period.Running })
	}
	whole := r.Events
	switch {
	case b.of.Slices != nil && whole.Total > 0:
		whole.Total = float64(end-begin) / float64(b.of.Slices.Length)
	default:
		r.Estimated = true
		whole.Total *= float64(end-begin) / float64(max(now-begin, 1))
	}
	r.Left, r.Defined = whole.Left(b.of.Share)
	return r
}

// Burn is the burn rate of a window.
type Burn struct {
	Window time.Duration
	Events burn.Events
	// Rate is not Defined where the window has no event.
	Rate    float64
	Defined bool
}

// Figures are those of a budget.
type Figures struct {
	Objective *objective.Resolved
	Values    []string
	Overflow  bool
	// Ever are the events since Began, in units of window.One: they never decrease. Of
	// a composite objective there are none.
	Ever  window.Count
	Began int64
	// Budget is what is left of it.
	Budget Remaining
	// Burns are the burn rates of the windows of the tiers, each once, the shortest first.
	Burns []Burn
	// Exhaustion is when the budget is spent at the burn rate of the first tier's long
	// window, Exhausts whether it ever is.
	Exhaustion time.Duration
	Exhausts   bool
}

// Figures passes those of all budgets to yield, until it returns false. Burns are
// only good until it returns.
func (e *Engine) Figures(yield func(Figures) bool) {
	var burns []Burn
	for _, t := range e.objectives {
		order := t.shortestFirst()
		for _, b := range t.budgets {
			b.advance(e.now)
			var f Figures
			f, burns = b.figures(e.now, order, burns[:0])
			if !yield(f) {
				return
			}
		}
	}
}

func (b *budget) figures(now int64, order []int, burns []Burn) (Figures, []Burn) {
	f := Figures{
		Objective: b.of.Resolved, Values: b.values, Overflow: b.overflow,
		Ever: b.ever, Began: b.began, Budget: b.remaining(now),
	}
	for _, i := range order {
		one := Burn{Window: b.of.plan.Length(i), Events: b.events(i)}
		one.Rate, one.Defined = one.Events.Rate(b.of.Share)
		burns = append(burns, one)
		if i == b.of.tiers[0].long && one.Defined && f.Budget.Defined {
			f.Exhaustion, f.Exhausts = burn.Exhaustion(f.Budget.Left, one.Rate, b.of.Period)
		}
	}
	f.Burns = burns
	return f, burns
}

// shortestFirst are the windows of the tiers in the plan, each once.
func (t *tracked) shortestFirst() []int {
	var order []int
	for _, w := range t.tiers {
		order = append(order, w.long, w.short)
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(t.plan.Length(a), t.plan.Length(b)) })
	return slices.Compact(order)
}
