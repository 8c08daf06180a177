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

	service string
	// resource and scope count from 1: a block that had points of this one
	// before has encoded it.
	resource, scope int
}

// points is the columns with which every metric table begins.
type points struct {
	resourceAttributes *repeatedAttributes
	resourceSchemaURL  repeatedText
	scopeName          repeatedText
	scopeVersion       repeatedText
	scopeAttributes    *repeatedAttributes
	scopeDropped       uint32s
	scopeSchemaURL     repeatedText
	serviceName        *lowCardinality
	metricName         *lowCardinality
	metricDescription  repeatedText
	metricUnit         repeatedText
	attributes         *attributes
	startTime          pointTimes
	time               pointTimes

	// resource and scope are those of the last points.
	resource, scope int
}

func newPoints() points {
	return points{
		resourceAttributes: newRepeatedAttributes(),
		scopeAttributes:    newRepeatedAttributes(),
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

// share adds what n points of a metric share.
func (p *points) share(from *origin, n int) {
	if n == 0 {
		return
	}
	scope := from.scopeMetrics.Scope()
	if p.resource != from.resource {
		p.resource = from.resource
		p.resourceAttributes.set(from.resourceMetrics.Resource().Attributes())
		p.resourceSchemaURL.set(from.resourceMetrics.SchemaUrl())
	}
	if p.scope != from.scope {
		p.scope = from.scope
		p.scopeName.set(scope.Name())
		p.scopeVersion.set(scope.Version())
		p.scopeAttributes.set(scope.Attributes())
		p.scopeSchemaURL.set(from.scopeMetrics.SchemaUrl())
	}
	p.metricDescription.set(from.metric.Description())
	p.metricUnit.set(from.metric.Unit())

	p.resourceAttributes.repeat(n)
	p.resourceSchemaURL.repeat(n)
	p.scopeName.repeat(n)
	p.scopeVersion.repeat(n)
	p.scopeAttributes.repeat(n)
	p.scopeDropped.repeat(scope.DroppedAttributesCount(), n)
	p.scopeSchemaURL.repeat(n)
	p.serviceName.repeat(from.service, n)
	p.metricName.repeat(from.metric.Name(), n)
	p.metricDescription.repeat(n)
	p.metricUnit.repeat(n)
}

// append adds a point's attributes and its times.
func (p *points) append(own pcommon.Map, start, end pcommon.Timestamp, corrected *Corrections) {
	p.attributes.append(own)
	p.startTime.append(start, corrected)
	p.time.append(end, corrected)
}

// exemplars is the columns of the Nested Exemplars.
type exemplars struct {
	filtered *attributes
	time     pointTimes
	value    float64s
	spanID   text
	traceID  text

	arrays []array
}

func newExemplars() *exemplars {
	e := &exemplars{filtered: newAttributes()}
	e.arrays = nested(e.filtered, &e.time, &e.value, &e.spanID, &e.traceID)
	return e
}

func (e *exemplars) input() proto.Input {
	return proto.Input{
		{Name: "Exemplars.FilteredAttributes", Data: &e.arrays[0]},
		{Name: "Exemplars.TimeUnix", Data: &e.arrays[1]},
		{Name: "Exemplars.Value", Data: &e.arrays[2]},
		{Name: "Exemplars.SpanId", Data: &e.arrays[3]},
		{Name: "Exemplars.TraceId", Data: &e.arrays[4]},
	}
}

// append adds the exemplars of one point. IDs that are not set are written as
// zeros here, unlike those of spans and log records: so does the exporter
// whose tables these are.
func (e *exemplars) append(slice pmetric.ExemplarSlice, corrected *Corrections) {
	for i := range slice.Len() {
		exemplar := slice.At(i)
		spanID, traceID := exemplar.SpanID(), exemplar.TraceID()
		e.filtered.append(exemplar.FilteredAttributes())
		e.time.append(exemplar.Timestamp(), corrected)
		e.value.append(exemplarValue(exemplar))
		e.spanID.appendHex(spanID[:])
		e.traceID.appendHex(traceID[:])
	}
	e.arrays[0].endRow()
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

// countArrays is an Array(UInt64) column.
type countArrays struct {
	array
	counts uint64s
}

func newCountArrays() *countArrays {
	c := new(countArrays)
	c.array = nested(&c.counts)[0]
	return c
}

// append adds one row.
func (c *countArrays) append(counts pcommon.UInt64Slice) {
	for i := range counts.Len() {
		c.counts.append(counts.At(i))
	}
	c.endRow()
}
