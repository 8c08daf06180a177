// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fathom-otel/fathom/internal/ledger"
	"github.com/fathom-otel/fathom/processor/sloprocessor/internal/burn"
	"github.com/fathom-otel/fathom/processor/sloprocessor/internal/objective"
	"github.com/fathom-otel/fathom/processor/sloprocessor/internal/window"
)

var noon = time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC).UnixNano()

// bench is an engine of one objective, with a clock.
type bench struct {
	t      *testing.T
	engine *Engine
	now    int64
}

func newBench(t *testing.T, o objective.Objective) *bench {
	t.Helper()
	o.Indicator.Spans = &objective.Spans{Bad: "true"}
	o.Name = "checkout"
	resolved, err := objective.Resolve([]objective.Objective{o})
	require.NoError(t, err)
	e, err := New(resolved, noon, rand.New(rand.NewPCG(1, 1)))
	require.NoError(t, err)
	return &bench{t, e, noon}
}

// send counts good and bad events, all now.
func (b *bench) send(good, bad int, values ...string) {
	for i := range good + bad {
		b.engine.Count(0, values, &Event{Time: b.now, Weight: window.One, Bad: i >= good})
	}
}

// run lets time pass in steps of 10 s, in each of which there are so many events, and
// returns what changed.
func (b *bench) run(d time.Duration, good, bad int, values ...string) []Alert {
	var changed []Alert
	for end := b.now + int64(d); b.now < end; {
		b.now += int64(10 * time.Second)
		b.engine.Advance(b.now)
		b.send(good, bad, values...)
		changed = append(changed, b.engine.Evaluate(b.now)...)
	}
	return changed
}

func page(o objective.Objective) objective.Objective {
	o.Target = 99.9
	o.Policy = []objective.Tier{{Severity: "page", Long: objective.Duration(time.Hour), Budget: 2}}
	return o
}

func TestAnAlertFiresAndResolves(t *testing.T) {
	b := newBench(t, page(objective.Objective{}))
	assert.Empty(t, b.run(2*time.Hour, 10, 0))
	changed := b.run(2*time.Minute, 0, 10)
	require.Len(t, changed, 1)
	fired := changed[0]
	assert.Equal(t, Firing, fired.Status)
	assert.Equal(t, "1h", fired.Tier)
	assert.Equal(t, burn.Page, fired.Severity)
	assert.Greater(t, fired.Rates.Long, 14.4)
	assert.Greater(t, fired.Rates.Short, fired.Rates.Long)
	assert.Equal(t, "no bad span has a time ledger (fathom.time.*)", fired.Cause)
	assert.InDelta(t, 50, time.Duration(fired.StartsAt-noon-int64(2*time.Hour)).Seconds(), 11, "the workbook says 52 s")

	changed = b.run(10*time.Minute, 10, 0)
	require.Len(t, changed, 1)
	assert.Equal(t, Resolved, changed[0].Status)
	assert.Equal(t, fired.StartsAt, changed[0].StartsAt)
	assert.Greater(t, changed[0].EndsAt, fired.StartsAt)
	assert.Equal(t, Resolved, b.engine.Alerts()[0].Status, "its end is told for a while")
	assert.Empty(t, b.run(5*time.Minute, 10, 0))
	assert.Empty(t, b.engine.Alerts(), "and then no more")
}

// TestSilenceFreezesAnAlert: without events nothing is known, and nothing changes.
func TestSilenceFreezesAnAlert(t *testing.T) {
	b := newBench(t, page(objective.Objective{}))
	b.run(time.Hour, 10, 0)
	require.Len(t, b.run(2*time.Minute, 0, 10), 1)
	assert.Empty(t, b.run(3*time.Hour, 0, 0))
	alert := b.engine.Alerts()[0]
	assert.Equal(t, Firing, alert.Status)
	assert.True(t, alert.Undefined)
	assert.False(t, alert.Rates.LongDefined)
	assert.True(t, alert.Budget.Defined, "the budget is what it was")
	require.Len(t, b.run(10*time.Second, 10, 0), 1, "one good event ends it")
}

func TestPending(t *testing.T) {
	o := page(objective.Objective{})
	o.Policy[0].For = objective.Duration(time.Minute)
	b := newBench(t, o)
	assert.Empty(t, b.run(30*time.Second, 0, 10))
	assert.Equal(t, Pending, b.engine.Alerts()[0].Status)
	assert.Empty(t, b.run(10*time.Second, 100_000, 0))
	assert.Empty(t, b.engine.Alerts(), "it did not last")
	b = newBench(t, o)
	changed := b.run(2*time.Minute, 0, 10)
	require.Len(t, changed, 1)
	assert.Equal(t, noon+int64(70*time.Second), changed[0].StartsAt)
}

