// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package burn

// Condition is what the windows of a tier say at a moment.
type Condition uint8

const (
	// Undefined: one of the windows has no event. An alert stays as it is.
	Undefined Condition = iota
	// Calm: one of the windows burns no faster than the factor.
	Calm
	// Burning: both burn faster.
	Burning
)

// String is the name of the condition.
func (c Condition) String() string { return [...]string{"undefined", "calm", "burning"}[c] }

// Rates are the burn rates of a tier's windows; where Defined is false there is none.
type Rates struct {
	Long, Short               float64
	LongDefined, ShortDefined bool
}

// Condition compares the windows of the tier with its factor.
func (t Tier) Condition(target float64, long, short Events) (Condition, Rates) {
	var r Rates
	r.Long, r.LongDefined = long.Rate(target)
	r.Short, r.ShortDefined = short.Rate(target)
	switch {
	case !r.LongDefined || !r.ShortDefined:
		return Undefined, r
	case exceeds(r.Long, t.Factor) && exceeds(r.Short, t.Factor):
		return Burning, r
	}
	return Calm, r
}

// exceeds is rate > factor, but for what comes of 0.999 not being a binary fraction:
// all events bad at a target of 90 % burn exactly 10 times as fast.
func exceeds(rate, factor float64) bool { return rate > factor*(1+1e-12) }
