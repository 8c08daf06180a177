// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package rows_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/ClickHouse/ch-go/compress"
	"github.com/ClickHouse/ch-go/proto"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/fathom-otel/fathom/exporter/clickhouseexporter/internal/rows"
)

// batch is the rows of one block in the benchmarks.
const batch = 8192

// The benchmarks measure what a block costs from pdata to compressed bytes;
// ns/op and allocs/op are per block of 8192 rows, ns/row per row.

func BenchmarkTraces(b *testing.B) {
	traces := ptrace.NewTraces()
	resource := traces.ResourceSpans().AppendEmpty()
	fillResource(resource.Resource().Attributes())
	spans := resource.ScopeSpans().AppendEmpty().Spans()
	for i := range batch {
		span := spans.AppendEmpty()
		span.SetTraceID(pcommon.TraceID{byte(i), byte(i >> 8), 1})
		span.SetSpanID(pcommon.SpanID{byte(i), byte(i >> 8), 2})
		span.SetName("GET /cart")
		span.SetKind(ptrace.SpanKindServer)
		span.SetStartTimestamp(pcommon.Timestamp(i) * 1000)
		span.SetEndTimestamp(pcommon.Timestamp(i)*1000 + 999)
		fillRequest(span.Attributes(), i)
	}
	block := rows.NewTraces()
	measure(b, func() proto.Input {
		block.Reset()
		block.Append(traces)
		return block.Input()
	})
}

func BenchmarkLogs(b *testing.B) {
	logs := plog.NewLogs()
	resource := logs.ResourceLogs().AppendEmpty()
	fillResource(resource.Resource().Attributes())
	records := resource.ScopeLogs().AppendEmpty().LogRecords()
	for i := range batch {
		record := records.AppendEmpty()
		record.SetTimestamp(pcommon.NewTimestampFromTime(time.Unix(1, int64(i))))
		record.SetTraceID(pcommon.TraceID{byte(i), byte(i >> 8), 1})
		record.SetSeverityText("INFO")
		record.Body().SetStr(fmt.Sprint("order ", i, " was paid"))
		fillRequest(record.Attributes(), i)
	}
	block := rows.NewLogs()
	measure(b, func() proto.Input {
		block.Reset()
		block.Append(logs)
		return block.Input()
	})
}

func BenchmarkMetrics(b *testing.B) {
	for kind, points := range map[string]func(pmetric.Metric, int){
		"gauge": func(m pmetric.Metric, i int) {
			point := m.SetEmptyGauge().DataPoints().AppendEmpty()
			point.SetIntValue(int64(i))
			fillRequest(point.Attributes(), i)
		},
		"histogram": func(m pmetric.Metric, i int) {
			point := m.SetEmptyHistogram().DataPoints().AppendEmpty()
			point.BucketCounts().FromRaw([]uint64{1, 2, 3, 4, 5})
			point.ExplicitBounds().FromRaw([]float64{0.1, 0.5, 1, 5})
			fillRequest(point.Attributes(), i)
		},
	} {
		b.Run(kind, func(b *testing.B) {
			metrics := pmetric.NewMetrics()
			resource := metrics.ResourceMetrics().AppendEmpty()
			fillResource(resource.Resource().Attributes())
			scope := resource.ScopeMetrics().AppendEmpty()
			for i := range batch {
				metric := scope.Metrics().AppendEmpty()
				metric.SetName("http.server.request.duration")
				points(metric, i)
			}
			block := rows.NewMetrics()
			measure(b, func() proto.Input {
				block.Reset()
				block.Append(metrics)
				if kind == "gauge" {
					return block.Gauge.Input()
				}
				return block.Histogram.Input()
			})
		})
	}
}

func measure(b *testing.B, fill func() proto.Input) {
	var buffer proto.Buffer
	compressor := compress.NewWriter(0, compress.LZ4)
	b.ReportAllocs()
	for b.Loop() {
		input := rows.Split(fill(), rows.MaxBlock)[0]
		buffer.Reset()
		block := proto.Block{Columns: len(input), Rows: input[0].Data.Rows()}
		require.NoError(b, block.EncodeBlock(&buffer, proto.Version, input))
		require.NoError(b, compressor.Compress(buffer.Buf))
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/batch, "ns/row")
	b.ReportMetric(float64(len(buffer.Buf))/batch, "B/row")
}

func fillResource(attributes pcommon.Map) {
	attributes.PutStr("service.name", "checkout")
	attributes.PutInt("process.pid", 4711)
	attributes.PutStr("process.executable.path", "/opt/shop/checkout")
	attributes.PutStr("host.name", "node-1")
}

func fillRequest(attributes pcommon.Map, i int) {
	attributes.PutStr("http.request.method", "GET")
	attributes.PutStr("http.route", "/cart")
	attributes.PutInt("http.response.status_code", 200)
	attributes.PutInt("fathom.time.on_cpu", int64(i))
	attributes.PutStr("fathom.time.dominant", "on_cpu")
}
