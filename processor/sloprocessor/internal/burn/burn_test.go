// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package burn

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fathom-otel/fathom/processor/sloprocessor/internal/window"
)

// TestFactorsOfTheWorkbook has table 5-8 and what follows for other periods.
func TestFactorsOfTheWorkbook(t *testing.T) {
	for i, row := range []struct {
		severity                 Severity
		long, short              string
		days30, days28, days7    float64
		detection, detectionUnit time.Duration
	}{
		{Page, "1h", "5m", 14.4, 13.44, 3.36, 52 * time.Second, time.Second},
		{Page, "6h", "30m", 6, 5.6, 1.4, 2*time.Minute + 12*time.Second, 6 * time.Second},
		{Ticket, "1d", "2h", 3, 2.8, 0.7, 4*time.Minute + 18*time.Second, 6 * time.Second},
		{Ticket, "3d", "6h", 1, 0.93, 0.23, 4*time.Minute + 18*time.Second, 6 * time.Second},
	} {
		tier := Default(30 * day)[i]
		assert.Equal(t, row.severity, tier.Severity)
		assert.Equal(t, row.long, tier.Name)
		assert.Equal(t, row.long, Name(tier.Long))
		assert.Equal(t, row.short, Name(tier.Short))
		assert.Equal(t, tier.Short, ShortOf(tier.Long))
		assert.InDelta(t, row.days30, tier.Factor, 1e-9)
		assert.InDelta(t, row.days28, Default(28 * day)[i].Factor, 0.004)
		assert.InDelta(t, row.days7, Factor(tier.Budget, 7*day, tier.Long), 0.004)
		assert.InDelta(t, tier.Budget, Share(tier.Factor, 30*day, tier.Long), 1e-12)
		detection, detects := Detection(tier.Factor, 0.999, tier.Long, 1)
		require.True(t, detects)
		assert.Equal(t, row.detection, detection.Round(row.detectionUnit))
	}
}

// TestShortPeriodsHaveShortWindows: no factor falls below the last tier's of 30 days by
// more than rounding, and every window can be counted.
func TestShortPeriodsHaveShortWindows(t *testing.T) {
	assert.Equal(t, "14m", Default(7 * day)[0].Name)
	assert.Equal(t, 14.4, Default(7 * day)[0].Factor)
	for _, period := range []time.Duration{day, 7 * day, 10 * day, 14 * day, 27 * day, 28 * day, 30 * day, 35 * day} {
		for i, tier := range Default(period) {
			_, err := window.NewPlan(tier.Long, tier.Short)
			assert.NoError(t, err, "%s of %s", tier.Name, Name(period))
			assert.NoError(t, tier.Check(0.999, period))
			assert.InEpsilon(t, Default(30 * day)[i].Factor*max(1, float64(period)/float64(30*day)), tier.Factor, 0.07, "%s of %s", tier.Name, Name(period))
		}
	}
}

func TestRates(t *testing.T) {
	rate, defined := Events{Bad: 1, Total: 1000}.Rate(0.999)
	assert.True(t, defined)
	assert.InDelta(t, 1, rate, 1e-9)
	_, defined = Events{}.Rate(0.999)
	assert.False(t, defined)
	_, defined = Events{Total: math.NaN()}.Rate(0.999)
	assert.False(t, defined)
	left, defined := Events{Bad: 3, Total: 1000}.Left(0.999)
	assert.True(t, defined)
	assert.InDelta(t, -2, left, 1e-9, "not cut at 0")
	_, defined = Events{}.Left(0.999)
	assert.False(t, defined)
}

func TestExhaustion(t *testing.T) {
	for _, test := range []struct {
		left, rate float64
		want       time.Duration
		ends       bool
	}{
		{1, 1, 30 * day, true},
		{1, 1000, 43*time.Minute + 12*time.Second, true}, // "Complete outage" in table 5-4
		{1, 2, 15 * day, true},
		{0.5, 2, 7*day + 12*time.Hour, true},
		{-1, 0, 0, true},
		{1, 0, 0, false},
		{1, 1e-30, 0, false},
	} {
		got, ends := Exhaustion(test.left, test.rate, 30*day)
		assert.Equal(t, test.want, got.Round(time.Second), "%v", test)
		assert.Equal(t, test.ends, ends, "%v", test)
	}
}

func TestDetectionAndReset(t *testing.T) {
	_, detects := Detection(14.4, 0.999, time.Hour, 0.01)
	assert.False(t, detects, "1 % is 10 times sustainable")
	_, detects = Detection(14.4, 0.999, time.Hour, 0)
	assert.False(t, detects)
	assert.Equal(t, 5*time.Minute-4320*time.Millisecond, Reset(14.4, 0.999, 5*time.Minute, 1).Round(time.Millisecond))
	assert.Zero(t, Reset(14.4, 0.999, 5*time.Minute, 0.001))
}

// TestDetectionIsWhenTheWindowsSay replays an outage through real counts.
func TestDetectionIsWhenTheWindowsSay(t *testing.T) {
	for _, tier := range Default(30 * day) {
		plan, err := window.NewPlan(tier.Long, tier.Short)
		require.NoError(t, err)
		now := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC).UnixNano()
		counts := window.NewCounts(plan, now)
		read := func() Condition {
			var e [2]Events
			for i := range e {
				e[i].Bad, e[i].Total = counts.Sum(i).Events()
			}
			condition, _ := tier.Condition(0.999, e[0], e[1])
			return condition
		}
		step := int64(10 * time.Second)
		pass := func(bad uint64) {
			now += step
			counts.Advance(now)
			counts.Add(now, window.Count{Bad: bad, Total: window.One})
		}
		assert.Equal(t, Undefined, read())
		for range 4 * int64(day) / step {
			pass(0)
		}
		assert.Equal(t, Calm, read())
		began := now
		for read() != Burning {
			pass(window.One)
		}
		want, _ := Detection(tier.Factor, 0.999, tier.Long, 1)
		assert.InDelta(t, want.Seconds(), float64(now-began)/1e9, 20, tier.Name)
		for range int64(tier.Short) / step {
			pass(window.One)
		}
		ended := now
		for read() == Burning {
			pass(0)
		}
		resolution, _ := window.Resolution(tier.Short)
		assert.InDelta(t, Reset(tier.Factor, 0.999, tier.Short, 1).Seconds(), float64(now-ended)/1e9, resolution.Seconds()+10, tier.Name)
	}
}

