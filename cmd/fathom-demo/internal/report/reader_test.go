// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package report

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/exporter/exportertest"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/fathom-otel/fathom/exporter/clickhouseexporter"
	"github.com/fathom-otel/fathom/internal/enginetest"
	"github.com/fathom-otel/fathom/internal/events"
	"github.com/fathom-otel/fathom/internal/ledger"
)

// began is when the load of the stored requests began, in whole seconds: the
// tables of metrics know no smaller ones.
var began = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// stored is what the exporter writes in these tests.
type stored struct {
	traces  ptrace.Traces
	logs    plog.Logs
	metrics pmetric.Metrics
}

// span adds one; times are what its ledger holds beside what is left of its
// duration, which is on_cpu.
func (s *stored) span(trace, id, parent byte, service, name string, kind ptrace.SpanKind, maker Maker,
	at, duration time.Duration, times map[ledger.Cause]time.Duration,
) ptrace.Span {
	resource := s.traces.ResourceSpans().AppendEmpty()
	resource.Resource().Attributes().PutStr("service.name", service)
	scope := resource.ScopeSpans().AppendEmpty()
	scope.Scope().SetName("otelhttp")
	if maker == Fathom {
		scope.Scope().SetName(receiverScope)
	}
	span := scope.Spans().AppendEmpty()
	span.SetTraceID(pcommon.TraceID{15: trace})
	span.SetSpanID(pcommon.SpanID{7: id})
	if parent != 0 {
		span.SetParentSpanID(pcommon.SpanID{7: parent})
	}
	span.SetName(name)
	span.SetKind(kind)
	span.SetStartTimestamp(pcommon.NewTimestampFromTime(began.Add(at)))
	span.SetEndTimestamp(pcommon.NewTimestampFromTime(began.Add(at + duration)))
	l := spent(times)
	l[ledger.OnCPU] += uint64(duration) - l.Total()
	l.Put(span.Attributes(), ledger.Exact)
	return span
}

// requests are four: two that wait for a mutex in checkout, one for a mutex in
// inventory, and one that is fast; and one from before the load.
func (s *stored) requests() {
	server, client := ptrace.SpanKindServer, ptrace.SpanKindClient
	mutex := func(d time.Duration) map[ledger.Cause]time.Duration {
		return map[ledger.Cause]time.Duration{ledger.BlockedMutex: d}
	}
	slowest := s.span(1, 1, 0, "checkout", "POST /checkout", server, SDK, 0, 200*ms, mutex(150*ms))
	slowest.Attributes().PutInt(events.GCOverlap, int64(7*ms))
	slowest.Attributes().PutInt(events.GCCycleNumber, 41)
	slowest.Attributes().PutInt(events.StopTheWorldOverlap, int64(ms))
	slowest.Status().SetCode(ptrace.StatusCodeError)
	s.span(2, 1, 0, "checkout", "POST /checkout", server, SDK, time.Second, 120*ms, mutex(100*ms))

	waits := map[ledger.Cause]time.Duration{ledger.BlockedNetwork: 95 * ms}
	s.span(3, 1, 0, "checkout", "POST /checkout", server, SDK, 2*time.Second, 100*ms, waits)
	s.span(3, 2, 1, "checkout", "HTTP GET", client, SDK, 2*time.Second+ms, 96*ms, waits)
	s.span(3, 3, 2, "inventory", "GET /stock/{item}", server, Fathom, 2*time.Second+2*ms, 94*ms, mutex(90*ms))

	s.span(4, 1, 0, "checkout", "POST /checkout", server, SDK, 3*time.Second, 2*ms, nil)
	s.span(5, 1, 0, "checkout", "POST /checkout", server, SDK, -time.Second, 900*ms, nil)
}

