// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package rowstest

import (
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

func (s *Script) resource(resource pcommon.Resource) {
	s.attributes(resource.Attributes())
	resource.SetDroppedAttributesCount(uint32(s.int()))
}

func (s *Script) scope(scope pcommon.InstrumentationScope) {
	scope.SetName(s.text())
	scope.SetVersion(s.text())
	s.attributes(scope.Attributes())
	scope.SetDroppedAttributesCount(uint32(s.int()))
}

// Traces is the script's spans.
func (s *Script) Traces() ptrace.Traces {
	traces := ptrace.NewTraces()
	for range s.upTo(4) {
		resource := traces.ResourceSpans().AppendEmpty()
		s.resource(resource.Resource())
		resource.SetSchemaUrl(s.text())
		for range s.upTo(3) {
			scope := resource.ScopeSpans().AppendEmpty()
			s.scope(scope.Scope())
			for range s.upTo(5) {
				s.span(scope.Spans().AppendEmpty())
			}
		}
	}
	return traces
}

func (s *Script) span(span ptrace.Span) {
	span.SetTraceID(s.id())
	span.SetSpanID(pcommon.SpanID(first8(s.id())))
	span.SetParentSpanID(pcommon.SpanID(first8(s.id())))
	span.TraceState().FromRaw(s.text())
	span.SetName(s.text())
	span.SetKind(ptrace.SpanKind(s.int()))
	span.SetStartTimestamp(s.time())
	span.SetEndTimestamp(s.time())
	if span.EndTimestamp() < span.StartTimestamp() {
		s.saw("reversed times")
	}
	span.Status().SetCode(ptrace.StatusCode(s.int()))
	span.Status().SetMessage(s.text())
	s.attributes(span.Attributes())
	for range s.upTo(3) {
		event := span.Events().AppendEmpty()
		event.SetTimestamp(s.time())
		event.SetName(s.text())
		s.attributes(event.Attributes())
	}
	for range s.upTo(3) {
		link := span.Links().AppendEmpty()
		link.SetTraceID(s.id())
		link.TraceState().FromRaw(s.text())
		s.attributes(link.Attributes())
	}
}

func first8(id [16]byte) [8]byte { return [8]byte(id[:8]) }

// Logs is the script's log records.
func (s *Script) Logs() plog.Logs {
	logs := plog.NewLogs()
	for range s.upTo(4) {
		resource := logs.ResourceLogs().AppendEmpty()
		s.resource(resource.Resource())
		resource.SetSchemaUrl(s.text())
		for range s.upTo(3) {
			scope := resource.ScopeLogs().AppendEmpty()
			s.scope(scope.Scope())
			scope.SetSchemaUrl(s.text())
			for range s.upTo(5) {
				record := scope.LogRecords().AppendEmpty()
				record.SetTimestamp(s.time())
				record.SetObservedTimestamp(s.time())
				record.SetTraceID(s.id())
				record.SetFlags(plog.LogRecordFlags(s.int()))
				record.SetSeverityNumber(plog.SeverityNumber(s.int()))
				record.SetSeverityText(s.text())
				record.SetEventName(s.text())
				s.value(record.Body())
				s.attributes(record.Attributes())
			}
		}
	}
	return logs
}

// Metrics is the script's data points.
func (s *Script) Metrics() pmetric.Metrics {
	metrics := pmetric.NewMetrics()
	for range s.upTo(4) {
		resource := metrics.ResourceMetrics().AppendEmpty()
		s.resource(resource.Resource())
		resource.SetSchemaUrl(s.text())
		for range s.upTo(3) {
			scope := resource.ScopeMetrics().AppendEmpty()
			s.scope(scope.Scope())
			for range s.upTo(6) {
				metric := scope.Metrics().AppendEmpty()
				metric.SetName(s.text())
				metric.SetDescription(s.text())
				metric.SetUnit(s.text())
				s.metric(metric)
			}
		}
	}
	return metrics
}

func (s *Script) metric(metric pmetric.Metric) {
	kind, points := s.upTo(6), s.upTo(4)
	if points == 0 {
		s.saw("metrics without points")
	}
	switch kind {
	case 0:
		s.saw("metrics without a type")
	case 1:
		s.numbers(metric.SetEmptyGauge().DataPoints(), points)
	case 2:
		sum := metric.SetEmptySum()
		sum.SetAggregationTemporality(pmetric.AggregationTemporality(s.int()))
		s.numbers(sum.DataPoints(), points)
	case 3:
		summary := metric.SetEmptySummary()
		for range points {
			point := summary.DataPoints().AppendEmpty()
			point.SetTimestamp(s.time())
			point.SetCount(uint64(s.int()))
			point.SetSum(s.float())
			s.attributes(point.Attributes())
			for range s.upTo(4) {
				value := point.QuantileValues().AppendEmpty()
				value.SetQuantile(s.float())
				value.SetValue(s.float())
			}
		}
	case 4:
		histogram := metric.SetEmptyHistogram()
		histogram.SetAggregationTemporality(pmetric.AggregationTemporality(s.int()))
		for range points {
			point := histogram.DataPoints().AppendEmpty()
			point.SetStartTimestamp(s.time())
			point.SetTimestamp(s.time())
			point.SetCount(uint64(s.int()))
			s.attributes(point.Attributes())
			for range s.upTo(4) {
				point.BucketCounts().Append(uint64(s.int()))
			}
			for range s.upTo(4) {
				point.ExplicitBounds().Append(s.float())
			}
			if n := point.BucketCounts().Len(); n > 0 && n != point.ExplicitBounds().Len()+1 {
				s.saw("buckets that do not fit their bounds")
			}
			s.exemplars(point.Exemplars())
		}
	case 5:
		histogram := metric.SetEmptyExponentialHistogram()
		for range points {
			point := histogram.DataPoints().AppendEmpty()
			point.SetTimestamp(s.time())
			point.SetScale(int32(s.int()))
			point.SetMin(s.float())
			point.Positive().SetOffset(int32(s.int()))
			point.Negative().SetOffset(int32(s.int()))
			if point.Negative().Offset() < 0 {
				s.saw("negative offsets")
			}
			for range s.upTo(4) {
				point.Negative().BucketCounts().Append(uint64(s.int()))
			}
			s.attributes(point.Attributes())
			s.exemplars(point.Exemplars())
		}
	}
}

func (s *Script) numbers(points pmetric.NumberDataPointSlice, n int) {
	for range n {
		point := points.AppendEmpty()
		point.SetStartTimestamp(s.time())
		point.SetTimestamp(s.time())
		switch s.upTo(3) {
		case 1:
			point.SetIntValue(s.int())
		case 2:
			point.SetDoubleValue(s.float())
		}
		point.SetFlags(pmetric.DataPointFlags(s.int()))
		s.attributes(point.Attributes())
		s.exemplars(point.Exemplars())
	}
}

func (s *Script) exemplars(exemplars pmetric.ExemplarSlice) {
	for range s.upTo(3) {
		exemplar := exemplars.AppendEmpty()
		exemplar.SetTimestamp(s.time())
		exemplar.SetDoubleValue(s.float())
		exemplar.SetTraceID(s.id())
		s.attributes(exemplar.FilteredAttributes())
	}
}
