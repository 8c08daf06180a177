// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package spanenrichmentprocessor

import (
	"context"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/processor"
	"go.opentelemetry.io/collector/processor/processortest"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/fathom-otel/fathom/internal/events"
	"github.com/fathom-otel/fathom/internal/ledger"
	"github.com/fathom-otel/fathom/processor/spanenrichmentprocessor/internal/metadata"
)

// pipelines is a processor in one logs and one traces pipeline, as a collector
// builds it.
type pipelines struct {
	t         *testing.T
	telemetry *componenttest.Telemetry
	traces    processor.Traces
	logs      processor.Logs
	spansOut  *consumertest.TracesSink
	logsOut   *consumertest.LogsSink
}

func testConfig() *Config {
	config := createDefaultConfig().(*Config)
	config.Wait = 200 * time.Millisecond
	return config
}

// startPipelines builds and starts both pipelines. next receives what sinks
// otherwise would, where it is not nil.
func startPipelines(t *testing.T, config *Config, next consumer.Traces) *pipelines {
	t.Helper()
	return startPipelinesOf(t, NewFactory(), component.NewID(metadata.Type), newTelemetry(t), config, next)
}

func newTelemetry(t *testing.T) *componenttest.Telemetry {
	telemetry := componenttest.NewTelemetry()
	t.Cleanup(func() { require.NoError(t, telemetry.Shutdown(context.Background())) })
	return telemetry
}

// startPipelinesOf does so for one of several processors of a collector.
func startPipelinesOf(t *testing.T, factory processor.Factory, id component.ID, telemetry *componenttest.Telemetry, config *Config, next consumer.Traces) *pipelines {
	t.Helper()
	p := &pipelines{
		t: t, telemetry: telemetry,
		spansOut: new(consumertest.TracesSink), logsOut: new(consumertest.LogsSink),
	}
	if next == nil {
		next = p.spansOut
	}
	set := processortest.NewNopSettings(metadata.Type)
	set.ID, set.TelemetrySettings = id, p.telemetry.NewTelemetrySettings()
	var err error
	p.traces, err = factory.CreateTraces(t.Context(), set, config, next)
	require.NoError(t, err)
	p.logs, err = factory.CreateLogs(t.Context(), set, config, p.logsOut)
	require.NoError(t, err)
	for _, c := range []component.Component{p.traces, p.logs} {
		require.NoError(t, c.Start(t.Context(), componenttest.NewNopHost()))
	}
	t.Cleanup(func() { p.shutdown(context.Background()) })
	return p
}

func (p *pipelines) shutdown(ctx context.Context) {
	assert.NoError(p.t, p.traces.Shutdown(ctx))
	assert.NoError(p.t, p.logs.Shutdown(ctx))
}

func (p *pipelines) sendSpans(td ptrace.Traces) {
	p.t.Helper()
	require.NoError(p.t, p.traces.ConsumeTraces(p.t.Context(), td))
}

func (p *pipelines) sendLogs(ld plog.Logs) {
	p.t.Helper()
	require.NoError(p.t, p.logs.ConsumeLogs(p.t.Context(), ld))
}

// spans waits for the number of spans downstream and returns them by name.
func (p *pipelines) spans(count int) map[string]ptrace.Span {
	p.t.Helper()
	require.Eventually(p.t, func() bool { return p.spansOut.SpanCount() >= count }, 5*time.Second, time.Millisecond)
	require.Equal(p.t, count, p.spansOut.SpanCount())
	byName := map[string]ptrace.Span{}
	for _, td := range p.spansOut.AllTraces() {
		for _, rs := range td.ResourceSpans().All() {
			for _, ss := range rs.ScopeSpans().All() {
				for _, span := range ss.Spans().All() {
					byName[span.Name()] = span
				}
			}
		}
	}
	return byName
}

// metric sums the points of one of the processor's metrics that have the attributes.
func (p *pipelines) metric(name string, attributes ...attribute.KeyValue) int64 {
	p.t.Helper()
	found, err := p.telemetry.GetMetric("otelcol_processor_span_enrichment_" + name)
	if err != nil {
		return 0 // a counter that was never added to is not exported
	}
	points := []metricdata.DataPoint[int64](nil)
	switch data := found.Data.(type) {
	case metricdata.Sum[int64]:
		points = data.DataPoints
	case metricdata.Gauge[int64]:
		points = data.DataPoints
	default:
		p.t.Fatalf("%s is a %T", name, data)
	}
	var sum int64
	for _, point := range points {
		matches := true
		for _, want := range attributes {
			value, ok := point.Attributes.Value(want.Key)
			matches = matches && ok && value == want.Value
		}
		if matches {
			sum += point.Value
		}
	}
	return sum
}

