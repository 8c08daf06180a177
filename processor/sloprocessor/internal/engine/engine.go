// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/fathom-otel/fathom/internal/ledger"
	"github.com/fathom-otel/fathom/processor/sloprocessor/internal/objective"
	"github.com/fathom-otel/fathom/processor/sloprocessor/internal/window"
)

// Event is what counts against an objective.
type Event struct {
	// Time is when it ended.
	Time int64
	// Duration is how long it took, in nanoseconds.
	Duration int64
	// Weight is for how many events it stands, in units of window.One.
	Weight uint64
	Bad    bool
	// Trace and Span are of its trace; zero, there is none.
	Trace [16]byte
	Span  [8]byte
	// Ledger is its time ledger, nil if it has none.
	Ledger *ledger.Ledger
}

// Tally counts what became of the events of an objective, and what else is amiss.
type Tally struct {
	// Placed are the events by what became of their time. Old ones did not count.
	Placed [window.NumPlacements]int64
	// Excluded are the events in times of maintenance, which did not count.
	Excluded int64
	// Overflowed are the events that counted for the group of all others, since there
	// were as many groups as may be.
	Overflowed int64
}

// Engine has the budgets of objectives.
type Engine struct {
	now        int64
	random     *rand.Rand
	objectives []*tracked
}

// tracked is an objective with its budgets.
type tracked struct {
	*objective.Resolved
	plan    *window.Plan
	tiers   []tierWindows
	period  int // the period's window in the plan, -1 for one of a calendar
	budgets []*budget
	groups  map[string]*budget
	other   *budget // of all groups beyond the limit
	parts   []part  // of a composite objective
	key     []byte
	tally   Tally
}

// tierWindows are the windows of a tier in the plan.
type tierWindows struct{ long, short int }

// part is a budget that a composite one is made of, with the composite's windows in
// the part's plan.
type part struct {
	of      *tracked
	weight  float64
	windows []int
}

// New makes an engine without an event. Seeds of random tell which exemplars are drawn.
func New(objectives []objective.Resolved, now int64, random *rand.Rand) (*Engine, error) {
	e := &Engine{now: now, random: random}
	lengths := make([][]time.Duration, len(objectives))
	for i := range objectives {
		o := &objectives[i]
		own := lengthsOf(o.Plan)
		lengths[i] = append(lengths[i], own...)
		for _, p := range o.Parts { // whose windows are summed up for the composite one
			lengths[p.Index] = append(lengths[p.Index], own...)
		}
	}
	for i := range objectives {
		t, err := track(&objectives[i], lengths[i])
		if err != nil {
			return nil, fmt.Errorf("plan the windows of %s: %w", objectives[i].Name, err)
		}
		e.objectives = append(e.objectives, t)
	}
	for _, t := range e.objectives {
		e.compose(t)
		if len(t.GroupBy) == 0 {
			t.budgets = []*budget{t.newBudget(e, nil)}
		}
	}
	return e, nil
}

func lengthsOf(plan *window.Plan) []time.Duration {
	lengths := make([]time.Duration, plan.Len())
	for i := range lengths {
		lengths[i] = plan.Length(i)
	}
	return lengths
}

func track(o *objective.Resolved, lengths []time.Duration) (*tracked, error) {
	plan, err := window.NewPlan(lengths...)
	if err != nil {
		return nil, err
	}
	t := &tracked{Resolved: o, plan: plan, period: -1, groups: map[string]*budget{}}
	for _, tier := range o.Tiers {
		t.tiers = append(t.tiers, tierWindows{plan.Index(tier.Long), plan.Index(tier.Short)})
	}
	if o.Calendar == nil {
		t.period = plan.Index(o.Period)
	}
	return t, nil
}

// compose finds the windows of a composite objective in the plans of its parts.
func (e *Engine) compose(t *tracked) {
	for _, p := range t.Parts {
		of := e.objectives[p.Index]
		windows := make([]int, t.plan.Len())
		for i := range windows {
			windows[i] = of.plan.Index(t.plan.Length(i))
		}
		t.parts = append(t.parts, part{of, p.Weight, windows})
	}
}

// Len is how many objectives there are.
func (e *Engine) Len() int { return len(e.objectives) }

// Tally is what became of the events of the objective i.
func (e *Engine) Tally(i int) Tally { return e.objectives[i].tally }

// Advance lets time pass. Time that goes back does not.
func (e *Engine) Advance(now int64) { e.now = max(e.now, now) }

// Count counts an event against the objective i, which is not composite, for the group
// of the values, of which there are as many as the objective groups by. It reports
// whether the event counts; Tally says why one does not.
func (e *Engine) Count(i int, values []string, event *Event) bool {
	t := e.objectives[i]
	at := min(event.Time, e.now)
	if len(t.Outages) > 0 && t.Excludes(at) {
		t.tally.Excluded++
		return false
	}
	b, key, fresh := t.find(e, values)
	placement := b.count(e.now, at, event)
	if event.Time > e.now && placement == window.Current {
		placement = window.Future
	}
	t.tally.Placed[placement]++
	if placement == window.Old {
		return false
	}
	if fresh {
		t.add(key, b)
	}
	if b.overflow {
		t.tally.Overflowed++
	}
	b.show(e.random, at, event)
	return true
}

// find is the budget of the group of the values, a fresh one if the group has none.
func (t *tracked) find(e *Engine, values []string) (b *budget, key string, fresh bool) {
	if len(t.GroupBy) == 0 {
		return t.budgets[0], "", false
	}
	t.key = appendKey(t.key[:0], values)
	if b := t.groups[string(t.key)]; b != nil {
		return b, "", false
	}
	if len(t.groups) < t.MaxGroups {
		return t.newBudget(e, append([]string(nil), values...)), string(t.key), true
	}
	if t.other != nil {
		return t.other, "", false
	}
	b = t.newBudget(e, nil)
	b.overflow = true
	return b, "", true
}

// add makes the budget one of the objective's.
func (t *tracked) add(key string, b *budget) {
	t.budgets = append(t.budgets, b)
	if b.overflow {
		t.other = b
		return
	}
	t.groups[key] = b
}

// appendKey appends the values so that no others make the same key.
func appendKey(key []byte, values []string) []byte {
	for _, v := range values {
		n := len(v)
		key = append(key, byte(n), byte(n>>8), byte(n>>16), byte(n>>24))
		key = append(key, v...)
	}
	return key
}
