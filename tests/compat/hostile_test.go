// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package compat

import (
	"context"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/fathom-otel/fathom/internal/enginetest"
)

// TestHostileDataIsStored sends data of every bad shape to a real engine, with each
// compression: no block is refused, and each row is there.
func TestHostileDataIsStored(t *testing.T) { inEachForm(t, hostileDataIsStored) }

func hostileDataIsStored(t *testing.T, form map[string]any) {
	engine := enginetest.Start(t)
	db := open(t, engine)
	sent := map[string]int{}
	for n, compress := range []string{"none", "lz4", "zstd"} {
		h := hostile{rand.New(rand.NewPCG(uint64(n), 9)), form["json"] == true}
		data := h.batch()
		start(t, fathom, engine, with(form, "compress", compress)).mustSend(t, data)
		sent["otel_traces"] += data.traces[0].SpanCount()
		sent["otel_logs"] += data.logs[0].LogRecordCount()
		for i, table := range tables()[2:7] {
			sent[table] += data.metrics[i].DataPointCount()
		}
		sent["otel_profiles"] += data.profiles[0].SampleCount()
	}
	for _, table := range tables() {
		var stored uint64
		require.NoError(t, db.QueryRow(context.Background(), "SELECT count() FROM otel."+table).Scan(&stored))
		assert.EqualValues(t, sent[table], stored, table)
		t.Logf("%-35s %d rows", table, stored)
	}
}

// hostile makes data that no SDK would send.
type hostile struct {
	*rand.Rand
	// few has few keys, and all times in one partition: in JSON the engine has a
	// column for each key in each of them, and some MiB for each column.
	few bool
}

func (h hostile) text() string {
	switch h.IntN(6) {
	case 0:
		return ""
	case 1:
		return "\xff\xfe\xc0\x80"
	case 2:
		return "\x00'`\\\"\n;--"
	case 3:
		return strings.Repeat("long ", h.IntN(5000))
	default:
		return string(rune('a' + h.IntN(26)))
	}
}

func (h hostile) time() pcommon.Timestamp {
	if h.few {
		return at(h.IntN(10))
	}
	times := []uint64{0, 1, math.MaxInt64, math.MaxInt64 + 1, math.MaxUint64, math.MaxUint32 * 1_000_000_000, h.Uint64()}
	return pcommon.Timestamp(times[h.IntN(len(times))])
}

func (h hostile) attributes(m pcommon.Map) {
	most, depth := 12, 4
	if h.few {
		most, depth = 3, 2
	}
	for range h.IntN(most) {
		h.value(m.PutEmpty(h.text()), depth)
	}
}

// value is of any type, with more of them inside down to a depth.
func (h hostile) value(value pcommon.Value, depth int) {
	switch h.IntN(9) {
	case 0:
	case 1:
		value.SetBool(h.IntN(2) == 0)
	case 2:
		value.SetInt(h.Int64() - h.Int64())
	case 3:
		value.SetDouble(math.Float64frombits(h.Uint64()))
	case 4:
		value.SetEmptyBytes().FromRaw([]byte(h.text()))
	case 5, 6:
		slice := value.SetEmptySlice()
		for range depth {
			h.value(slice.AppendEmpty(), depth-1)
		}
	case 7:
		nested := value.SetEmptyMap()
		for range depth {
			h.value(nested.PutEmpty(h.text()), depth-1)
		}
	default:
		value.SetStr(h.text())
	}
}

