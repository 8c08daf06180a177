// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package ebpfreceiver

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/fathom-otel/fathom/internal/events"
	"github.com/fathom-otel/fathom/internal/ledger"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/discover"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/gcwatch"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/record"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/targettest"
)

// What a real collector does is counted as its own events tell it.
func TestConditionsOnARealCollector(t *testing.T) {
	binary := targettest.Build(t)
	const times = 6
	h := observe(t, func(c *Config) {
		c.GC.Conditions = []GCConditionConfig{
			{PauseOver: 1, Times: times, Within: time.Hour},
			{Cycles: times / 2, Within: time.Hour},
			{PauseOver: time.Hour, Times: 1, Within: time.Hour},
		}
	}, TargetConfig{Executable: binary})
	target := targettest.Start(t, binary)
	h.awaitAttached(1)
	for range times {
		_, _, err := target.Get("/gc", nil)
		require.NoError(t, err)
	}
	require.Eventually(t, func() bool {
		return len(h.events(events.GCCondition)) == 2 && len(h.events(events.StopTheWorld)) >= 2*times
	}, patience, tick)
	for _, condition := range h.events(events.GCCondition) {
		require.Equal(t, plog.SeverityNumberWarn, condition.SeverityNumber())
		require.True(t, condition.TraceID().IsEmpty())
		if condition.attribute(events.GCConditionRule) == "cycles" {
			require.EqualValues(t, times/2, condition.attribute(events.GCConditionCount))
			require.Equal(t, h.events(events.GCCycle)[times/2-1].Timestamp(), condition.Timestamp())
			continue
		}
		require.Equal(t, "pause_over", condition.attribute(events.GCConditionRule))
		require.EqualValues(t, times, condition.attribute(events.GCConditionCount))
		var worst int64
		var reason any
		stops := h.events(events.StopTheWorld)[:times]
		for _, stop := range stops {
			if length := stop.attribute(events.Duration).(int64); length > worst {
				worst, reason = length, stop.attribute(events.StopTheWorldReason)
			}
		}
		t.Logf("the longest of %d stops lasted %v: %v", times, time.Duration(worst), reason)
		require.Equal(t, worst, condition.attribute(events.GCConditionWorst))
		require.Equal(t, reason, condition.attribute(events.StopTheWorldReason))
		first := stops[0].Timestamp().AsTime().Add(-time.Duration(stops[0].attribute(events.Duration).(int64)))
		require.Equal(t, condition.Timestamp().AsTime().Sub(first).Nanoseconds(), condition.attribute(events.Duration))
	}
	require.Len(t, h.events(events.GCCondition), 2, "none is told twice within its time")
}

// Assists are seen in whatever record a span comes.
func TestAssistsOfAllSpans(t *testing.T) {
	span := record.Span{
		Header: record.Header{Start: 1, End: uint64(time.Second)}, Exact: true,
		Ledger: ledger.Ledger{ledger.GCAssist: uint64(time.Second) / 2, ledger.OnCPU: uint64(time.Second) / 2},
	}
	for _, r := range []record.Record{
		&span, &record.Request{Span: span}, &record.RPC{Span: span}, &record.SDKSpan{Span: span},
	} {
		conditions := newGCConditions([]gcwatch.Rule{{AssistPercent: 40, Within: time.Second}})
		breaches := conditions.see(&discover.Process{}, r)
		require.Len(t, breaches, 1, "%T", r)
		require.InDelta(t, 50, breaches[0].AssistPercent, 0.01)
	}
}