// epoch is the time from which tests count.
var epoch = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

func at(ms float64) pcommon.Timestamp {
	return pcommon.NewTimestampFromTime(epoch.Add(time.Duration(ms * float64(time.Millisecond))))
}

var shop = map[string]any{"service.name": "shop", "process.pid": int64(4242)}

// spanBatch is one resource's batch of spans.
func spanBatch(resource map[string]any) (ptrace.Traces, ptrace.SpanSlice) {
	td := ptrace.NewTraces()
	rs := td.ResourceSpans().AppendEmpty()
	rs.SetSchemaUrl("https://opentelemetry.io/schemas/1.37.0")
	putSorted(rs.Resource().Attributes(), resource)
	ss := rs.ScopeSpans().AppendEmpty()
	ss.Scope().SetName("shop/http")
	ss.Scope().SetVersion("1.2.3")
	return td, ss.Spans()
}

func addSpan(spans ptrace.SpanSlice, name string, id byte, startMS, endMS float64) ptrace.Span {
	span := spans.AppendEmpty()
	span.SetName(name)
	span.SetTraceID(pcommon.TraceID{15: 1})
	span.SetSpanID(pcommon.SpanID{7: id})
	span.SetStartTimestamp(at(startMS))
	span.SetEndTimestamp(at(endMS))
	return span
}

func oneSpan(resource map[string]any, name string, id byte, startMS, endMS float64) ptrace.Traces {
	td, spans := spanBatch(resource)
	addSpan(spans, name, id, startMS, endMS)
	return td
}

// recordBatch is one process's batch of records.
func recordBatch(resource map[string]any) (plog.Logs, plog.LogRecordSlice) {
	ld := plog.NewLogs()
	rl := ld.ResourceLogs().AppendEmpty()
	putSorted(rl.Resource().Attributes(), resource)
	return ld, rl.ScopeLogs().AppendEmpty().LogRecords()
}

func addRecord(records plog.LogRecordSlice, name string, startMS, endMS float64) plog.LogRecord {
	record := records.AppendEmpty()
	record.SetEventName(name)
	record.SetTimestamp(at(endMS))
	record.Attributes().PutInt(events.Duration, int64(at(endMS)-at(startMS)))
	return record
}

func addLedger(records plog.LogRecordSlice, id byte, startMS, endMS float64, spent ledger.Ledger) {
	record := addRecord(records, events.SpanLedger, startMS, endMS)
	record.SetTraceID(pcommon.TraceID{15: 1})
	record.SetSpanID(pcommon.SpanID{7: id})
	record.Attributes().PutInt(events.GoroutineID, 17)
	spent.Put(record.Attributes(), ledger.Exact)
}

func oneLedger(resource map[string]any, id byte, startMS, endMS float64, spent ledger.Ledger) plog.Logs {
	ld, records := recordBatch(resource)
	addLedger(records, id, startMS, endMS, spent)
	return ld
}

func addFile(records plog.LogRecordSlice, name, path string, id byte, startMS, endMS float64) plog.LogRecord {
	record := addRecord(records, name, startMS, endMS)
	record.SetTraceID(pcommon.TraceID{15: 1})
	record.SetSpanID(pcommon.SpanID{7: id})
	record.Attributes().PutStr(events.FilePath, path)
	record.Attributes().PutInt(events.GoroutineID, 17)
	return record
}

// mutexLedger is a span of 10 ms that mostly waited for a mutex.
func mutexLedger() ledger.Ledger {
	var l ledger.Ledger
	l[ledger.OnCPU] = 3_000_000
	l[ledger.BlockedMutex] = 7_000_000
	return l
}

func intOf(t *testing.T, attributes pcommon.Map, name string) int64 {
	t.Helper()
	value, ok := attributes.Get(name)
	require.True(t, ok, "%s is missing in %v", name, attributes.AsRaw())
	return value.Int()
}

func requireLedger(t *testing.T, span ptrace.Span) ledger.Ledger {
	t.Helper()
	l, _, ok := ledger.FromAttributes(span.Attributes())
	require.True(t, ok, "%s has no ledger: %v", span.Name(), span.Attributes().AsRaw())
	require.Equal(t, uint64(span.EndTimestamp()-span.StartTimestamp()), l.Total(), "the parts sum to the duration")
	return l
}

// putSorted fills a map in the order of its keys: FromRaw would take them as
// they come, so that two alike would not be equal as bytes.
func putSorted(into pcommon.Map, raw map[string]any) {
	for _, key := range slices.Sorted(maps.Keys(raw)) {
		_ = into.PutEmpty(key).FromRaw(raw[key]) // a text or a number
	}
}
