// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fathom-otel/fathom/processor/sloprocessor/internal/objective"
	"github.com/fathom-otel/fathom/processor/sloprocessor/internal/window"
)

// objectives of each kind. The fourth is of a calendar whose day begins in the evening, UTC.
func objectives(t testing.TB) []objective.Resolved {
	t.Helper()
	spans := objective.Indicator{Spans: &objective.Spans{Bad: "true"}}
	policy := []objective.Tier{
		{Severity: "page", Long: objective.Duration(time.Hour), Factor: 8},
		{Severity: "ticket", Long: objective.Duration(6 * time.Hour), Factor: 3, For: objective.Duration(2 * time.Minute)},
	}
	resolved, err := objective.Resolve([]objective.Objective{
		{Name: "plain", Target: 99.9, Indicator: spans},
		{Name: "grouped", Target: 99, Indicator: spans, GroupBy: []string{"route"}, MaxGroups: 3},
		{Name: "sliced", Target: 90, Indicator: spans, Policy: policy, Slices: &objective.Slices{Length: objective.Duration(time.Minute), Target: 95}},
		{Name: "daily", Target: 95, Indicator: spans, Policy: policy, Window: objective.Window{Every: 1}, TimeZone: "America/New_York"},
		{Name: "composite", Target: 95, Policy: policy, Indicator: objective.Indicator{Composite: []objective.Part{
			{Objective: "plain", Weight: 2}, {Objective: "sliced", Weight: 1},
		}}},
	})
	require.NoError(t, err)
	return resolved
}

// traffic is what the engine and the reference are told.
type traffic struct {
	t          *testing.T
	random     *rand.Rand
	objectives []objective.Resolved
	now        int64
	engine     *Engine
	references [5]map[string]*reference
	seen       *Seen
	spans      map[[8]byte]bool
	last       []Event
	happened   map[string]int
}

func newTraffic(t *testing.T, seed uint64) *traffic {
	w := &traffic{
		t: t, random: rand.New(rand.NewPCG(seed, 7)), objectives: objectives(t),
		now:  time.Date(2026, 3, 7, 20, 0, 3, 0, time.UTC).UnixNano(), // a day before New York's clocks change
		seen: NewSeen(1 << 14), spans: map[[8]byte]bool{}, happened: map[string]int{},
	}
	w.engine = w.start()
	for i := range w.references {
		w.references[i] = map[string]*reference{}
	}
	for i := range w.objectives {
		if i != 1 {
			w.reference(i, "")
		}
	}
	for _, p := range w.objectives[4].Parts {
		w.references[4][""].parts = append(w.references[4][""].parts, w.references[p.Index][""])
	}
	return w
}

func (w *traffic) start() *Engine {
	e, err := New(w.objectives, w.now, w.random)
	require.NoError(w.t, err)
	return e
}

func (w *traffic) reference(i int, group string) *reference {
	if r := w.references[i][group]; r != nil {
		return r
	}
	if i == 1 && len(w.references[i]) >= 3 {
		group = "others"
	}
	if w.references[i][group] == nil {
		w.references[i][group] = &reference{of: &w.objectives[i], alerts: map[string]*referenceAlert{}}
	}
	return w.references[i][group]
}

// send counts events, of which some were sent before.
func (w *traffic) send(bad float64) {
	e := w.event(bad)
	if len(w.last) > 0 && w.random.IntN(15) == 0 {
		e = w.last[w.random.IntN(len(w.last))]
	}
	w.last = append(w.last, e)
	if len(w.last) > 50 {
		w.last = w.last[1:]
	}
	duplicate := w.spans[e.Span]
	require.Equal(w.t, duplicate, w.seen.Again(e.Trace, e.Span))
	if duplicate {
		w.happened["duplicate"]++
		return
	}
	w.spans[e.Span] = true
	n := window.Count{Total: e.Weight}
	if e.Bad {
		n.Bad = e.Weight
	}
	for i := range 4 {
		group := ""
		var values []string
		if i == 1 {
			group = fmt.Sprintf("/%d", e.Span[0]%5)
			values = []string{group}
		}
		if w.random.IntN(3) > 0 {
			counts := w.engine.Count(i, values, &e)
			if !counts && i == 1 { // no group is made for it
				require.Less(w.t, e.Time, w.now-int64(839*time.Hour))
				w.happened["too old"]++
				continue
			}
			require.Equal(w.t, w.reference(i, group).add(w.now, e.Time, n) || i == 3, counts || i == 3, "event of %s at %d, %s before now", w.objectives[i].Name, e.Time, time.Duration(w.now-e.Time))
		}
	}
}

func (w *traffic) event(bad float64) Event {
	e := Event{Weight: window.Weight([]float64{1, 1, 1, 1.5, 4, 64}[w.random.IntN(6)]), Bad: w.random.Float64() < bad}
	e.Time = w.now - w.random.Int64N(int64(8*time.Second))
	switch w.random.IntN(25) {
	case 0:
		e.Time = w.now + w.random.Int64N(int64(time.Minute))
		w.happened["future"]++
	case 1, 2:
		e.Time = w.now - w.random.Int64N(int64(2*time.Hour))
		w.happened["late"]++
	case 3:
		if w.random.IntN(5) == 0 {
			e.Time = w.now - w.random.Int64N(int64(1500*time.Hour))
			w.happened["very late"]++
		}
	}
	for i := range e.Span {
		e.Span[i], e.Trace[i] = byte(w.random.Uint32()), byte(w.random.Uint32())
	}
	return e
}