func TestCheckNamesWhatIsWrong(t *testing.T) {
	good := Default(30 * day)[0]
	assert.NoError(t, good.Check(0.9306, 30*day))
	for want, change := range map[string]func(*Tier) float64{
		"can never fire: its factor is 14.4, and with all events bad a target of 93 % burns 14.29 times as fast as sustainable; lower factor, budget or raise long": func(*Tier) float64 { return 0.93 },
		"severity: \"mail\" is neither page nor ticket":          func(t *Tier) float64 { t.Severity = "mail"; return 0.999 },
		"long: 31d is longer than the objective's window of 30d": func(t *Tier) float64 { t.Long = 31 * day; return 0.999 },
		"short: 1h is not shorter than long (1h)":                func(t *Tier) float64 { t.Short = t.Long; return 0.999 },
		"factor: 0 is not above 0":                               func(t *Tier) float64 { t.Factor = 0; return 0.999 },
		"for: -1s is negative":                                   func(t *Tier) float64 { t.For = -time.Second; return 0.999 },
		"factor: NaN is not above 0":                             func(t *Tier) float64 { t.Factor = math.NaN(); return 0.999 },
	} {
		tier := good
		assert.EqualError(t, tier.Check(change(&tier), 30*day), want)
	}
}

func TestConditionAtTheEdge(t *testing.T) {
	tier := Tier{Factor: 10}
	all := Events{Bad: 7, Total: 7}
	condition, rates := tier.Condition(0.9, all, all)
	assert.Equal(t, Calm, condition, "exactly the factor is not above it: %v", rates)
	condition, _ = Tier{Factor: 9.99}.Condition(0.9, all, all)
	assert.Equal(t, Burning, condition)
	condition, rates = tier.Condition(0.9, all, Events{})
	assert.Equal(t, Undefined, condition)
	assert.True(t, rates.LongDefined)
	assert.False(t, rates.ShortDefined)
	assert.Equal(t, "undefined calm burning", Undefined.String()+" "+Calm.String()+" "+Burning.String())
}

func TestGuards(t *testing.T) {
	tier := Default(30 * day)[0]
	seen := Evidence{Long: Events{Bad: 3, Total: 100}, Period: Events{Bad: 3, Total: 100_000}, Coverage: 0.2, Weight: 1}
	for _, test := range []struct {
		name   string
		guards Guards
		change func(*Evidence)
		want   Held
	}{
		{"none", Guards{}, nil, HeldByNone},
		{"enough bad events", Guards{MinBad: 3}, nil, HeldByNone},
		{"too few", Guards{MinBad: 4}, nil, HeldByMinBad},
		{"2 % of the budget are 2 events", Guards{BudgetShare: true}, nil, HeldByNone},
		{"2 % of the budget are 4 events", Guards{BudgetShare: true}, func(e *Evidence) { e.Period.Total *= 2 }, HeldByBudgetShare},
		{"covered", Guards{Coverage: 0.2}, nil, HeldByNone},
		{"hardly covered", Guards{Coverage: 0.5}, nil, HeldByCoverage},
		{"1.2 % is sure at 50 %", Guards{Confidence: 0.5}, nil, HeldByNone},
		{"3 of 100 may be 1.2 %", Guards{Confidence: 0.95}, nil, HeldByConfidence},
		{"30 of 1000 are more than 1.44 %", Guards{Confidence: 0.95}, func(e *Evidence) { e.Long = Events{30, 1000} }, HeldByNone},
		{"but not if they stand for 100", Guards{Confidence: 0.95}, func(e *Evidence) { e.Long = Events{30, 1000}; e.Weight = 10 }, HeldByConfidence},
		{"the first is named", Guards{MinBad: 10, Coverage: 1}, nil, HeldByMinBad},
	} {
		evidence := seen
		if test.change != nil {
			test.change(&evidence)
		}
		assert.Equal(t, test.want, test.guards.Hold(tier, 0.999, evidence), test.name)
	}
}

// TestLowerBound: of 3 in 100, the score interval at 95 %, two-sided and without
// continuity correction, is [1.025 %, 8.452 %].
func TestLowerBound(t *testing.T) {
	z := quantile(0.975)
	assert.InDelta(t, 1.959964, z, 1e-6)
	assert.InDelta(t, 0.01025, LowerBound(Events{3, 100}, 1, z), 5e-6)
	assert.Zero(t, LowerBound(Events{}, 1, z))
	assert.Zero(t, LowerBound(Events{0, 10}, 1, z))
	assert.False(t, math.IsNaN(LowerBound(Events{10, 10}, 0, z)))
}

func TestName(t *testing.T) {
	for d, want := range map[time.Duration]string{
		5 * time.Minute: "5m", 90 * time.Minute: "1h30m", 3 * day: "3d", 70 * time.Second: "1m10s", 25 * time.Hour: "1d1h",
	} {
		assert.Equal(t, want, Name(d))
	}
}
