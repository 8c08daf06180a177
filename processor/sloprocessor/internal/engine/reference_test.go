// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"time"

	"github.com/fathom-otel/fathom/processor/sloprocessor/internal/objective"
	"github.com/fathom-otel/fathom/processor/sloprocessor/internal/window"
)

// counted is an event as the reference keeps it, for ever.
type counted struct {
	t int64
	n window.Count
}

// reference recomputes the figures of one budget from all its events.
type reference struct {
	of     *objective.Resolved
	events []counted
	alerts map[string]*referenceAlert
	parts  []*reference
}

type referenceAlert struct {
	status       Status
	since, ended int64
}

// add keeps an event, unless it is too old by what is documented.
func (r *reference) add(now int64, t int64, n window.Count) bool {
	t = min(t, now)
	if r.of.Slices != nil {
		if length := int64(r.of.Slices.Length); now/length-t/length >= openSlices {
			return false
		}
	} else if r.of.Calendar == nil && now/int64(time.Hour)-t/int64(time.Hour) >= 840 {
		return false
	}
	r.events = append(r.events, counted{t, n})
	return true
}

// counting are the events that count: of slices, those that are over.
func (r *reference) counting(now int64) []counted {
	if r.of.Slices == nil {
		return r.events
	}
	length := int64(r.of.Slices.Length)
	sums := map[int64]window.Count{}
	for _, e := range r.events {
		sums[e.t/length] = sums[e.t/length].Plus(e.n)
	}
	var over []counted
	for number, n := range sums {
		if number >= now/length || n.Total == 0 {
			continue
		}
		one := counted{number * length, window.Count{Total: window.One}}
		if float64(n.Total-n.Bad)/float64(n.Total) < r.of.Slices.Target/100 {
			one.n.Bad = window.One
		}
		over = append(over, one)
	}
	return over
}

// sum are the bad events and all events in the window, which ends with now's bucket.
func (r *reference) sum(now int64, length time.Duration) (bad, total float64) {
	if len(r.parts) > 0 {
		return weigh(r, func(p *reference) (float64, float64) { return p.sum(now, length) })
	}
	width, err := window.Resolution(length)
	if err != nil {
		panic(err)
	}
	end := (now/int64(width) + 1) * int64(width)
	return r.between(now, end-int64(length), end)
}

func weigh(r *reference, of func(*reference) (float64, float64)) (bad, total float64) {
	for i, p := range r.parts {
		if b, t := of(p); t > 0 {
			bad += r.of.Parts[i].Weight * b / t
			total += r.of.Parts[i].Weight
		}
	}
	return bad, total
}

func (r *reference) between(now, begin, end int64) (bad, total float64) {
	var sum window.Count
	for _, e := range r.counting(now) {
		if e.t >= begin && e.t < end {
			sum = sum.Plus(e.n)
		}
	}
	return float64(sum.Bad) / window.One, float64(sum.Total) / window.One
}

// left is the share of the budget that is left, false where nothing happened.
func (r *reference) left(now int64) (float64, bool) {
	if r.of.Calendar == nil {
		bad, total := r.sum(now, r.of.Period)
		return 1 - bad/total/((100-r.of.Target)/100), total > 0
	}
	begin, end := r.of.Calendar.Bounds(now)
	bad, total := r.between(now, begin, end)
	total *= float64(end-begin) / float64(max(now-begin, 1))
	return 1 - bad/total/((100-r.of.Target)/100), total > 0
}

// evaluate lets the alerts follow, and returns the tiers of those that fired or resolved.
func (r *reference) evaluate(now int64) []string {
	var changed []string
	for _, tier := range r.of.Tiers {
		a := r.alerts[tier.Name]
		if a == nil {
			a = &referenceAlert{}
			r.alerts[tier.Name] = a
		}
		bad, total := r.sum(now, tier.Long)
		badShort, totalShort := r.sum(now, tier.Short)
		limit := tier.Factor * (100 - r.of.Target) / 100 * (1 + 1e-12)
		if a.status == Resolved && now-a.ended > int64(5*time.Minute) {
			*a = referenceAlert{}
		}
		switch {
		case total == 0 || totalShort == 0:
		case bad/total > limit && badShort/totalShort > limit:
			if a.status == Inactive || a.status == Resolved {
				*a = referenceAlert{status: Pending, since: now}
			}
			if a.status == Pending && now-a.since >= int64(tier.For) {
				*a = referenceAlert{status: Firing, since: now}
				changed = append(changed, tier.Name)
			}
		case a.status == Pending:
			*a = referenceAlert{}
		case a.status == Firing:
			a.status, a.ended = Resolved, now
			changed = append(changed, tier.Name)
		}
	}
	return changed
}
