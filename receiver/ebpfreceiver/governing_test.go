// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package ebpfreceiver

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/metadata"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/targettest"
)

// saturate sends requests as fast as the server answers, until stop is called.
func saturate(t *testing.T, target *targettest.Target, connections int) (stop func() int64) {
	t.Helper()
	var sent atomic.Int64
	var over atomic.Bool
	var senders sync.WaitGroup
	for range connections {
		senders.Go(func() {
			for !over.Load() {
				if _, _, err := target.Get("/nothing", nil); err != nil {
					t.Errorf("a request failed: %v", err)
					return
				}
				sent.Add(1)
			}
		})
	}
	stop = func() int64 {
		over.Store(true)
		senders.Wait()
		return sent.Load()
	}
	t.Cleanup(func() { stop() })
	return stop
}

// spent is what probes have cost, and what the process has used for itself.
type spent struct{ cost, own float64 }

func (h *harness) spent() spent {
	return spent{h.seconds("governor_probe_time"), h.seconds("governor_process_time")}
}

// seconds of the points of a counter that have all the attributes.
func (h *harness) seconds(name string, of ...attribute.KeyValue) (total float64) {
	h.t.Helper()
	m, err := h.telemetry.GetMetric(metadata.Prefix + name)
	require.NoError(h.t, err)
	for _, point := range m.Data.(metricdata.Sum[float64]).DataPoints {
		if !slices.ContainsFunc(of, func(a attribute.KeyValue) bool {
			value, ok := point.Attributes.Value(a.Key)
			return !ok || value != a.Value
		}) {
			total += point.Value
		}
	}
	return total
}

// priceOfTiers is what the probes of spans, and all probes, cost a saturated server
// on this machine now, in percent of what it uses for itself.
func priceOfTiers(t *testing.T, binary string, target *targettest.Target) (spans, all float64) {
	t.Helper()
	h := observe(t, func(c *Config) {
		c.Ledger.Mode = ModeGoverned
		c.Budget = BudgetConfig{CPUPercent: 90, NodeCPUPercent: 1000}
	}, TargetConfig{Executable: binary})
	h.awaitAttached(1)
	stop := saturate(t, target, 4)
	require.Eventually(t, func() bool { return h.spent().own > 5 }, 6*patience, tick)
	s := h.spent()
	spans = 100 * h.seconds("governor_probe_time", attribute.String("tier", "spans")) / s.own
	require.Positive(t, stop())
	h.stop()
	require.Positive(t, spans)
	return spans, 100 * s.cost / s.own
}

func TestASaturatedServerIsHeldToTheBudget(t *testing.T) {
	binary := targettest.Build(t)
	target := targettest.Start(t, binary)
	spans, all := priceOfTiers(t, binary, target)
	budget := (spans + all) / 2
	t.Logf("of its CPU the probes of spans cost a server that does nothing else %.2f %%, all %.2f %%: it may have %.2f %%", spans, all, budget)
	h := observe(t, func(c *Config) {
		c.Ledger.Mode = ModeGoverned
		c.Budget = BudgetConfig{CPUPercent: budget, NodeCPUPercent: 1000}
	}, TargetConfig{Executable: binary})
	h.awaitAttached(1)
	stop := saturate(t, target, 4)

	// Two cycles of the scheduler's probes, to settle and to pay for what was
	// not known.
	if !assert.Eventually(t, func() bool {
		return h.counter("governor_switches", "tier", "scheduler") >= 2
	}, 6*patience, tick, "the probes come back") {
		t.Fatalf("%s they cost %+v", h.tiers(), h.spent())
	}
	before := h.spent()
	// Whole cycles, so that the part of one that is on counts fully.
	cycles := h.counter("governor_switches", "tier", "scheduler") + 2
	require.Eventually(t, func() bool {
		return h.counter("governor_switches", "tier", "scheduler") >= cycles
	}, 6*patience, tick)
	after := h.spent()
	percent := 100 * (after.cost - before.cost) / (after.own - before.own)
	t.Logf("probes cost %.2f %% of %.1f s of CPU: %s", percent, after.own-before.own, h.tiers())
	require.InEpsilon(t, budget, percent, 0.2)

	require.Positive(t, stop())
	require.Eventually(t, func() bool { return h.counter("governor_processes", "tier", "scheduler") == 1 },
		3*patience, tick, "an idle server has all its probes again: %s", h.tiers())
	_, _, err := target.Get("/sleep/governed", nil)
	require.NoError(t, err)
	source, ok := h.awaitSpan("/sleep/governed").Attributes().Get("fathom.time.source")
	require.True(t, ok)
	require.Equal(t, "exact", source.Str())
}

