// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package compat

import (
	"fmt"
	"math"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

func kinds() []pmetric.MetricType {
	return []pmetric.MetricType{
		pmetric.MetricTypeGauge, pmetric.MetricTypeSum, pmetric.MetricTypeSummary, pmetric.MetricTypeHistogram,
		pmetric.MetricTypeExponentialHistogram,
	}
}

// at is a time that differs in its nanoseconds from every coarser one.
func at(seconds int) pcommon.Timestamp {
	return pcommon.NewTimestampFromTime(time.Date(2026, 3, 1, 12, 0, seconds, 123456789, time.UTC))
}

// everything is data in which each field is set, and is not, and resources and
// scopes without rows among those that have some; all of it is what contrib's
// exporter stores as it came.
func everything() batch {
	traces, logs := ptrace.NewTraces(), plog.NewLogs()
	for n := range 4 {
		resource := traces.ResourceSpans().AppendEmpty()
		fillResource(resource.Resource(), n)
		fillSpans(resource, n)
		records := logs.ResourceLogs().AppendEmpty()
		fillResource(records.Resource(), n)
		fillRecords(records, n)
	}
	data := batch{traces: []ptrace.Traces{traces}, logs: []plog.Logs{logs}}
	metrics := pmetric.NewMetrics()
	for n := range 4 {
		resource := metrics.ResourceMetrics().AppendEmpty()
		resource.SetSchemaUrl(fmt.Sprint("resource schema ", n/2))
		fillResource(resource.Resource(), n)
		for range n {
			scope := resource.ScopeMetrics().AppendEmpty()
			scope.SetSchemaUrl(fmt.Sprint("scope schema ", n))
			fillScope(scope.Scope(), n)
			fillMetrics(scope, n)
		}
	}
	data.metrics = append(data.metrics, metrics)
	data.profiles = append(data.profiles, stacks())
	return data
}

// forJSON is the data that goes into JSON columns, without the numbers that JSON
// does not have.
func forJSON(data batch) batch {
	data.metrics, data.profiles = nil, nil
	drop := func(m pcommon.Map) { m.Remove("infinite") }
	for _, traces := range data.traces {
		for _, resource := range traces.ResourceSpans().All() {
			for _, scope := range resource.ScopeSpans().All() {
				for _, span := range scope.Spans().All() {
					drop(span.Attributes())
					for _, event := range span.Events().All() {
						drop(event.Attributes())
					}
					for _, link := range span.Links().All() {
						drop(link.Attributes())
					}
				}
			}
		}
	}
	for _, logs := range data.logs {
		for _, resource := range logs.ResourceLogs().All() {
			for _, scope := range resource.ScopeLogs().All() {
				for _, record := range scope.LogRecords().All() {
					drop(record.Attributes())
				}
			}
		}
	}
	return data
}

func fillResource(resource pcommon.Resource, n int) {
	attributes := resource.Attributes()
	attributes.PutInt("process.pid", int64(n))
	if n != 2 {
		attributes.PutStr("service.name", fmt.Sprint("service ", n))
	}
	attributes.PutStr("a", "before the others")
	attributes.PutStr(fmt.Sprint("only of ", n), "")
}

func fillScope(scope pcommon.InstrumentationScope, n int) {
	scope.SetName(fmt.Sprint("scope ", n))
	scope.SetVersion(fmt.Sprint("v", n))
	scope.SetDroppedAttributesCount(uint32(n))
	scope.Attributes().PutBool("z", true)
	scope.Attributes().PutStr("a", "")
}

// fillAttributes puts a value of each type.
func fillAttributes(a pcommon.Map, n int) {
	if n == 0 {
		return
	}
	a.PutStr("string", "ä \"quoted\" \x00 \xff")
	a.PutStr("", "empty key")
	a.PutStr("empty value", "")
	a.PutInt("int", math.MinInt64)
	a.PutDouble("double", 1.5e-7)
	a.PutDouble("infinite", math.Inf(-1))
	a.PutBool("bool", true)
	a.PutEmptyBytes("bytes").FromRaw([]byte{1, 2, 3, byte(n)})
	a.PutEmptySlice("slice").AppendEmpty().SetStr("x<&>")
	a.PutEmptyMap("map").PutInt("nested", int64(n))
	a.PutEmpty("nil")
	a.PutStr("long", string(make([]byte, 1000*n)))
}

func fillSpans(resource ptrace.ResourceSpans, n int) {
	for scopes := range n {
		scope := resource.ScopeSpans().AppendEmpty()
		fillScope(scope.Scope(), scopes)
		for i := range 3 * scopes {
			span := scope.Spans().AppendEmpty()
			if i == 0 {
				continue
			}
			span.SetTraceID(pcommon.TraceID{1, 2, byte(n)})
			span.SetSpanID(pcommon.SpanID{1, byte(i)})
			span.SetParentSpanID(pcommon.SpanID{2})
			span.TraceState().FromRaw("vendor=1")
			span.SetName(fmt.Sprint("span ", i%2))
			span.SetKind(ptrace.SpanKind(i % 7))
			span.SetStartTimestamp(at(i))
			span.SetEndTimestamp(at(i) + pcommon.Timestamp(n))
			span.Status().SetCode(ptrace.StatusCode(i % 4))
			span.Status().SetMessage("said")
			fillAttributes(span.Attributes(), i%3)
			for range i {
				event := span.Events().AppendEmpty()
				event.SetName(fmt.Sprint("event ", i))
				event.SetTimestamp(at(i))
				fillAttributes(event.Attributes(), i%2)
				link := span.Links().AppendEmpty()
				link.SetTraceID(pcommon.TraceID{byte(i % 2)})
				link.SetSpanID(pcommon.SpanID{byte(i % 2)})
				link.TraceState().FromRaw("linked=1")
				fillAttributes(link.Attributes(), i%2)
			}
		}
	}
}

func fillRecords(resource plog.ResourceLogs, n int) {
	resource.SetSchemaUrl(fmt.Sprint("schema ", n))
	for scopes := range n {
		scope := resource.ScopeLogs().AppendEmpty()
		scope.SetSchemaUrl(fmt.Sprint("scope schema ", n))
		fillScope(scope.Scope(), scopes)
		for i := range 3 * scopes {
			record := scope.LogRecords().AppendEmpty()
			if i == 0 {
				continue
			}
			record.SetTimestamp(at(i) * pcommon.Timestamp(i%2))
			record.SetObservedTimestamp(at(9))
			record.SetTraceID(pcommon.TraceID{byte(i % 2)})
			record.SetSpanID(pcommon.SpanID{byte(i % 2)})
			record.SetFlags(plog.LogRecordFlags(0xffffff00 + uint32(i)))
			record.SetSeverityText(fmt.Sprint("severity ", i))
			record.SetSeverityNumber(plog.SeverityNumber(i))
			record.SetEventName(fmt.Sprint("event ", i%2))
			fillAttributes(record.Attributes(), i%3)
			switch i % 3 {
			case 0:
				record.Body().SetStr("paid\n")
			case 1:
				fillAttributes(record.Body().SetEmptyMap(), 1)
			}
		}
	}
}

// manyNames is a batch of spans that are all named differently.
func manyNames(n int) ptrace.Traces {
	traces := ptrace.NewTraces()
	spans := traces.ResourceSpans().AppendEmpty().ScopeSpans().AppendEmpty().Spans()
	spans.EnsureCapacity(n)
	for i := range n {
		span := spans.AppendEmpty()
		span.SetStartTimestamp(at(0))
		span.SetEndTimestamp(at(1))
		span.SetName(fmt.Sprint("name ", i))
		span.Attributes().PutInt(fmt.Sprint("key ", i), int64(i))
	}
	return traces
}
