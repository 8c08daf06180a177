// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package rows

import (
	"github.com/ClickHouse/ch-go/proto"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

// origin is what the data points of one metric share.
type origin struct {
	resourceMetrics pmetric.ResourceMetrics
	scopeMetrics    pmetric.ScopeMetrics
	metric          pmetric.Metric

	service         string
	resource, scope sortedAttributes
}

// forget lets go of the metric, and keeps the memory of the attributes.
func (o *origin) forget() {
	o.resource.forget()
	o.scope.forget()
	*o = origin{resource: o.resource, scope: o.scope}
}

// points is the columns with which every metric table begins.
type points struct {
	resourceAttributes *attributes
	resourceSchemaURL  proto.ColStr
	scopeName          proto.ColStr
	scopeVersion       proto.ColStr
	scopeAttributes    *attributes
	scopeDropped       proto.ColUInt32
	scopeSchemaURL     proto.ColStr
	serviceName        *proto.ColLowCardinality[string]
	metricName         *proto.ColLowCardinality[string]
	metricDescription  proto.ColStr
	metricUnit         proto.ColStr
	attributes         *attributes
	startTime          pointTimes
	time               pointTimes
}

func newPoints() points {
	return points{
		resourceAttributes: newAttributes(),
		scopeAttributes:    newAttributes(),
		serviceName:        newLowCardinality(),
		metricName:         newLowCardinality(),
		attributes:         newAttributes(),
	}
}

func (p *points) input() proto.Input {
	return proto.Input{
		{Name: "ResourceAttributes", Data: p.resourceAttributes},
		{Name: "ResourceSchemaUrl", Data: &p.resourceSchemaURL},
		{Name: "ScopeName", Data: &p.scopeName},
		{Name: "ScopeVersion", Data: &p.scopeVersion},
		{Name: "ScopeAttributes", Data: p.scopeAttributes},
		{Name: "ScopeDroppedAttrCount", Data: &p.scopeDropped},
		{Name: "ScopeSchemaUrl", Data: &p.scopeSchemaURL},
		{Name: "ServiceName", Data: p.serviceName},
		{Name: "MetricName", Data: p.metricName},
		{Name: "MetricDescription", Data: &p.metricDescription},
		{Name: "MetricUnit", Data: &p.metricUnit},
		{Name: "Attributes", Data: p.attributes},
		{Name: "StartTimeUnix", Data: &p.startTime},
		{Name: "TimeUnix", Data: &p.time},
	}
}

// append adds what the point shares with others, its attributes and its times.
func (p *points) append(from *origin, own pcommon.Map, start, end pcommon.Timestamp, corrected *Corrections) {
	scope := from.scopeMetrics.Scope()
	p.resourceAttributes.appendSorted(from.resource)
	p.resourceSchemaURL.Append(from.resourceMetrics.SchemaUrl())
	p.scopeName.Append(scope.Name())
	p.scopeVersion.Append(scope.Version())
	p.scopeAttributes.appendSorted(from.scope)
	p.scopeDropped.Append(scope.DroppedAttributesCount())
	p.scopeSchemaURL.Append(from.scopeMetrics.SchemaUrl())
	p.serviceName.Append(from.service)
	p.metricName.Append(from.metric.Name())
	p.metricDescription.Append(from.metric.Description())
	p.metricUnit.Append(from.metric.Unit())
	p.attributes.append(own)
	p.startTime.append(start, corrected)
	p.time.append(end, corrected)
}

// exemplars is the columns of the Nested Exemplars.
type exemplars struct {
	filtered *attributes
	time     *pointTimes
	value    *proto.ColFloat64
	spanID   *proto.ColStr
	traceID  *proto.ColStr

	maps, times, values, spanIDs, traceIDs array
}

func newExemplars() exemplars {
	e := exemplars{
		filtered: newAttributes(),
		time:     new(pointTimes),
		value:    new(proto.ColFloat64),
		spanID:   new(proto.ColStr),
		traceID:  new(proto.ColStr),
	}
	e.maps.elements, e.times.elements, e.values.elements = e.filtered, e.time, e.value
	e.spanIDs.elements, e.traceIDs.elements = e.spanID, e.traceID
	return e
}

func (e *exemplars) input() proto.Input {
	return proto.Input{
		{Name: "Exemplars.FilteredAttributes", Data: &e.maps},
		{Name: "Exemplars.TimeUnix", Data: &e.times},
		{Name: "Exemplars.Value", Data: &e.values},
		{Name: "Exemplars.SpanId", Data: &e.spanIDs},
		{Name: "Exemplars.TraceId", Data: &e.traceIDs},
	}
}

// append adds the exemplars of one point. IDs that are not set are written as
// zeros here, unlike those of spans and log records: so does the exporter
// whose tables these are.
func (e *exemplars) append(slice pmetric.ExemplarSlice, corrected *Corrections) {
	for _, exemplar := range slice.All() {
		spanID, traceID := exemplar.SpanID(), exemplar.TraceID()
		e.filtered.append(exemplar.FilteredAttributes())
		e.time.append(exemplar.Timestamp(), corrected)
		e.value.Append(exemplarValue(exemplar))
		appendHex(e.spanID, spanID[:])
		appendHex(e.traceID, traceID[:])
	}
	endRows(&e.maps, &e.times, &e.values, &e.spanIDs, &e.traceIDs)
}

// exemplarValue is the exemplar's value, or 0 where it has none.
func exemplarValue(exemplar pmetric.Exemplar) float64 {
	switch exemplar.ValueType() {
	case pmetric.ExemplarValueTypeInt:
		return float64(exemplar.IntValue())
	case pmetric.ExemplarValueTypeDouble:
		return exemplar.DoubleValue()
	default:
		return 0
	}
}

// numberValue is the point's value, or 0 where it has none.
func numberValue(point pmetric.NumberDataPoint) float64 {
	switch point.ValueType() {
	case pmetric.NumberDataPointValueTypeInt:
		return float64(point.IntValue())
	case pmetric.NumberDataPointValueTypeDouble:
		return point.DoubleValue()
	default:
		return 0
	}
}

// appendCounts adds one row to an Array(UInt64) column.
func appendCounts(c *array, elements *proto.ColUInt64, counts pcommon.UInt64Slice) {
	for _, count := range counts.All() {
		elements.Append(count)
	}
	c.endRow()
}

// appendBounds adds one row to an Array(Float64) column.
func appendBounds(c *array, elements *proto.ColFloat64, bounds pcommon.Float64Slice) {
	for _, bound := range bounds.All() {
		elements.Append(bound)
	}
	c.endRow()
}