// batch is one batch of traces, one of logs and one of each kind of metrics.
func (h hostile) batch() batch {
	traces, logs := ptrace.NewTraces(), plog.NewLogs()
	for range 8 {
		spans, records := traces.ResourceSpans().AppendEmpty(), logs.ResourceLogs().AppendEmpty()
		h.attributes(spans.Resource().Attributes())
		h.attributes(records.Resource().Attributes())
		for range h.IntN(4) {
			scope, scopeLogs := spans.ScopeSpans().AppendEmpty(), records.ScopeLogs().AppendEmpty()
			h.attributes(scopeLogs.Scope().Attributes())
			for range h.IntN(8) {
				h.span(scope.Spans().AppendEmpty())
				h.record(scopeLogs.LogRecords().AppendEmpty())
			}
		}
	}
	// Ten MiB in one attribute, and nothing at all.
	large := traces.ResourceSpans().AppendEmpty().ScopeSpans().AppendEmpty().Spans()
	large.AppendEmpty().Attributes().PutStr("large", strings.Repeat("x", 10<<20))
	large.AppendEmpty()
	logs.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords().AppendEmpty()
	data := batch{traces: []ptrace.Traces{traces}, logs: []plog.Logs{logs}}
	for _, kind := range kinds() {
		data.metrics = append(data.metrics, h.metrics(kind))
	}
	data.profiles = append(data.profiles, h.profiles())
	return data
}

func (h hostile) span(span ptrace.Span) {
	span.SetName(h.text())
	span.TraceState().FromRaw(h.text())
	span.SetKind(ptrace.SpanKind(h.Int32()))
	span.Status().SetCode(ptrace.StatusCode(h.Int32()))
	span.SetStartTimestamp(h.time())
	span.SetEndTimestamp(h.time())
	h.attributes(span.Attributes())
	for range h.IntN(4) {
		event := span.Events().AppendEmpty()
		event.SetTimestamp(h.time())
		event.SetName(h.text())
		h.attributes(event.Attributes())
		h.attributes(span.Links().AppendEmpty().Attributes())
	}
}

func (h hostile) record(record plog.LogRecord) {
	record.SetTimestamp(h.time())
	record.SetSeverityNumber(plog.SeverityNumber(h.Int32()))
	record.SetSeverityText(h.text())
	h.value(record.Body(), 5)
	h.attributes(record.Attributes())
}

func (h hostile) metrics(kind pmetric.MetricType) pmetric.Metrics {
	metrics := pmetric.NewMetrics()
	for range 6 {
		resource := metrics.ResourceMetrics().AppendEmpty()
		h.attributes(resource.Resource().Attributes())
		scope := resource.ScopeMetrics().AppendEmpty()
		metric := scope.Metrics().AppendEmpty()
		metric.SetName(h.text())
		for range 1 + h.IntN(5) {
			h.point(metric, kind)
		}
	}
	return metrics
}

// point adds a point whose buckets, bounds and counts do not fit each other.
func (h hostile) point(metric pmetric.Metric, kind pmetric.MetricType) {
	switch kind {
	case pmetric.MetricTypeGauge:
		point := metric.SetEmptyGauge().DataPoints().AppendEmpty()
		point.SetTimestamp(h.time())
		h.attributes(point.Exemplars().AppendEmpty().FilteredAttributes())
	case pmetric.MetricTypeSum:
		metric.SetEmptySum().SetAggregationTemporality(pmetric.AggregationTemporality(h.Int32()))
		point := metric.Sum().DataPoints().AppendEmpty()
		point.SetDoubleValue(math.Float64frombits(h.Uint64()))
		h.attributes(point.Attributes())
	case pmetric.MetricTypeSummary:
		point := metric.SetEmptySummary().DataPoints().AppendEmpty()
		point.SetTimestamp(h.time())
		point.QuantileValues().AppendEmpty().SetQuantile(math.NaN())
	case pmetric.MetricTypeHistogram:
		point := metric.SetEmptyHistogram().DataPoints().AppendEmpty()
		point.SetTimestamp(h.time())
		point.BucketCounts().FromRaw(make([]uint64, h.IntN(50)))
		point.ExplicitBounds().FromRaw(make([]float64, h.IntN(50)))
	default:
		point := metric.SetEmptyExponentialHistogram().DataPoints().AppendEmpty()
		point.SetScale(h.Int32())
		point.Positive().SetOffset(math.MinInt32)
		point.Negative().BucketCounts().FromRaw(make([]uint64, h.IntN(50)))
	}
}