func TestGuardsHoldAnAlertBack(t *testing.T) {
	o := page(objective.Objective{})
	o.Guards.MinBad = 5
	b := newBench(t, o)
	assert.Empty(t, b.run(10*time.Second, 0, 4))
	alert := b.engine.Alerts()[0]
	assert.Equal(t, Inactive, alert.Status)
	assert.Equal(t, burn.HeldByMinBad, alert.Held, "which is shown")
	require.Len(t, b.run(10*time.Second, 0, 1), 1)
	assert.Equal(t, burn.HeldByNone, b.engine.Alerts()[0].Held)
}

// TestGuardsOfACompositeObjective look at the events of its parts, of which there are
// 100,000 in the period: 2 % of their budget are 2 events.
func TestGuardsOfACompositeObjective(t *testing.T) {
	for _, w := range []objective.Window{{Rolling: 720 * time.Hour}, {Every: 1}} {
		part := page(objective.Objective{Name: "part", Window: w, Indicator: objective.Indicator{Spans: &objective.Spans{Bad: "true"}}})
		whole := page(objective.Objective{
			Name: "whole", Window: w, Guards: objective.Guards{BudgetShare: true},
			Indicator: objective.Indicator{Composite: []objective.Part{{Objective: "part", Weight: 3}}},
		})
		whole.Policy[0].Factor, whole.Policy[0].Budget = 14.4, 0
		resolved, err := objective.Resolve([]objective.Objective{part, whole})
		require.NoError(t, err)
		e, err := New(resolved, noon, rand.New(rand.NewPCG(1, 1)))
		require.NoError(t, err)
		e.Count(0, nil, &Event{Time: noon - int64(2*time.Hour), Weight: 99_000 * window.One})
		e.Count(0, nil, &Event{Time: noon, Weight: 10 * window.One})
		share := resolved[1].Tiers[0].Budget
		need := int(share*99_000/1000) + 1
		for range need - 1 {
			e.Count(0, nil, &Event{Time: noon, Weight: window.One, Bad: true})
		}
		held := func() burn.Held {
			e.Evaluate(noon)
			for _, a := range e.Alerts() {
				if a.Objective.Name == "whole" {
					return a.Held
				}
			}
			return burn.HeldByNone
		}
		assert.Equal(t, burn.HeldByBudgetShare, held(), "%s: %d bad events of %d", w, need-1, need)
		e.Count(0, nil, &Event{Time: noon, Weight: window.One, Bad: true})
		assert.Equal(t, burn.HeldByNone, held(), "%s", w)
		assert.Equal(t, Firing, e.Alerts()[len(e.Alerts())-1].Status)
	}
}

// TestConfidenceIsOfWhatWasSeen: 30 bad of 1,000 are enough, three that stand for ten
// each of 100 are not.
func TestConfidenceIsOfWhatWasSeen(t *testing.T) {
	for weight, fires := range map[int]bool{1: true, 10: false} {
		o := page(objective.Objective{})
		o.Guards.Confidence = 95
		b := newBench(t, o)
		for i := range 1000 / weight {
			b.engine.Count(0, nil, &Event{Time: b.now, Weight: uint64(weight) * window.One, Bad: i < 30/weight})
		}
		assert.Equal(t, fires, len(b.engine.Evaluate(b.now)) == 1, "weight %d", weight)
	}
}

func TestBudgetSpent(t *testing.T) {
	o := page(objective.Objective{Labels: map[string]string{"team": "shop"}})
	o.Policy[0].Factor, o.Policy[0].Budget = 999, 0
	o.BudgetSpent = &objective.BudgetSpent{Message: "freeze", Severity: "page"}
	b := newBench(t, o)
	assert.Empty(t, b.run(10*time.Second, 0, 0), "nothing happened")
	assert.Empty(t, b.run(10*time.Second, 2000, 1))
	changed := b.run(10*time.Second, 0, 2)
	require.Len(t, changed, 1)
	assert.Equal(t, BudgetTier, changed[0].Tier)
	assert.Equal(t, burn.Page, changed[0].Severity)
	assert.Less(t, changed[0].Budget.Left, 0.0)
	changed = b.run(10*time.Second, 5000, 0)
	require.Len(t, changed, 1)
	assert.Equal(t, Resolved, changed[0].Status)
}

