// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package deadletter

import (
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

// Excerpt makes OTLP JSON of some rows of a table: those from up to to, in the
// order in which the request has them, each with its resource and scope.
type Excerpt func(from, to int) ([]byte, error)

// overlap is which of count rows, of which the first is row at, are from up to to.
func overlap(at, count, from, to int) (first, last int) {
	first, last = max(from-at, 0), min(to-at, count)
	return first, max(first, last)
}

// Traces is an excerpt of spans.
func Traces(all ptrace.Traces) Excerpt {
	return func(from, to int) ([]byte, error) {
		some := ptrace.NewTraces()
		at := 0
		for _, resourceSpans := range all.ResourceSpans().All() {
			for _, scopeSpans := range resourceSpans.ScopeSpans().All() {
				spans := scopeSpans.Spans()
				first, last := overlap(at, spans.Len(), from, to)
				at += spans.Len()
				if first == last {
					continue
				}
				resource := some.ResourceSpans().AppendEmpty()
				resourceSpans.Resource().CopyTo(resource.Resource())
				resource.SetSchemaUrl(resourceSpans.SchemaUrl())
				scope := resource.ScopeSpans().AppendEmpty()
				scopeSpans.Scope().CopyTo(scope.Scope())
				scope.SetSchemaUrl(scopeSpans.SchemaUrl())
				for n := first; n < last; n++ {
					spans.At(n).CopyTo(scope.Spans().AppendEmpty())
				}
			}
		}
		return new(ptrace.JSONMarshaler).MarshalTraces(some)
	}
}

// Logs is an excerpt of log records.
func Logs(all plog.Logs) Excerpt {
	return func(from, to int) ([]byte, error) {
		some := plog.NewLogs()
		at := 0
		for _, resourceLogs := range all.ResourceLogs().All() {
			for _, scopeLogs := range resourceLogs.ScopeLogs().All() {
				records := scopeLogs.LogRecords()
				first, last := overlap(at, records.Len(), from, to)
				at += records.Len()
				if first == last {
					continue
				}
				resource := some.ResourceLogs().AppendEmpty()
				resourceLogs.Resource().CopyTo(resource.Resource())
				resource.SetSchemaUrl(resourceLogs.SchemaUrl())
				scope := resource.ScopeLogs().AppendEmpty()
				scopeLogs.Scope().CopyTo(scope.Scope())
				scope.SetSchemaUrl(scopeLogs.SchemaUrl())
				for n := first; n < last; n++ {
					records.At(n).CopyTo(scope.LogRecords().AppendEmpty())
				}
			}
		}
		return new(plog.JSONMarshaler).MarshalLogs(some)
	}
}

// Metrics is an excerpt of the data points of one kind.
func Metrics(all pmetric.Metrics, kind pmetric.MetricType) Excerpt {
	return func(from, to int) ([]byte, error) {
		some := pmetric.NewMetrics()
		at := 0
		for _, resourceMetrics := range all.ResourceMetrics().All() {
			for _, scopeMetrics := range resourceMetrics.ScopeMetrics().All() {
				for _, metric := range scopeMetrics.Metrics().All() {
					if metric.Type() != kind {
						continue
					}
					points := pointsOf(metric)
					first, last := overlap(at, points, from, to)
					at += points
					if first == last {
						continue
					}
					resource := some.ResourceMetrics().AppendEmpty()
					resourceMetrics.Resource().CopyTo(resource.Resource())
					resource.SetSchemaUrl(resourceMetrics.SchemaUrl())
					scope := resource.ScopeMetrics().AppendEmpty()
					scopeMetrics.Scope().CopyTo(scope.Scope())
					scope.SetSchemaUrl(scopeMetrics.SchemaUrl())
					copied := scope.Metrics().AppendEmpty()
					metric.CopyTo(copied)
					keepPoints(copied, first, last)
				}
			}
		}
		return new(pmetric.JSONMarshaler).MarshalMetrics(some)
	}
}

// pointsOf is the number of a metric's data points.
func pointsOf(metric pmetric.Metric) int {
	switch metric.Type() {
	case pmetric.MetricTypeGauge:
		return metric.Gauge().DataPoints().Len()
	case pmetric.MetricTypeSum:
		return metric.Sum().DataPoints().Len()
	case pmetric.MetricTypeSummary:
		return metric.Summary().DataPoints().Len()
	case pmetric.MetricTypeHistogram:
		return metric.Histogram().DataPoints().Len()
	case pmetric.MetricTypeExponentialHistogram:
		return metric.ExponentialHistogram().DataPoints().Len()
	default:
		return 0
	}
}

// keepPoints removes all of a metric's data points but those from first up to last.
func keepPoints(metric pmetric.Metric, first, last int) {
	at := -1
	others := func() bool {
		at++
		return at < first || at >= last
	}
	switch metric.Type() {
	case pmetric.MetricTypeGauge:
		metric.Gauge().DataPoints().RemoveIf(func(pmetric.NumberDataPoint) bool { return others() })
	case pmetric.MetricTypeSum:
		metric.Sum().DataPoints().RemoveIf(func(pmetric.NumberDataPoint) bool { return others() })
	case pmetric.MetricTypeSummary:
		metric.Summary().DataPoints().RemoveIf(func(pmetric.SummaryDataPoint) bool { return others() })
	case pmetric.MetricTypeHistogram:
		metric.Histogram().DataPoints().RemoveIf(func(pmetric.HistogramDataPoint) bool { return others() })
	case pmetric.MetricTypeExponentialHistogram:
		metric.ExponentialHistogram().DataPoints().RemoveIf(func(pmetric.ExponentialHistogramDataPoint) bool { return others() })
	}
}
