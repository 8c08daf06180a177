// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package sampledata

import (
	"fmt"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

// perResource is how many rows a batch has of one pod, at most.
const perResource = 256

// share calls fill with the number of rows of each pod, of n in all.
func share(n int, fill func(service string, n int)) {
	for i := 0; n > 0; i++ {
		rows := min(n, perResource)
		fill(services[i%len(services)], rows)
		n -= rows
	}
}

// Traces makes a batch of n spans.
func (g *Generator) Traces(n int) ptrace.Traces {
	traces := ptrace.NewTraces()
	share(n, func(service string, n int) {
		resource := traces.ResourceSpans().AppendEmpty()
		g.resource(resource.Resource().Attributes(), service)
		scope := resource.ScopeSpans().AppendEmpty()
		scope.Scope().SetName("go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp")
		scope.Scope().SetVersion("0.63.0")
		scope.Spans().EnsureCapacity(n)
		for range n {
			g.span(scope.Spans().AppendEmpty())
		}
	})
	return traces
}

func (g *Generator) span(span ptrace.Span) {
	span.SetTraceID(g.traceID())
	span.SetSpanID(g.spanID())
	if g.chance(90) {
		span.SetParentSpanID(g.spanID())
	}
	start := g.after()
	span.SetStartTimestamp(pcommon.NewTimestampFromTime(start))
	span.SetEndTimestamp(pcommon.NewTimestampFromTime(start.Add(g.duration())))
	switch attributes := span.Attributes(); g.random.IntN(8) {
	case 0, 1, 2:
		span.SetKind(ptrace.SpanKindServer)
		span.SetName(g.server(attributes))
	case 3, 4:
		span.SetKind(ptrace.SpanKindClient)
		span.SetName(g.client(attributes))
	case 5, 6:
		span.SetKind(ptrace.SpanKindClient)
		span.SetName(g.database(attributes))
	default:
		span.SetKind(ptrace.SpanKindProducer)
		span.SetName(g.messaging(attributes))
		link := span.Links().AppendEmpty()
		link.SetTraceID(g.traceID())
		link.SetSpanID(g.spanID())
	}
	g.tail(span.Attributes())
	if g.chance(4) {
		span.Status().SetCode(ptrace.StatusCodeError)
		span.Status().SetMessage("upstream timed out: " + g.sentence())
		event := span.Events().AppendEmpty()
		event.SetName("exception")
		event.SetTimestamp(span.EndTimestamp())
		event.Attributes().PutStr("exception.type", "*net.OpError")
		event.Attributes().PutStr("exception.message", g.sentence())
	}
}

// Logs makes a batch of n records.
func (g *Generator) Logs(n int) plog.Logs {
	logs := plog.NewLogs()
	share(n, func(service string, n int) {
		resource := logs.ResourceLogs().AppendEmpty()
		g.resource(resource.Resource().Attributes(), service)
		scope := resource.ScopeLogs().AppendEmpty()
		scope.Scope().SetName("go.opentelemetry.io/contrib/bridges/otelslog")
		scope.Scope().SetVersion("0.13.0")
		scope.LogRecords().EnsureCapacity(n)
		for range n {
			g.record(scope.LogRecords().AppendEmpty())
		}
	})
	return logs
}

func (g *Generator) record(record plog.LogRecord) {
	now := pcommon.NewTimestampFromTime(g.after())
	record.SetTimestamp(now)
	record.SetObservedTimestamp(now)
	record.SetSeverityNumber(plog.SeverityNumberInfo)
	record.SetSeverityText("INFO")
	if g.chance(10) {
		record.SetSeverityNumber(plog.SeverityNumberError)
		record.SetSeverityText("ERROR")
	}
	if g.chance(70) {
		record.SetTraceID(g.traceID())
		record.SetSpanID(g.spanID())
	}
	record.Body().SetStr(g.sentence())
	attributes := record.Attributes()
	attributes.PutStr("code.function.name", "shop/internal/"+g.pick(words)+".Handle")
	attributes.PutStr("code.file.path", "/src/internal/"+g.pick(words)+"/handler.go")
	attributes.PutInt("code.line.number", int64(g.random.IntN(900)))
	if g.chance(50) {
		g.client(attributes)
	} else {
		g.database(attributes)
	}
	g.tail(attributes)
}

// Metrics makes a batch of n data points of one type.
func (g *Generator) Metrics(kind pmetric.MetricType, n int) pmetric.Metrics {
	metrics := pmetric.NewMetrics()
	share(n, func(service string, n int) {
		resource := metrics.ResourceMetrics().AppendEmpty()
		g.resource(resource.Resource().Attributes(), service)
		scope := resource.ScopeMetrics().AppendEmpty()
		scope.Scope().SetName("github.com/shop/metrics")
		const each = 8 // points a metric
		for i := 0; i < n; i += each {
			metric := scope.Metrics().AppendEmpty()
			metric.SetName(fmt.Sprintf("shop.%s.%s", words[i/each%len(words)], "duration"))
			metric.SetDescription("How long it took, by route and status.")
			metric.SetUnit("s")
			for range min(each, n-i) {
				g.point(metric, kind)
			}
		}
	})
	return metrics
}