func (s *stored) event(trace, span byte, name, path string, took time.Duration) {
	resource := s.logs.ResourceLogs().AppendEmpty()
	resource.Resource().Attributes().PutStr("service.name", "checkout")
	log := resource.ScopeLogs().AppendEmpty().LogRecords().AppendEmpty()
	log.SetEventName(name)
	log.SetTraceID(pcommon.TraceID{15: trace})
	log.SetSpanID(pcommon.SpanID{7: span})
	log.SetTimestamp(pcommon.NewTimestampFromTime(began.Add(took)))
	log.Attributes().PutStr(events.FilePath, path)
	log.Attributes().PutInt(events.Duration, int64(took))
}

// runtime of checkout, read twice.
func (s *stored) runtime() {
	resource := s.metrics.ResourceMetrics().AppendEmpty()
	resource.Resource().Attributes().PutStr("service.name", "checkout")
	scope := resource.ScopeMetrics().AppendEmpty()
	scope.Scope().SetName(receiverScope)
	for read := range 2 {
		at := pcommon.NewTimestampFromTime(began.Add(time.Duration(read+1) * 10 * time.Second))
		number := func(name, kind string, value int64) {
			metric := scope.Metrics().AppendEmpty()
			metric.SetName(name)
			sum := metric.SetEmptySum()
			sum.SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
			point := sum.DataPoints().AppendEmpty()
			point.SetTimestamp(at)
			point.SetIntValue(value)
			if kind != "" {
				point.Attributes().PutStr("go.memory.type", kind)
			}
		}
		number("go.memory.used", "other", int64(read+1)<<20)
		number("go.memory.used", "stack", 99<<20)
		number("go.memory.allocated", "", int64(read+1)<<30)
		number("go.goroutine.count", "", int64(read+17))
		metric := scope.Metrics().AppendEmpty()
		metric.SetName("go.schedule.duration")
		histogram := metric.SetEmptyHistogram()
		histogram.SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
		point := histogram.DataPoints().AppendEmpty()
		point.SetTimestamp(at)
		point.ExplicitBounds().FromRaw([]float64{0.001, 0.002})
		point.BucketCounts().FromRaw([]uint64{50, uint64(read) * 50, 0})
	}
}

// store writes to the engine through the exporter.
func (s *stored) store(t *testing.T, endpoint string) {
	t.Helper()
	factory := clickhouseexporter.NewFactory()
	config := factory.CreateDefaultConfig().(*clickhouseexporter.Config)
	config.Endpoint = "tcp://" + endpoint
	config.Database = "otel"
	config.TimeoutSettings.Timeout = time.Minute // the first makes the schema, on a machine that may be busy
	settings := exportertest.NewNopSettings(factory.Type())
	traces, err := factory.CreateTraces(t.Context(), settings, config)
	require.NoError(t, err)
	logs, err := factory.CreateLogs(t.Context(), settings, config)
	require.NoError(t, err)
	metrics, err := factory.CreateMetrics(t.Context(), settings, config)
	require.NoError(t, err)
	for _, exporter := range []component.Component{traces, logs, metrics} {
		require.NoError(t, exporter.Start(t.Context(), componenttest.NewNopHost()))
	}
	require.NoError(t, traces.ConsumeTraces(t.Context(), s.traces))
	require.NoError(t, logs.ConsumeLogs(t.Context(), s.logs))
	require.NoError(t, metrics.ConsumeMetrics(t.Context(), s.metrics))
	for _, exporter := range []component.Component{traces, logs, metrics} {
		require.NoError(t, exporter.Shutdown(t.Context()))
	}
}

