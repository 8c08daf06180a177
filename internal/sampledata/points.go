// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package sampledata

import (
	"fmt"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

// dimensions is the attributes of a data point.
func (g *Generator) dimensions(a pcommon.Map) {
	a.PutStr("http.request.method", g.pick(methods))
	a.PutStr("http.route", g.pick(routes))
	a.PutInt("http.response.status_code", int64(200+g.random.IntN(4)*101))
	a.PutStr("server.address", g.pick(services))
	a.PutStr("tenant", fmt.Sprint(g.random.IntN(500)))
}

// point adds a data point of that type to a metric.
func (g *Generator) point(metric pmetric.Metric, kind pmetric.MetricType) {
	now := pcommon.NewTimestampFromTime(g.after())
	switch kind {
	case pmetric.MetricTypeGauge:
		if metric.Type() != kind {
			metric.SetEmptyGauge()
		}
		g.number(metric.Gauge().DataPoints().AppendEmpty(), now)
	case pmetric.MetricTypeSum:
		if metric.Type() != kind {
			metric.SetEmptySum().SetIsMonotonic(true)
			metric.Sum().SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
		}
		g.number(metric.Sum().DataPoints().AppendEmpty(), now)
	case pmetric.MetricTypeSummary:
		if metric.Type() != kind {
			metric.SetEmptySummary()
		}
		g.summary(metric.Summary().DataPoints().AppendEmpty(), now)
	case pmetric.MetricTypeHistogram:
		if metric.Type() != kind {
			metric.SetEmptyHistogram().SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
		}
		g.histogram(metric.Histogram().DataPoints().AppendEmpty(), now)
	default:
		if metric.Type() != kind {
			metric.SetEmptyExponentialHistogram().SetAggregationTemporality(pmetric.AggregationTemporalityDelta)
		}
		g.exponential(metric.ExponentialHistogram().DataPoints().AppendEmpty(), now)
	}
}

func (g *Generator) number(point pmetric.NumberDataPoint, now pcommon.Timestamp) {
	point.SetStartTimestamp(now - 60e9)
	point.SetTimestamp(now)
	point.SetDoubleValue(g.random.Float64() * 1e6)
	g.dimensions(point.Attributes())
	g.exemplar(point.Exemplars(), now)
}

func (g *Generator) exemplar(exemplars pmetric.ExemplarSlice, now pcommon.Timestamp) {
	if !g.chance(10) {
		return
	}
	exemplar := exemplars.AppendEmpty()
	exemplar.SetTimestamp(now)
	exemplar.SetDoubleValue(g.random.Float64())
	exemplar.SetTraceID(g.traceID())
	exemplar.SetSpanID(g.spanID())
	exemplar.FilteredAttributes().PutStr("enduser.id", fmt.Sprint(g.random.Uint64()))
}

func (g *Generator) summary(point pmetric.SummaryDataPoint, now pcommon.Timestamp) {
	point.SetStartTimestamp(now - 60e9)
	point.SetTimestamp(now)
	point.SetCount(uint64(g.random.IntN(10_000)))
	point.SetSum(g.random.Float64() * 1e4)
	for _, quantile := range []float64{0.5, 0.9, 0.99} {
		value := point.QuantileValues().AppendEmpty()
		value.SetQuantile(quantile)
		value.SetValue(g.random.Float64())
	}
	g.dimensions(point.Attributes())
}

func (g *Generator) histogram(point pmetric.HistogramDataPoint, now pcommon.Timestamp) {
	point.SetStartTimestamp(now - 60e9)
	point.SetTimestamp(now)
	bounds := []float64{.005, .01, .025, .05, .075, .1, .25, .5, .75, 1, 2.5, 5, 7.5, 10}
	point.ExplicitBounds().FromRaw(bounds)
	for range len(bounds) + 1 {
		count := uint64(g.random.IntN(1000))
		point.BucketCounts().Append(count)
		point.SetCount(point.Count() + count)
	}
	point.SetSum(g.random.Float64() * 1e4)
	point.SetMin(g.random.Float64())
	point.SetMax(1 + g.random.Float64())
	g.dimensions(point.Attributes())
	g.exemplar(point.Exemplars(), now)
}

func (g *Generator) exponential(point pmetric.ExponentialHistogramDataPoint, now pcommon.Timestamp) {
	point.SetStartTimestamp(now - 60e9)
	point.SetTimestamp(now)
	point.SetScale(4)
	point.SetZeroCount(uint64(g.random.IntN(3)))
	point.Positive().SetOffset(int32(g.random.IntN(40)) - 20)
	for range 20 + g.random.IntN(60) {
		count := uint64(g.random.IntN(100))
		point.Positive().BucketCounts().Append(count)
		point.SetCount(point.Count() + count)
	}
	point.SetSum(g.random.Float64() * 1e4)
	g.dimensions(point.Attributes())
	g.exemplar(point.Exemplars(), now)
}