// Where probes of spans alone cost too much, they go too, after the scheduler's.
func TestTiersGoInTheirOrder(t *testing.T) {
	binary := targettest.Build(t)
	target := targettest.Start(t, binary)
	h := observe(t, func(c *Config) {
		c.Ledger.Mode = ModeGoverned
		c.Budget.CPUPercent = 1
	}, TargetConfig{Executable: binary})
	h.awaitAttached(1)
	saturate(t, target, 4)
	require.Eventually(t, func() bool { return h.counter("governor_processes", "tier", "none") == 1 }, 3*patience, tick,
		"no probe is left: %s", h.tiers())
	require.Eventually(t, func() bool { return h.counter("governor_switches", "tier", "none") > 0 }, patience, tick)
	require.Positive(t, h.counter("governor_switches", "tier", "spans"), "after the scheduler's: %s", h.tiers())
	require.Zero(t, h.counter("governor_switches", "tier", "scheduler"), h.tiers())
	require.Eventually(t, func() bool { return h.counter("governor_switches", "tier", "spans") >= 2 }, 6*patience, tick,
		"the probes of spans come back first: %s", h.tiers())
}

func (h *harness) tiers() string {
	all := ""
	for _, tier := range []string{"none", "spans", "scheduler"} {
		all += fmt.Sprintf("%s %d now, %d switches; ", tier,
			h.counter("governor_processes", "tier", tier), h.counter("governor_switches", "tier", tier))
	}
	return all
}

// Tiers change while requests are under way: none is told twice, or with a wrong
// ledger, and each ledger that is told as exact adds up.
func TestLedgersWhileTiersChange(t *testing.T) {
	binary := targettest.Build(t)
	target := targettest.Start(t, binary)
	h := observe(t, func(c *Config) {
		c.Ledger.Mode = ModeGoverned
		c.Budget = BudgetConfig{CPUPercent: 4, NodeCPUPercent: 1000}
	}, TargetConfig{Executable: binary})
	h.awaitAttached(1)
	saturate(t, target, 3)
	var exact, other int
	asked := 0
	require.Eventually(t, func() bool {
		asked++
		if _, _, err := target.Get(fmt.Sprintf("/sleep/%d", asked), nil); err != nil {
			return false
		}
		return h.counter("governor_switches", "tier", "scheduler") >= 4
	}, 6*patience, time.Millisecond, "tiers change")
	last := fmt.Sprintf("/sleep/%d", asked)
	h.awaitSpan(last)
	told := map[string]int{}
	for _, span := range h.spans() {
		path, _ := span.Attributes().Get("url.path")
		if path.Str() == "/nothing" {
			continue
		}
		told[path.Str()]++
		if source, ok := span.Attributes().Get("fathom.time.source"); !ok || source.Str() != "exact" {
			other++
			continue
		}
		exact++
		slept, ok := span.Attributes().Get("fathom.time.sleep")
		require.True(t, ok, "%s is exact and slept: %v", path.Str(), span.Attributes().AsRaw())
		require.GreaterOrEqual(t, slept.Int(), int64(15*time.Millisecond), "%s slept for 20 ms: %v", path.Str(), span.Attributes().AsRaw())
	}
	for path, n := range told {
		require.Equal(t, 1, n, path)
	}
	t.Logf("%d requests: %d with an exact ledger, %d with another or none", asked, exact, other)
	require.Positive(t, exact)
	require.Positive(t, other)
}