// TestTheAlertNamesItsCause is what the README shows.
func TestTheAlertNamesItsCause(t *testing.T) {
	b := newBench(t, page(objective.Objective{}))
	span := byte(0)
	send := func(bad bool, duration time.Duration, parts map[ledger.Cause]time.Duration) {
		var l ledger.Ledger
		for cause, d := range parts {
			l[cause] = uint64(d)
		}
		span++
		b.engine.Count(0, nil, &Event{
			Time: b.now, Duration: int64(duration), Weight: window.One, Bad: bad, Ledger: &l,
			Trace: [16]byte{1}, Span: [8]byte{span},
		})
	}
	good := map[ledger.Cause]time.Duration{ledger.OnCPU: 96 * time.Millisecond, ledger.BlockedMutex: 4 * time.Millisecond}
	for range 90 {
		b.now += int64(time.Minute)
		b.engine.Advance(b.now)
		send(false, 100*time.Millisecond, good)
	}
	for i := range 9 {
		d := time.Duration(400+i) * time.Millisecond
		send(true, d, map[ledger.Cause]time.Duration{ledger.OnCPU: 100 * time.Millisecond, ledger.BlockedMutex: d - 100*time.Millisecond})
	}
	changed := b.engine.Evaluate(b.now)
	require.Len(t, changed, 1)
	assert.Equal(t, "99 % of the excess over good spans is blocked.mutex, which was 4 % of the time in the hour before", changed[0].Cause)
	require.Len(t, changed[0].Exemplars, shown)
	assert.Equal(t, 408*time.Millisecond, time.Duration(changed[0].Exemplars[0].Duration), "the slowest first")
}

func TestMaintenanceDoesNotCount(t *testing.T) {
	o := page(objective.Objective{Maintenance: []objective.Maintenance{{Every: "day", At: "12:30", For: objective.Duration(30 * time.Minute)}}})
	b := newBench(t, o)
	b.run(30*time.Minute, 1, 0)
	assert.Empty(t, b.run(29*time.Minute, 0, 10))
	assert.NotZero(t, b.engine.Tally(0).Excluded)
	b.run(time.Minute, 0, 0)
	require.Len(t, b.run(time.Minute, 0, 10), 1, "it is over")
}

func TestTally(t *testing.T) {
	b := newBench(t, page(objective.Objective{GroupBy: []string{"route"}, MaxGroups: 1}))
	for _, at := range []time.Duration{0, -time.Minute, time.Minute, -900 * time.Hour} {
		b.engine.Count(0, []string{"/a"}, &Event{Time: noon + int64(at), Weight: window.One})
	}
	b.send(3, 0, "/b")
	assert.Equal(t, Tally{Placed: [window.NumPlacements]int64{
		window.Current: 4, window.Late: 1, window.Old: 1, window.Future: 1,
	}, Overflowed: 3}, b.engine.Tally(0))
}

func TestGroups(t *testing.T) {
	b := newBench(t, page(objective.Objective{GroupBy: []string{"route", "method"}, MaxGroups: 2, Window: objective.Window{Rolling: 2 * time.Hour}}))
	figures := func() (groups [][]string, others int) {
		for f := range b.engine.Figures {
			if f.Overflow {
				others++
				continue
			}
			groups = append(groups, f.Values)
		}
		return groups, others
	}
	assert.Len(t, b.run(10*time.Second, 1, 1, "/a", "GET"), 1)
	b.run(10*time.Second, 1, 0, "/aG", "ET")
	b.run(10*time.Second, 1, 1, "/c", "GET")
	groups, others := figures()
	assert.Equal(t, [][]string{{"/a", "GET"}, {"/aG", "ET"}}, groups)
	assert.Equal(t, 1, others)
	for _, alert := range b.engine.Alerts() {
		assert.Equal(t, alert.Overflow, len(alert.Values) == 0)
	}

	b.run(4*time.Hour, 1, 0, "/a", "GET")
	groups, _ = figures()
	assert.Equal(t, [][]string{{"/a", "GET"}}, groups, "a group without an event in the period makes room")
	b.run(10*time.Second, 1, 0, "/d", "GET")
	groups, others = figures()
	assert.Equal(t, [][]string{{"/a", "GET"}, {"/d", "GET"}}, groups)
	assert.Equal(t, 1, others)
}

// TestACalendarsBudget: it is of the whole period, of which slices are known and events are not.
func TestACalendarsBudget(t *testing.T) {
	day := objective.Window{Every: 1} // from midnight, and it is noon
	b := newBench(t, page(objective.Objective{Window: day}))
	b.send(999, 1)
	for f := range b.engine.Figures {
		assert.True(t, f.Budget.Estimated)
		assert.InDelta(t, 0.5, f.Budget.Left, 1e-9, "1 of the 2 bad ones of 2,000")
	}
	sliced := page(objective.Objective{Window: day, Slices: &objective.Slices{Length: objective.Duration(time.Minute), Target: 50}})
	b = newBench(t, sliced)
	b.run(time.Minute, 0, 1)
	for f := range b.engine.Figures {
		assert.False(t, f.Budget.Estimated)
		assert.InDelta(t, 1-1/1.44, f.Budget.Left, 1e-9, "1 of 1,440 slices, of which 1.44 may be bad")
	}
}
