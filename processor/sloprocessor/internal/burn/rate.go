// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package burn

import (
	"math"
	"time"
)

// Events are how many events there were in a window, and how many were bad.
// Numbers of sampled events need not be whole.
type Events struct{ Bad, Total float64 }

// Budget is the share of events that may be bad, of a target between 0 and 1. It is
// the decimal fraction that is meant: 1-0.99999 is another one by 7e-12 of itself.
func Budget(target float64) float64 { return math.Round((1-target)*1e12) / 1e12 }

// Rate is how much faster than sustainable the budget burns, false where there was no event.
func (e Events) Rate(target float64) (float64, bool) {
	if !(e.Total > 0) {
		return 0, false
	}
	return e.Bad / e.Total / Budget(target), true
}

// Left is the share of the period's budget that is left, below 0 when more than all
// of it is spent; false where there was no event.
func (e Events) Left(target float64) (float64, bool) {
	rate, defined := e.Rate(target)
	return 1 - rate, defined
}

// Exhaustion is for how long the budget lasts at the rate, from that which is left on,
// false where it lasts for ever: at a rate of 0, or at one that takes over 100 years.
func Exhaustion(left, rate float64, period time.Duration) (time.Duration, bool) {
	const forEver = 100 * 365 * 24 * time.Hour
	switch {
	case left <= 0:
		return 0, true
	case rate <= 0 || left/rate*float64(period) > float64(forEver):
		return 0, false
	}
	return time.Duration(left / rate * float64(period)), true
}

// Detection is how long a share of bad events, beginning out of none, takes until the
// long window burns faster than the factor, false if it never does.
func Detection(factor, target float64, long time.Duration, bad float64) (time.Duration, bool) {
	share := factor * Budget(target) / bad
	if !(share <= 1) { // NaN too
		return 0, false
	}
	return time.Duration(share * float64(long)), true
}

// Reset is how long after the end of an outage that filled the short window with
// that share of bad events the short window stops to burn faster than the factor.
func Reset(factor, target float64, short time.Duration, bad float64) time.Duration {
	share := factor * Budget(target) / bad
	if !(share <= 1) {
		return 0
	}
	return time.Duration((1 - share) * float64(short))
}
