// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package governor

import (
	"time"

	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/probe"
)

const (
	// window is for how long an account must be able to pay for a tier before the
	// tier is taken: spans that begin and end within it have an exact ledger.
	window = 500 * time.Millisecond
	// minOn and minOff bound how often probes are attached and detached, which
	// itself costs some tens of milliseconds of waiting for the kernel.
	minOn  = 200 * time.Millisecond
	minOff = time.Second
	// saving bounds what an account saves while it spends nothing, as a time in
	// which the process earns it: a burst after a quiet night is no free ticket.
	saving = 10 * time.Second
	// smoothing is how long what a process did counts for what it will do.
	smoothing = 2 * time.Second
	// patience is how many looks in a row must find the probes of spans alone too
	// expensive before they are taken off too.
	patience = 3
)

// usage is what happened to a process since the last look.
type usage struct {
	elapsed time.Duration
	// cpu is what the process used, the cost of its probes included.
	cpu time.Duration
	// spans and scheduler are what the probes of these tiers cost, and kernel what
	// the kernel's tracepoints do, which are there in each tier.
	spans, scheduler, kernel time.Duration
}

// own is the CPU time that the process used for itself.
func (u usage) own() time.Duration { return max(u.cpu-u.cost(), 0) }

func (u usage) cost() time.Duration { return u.spans + u.scheduler + u.kernel }

// terms are what an account earns.
type terms struct {
	share float64 // of the process's own CPU time
	least float64 // in any case, CPU time per time
}

// earned is that for a process with such a rate of own CPU time per time.
func (t terms) earned(rate float64) float64 { return max(t.share*rate, t.least) }

// left is what of it remains for probes. The tracepoints are paid for first, but no tier
// is without them: half of what is earned they leave.
func (t terms) left(rate, kernel float64) float64 {
	earned := t.earned(rate)
	return earned - min(kernel, earned/2)
}

// account is a token bucket: a process earns a share of its own CPU time, and
// pays for the hits of its probes. What it has paid too much is a debt that it
// earns back with fewer probes. A process that keeps what it cannot pay for owes no
// more than what it earns in the time of saving.
type account struct {
	tier    probe.Tier
	least   probe.Tier // is never taken off
	balance float64    // ns
	since   time.Duration
	overrun int

	// goal is the tier that it saves for while it has none: by turns that of spans and
	// the scheduler's, so that of a process whose spans alone cost too much some ledgers
	// are exact. It is TierNone once that was reached.
	goal probe.Tier

	rate   float64 // own CPU time per time, smoothed
	kernel float64 // likewise, what tracepoints cost
	// spans and scheduler are the cost of a tier's probes per own CPU time, as
	// last seen while they were attached.
	spans, scheduler ratio
}

// ratio is a smoothed ratio of two times, unknown until it was seen once.
type ratio struct {
	value float64
	known bool
}

func (r *ratio) see(part, whole, elapsed time.Duration) {
	if whole < time.Millisecond {
		return // says nothing
	}
	seen := float64(part) / float64(whole)
	if !r.known {
		r.value, r.known = seen, true
		return
	}
	r.value += (seen - r.value) * weight(elapsed)
}

func weight(elapsed time.Duration) float64 {
	return min(float64(elapsed)/float64(smoothing), 1)
}

// book enters what happened since the last look, on these terms, and returns the tier
// that the account can pay for.
func (a *account) book(u usage, t terms) probe.Tier {
	own, elapsed := u.own(), float64(max(u.elapsed, 1))
	a.since += u.elapsed
	a.rate += (float64(own)/elapsed - a.rate) * weight(u.elapsed)
	a.kernel += (float64(u.kernel)/elapsed - a.kernel) * weight(u.elapsed)
	if a.tier >= probe.TierSpans {
		a.spans.see(u.spans, own, u.elapsed)
	}
	if a.tier >= probe.TierScheduler {
		a.scheduler.see(u.scheduler, own, u.elapsed)
	}
	left := t.left(float64(own)/elapsed, float64(u.kernel)/elapsed) * elapsed
	a.balance += left - float64(u.spans) - float64(u.scheduler)
	saved := t.left(a.rate, a.kernel) * float64(saving)
	// More than decide ever asks for, whatever costs more.
	a.balance = min(a.balance, max(saved, 2*(a.price(probe.TierSpans)+a.price(probe.TierScheduler))))
	if a.least > probe.TierNone && a.tier == a.least {
		a.balance = max(a.balance, -saved)
	}
	return a.decide(u, left)
}

// price is what a window of a tier's probes costs, as far as is known.
func (a *account) price(tier probe.Tier) float64 {
	ratio := 0.0
	if tier >= probe.TierSpans {
		ratio += a.spans.value
	}
	if tier >= probe.TierScheduler {
		ratio += a.scheduler.value
	}
	return ratio * a.rate * float64(window)
}

// decide is the tier that follows, where so much was left for probes since the last
// look.
func (a *account) decide(u usage, left float64) probe.Tier {
	switch a.tier {
	case probe.TierScheduler:
		if a.balance < 0 && a.since >= minOn {
			return probe.TierSpans
		}
	case probe.TierSpans:
		if float64(u.spans) > left && a.balance < 0 {
			a.overrun++
		} else {
			a.overrun = 0
		}
		if a.overrun >= patience && a.least < probe.TierSpans {
			return probe.TierNone
		}
		if a.goal == probe.TierScheduler && a.balance >= a.price(probe.TierScheduler)/2 && a.since >= minOn {
			return probe.TierScheduler
		}
		if a.balance >= a.price(probe.TierScheduler) && a.balance >= 0 && a.since >= minOff {
			return probe.TierScheduler
		}
	case probe.TierNone:
		wanted := a.price(probe.TierSpans)
		if a.goal == probe.TierScheduler { // which is at most longestLook away from there
			wanted += wanted + a.price(probe.TierScheduler)
		}
		if a.balance >= wanted && a.since >= minOff {
			return probe.TierSpans
		}
	}
	return a.tier
}

// take notes the tier that the process has now.
func (a *account) take(tier probe.Tier) {
	if tier == a.tier {
		return
	}
	switch {
	case tier == probe.TierScheduler:
		a.goal = probe.TierNone
	case tier == probe.TierNone && a.goal == probe.TierSpans:
		a.goal = probe.TierScheduler
	case tier == probe.TierNone:
		a.goal = probe.TierSpans
	}
	a.tier, a.since, a.overrun = tier, 0, 0
}

const (
	shortestLook = 100 * time.Millisecond
	longestLook  = time.Second
)

// nextLook is when the account is to be looked at again: well before its balance
// is spent, by what it earns and spends now.
func (a *account) nextLook(t terms) time.Duration {
	spending := 0.0
	if a.tier >= probe.TierSpans {
		spending += a.spans.value
	}
	if a.tier >= probe.TierScheduler {
		if !a.scheduler.known {
			return shortestLook
		}
		spending += a.scheduler.value
	}
	spending = spending*a.rate - t.left(a.rate, a.kernel) // ns of balance per ns
	if spending <= 0 {
		return longestLook
	}
	return min(max(time.Duration(a.balance/spending/2), shortestLook), longestLook)
}