// restart goes on with an engine that has only what was written.
func (w *traffic) restart() {
	next := w.start()
	for i := range w.objectives {
		require.NoError(w.t, next.Restore(i, w.engine.Append(i, nil)))
	}
	w.engine = next
	w.happened["restart"]++
}

// compare evaluates both and compares every figure.
func (w *traffic) compare() {
	var changed, wantChanged []string
	for _, a := range w.engine.Evaluate(w.now) {
		name := a.Objective.Name + groupOf(a.Values, a.Overflow) + " " + a.Tier
		changed = append(changed, name)
		w.happened[a.Objective.Name+" "+a.Status.String()]++
	}
	for i := range w.references {
		for group, r := range w.references[i] {
			for _, tier := range r.evaluate(w.now) {
				wantChanged = append(wantChanged, w.objectives[i].Name+group+" "+tier)
			}
		}
	}
	slices.Sort(changed)
	slices.Sort(wantChanged)
	require.Equal(w.t, wantChanged, changed)
	budgets := 0
	for f := range w.engine.Figures {
		budgets++
		i := slices.IndexFunc(w.objectives, func(o objective.Resolved) bool { return o.Name == f.Objective.Name })
		w.compareFigures(w.references[i][groupOf(f.Values, f.Overflow)], f)
	}
	want := 0
	for i := range w.references {
		want += len(w.references[i])
	}
	require.Equal(w.t, want, budgets)
	w.compareAlerts()
}

func groupOf(values []string, overflow bool) string {
	switch {
	case overflow:
		return "others"
	case len(values) > 0:
		return values[0]
	}
	return ""
}

func (w *traffic) compareFigures(r *reference, f Figures) {
	name := f.Objective.Name + groupOf(f.Values, f.Overflow)
	require.NotNil(w.t, r, name)
	left, defined := r.left(w.now)
	require.Equal(w.t, defined, f.Budget.Defined, name)
	if defined {
		require.InDelta(w.t, left, f.Budget.Left, 1e-9*max(1, math.Abs(left)), name)
	}
	for _, one := range f.Burns {
		bad, total := r.sum(w.now, one.Window)
		require.InDelta(w.t, total, one.Events.Total, 1e-9, "%s over %s", name, one.Window)
		require.InDelta(w.t, bad, one.Events.Bad, 1e-9, "%s over %s", name, one.Window)
		require.Equal(w.t, total > 0, one.Defined, "%s over %s", name, one.Window)
		require.False(w.t, math.IsNaN(one.Rate))
	}
	if len(r.parts) > 0 {
		return
	}
	var ever window.Count
	for _, e := range r.events {
		ever = ever.Plus(e.n)
	}
	if f.Objective.Calendar == nil { // of a calendar, the reference keeps what the engine need not
		require.Equal(w.t, ever, f.Ever, name)
	}
}

func (w *traffic) compareAlerts() {
	type key struct{ objective, group, tier string }
	got := map[key]referenceAlert{}
	for _, a := range w.engine.Alerts() {
		got[key{a.Objective.Name, groupOf(a.Values, a.Overflow), a.Tier}] = referenceAlert{a.Status, a.StartsAt, a.EndsAt}
	}
	want := map[key]referenceAlert{}
	for i := range w.references {
		for group, r := range w.references[i] {
			for tier, a := range r.alerts {
				if a.status != Inactive {
					want[key{w.objectives[i].Name, group, tier}] = *a
				}
			}
		}
	}
	require.Equal(w.t, want, got)
}

// TestEveryFigureEqualsARecomputation: traffic with late, early, repeated, sampled and
// unordered events, outages and restarts, beside a reference that keeps everything.
func TestEveryFigureEqualsARecomputation(t *testing.T) {
	all := map[string]int{}
	for seed := range uint64(2) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			w := newTraffic(t, seed)
			for step := range 200 {
				bad := 0.0005
				if step%60 >= 40 { // an outage now and then
					bad = 0.4
				}
				for range w.random.IntN(25) {
					w.pass(3 * time.Second)
					w.send(bad)
				}
				if step%13 == 0 {
					w.restart()
				}
				w.pass([]time.Duration{time.Minute, 5 * time.Minute, 20 * time.Minute}[w.random.IntN(3)])
				w.compare()
			}
			for what, n := range w.happened {
				all[what] += n
			}
		})
	}
	for _, what := range []string{
		"duplicate", "future", "late", "very late", "too old", "restart", "plain firing", "plain resolved", "grouped firing",
		"sliced firing", "sliced resolved", "daily firing", "composite firing", "composite resolved",
	} {
		assert.Positive(t, all[what], "%s never happened, of %v", what, all)
	}
}

func (w *traffic) pass(most time.Duration) {
	w.now += w.random.Int64N(int64(most))
	w.engine.Advance(w.now)
}
