// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"slices"
	"time"

	"github.com/fathom-otel/fathom/processor/sloprocessor/internal/burn"
	"github.com/fathom-otel/fathom/processor/sloprocessor/internal/evidence"
	"github.com/fathom-otel/fathom/processor/sloprocessor/internal/window"
)

// Evaluate lets time pass and the alerts follow the counts. It returns those that
// began to fire or resolved.
func (e *Engine) Evaluate(now int64) []Alert {
	e.Advance(now)
	var changed []Alert
	for _, t := range e.objectives {
		t.forget(e.now)
	}
	for _, t := range e.objectives {
		for _, b := range t.budgets {
			changed = b.evaluate(e.now, changed)
		}
	}
	return changed
}

// forget lets time pass and drops the groups of which nothing is left: no event in any
// window, and no alert.
func (t *tracked) forget(now int64) {
	for _, b := range t.budgets {
		b.advance(now)
	}
	if len(t.GroupBy) == 0 {
		return
	}
	t.budgets = slices.DeleteFunc(t.budgets, func(b *budget) bool {
		if b == t.other || !b.empty() {
			return false
		}
		t.key = appendKey(t.key[:0], b.values)
		delete(t.groups, string(t.key))
		return true
	})
}

// empty says whether the period has no event and no alert is there to be told.
func (b *budget) empty() bool {
	for i := range b.alerts {
		if b.alerts[i].status != Inactive {
			return false
		}
	}
	if b.slices != nil && b.slices.ring[b.slices.newest%openSlices].number == b.slices.newest {
		return false // its newest slice has events and did not count yet
	}
	if b.period != nil {
		return b.period.Running.Plus(b.period.Previous) == (window.Count{})
	}
	return b.counts.Sum(b.of.period).Total == 0
}

// evaluate appends the alerts that changed.
func (b *budget) evaluate(now int64, changed []Alert) []Alert {
	left := b.remaining(now)
	for i, tier := range b.of.Tiers {
		condition, rates := b.condition(i)
		held := burn.HeldByNone
		if condition == burn.Burning {
			held = b.held(i)
		}
		if b.alerts[i].step(now, condition, tier.For, held) {
			b.explain(now, i, tier.Long)
			changed = append(changed, b.told(i, rates, left))
		}
	}
	spent := len(b.of.Tiers)
	if b.of.BudgetSpent != nil && b.alerts[spent].step(now, left.condition(), 0, burn.HeldByNone) {
		b.explain(now, spent, b.of.Period)
		changed = append(changed, b.told(spent, burn.Rates{}, left))
	}
	return changed
}

// condition is that of the tier i.
func (b *budget) condition(i int) (burn.Condition, burn.Rates) {
	windows := b.of.tiers[i]
	return b.of.Tiers[i].Condition(b.of.Share, b.events(windows.long), b.events(windows.short))
}

// held is the guard that holds the tier i back.
func (b *budget) held(i int) burn.Held {
	long, coverage := b.raw(b.of.tiers[i].long)
	return b.of.Guards.Hold(b.of.Tiers[i], b.of.Share, burn.Evidence{
		Long: long, Period: b.rawPeriod(), Coverage: coverage, Weight: b.weight(),
	})
}

// explain keeps with an alert that began to fire what is known of why.
func (b *budget) explain(now int64, i int, long time.Duration) {
	a := &b.alerts[i]
	if a.status != Firing {
		return
	}
	a.cause, a.exemplars = b.evidence(now, long)
}

// evidence is the cause and the exemplars of the last time, of a composite objective
// those of its first part that has any.
func (b *budget) evidence(now int64, recent time.Duration) (string, []evidence.Exemplar) {
	for i := range b.of.parts {
		of := b.of.parts[i].of.budgets[0]
		if cause, exemplars := of.evidence(now, recent); len(exemplars) > 0 {
			return cause, exemplars
		}
	}
	var exemplars []evidence.Exemplar
	if b.exemplars != nil {
		exemplars = b.exemplars.Bad(now-int64(recent), shown)
	}
	profile := b.profile
	if profile == nil {
		profile = &evidence.Profile{}
	}
	return profile.Find(now, recent).String(), exemplars
}

// told is the alert i as it is told.
func (b *budget) told(i int, rates burn.Rates, left Remaining) Alert {
	a := &b.alerts[i]
	alert := Alert{
		Objective: b.of.Resolved, Values: b.values, Overflow: b.overflow,
		Status: a.status, StartsAt: a.since, EndsAt: a.ended, Undefined: a.undefined, Held: a.held,
		Rates: rates, Budget: left, Cause: a.cause, Exemplars: a.exemplars,
	}
	if i < len(b.of.Tiers) {
		tier := b.of.Tiers[i]
		alert.Severity, alert.Tier, alert.Factor = tier.Severity, tier.Name, tier.Factor
	} else {
		alert.Severity, alert.Tier = burn.Severity(b.of.BudgetSpent.Severity), BudgetTier
	}
	return alert
}

// Alerts are those that are pending, firing or resolved in the last 5 minutes, or
// that a guard holds back, as of the last evaluation.
func (e *Engine) Alerts() []Alert {
	var alerts []Alert
	for _, t := range e.objectives {
		for _, b := range t.budgets {
			alerts = b.active(e.now, alerts)
		}
	}
	return alerts
}

func (b *budget) active(now int64, alerts []Alert) []Alert {
	for i := range b.alerts {
		if a := &b.alerts[i]; a.status == Inactive && a.held == burn.HeldByNone {
			continue
		}
		var rates burn.Rates
		if i < len(b.of.Tiers) {
			_, rates = b.condition(i)
		}
		alerts = append(alerts, b.told(i, rates, b.remaining(now)))
	}
	return alerts
}
