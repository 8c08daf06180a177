// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package governor

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/probe"
)

// process is a simulated one: what it uses for itself and what its probes cost
// it, as shares of time and of its own CPU time.
type process struct {
	cores            float64
	spans, scheduler float64
}

// run lets an account govern a process and returns what both used, by tier.
func run(a *account, share float64, duration time.Duration, at func(time.Duration) process) (own, cost time.Duration, tiers [probe.NumTiers]time.Duration) {
	for now := time.Duration(0); now < duration; {
		step := max(a.nextLook(terms{share: share}), shortestLook)
		p := at(now)
		u := usage{elapsed: step}
		used := time.Duration(p.cores * float64(step))
		if a.tier >= probe.TierSpans {
			u.spans = time.Duration(p.spans * float64(used))
		}
		if a.tier >= probe.TierScheduler {
			u.scheduler = time.Duration(p.scheduler * float64(used))
		}
		u.cpu = used + u.spans + u.scheduler
		own, cost, now = own+used, cost+u.spans+u.scheduler, now+step
		tiers[a.tier] += step
		a.take(a.book(u, terms{share: share}))
	}
	return own, cost, tiers
}

func steady(p process) func(time.Duration) process {
	return func(time.Duration) process { return p }
}

func TestAnAccountSpendsItsShare(t *testing.T) {
	const share = 0.03
	for name, test := range map[string]struct {
		process process
		tiers   []probe.Tier // that it has for a part of the time
		full    bool         // the share is not even needed
	}{
		"cheap probes stay":                        {process{cores: 1, spans: 0.001, scheduler: 0.01}, []probe.Tier{probe.TierScheduler}, true},
		"the scheduler's come and go":              {process{cores: 2, spans: 0.005, scheduler: 0.3}, []probe.Tier{probe.TierSpans, probe.TierScheduler}, false},
		"of a process that does little, too":       {process{cores: 0.02, spans: 0.005, scheduler: 0.4}, []probe.Tier{probe.TierSpans, probe.TierScheduler}, false},
		"spans alone are too much":                 {process{cores: 1, spans: 0.17, scheduler: 0.5}, []probe.Tier{probe.TierNone, probe.TierSpans, probe.TierScheduler}, false},
		"spans alone are very much too much":       {process{cores: 8, spans: 2, scheduler: 5}, []probe.Tier{probe.TierNone, probe.TierSpans, probe.TierScheduler}, false},
		"spans cost more than the scheduler's":     {process{cores: 1, spans: 0.2, scheduler: 0.05}, []probe.Tier{probe.TierNone, probe.TierSpans, probe.TierScheduler}, false},
		"an idle process keeps all that costs nil": {process{}, []probe.Tier{probe.TierScheduler}, true},
	} {
		t.Run(name, func(t *testing.T) {
			a := &account{tier: probe.TierScheduler}
			_, _, _ = run(a, share, 5*time.Minute, steady(test.process)) // to settle, and to pay for what was not known
			own, cost, tiers := run(a, share, 30*time.Minute, steady(test.process))
			var had []probe.Tier
			for tier, d := range tiers {
				if d > 0 {
					had = append(had, probe.Tier(tier))
				}
			}
			require.Equal(t, test.tiers, had)
			spent := float64(cost) / max(float64(own), 1)
			require.LessOrEqual(t, spent, share*1.1)
			if !test.full {
				require.Greater(t, spent, share*0.8, "what is earned is used")
			}
		})
	}
}

// The first tier to go is the most costly one, and it comes back last.
func TestTheOrderOfTiers(t *testing.T) {
	const share = 0.03
	a := &account{tier: probe.TierScheduler}
	var order []probe.Tier
	load := func(now time.Duration) process {
		if now < time.Minute {
			return process{cores: 1, spans: 0.2, scheduler: 1}
		}
		return process{cores: 1, spans: 0.001, scheduler: 0.001}
	}
	for now := time.Duration(0); now < 3*time.Minute; now += shortestLook {
		_, _, _ = run(a, share, shortestLook, func(time.Duration) process { return load(now) })
		if len(order) == 0 || order[len(order)-1] != a.tier {
			order = append(order, a.tier)
		}
	}
	require.Equal(t, []probe.Tier{probe.TierScheduler, probe.TierSpans, probe.TierNone}, order[:3])
	require.Equal(t, probe.TierScheduler, order[len(order)-1])
	for i := 1; i < len(order); i++ {
		require.EqualValues(t, 1, max(order[i], order[i-1])-min(order[i], order[i-1]), "no tier is skipped: %v", order)
	}
}

