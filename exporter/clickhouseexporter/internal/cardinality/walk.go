// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package cardinality

import (
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

// Traces looks at all attributes of spans, their events and links, and is how many
// were over a limit.
func (g *Guard) Traces(traces ptrace.Traces) Tally {
	defer g.begin()()
	for _, resourceSpans := range traces.ResourceSpans().All() {
		g.attributes(ResourceAttributes, resourceSpans.Resource().Attributes())
		for _, scopeSpans := range resourceSpans.ScopeSpans().All() {
			g.attributes(ScopeAttributes, scopeSpans.Scope().Attributes())
			for _, span := range scopeSpans.Spans().All() {
				g.attributes(SpanAttributes, span.Attributes())
				for _, event := range span.Events().All() {
					g.attributes(EventAttributes, event.Attributes())
				}
				for _, link := range span.Links().All() {
					g.attributes(LinkAttributes, link.Attributes())
				}
			}
		}
	}
	return g.tally
}

// Logs looks at all attributes of log records.
func (g *Guard) Logs(logs plog.Logs) Tally {
	defer g.begin()()
	for _, resourceLogs := range logs.ResourceLogs().All() {
		g.attributes(ResourceAttributes, resourceLogs.Resource().Attributes())
		for _, scopeLogs := range resourceLogs.ScopeLogs().All() {
			g.attributes(ScopeAttributes, scopeLogs.Scope().Attributes())
			for _, record := range scopeLogs.LogRecords().All() {
				g.attributes(LogAttributes, record.Attributes())
			}
		}
	}
	return g.tally
}

// Metrics looks at all attributes of data points and their exemplars.
func (g *Guard) Metrics(metrics pmetric.Metrics) Tally {
	defer g.begin()()
	for _, resourceMetrics := range metrics.ResourceMetrics().All() {
		g.attributes(ResourceAttributes, resourceMetrics.Resource().Attributes())
		for _, scopeMetrics := range resourceMetrics.ScopeMetrics().All() {
			g.attributes(ScopeAttributes, scopeMetrics.Scope().Attributes())
			for _, metric := range scopeMetrics.Metrics().All() {
				g.metric(metric)
			}
		}
	}
	return g.tally
}

func (g *Guard) metric(metric pmetric.Metric) {
	switch metric.Type() {
	case pmetric.MetricTypeGauge:
		g.numbers(metric.Gauge().DataPoints())
	case pmetric.MetricTypeSum:
		g.numbers(metric.Sum().DataPoints())
	case pmetric.MetricTypeSummary:
		for _, point := range metric.Summary().DataPoints().All() {
			g.attributes(PointAttributes, point.Attributes())
		}
	case pmetric.MetricTypeHistogram:
		for _, point := range metric.Histogram().DataPoints().All() {
			g.attributes(PointAttributes, point.Attributes())
			g.exemplars(point.Exemplars())
		}
	case pmetric.MetricTypeExponentialHistogram:
		for _, point := range metric.ExponentialHistogram().DataPoints().All() {
			g.attributes(PointAttributes, point.Attributes())
			g.exemplars(point.Exemplars())
		}
	}
}

func (g *Guard) numbers(points pmetric.NumberDataPointSlice) {
	for _, point := range points.All() {
		g.attributes(PointAttributes, point.Attributes())
		g.exemplars(point.Exemplars())
	}
}

func (g *Guard) exemplars(exemplars pmetric.ExemplarSlice) {
	for _, exemplar := range exemplars.All() {
		g.attributes(ExemplarAttributes, exemplar.FilteredAttributes())
	}
}

// begin holds the guard for a request, until what it returns is called.
func (g *Guard) begin() (end func()) {
	g.mu.Lock()
	g.rotate(g.now(), false)
	g.tally = Tally{}
	return g.mu.Unlock
}
