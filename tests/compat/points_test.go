// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package compat

import (
	"fmt"
	"math"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

// fillMetrics adds a metric of each type: n points each, the first with nothing
// set.
func fillMetrics(scope pmetric.ScopeMetrics, n int) {
	named := func(name string) pmetric.Metric {
		metric := scope.Metrics().AppendEmpty()
		metric.SetName(fmt.Sprint(name, n))
		metric.SetDescription("describes " + name)
		metric.SetUnit("By")
		return metric
	}
	gauge, sum := named("gauge").SetEmptyGauge(), named("sum").SetEmptySum()
	sum.SetIsMonotonic(n%2 == 0)
	sum.SetAggregationTemporality(pmetric.AggregationTemporality(n))
	named("without points").SetEmptyGauge()
	histogram := named("histogram").SetEmptyHistogram()
	histogram.SetAggregationTemporality(pmetric.AggregationTemporalityDelta)
	exponential := named("exponential").SetEmptyExponentialHistogram()
	exponential.SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
	summary := named("summary").SetEmptySummary()
	for i := range n {
		fillNumber(gauge.DataPoints().AppendEmpty(), i)
		fillNumber(sum.DataPoints().AppendEmpty(), i)
		fillHistogram(histogram.DataPoints().AppendEmpty(), i)
		fillExponential(exponential.DataPoints().AppendEmpty(), i)
		fillSummary(summary.DataPoints().AppendEmpty(), i)
	}
}

// fillTimes sets what points of all types have, unless i is 0.
func fillTimes(point interface {
	SetStartTimestamp(pcommon.Timestamp)
	SetTimestamp(pcommon.Timestamp)
	Attributes() pcommon.Map
	SetFlags(pmetric.DataPointFlags)
}, i int,
) {
	if i == 0 {
		return
	}
	point.SetStartTimestamp(at(0))
	point.SetTimestamp(at(i))
	point.SetFlags(pmetric.DataPointFlags(i))
	fillAttributes(point.Attributes(), i%2)
}

func fillNumber(point pmetric.NumberDataPoint, i int) {
	fillTimes(point, i)
	switch i % 3 {
	case 1:
		point.SetIntValue(math.MaxInt64)
	case 2:
		point.SetDoubleValue(math.Inf(-1))
	}
	fillExemplars(point.Exemplars(), i)
}

func fillExemplars(exemplars pmetric.ExemplarSlice, i int) {
	for n := range i {
		exemplar := exemplars.AppendEmpty()
		if n == 0 {
			continue
		}
		exemplar.SetTimestamp(at(n))
		exemplar.SetTraceID(pcommon.TraceID{1, byte(n)})
		exemplar.SetSpanID(pcommon.SpanID{1, byte(n)})
		exemplar.SetIntValue(-7)
		if n%2 == 0 {
			exemplar.SetDoubleValue(0.25)
		}
		fillAttributes(exemplar.FilteredAttributes(), n)
	}
}

func fillHistogram(point pmetric.HistogramDataPoint, i int) {
	fillTimes(point, i)
	fillExemplars(point.Exemplars(), i)
	if i == 0 {
		return
	}
	point.SetCount(6)
	point.SetSum(12.5)
	point.SetMin(0.5)
	point.SetMax(math.NaN())
	point.BucketCounts().FromRaw([]uint64{1, 2, 3, math.MaxUint64})
	point.ExplicitBounds().FromRaw([]float64{0.1, 1, 10}[:i])
}

func fillExponential(point pmetric.ExponentialHistogramDataPoint, i int) {
	fillTimes(point, i)
	fillExemplars(point.Exemplars(), i)
	if i == 0 {
		return
	}
	point.SetCount(10)
	point.SetSum(-1.5)
	point.SetScale(-3)
	point.SetZeroCount(2)
	point.SetMin(-4)
	point.SetMax(8)
	point.Positive().SetOffset(-2)
	point.Positive().BucketCounts().FromRaw([]uint64{1, 0, 4})
	point.Negative().SetOffset(5)
	point.Negative().BucketCounts().FromRaw([]uint64{3}[:i%2])
}

func fillSummary(point pmetric.SummaryDataPoint, i int) {
	fillTimes(point, i)
	point.SetCount(uint64(i))
	point.SetSum(4.5)
	for n := range i {
		value := point.QuantileValues().AppendEmpty()
		value.SetQuantile(float64(n) / 3)
		value.SetValue(float64(n))
	}
}