// A process that keeps the probes of spans, whatever they cost, has no others while
// it owes, and gets them soon when it does not any more.
func TestTheLeastTierStays(t *testing.T) {
	const share = 0.03
	a := &account{tier: probe.TierScheduler, least: probe.TierSpans}
	_, _, _ = run(a, share, time.Minute, steady(process{cores: 1, spans: 0.5, scheduler: 0.5}))
	_, _, tiers := run(a, share, time.Hour, steady(process{cores: 1, spans: 0.5, scheduler: 0.5}))
	require.Equal(t, [probe.NumTiers]time.Duration{probe.TierSpans: time.Hour}, tiers)
	_, _, tiers = run(a, share, time.Minute, steady(process{cores: 1, spans: 0.001, scheduler: 0.001}))
	require.Zero(t, tiers[probe.TierNone])
	require.Greater(t, tiers[probe.TierScheduler], 30*time.Second)
}

// Whatever a process does, what its probes cost beyond its share is bounded by
// what they cost between two looks.
func TestDebtIsBounded(t *testing.T) {
	const share = 0.03
	for seed := range uint64(200) {
		random := rand.New(rand.NewPCG(seed, 1))
		a := &account{tier: probe.TierScheduler}
		most := process{cores: random.Float64() * 4, spans: random.Float64() * 0.2, scheduler: random.Float64()}
		var p process
		own, cost, _ := run(a, share, time.Hour, func(time.Duration) process {
			if random.IntN(20) == 0 {
				p = process{cores: most.cores * random.Float64(), spans: most.spans * random.Float64(), scheduler: most.scheduler * random.Float64()}
			}
			return p
		})
		slack := 3 * longestLook.Seconds() * most.cores * (most.spans + most.scheduler)
		require.LessOrEqual(t, cost.Seconds(), share*own.Seconds()+slack, "seed %d", seed)
	}
}

func TestTheNodeScalesAllProcesses(t *testing.T) {
	n := node{budget: 0.05, scale: 1}
	now := time.Unix(0, 0)
	spend := func(cores float64, seconds int) (spent float64) {
		for range seconds * 10 {
			now = now.Add(shortestLook)
			cost := time.Duration(cores * n.scale * float64(shortestLook))
			spent += cost.Seconds()
			n.add(cost, now)
		}
		return spent
	}
	spend(1, 20)
	require.InEpsilon(t, 0.05*60, spend(1, 60), 0.2, "held to the budget")
	spend(0.01, 60)
	require.EqualValues(t, 1, n.scale, "given back")
}

// A process that does next to nothing may be observed all the same, and tracepoints,
// which no tier is without, leave half of what is earned to the probes.
func TestWhatIsEarned(t *testing.T) {
	terms := terms{share: 0.03, least: 0.0005}
	for name, test := range map[string]struct{ rate, kernel, earned, left float64 }{
		"by the share":            {1, 0, 0.03, 0.03},
		"at least":                {0.001, 0, 0.0005, 0.0005},
		"of an idle process":      {0, 0, 0.0005, 0.0005},
		"tracepoints come first":  {1, 0.01, 0.03, 0.02},
		"tracepoints, and probes": {1, 0.5, 0.03, 0.015},
	} {
		t.Run(name, func(t *testing.T) {
			require.InDelta(t, test.earned, terms.earned(test.rate), 1e-9)
			require.InDelta(t, test.left, terms.left(test.rate, test.kernel), 1e-9)
		})
	}
	a := &account{tier: probe.TierScheduler}
	for range 1000 {
		// 10 requests a second, of 0.3 ms, of which each costs 40 µs more.
		a.take(a.book(usage{elapsed: time.Second, cpu: 3400 * time.Microsecond, spans: 400 * time.Microsecond}, terms))
		require.GreaterOrEqual(t, a.tier, probe.TierSpans, "none of them is missed")
	}
}

func TestTheCostOfRuns(t *testing.T) {
	require.Equal(t, 70*time.Microsecond, cost(probe.Runs{Count: 20, Time: 30 * time.Microsecond}, 2*time.Microsecond))
	since := probe.Hits{Spans: probe.Runs{Count: 9, Time: 90}, Kernel: probe.Runs{Count: 3, Time: 5}}.Minus(
		probe.Hits{Spans: probe.Runs{Count: 4, Time: 50}, Kernel: probe.Runs{Count: 1, Time: 2}})
	require.Equal(t, probe.Hits{Spans: probe.Runs{Count: 5, Time: 40}, Kernel: probe.Runs{Count: 2, Time: 3}}, since)
}
