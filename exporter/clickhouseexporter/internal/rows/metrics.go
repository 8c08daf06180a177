// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package rows

import (
	"github.com/ClickHouse/ch-go/proto"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

// Metrics is the columns of the five metric tables.
type Metrics struct {
	Gauge                *Gauge
	Sum                  *Sum
	Summary              *Summary
	Histogram            *Histogram
	ExponentialHistogram *ExponentialHistogram

	// Untyped is the number of metrics that have no type, or one that this
	// version does not know: they have no data points that could be stored.
	Untyped int
	// FirstUntyped is the name of the first of them.
	FirstUntyped string

	from origin
}

// NewMetrics makes empty blocks.
func NewMetrics() *Metrics {
	return &Metrics{
		Gauge:                newGauge(),
		Sum:                  newSum(),
		Summary:              newSummary(),
		Histogram:            newHistogram(),
		ExponentialHistogram: newExponentialHistogram(),
	}
}

// MetricBlock is one of the five tables' columns.
type MetricBlock interface {
	Input() proto.Input
	Rows() int
	Corrected() Corrections
	Reset()
}

// Block is the columns of the table for that type, nil for a type without one.
func (m *Metrics) Block(kind pmetric.MetricType) MetricBlock {
	switch kind {
	case pmetric.MetricTypeGauge:
		return m.Gauge
	case pmetric.MetricTypeSum:
		return m.Sum
	case pmetric.MetricTypeSummary:
		return m.Summary
	case pmetric.MetricTypeHistogram:
		return m.Histogram
	case pmetric.MetricTypeExponentialHistogram:
		return m.ExponentialHistogram
	default:
		return nil
	}
}

// MetricTypes is the types that have a table, in the order in which they are
// inserted.
func MetricTypes() [5]pmetric.MetricType {
	return [...]pmetric.MetricType{
		pmetric.MetricTypeGauge,
		pmetric.MetricTypeSum,
		pmetric.MetricTypeSummary,
		pmetric.MetricTypeHistogram,
		pmetric.MetricTypeExponentialHistogram,
	}
}

// Append adds a row for each data point.
func (m *Metrics) Append(metrics pmetric.Metrics) {
	from := &m.from
	for _, resourceMetrics := range metrics.ResourceMetrics().All() {
		resource := resourceMetrics.Resource().Attributes()
		from.resourceMetrics, from.resource = resourceMetrics, from.resource+1
		from.service = serviceName(resource)
		for _, scopeMetrics := range resourceMetrics.ScopeMetrics().All() {
			from.scopeMetrics, from.scope = scopeMetrics, from.scope+1
			for _, metric := range scopeMetrics.Metrics().All() {
				from.metric = metric
				m.appendMetric(from)
			}
		}
	}
}

func (m *Metrics) appendMetric(from *origin) {
	switch from.metric.Type() {
	case pmetric.MetricTypeGauge:
		m.Gauge.append(from)
	case pmetric.MetricTypeSum:
		m.Sum.append(from)
	case pmetric.MetricTypeSummary:
		m.Summary.append(from)
	case pmetric.MetricTypeHistogram:
		m.Histogram.append(from)
	case pmetric.MetricTypeExponentialHistogram:
		m.ExponentialHistogram.append(from)
	default:
		if m.Untyped == 0 {
			m.FirstUntyped = from.metric.Name()
		}
		m.Untyped++
	}
}

// Reset empties the blocks and keeps their memory.
func (m *Metrics) Reset() {
	for _, kind := range MetricTypes() {
		m.Block(kind).Reset()
	}
	m.Untyped, m.FirstUntyped = 0, ""
	// The counts go on, so that they differ from those of what was appended before.
	m.from = origin{resource: m.from.resource, scope: m.from.scope}
}
