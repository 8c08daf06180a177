// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package burn

import "math"

// Guards are what, beside its burn rates, a tier asks for before it begins to fire:
// at low traffic one bad event burns fast. Zero values ask for nothing. A guard that
// does not hold never ends an alert: the burn rates do.
type Guards struct {
	// MinBad is how many bad events the long window must have.
	MinBad float64
	// BudgetShare asks that the bad events of the long window are the tier's share of
	// the budget of all events of the period, not only of those in the window.
	BudgetShare bool
	// Coverage is in which share of its buckets the long window must have events.
	Coverage float64
	// Confidence asks that the true share of bad events in the long window is above
	// the tier's threshold with this probability (0.95, say): that Wilson's lower
	// bound is.
	Confidence float64
}

// Held is which guard holds an alert back.
type Held uint8

// The guards.
const (
	HeldByNone Held = iota
	HeldByMinBad
	HeldByBudgetShare
	HeldByCoverage
	HeldByConfidence
)

// String is the key of the guard.
func (h Held) String() string {
	return [...]string{"", "min_bad", "budget_share", "coverage", "confidence"}[h]
}

// Evidence is what the guards look at.
type Evidence struct {
	// Long are the events of the tier's long window, Period those of the period.
	Long, Period Events
	// Coverage is in which share of the long window's buckets there were events.
	Coverage float64
	// Weight is for how many events one that was seen stands, on average: 1 where
	// nothing was sampled.
	Weight float64
}

// Hold is the first guard that holds the tier back, if any.
func (g Guards) Hold(tier Tier, target float64, e Evidence) Held {
	switch {
	case e.Long.Bad < g.MinBad:
		return HeldByMinBad
	case g.BudgetShare && e.Long.Bad < tier.Budget*Budget(target)*e.Period.Total:
		return HeldByBudgetShare
	case e.Coverage < g.Coverage:
		return HeldByCoverage
	case g.Confidence > 0 && LowerBound(e.Long, e.Weight, quantile(g.Confidence)) <= tier.Factor*Budget(target):
		return HeldByConfidence
	}
	return HeldByNone
}

// LowerBound is the lower end of Wilson's score interval (1927) of the share of bad
// events, z standard deviations below. Events that were seen stand for weight events
// each, and only what was seen is evidence.
func LowerBound(e Events, weight, z float64) float64 {
	n := e.Total / max(weight, 1)
	if !(n > 0) {
		return 0
	}
	p := min(e.Bad/e.Total, 1)
	spread := z * math.Sqrt(p*(1-p)/n+z*z/(4*n*n))
	return max(0, (p+z*z/(2*n)-spread)/(1+z*z/n))
}

// quantile is that of the standard normal distribution.
func quantile(probability float64) float64 {
	return math.Sqrt2 * math.Erfinv(2*probability-1)
}