func TestReadFromTheEngine(t *testing.T) {
	endpoint := enginetest.Start(t)
	s := &stored{traces: ptrace.NewTraces(), logs: plog.NewLogs(), metrics: pmetric.NewMetrics()}
	s.requests()
	s.event(1, 1, events.FileFsync, "/wal", 3*ms)
	s.event(1, 1, events.FileFsync, "/wal", 4*ms)
	s.event(1, 1, events.FileOpen, "/etc/shop", 2*ms)
	s.event(1, 9, events.FileFsync, "/of/another/span", 2*ms)
	s.runtime()
	s.store(t, endpoint)

	conn, err := Open(endpoint, "otel")
	require.NoError(t, err)
	defer func() { require.NoError(t, conn.Close()) }()
	reader := &Reader{Conn: conn, Since: began, Services: []string{"checkout", "inventory"}}
	report, err := reader.Read(t.Context(), 3)
	require.NoError(t, err)

	require.Equal(t, []uint64{6, 4, 10}, []uint64{report.Spans, report.Logs, report.Points})
	t.Run("traces", func(t *testing.T) { requireTraces(t, report.Traces) })
	t.Run("routes", func(t *testing.T) { requireRoutes(t, report.Routes) })
	require.Equal(t, []Runtime{{
		Service: "checkout", HeapBytes: 2 << 20, AllocatedBytes: 2 << 30, Goroutines: 18, ScheduleP99: 2 * ms, Series: 5,
	}}, report.Runtimes)

	spans, err := reader.ServerSpans(t.Context())
	require.NoError(t, err)
	require.Equal(t, uint64(5), spans)
	observed, err := reader.Observed(t.Context())
	require.NoError(t, err)
	require.Equal(t, map[string]bool{"checkout": true, "inventory": true}, observed)
	require.Empty(t, Missing(report, Wanted{Services: []string{"checkout"}, Service: "checkout", Route: "POST /checkout", Requests: 4}))
}

// requireTraces: the slowest of each culprit first, the second mutex of checkout after.
func requireTraces(t *testing.T, traces []Trace) {
	var ids []string
	for _, trace := range traces {
		ids = append(ids, trace.ID[31:])
		require.Len(t, trace.Roots, 1)
	}
	require.Equal(t, []string{"1", "3", "4"}, ids, "request 2 has the culprit of 1 and comes after all others")

	first := traces[0].Roots[0]
	require.Equal(t, Span{
		TraceID: traces[0].ID, ID: "0000000000000001", Name: "POST /checkout", Kind: "Server", Service: "checkout",
		Start: began, Duration: 200 * ms, Maker: SDK, Failed: true, HasLedger: true,
		Ledger:    spent(map[ledger.Cause]time.Duration{ledger.OnCPU: 50 * ms, ledger.BlockedMutex: 150 * ms}),
		GCOverlap: 7 * ms, StopOverlap: ms, GCCycle: 41,
		Files: []File{{"fsync", "/wal", 2, 7 * ms}, {"open", "/etc/shop", 1, 2 * ms}},
	}, *first)

	inventory := traces[1].Roots[0].Children[0].Children[0]
	require.Equal(t, "inventory", inventory.Service)
	require.Equal(t, Fathom, inventory.Maker)
	require.Equal(t, uint64(90*ms), inventory.Ledger[ledger.BlockedMutex])
}

func requireRoutes(t *testing.T, routes []Route) {
	require.Equal(t, []Route{
		{
			Service: "checkout", Name: "POST /checkout", Maker: SDK, Count: 4, P50: 120 * ms, P99: 200 * ms,
			Ledger: spent(map[ledger.Cause]time.Duration{
				ledger.OnCPU: 77 * ms, ledger.BlockedMutex: 250 * ms, ledger.BlockedNetwork: 95 * ms,
			}),
		},
		{
			Service: "inventory", Name: "GET /stock/{item}", Maker: Fathom, Count: 1, P50: 94 * ms, P99: 94 * ms,
			Ledger: spent(map[ledger.Cause]time.Duration{ledger.OnCPU: 4 * ms, ledger.BlockedMutex: 90 * ms}),
		},
	}, routes)
}

func TestReadSaysWhatFailed(t *testing.T) {
	conn, err := Open(enginetest.Start(t), "default")
	require.NoError(t, err)
	defer func() { require.NoError(t, conn.Close()) }()
	_, err = (&Reader{Conn: conn, Since: began}).Read(t.Context(), 5)
	require.ErrorContains(t, err, "reading the stored rows")
	require.ErrorContains(t, err, "otel_traces")
}
