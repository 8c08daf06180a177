// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package rowstest

import (
	"math"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

var (
	traceID = pcommon.TraceID{0x4b, 0xf9, 0x2f, 0x35, 0x77, 0xb3, 0x4d, 0xa6, 0xa3, 0xce, 0x92, 0x9d, 0x0e, 0x0e, 0x47, 0x36}
	spanID  = pcommon.SpanID{0x00, 0xf0, 0x67, 0xaa, 0x0b, 0xa9, 0x02, 0xb7}
)

// at is a time that differs in its nanoseconds from every coarser one.
func at(seconds int) pcommon.Timestamp {
	return pcommon.NewTimestampFromTime(time.Date(2026, 3, 1, 12, 0, seconds, 123456789, time.UTC))
}

// Traces is spans with everything set, with nothing set, with invalid enums,
// that end before they start, and of a resource without a service name.
func Traces() ptrace.Traces {
	traces := ptrace.NewTraces()
	resource := traces.ResourceSpans().AppendEmpty()
	putResource(resource.Resource())
	scope := resource.ScopeSpans().AppendEmpty()
	putScope(scope.Scope())

	full := scope.Spans().AppendEmpty()
	full.SetTraceID(traceID)
	full.SetSpanID(spanID)
	full.SetParentSpanID(pcommon.SpanID{1})
	full.TraceState().FromRaw("vendor=1,other=2")
	full.SetName("POST /checkout")
	full.SetKind(ptrace.SpanKindServer)
	full.SetStartTimestamp(at(0))
	full.SetEndTimestamp(at(1) + 1)
	full.Status().SetCode(ptrace.StatusCodeError)
	full.Status().SetMessage("declined ✗")
	putEveryType(full.Attributes())
	for i := range 2 {
		event := full.Events().AppendEmpty()
		event.SetTimestamp(at(i))
		event.SetName("fathom.file.fsync")
		event.Attributes().PutInt("fathom.duration", int64(i))
		event.Attributes().PutStr("file.path", "/var/lib/shop/wal")
	}
	full.Events().AppendEmpty()
	link := full.Links().AppendEmpty()
	link.SetTraceID(traceID)
	link.SetSpanID(spanID)
	link.TraceState().FromRaw("linked=1")
	link.Attributes().PutStr("k", "v")
	full.Links().AppendEmpty()

	scope.Spans().AppendEmpty()

	backwards := scope.Spans().AppendEmpty()
	backwards.SetName("ends before it starts")
	backwards.SetKind(ptrace.SpanKind(99))
	backwards.Status().SetCode(ptrace.StatusCode(99))
	backwards.SetStartTimestamp(at(1))
	backwards.SetEndTimestamp(at(0))

	bare := traces.ResourceSpans().AppendEmpty().ScopeSpans().AppendEmpty().Spans().AppendEmpty()
	bare.SetName("no resource, no scope")
	bare.SetKind(ptrace.SpanKindClient)
	bare.SetStartTimestamp(at(2))
	bare.SetEndTimestamp(at(2))
	traces.ResourceSpans().AppendEmpty().ScopeSpans().AppendEmpty()
	return traces
}

// Logs is records with everything set, with nothing set, with structured
// bodies, with invalid severities and with an observed time only.
func Logs() plog.Logs {
	logs := plog.NewLogs()
	resource := logs.ResourceLogs().AppendEmpty()
	resource.SetSchemaUrl("https://opentelemetry.io/schemas/1.40.0")
	putResource(resource.Resource())
	scope := resource.ScopeLogs().AppendEmpty()
	scope.SetSchemaUrl("https://opentelemetry.io/schemas/1.39.0")
	putScope(scope.Scope())

	full := scope.LogRecords().AppendEmpty()
	full.SetTimestamp(at(0))
	full.SetObservedTimestamp(at(9))
	full.SetTraceID(traceID)
	full.SetSpanID(spanID)
	full.SetFlags(plog.LogRecordFlags(0xffffff01))
	full.SetSeverityText("INFO")
	full.SetSeverityNumber(plog.SeverityNumberInfo)
	full.Body().SetStr("paid\x00 \"twice\"\n✓")
	full.SetEventName("fathom.file.fsync")
	putEveryType(full.Attributes())

	scope.LogRecords().AppendEmpty()

	observed := scope.LogRecords().AppendEmpty()
	observed.SetObservedTimestamp(at(3))
	observed.SetSeverityNumber(plog.SeverityNumber(-1))
	observed.Body().SetEmptyMap().PutEmptySlice("list").AppendEmpty().SetInt(1)

	wild := logs.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords().AppendEmpty()
	wild.SetTimestamp(at(4))
	wild.SetSeverityNumber(plog.SeverityNumber(256 + 9))
	wild.SetSeverityText("WILD")
	wild.Body().SetEmptyBytes().FromRaw([]byte{0, 1, 0xff})
	return logs
}

// Metrics is data points of all five kinds: with everything set, with nothing
// set, without a value, and with times that a DateTime cannot hold. It holds
// a metric without a type as well.
func Metrics() pmetric.Metrics {
	metrics := pmetric.NewMetrics()
	resource := metrics.ResourceMetrics().AppendEmpty()
	resource.SetSchemaUrl("https://opentelemetry.io/schemas/1.40.0")
	putResource(resource.Resource())
	scope := resource.ScopeMetrics().AppendEmpty()
	scope.SetSchemaUrl("https://opentelemetry.io/schemas/1.39.0")
	putScope(scope.Scope())
	scope.Scope().SetDroppedAttributesCount(3)

	gauge := newMetric(scope, "go.memory.used", "By").SetEmptyGauge()
	putNumbers(gauge.DataPoints())
	sum := newMetric(scope, "go.memory.allocated", "By").SetEmptySum()
	sum.SetIsMonotonic(true)
	sum.SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
	putNumbers(sum.DataPoints())
	wild := newMetric(scope, "invalid temporality", "").SetEmptySum()
	wild.SetAggregationTemporality(pmetric.AggregationTemporality(99))
	wild.DataPoints().AppendEmpty()
	putHistogram(newMetric(scope, "http.server.request.duration", "s").SetEmptyHistogram())
	putExponential(newMetric(scope, "go.schedule.duration", "s").SetEmptyExponentialHistogram())
	putSummary(newMetric(scope, "legacy", "s").SetEmptySummary())
	scope.Metrics().AppendEmpty().SetName("no type")
	newMetric(scope, "no points", "").SetEmptyGauge()

	bare := metrics.ResourceMetrics().AppendEmpty().ScopeMetrics().AppendEmpty().Metrics().AppendEmpty()
	bare.SetEmptyGauge().DataPoints().AppendEmpty().SetTimestamp(at(5))
	return metrics
}

func putResource(resource pcommon.Resource) {
	attributes := resource.Attributes()
	attributes.PutStr("service.name", "checkout")
	attributes.PutInt("process.pid", 4711)
	attributes.PutStr("k8s.pod.name", "checkout-7d9")
	attributes.PutStr("a.first", "sorted before the others")
}

func putScope(scope pcommon.InstrumentationScope) {
	scope.SetName("github.com/fathom-otel/fathom/receiver/ebpfreceiver")
	scope.SetVersion("0.1.0")
	scope.Attributes().PutStr("z", "last")
	scope.Attributes().PutBool("a", true)
}

func putEveryType(attributes pcommon.Map) {
	attributes.PutStr("string", "ä \"quoted\"")
	attributes.PutStr("", "empty key")
	attributes.PutStr("empty value", "")
	attributes.PutInt("int", math.MinInt64)
	attributes.PutDouble("double", 1.5e-7)
	attributes.PutDouble("whole double", 3)
	attributes.PutBool("bool", true)
	attributes.PutEmptyBytes("bytes").FromRaw([]byte{1, 2, 3})
	attributes.PutEmptySlice("slice").AppendEmpty().SetStr("x")
	attributes.PutEmptyMap("map").PutInt("nested", 1)
	attributes.PutEmpty("nil")
}

func newMetric(scope pmetric.ScopeMetrics, name, unit string) pmetric.Metric {
	metric := scope.Metrics().AppendEmpty()
	metric.SetName(name)
	metric.SetDescription("describes " + name)
	metric.SetUnit(unit)
	return metric
}

func putNumbers(points pmetric.NumberDataPointSlice) {
	integer := points.AppendEmpty()
	integer.SetStartTimestamp(at(0))
	integer.SetTimestamp(at(1))
	integer.SetIntValue(42)
	putEveryType(integer.Attributes())
	putExemplars(integer.Exemplars())

	double := points.AppendEmpty()
	double.SetTimestamp(at(2))
	double.SetDoubleValue(math.Inf(-1))
	double.SetFlags(pmetric.DefaultDataPointFlags.WithNoRecordedValue(true))

	late := points.AppendEmpty()
	late.SetTimestamp(math.MaxUint64)
}

func putExemplars(exemplars pmetric.ExemplarSlice) {
	full := exemplars.AppendEmpty()
	full.SetTimestamp(at(1))
	full.SetDoubleValue(0.25)
	full.SetTraceID(traceID)
	full.SetSpanID(spanID)
	full.FilteredAttributes().PutStr("user", "42")
	full.FilteredAttributes().PutStr("a", "b")
	exemplars.AppendEmpty().SetIntValue(-7)
	exemplars.AppendEmpty()
}

func putHistogram(histogram pmetric.Histogram) {
	histogram.SetAggregationTemporality(pmetric.AggregationTemporalityDelta)
	full := histogram.DataPoints().AppendEmpty()
	full.SetStartTimestamp(at(0))
	full.SetTimestamp(at(1))
	full.SetCount(6)
	full.SetSum(12.5)
	full.SetMin(0.5)
	full.SetMax(9)
	full.BucketCounts().FromRaw([]uint64{1, 2, 3, math.MaxUint64})
	full.ExplicitBounds().FromRaw([]float64{0.1, 1, 10})
	full.Attributes().PutStr("http.route", "/checkout")
	putExemplars(full.Exemplars())
	histogram.DataPoints().AppendEmpty().SetTimestamp(at(2))
}

func putExponential(histogram pmetric.ExponentialHistogram) {
	histogram.SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
	full := histogram.DataPoints().AppendEmpty()
	full.SetStartTimestamp(at(0))
	full.SetTimestamp(at(1))
	full.SetCount(10)
	full.SetSum(-1.5)
	full.SetScale(-3)
	full.SetZeroCount(2)
	full.SetMin(-4)
	full.SetMax(8)
	full.Positive().SetOffset(-2)
	full.Positive().BucketCounts().FromRaw([]uint64{1, 0, 4})
	full.Negative().SetOffset(5)
	full.Negative().BucketCounts().FromRaw([]uint64{3})
	full.Attributes().PutStr("http.route", "/checkout")
	putExemplars(full.Exemplars())
	histogram.DataPoints().AppendEmpty().SetTimestamp(at(2))
}

func putSummary(summary pmetric.Summary) {
	full := summary.DataPoints().AppendEmpty()
	full.SetStartTimestamp(at(0))
	full.SetTimestamp(at(1))
	full.SetCount(3)
	full.SetSum(4.5)
	for _, quantile := range []float64{0, 0.5, 1} {
		value := full.QuantileValues().AppendEmpty()
		value.SetQuantile(quantile)
		value.SetValue(quantile * 10)
	}
	full.Attributes().PutStr("k", "v")
	full.SetFlags(1)
	summary.DataPoints().AppendEmpty().SetTimestamp(at(2))
}
