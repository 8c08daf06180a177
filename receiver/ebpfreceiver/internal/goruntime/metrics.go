// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package goruntime

import (
	"math"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

// AppendTo adds the metrics of the snapshot, taken at now from a process that
// began at start. All are cumulative. go.memory.limit is left out where the
// process has no limit, as are metrics that the layout could not prove.
func (s *Snapshot) AppendTo(metrics pmetric.MetricSlice, start, now time.Time) {
	limits := bounds()
	for m := range metric(numMetrics) {
		if !s.has[m] || m == memoryLimit && s.ints[m] == math.MaxInt64 {
			continue
		}
		definition := m.definition()
		added := metrics.AppendEmpty()
		added.SetName(definition.Name)
		added.SetUnit(definition.Unit)
		added.SetDescription(definition.Description)
		times := interval{pcommon.NewTimestampFromTime(start), pcommon.NewTimestampFromTime(now)}
		switch {
		case m == scheduleDuration:
			putHistogram(added, &s.schedule, limits, times)
		case m == memoryGCPauseDuration:
			putHistogram(added, &s.pauses, limits, times)
		default:
			s.putSum(added, m, definition.Instrument == Counter, times)
		}
	}
}

// interval is what a cumulative data point covers.
type interval struct{ start, now pcommon.Timestamp }

func putHistogram(added pmetric.Metric, d *durations, limits []float64, times interval) {
	histogram := added.SetEmptyHistogram()
	histogram.SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
	point := histogram.DataPoints().AppendEmpty()
	point.SetStartTimestamp(times.start)
	point.SetTimestamp(times.now)
	putDurations(d, limits, point)
}

func (s *Snapshot) putSum(added pmetric.Metric, m metric, monotonic bool, times interval) {
	sum := added.SetEmptySum()
	sum.SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
	sum.SetIsMonotonic(monotonic)
	point := func(value int64) pmetric.NumberDataPoint {
		p := sum.DataPoints().AppendEmpty()
		p.SetStartTimestamp(times.start)
		p.SetTimestamp(times.now)
		p.SetIntValue(value)
		return p
	}
	if m == memoryUsed {
		point(s.stacks).Attributes().PutStr(MemoryType, "stack")
		point(s.ints[m]).Attributes().PutStr(MemoryType, "other")
		return
	}
	point(s.ints[m])
}
