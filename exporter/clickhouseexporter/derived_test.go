// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package clickhouseexporter

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/fathom-otel/fathom/internal/enginetest"
	"github.com/fathom-otel/fathom/internal/ledger"
)

// derived is a configuration with all derived tables.
func derived(endpoint string, json bool) *Config {
	cfg := synchronous(endpoint)
	cfg.JSON = json
	tables := &cfg.DerivedTables
	for _, table := range []*DerivedTableConfig{&tables.KernelEvents, &tables.TimeLedger, &tables.RED, &tables.ServiceMap} {
		table.Enabled = true
	}
	return cfg
}

// inEachForm runs a test with attributes in Map columns, and in JSON columns.
func inEachForm(t *testing.T, test func(*testing.T, bool)) {
	for name, json := range map[string]bool{"Map": false, "JSON": true} {
		t.Run(name, func(t *testing.T) { test(t, json) })
	}
}

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// call is a span of a trace, a second long unless it says otherwise.
type call struct {
	service, name, span, parent string
	kind                        ptrace.SpanKind
	at                          time.Duration
	lasts                       time.Duration
	failed                      bool
	attributes                  map[string]any
}

func traceOf(t *testing.T, calls ...call) ptrace.Traces {
	t.Helper()
	traces := ptrace.NewTraces()
	for _, c := range calls {
		resource := traces.ResourceSpans().AppendEmpty()
		resource.Resource().Attributes().PutStr("service.name", c.service)
		span := resource.ScopeSpans().AppendEmpty().Spans().AppendEmpty()
		span.SetTraceID(pcommon.TraceID{15: 7})
		span.SetSpanID(spanID(c.span))
		span.SetParentSpanID(spanID(c.parent))
		span.SetName(c.name)
		span.SetKind(c.kind)
		span.SetStartTimestamp(pcommon.NewTimestampFromTime(noon.Add(c.at)))
		span.SetEndTimestamp(pcommon.NewTimestampFromTime(noon.Add(c.at + c.lasts)))
		if c.failed {
			span.Status().SetCode(ptrace.StatusCodeError)
		}
		require.NoError(t, span.Attributes().FromRaw(c.attributes))
	}
	return traces
}

func spanID(name string) pcommon.SpanID {
	var id pcommon.SpanID
	copy(id[:], name)
	return id
}

func TestTimeLedgerTable(t *testing.T) { inEachForm(t, timeLedgerTable) }

func timeLedgerTable(t *testing.T, json bool) {
	endpoint := enginetest.Start(t)
	db := connect(t, endpoint)
	times := map[string]any{"fathom.time.source": "exact", "fathom.time.dominant": "blocked.mutex", "http.route": "/checkout"}
	columns, want := "", ""
	for i := range ledger.NumCauses {
		cause := ledger.Cause(i)
		times[cause.Attribute()] = int64(i+1) * 1000
		columns += fmt.Sprintf(" + %d * `%s`", 1<<i, column(cause))
		want += fmt.Sprintf("%s=%d ", column(cause), (i+1)*1000)
	}
	e := start(t, "traces", derived(endpoint, json))
	require.NoError(t, e.Component.(exporter.Traces).ConsumeTraces(t.Context(), traceOf(t,
		call{service: "shop", name: "POST /checkout", span: "a", lasts: 120 * time.Microsecond, attributes: times},
		call{service: "shop", name: "without", span: "b", lasts: time.Second},
	)))

	sum := 0
	for i := range ledger.NumCauses {
		sum += (1 << i) * (i + 1) * 1000
	}
	t.Log("written:", want)
	assert.Equal(t, sum, db.number(t, "SELECT toUInt64(0"+columns+") FROM otel.fathom_time_ledger"))
	assert.Equal(t, 1, db.number(t, "SELECT count() FROM otel.otel_traces AS s INNER JOIN otel.fathom_time_ledger AS l "+
		"ON s.TraceId = l.TraceId AND s.SpanId = l.SpanId WHERE l.Source = 'exact' AND l.Dominant = 'blocked.mutex' "+
		"AND l.Route = '/checkout' AND l.Duration = s.Duration AND l.Timestamp = s.Timestamp AND l.ServiceName = 'shop' "+
		"AND l.BlockedMutex = 10000"))
}

// column is the name of a cause's column, written out here so that the test
// does not ask the code that it tests.
func column(cause ledger.Cause) string {
	return [ledger.NumCauses]string{"OnCpu", "Runnable", "OsRunqueue", "SyscallFile", "SyscallNetwork", "SyscallOther",
		"BlockedNetwork", "BlockedChannel", "BlockedSelect", "BlockedMutex", "BlockedSync", "Sleep", "GcAssist",
		"StopTheWorld", "Unattributed"}[cause]
}

func TestREDTable(t *testing.T) { inEachForm(t, redTable) }

func redTable(t *testing.T, json bool) {
	endpoint := enginetest.Start(t)
	db := connect(t, endpoint)
	e := start(t, "traces", derived(endpoint, json))
	checkout := map[string]any{"http.route": "/checkout", "http.request.method": "POST"}
	for batch := range 4 { // of several inserts, so that states are merged
		var calls []call
		for i := range 50 {
			n := batch*50 + i
			calls = append(calls, call{
				service: "shop", name: "POST /checkout", span: fmt.Sprint(n), kind: ptrace.SpanKindServer,
				at:    time.Duration(n) * time.Second, // 200 s from noon: four minutes
				lasts: time.Duration(n+1) * time.Millisecond, failed: n%10 == 0, attributes: checkout,
			})
		}
		calls = append(calls, call{service: "shop", name: "inner", span: "in", lasts: time.Hour})
		require.NoError(t, e.Component.(exporter.Traces).ConsumeTraces(t.Context(), traceOf(t, calls...)))
	}
	require.NoError(t, e.Component.(exporter.Traces).ConsumeTraces(t.Context(), traceOf(t,
		call{service: "shop", name: "consume", span: "c", kind: ptrace.SpanKindConsumer, lasts: time.Second})))

	for query, want := range map[string]int{
		"SELECT sum(Requests) FROM otel.fathom_red WHERE Route = '/checkout' AND Method = 'POST'":                                                        200,
		"SELECT sum(Errors) FROM otel.fathom_red WHERE Route = '/checkout'":                                                                              20,
		"SELECT sum(DurationSum) FROM otel.fathom_red WHERE Route = '/checkout'":                                                                         200 * 201 / 2 * 1_000_000,
		"SELECT max(DurationMax) FROM otel.fathom_red WHERE Route = '/checkout'":                                                                         200_000_000,
		"SELECT sum(Requests) FROM otel.fathom_red WHERE Route = 'consume'":                                                                              1,
		"SELECT uniqExact(Minute) FROM otel.fathom_red WHERE Route = '/checkout'":                                                                        4,
		"SELECT sum(Requests) FROM otel.fathom_red WHERE Minute = '2026-03-01 12:01:00'":                                                                 60,
		"SELECT count() FROM otel.fathom_red WHERE Route = 'inner'":                                                                                      0,
		"SELECT toUInt64(round(quantilesTDigestMerge(0.5, 0.9, 0.95, 0.99)(DurationQuantiles)[2] / 1e7)) FROM otel.fathom_red WHERE Route = '/checkout'": 18,
	} {
		assert.Equal(t, want, db.number(t, query), query)
	}
}

func TestServiceMap(t *testing.T) { inEachForm(t, serviceMap) }

func serviceMap(t *testing.T, json bool) {
	endpoint := enginetest.Start(t)
	db := connect(t, endpoint)
	e := start(t, "traces", derived(endpoint, json))
	require.NoError(t, e.Component.(exporter.Traces).ConsumeTraces(t.Context(), traceOf(t,
		call{service: "web", name: "GET /", span: "a", kind: ptrace.SpanKindServer, lasts: time.Second},
		call{service: "web", name: "call", span: "b", parent: "a", kind: ptrace.SpanKindClient, lasts: time.Second},
		call{service: "shop", name: "Buy", span: "c", parent: "b", kind: ptrace.SpanKindServer, lasts: time.Second, failed: true},
		call{service: "shop", name: "Buy", span: "d", parent: "b", kind: ptrace.SpanKindServer, lasts: time.Second},
		call{
			service: "shop", name: "SELECT", span: "e", parent: "c", kind: ptrace.SpanKindClient, lasts: time.Second,
			attributes: map[string]any{"db.system.name": "postgresql"},
		},
		call{
			service: "shop", name: "publish", span: "f", parent: "c", kind: ptrace.SpanKindProducer, lasts: time.Second,
			attributes: map[string]any{"messaging.system": "kafka"},
		},
		call{service: "late", name: "Buy", span: "g", parent: "b", at: 2 * time.Hour, kind: ptrace.SpanKindServer},
	)))

	found, err := db.Query(t.Context(), "SELECT Client, Server, Kind, Requests, Errors FROM "+
		"otel.fathom_service_map(from = '2026-03-01 11:59:00', to = '2026-03-01 13:00:00') ORDER BY Client, Server")
	require.NoError(t, err)
	defer func() { require.NoError(t, found.Close()) }()
	var edges []string
	for found.Next() {
		var client, server, kind string
		var requests, failed uint64
		require.NoError(t, found.Scan(&client, &server, &kind, &requests, &failed))
		edges = append(edges, fmt.Sprintf("%s > %s, %s: %d, %d failed", client, server, kind, requests, failed))
	}
	require.NoError(t, found.Err())
	assert.Equal(t, []string{
		"shop > kafka, messaging: 1, 0 failed",
		"shop > postgresql, database: 1, 0 failed",
		"web > shop, service: 2, 1 failed",
	}, edges)
}

func TestKernelEventsTable(t *testing.T) { inEachForm(t, kernelEventsTable) }

func kernelEventsTable(t *testing.T, json bool) {
	endpoint := enginetest.Start(t)
	db := connect(t, endpoint)
	logs := plog.NewLogs()
	resource := logs.ResourceLogs().AppendEmpty()
	require.NoError(t, resource.Resource().Attributes().FromRaw(map[string]any{
		"service.name": "shop", "host.name": "node-1", "process.pid": 4711, "k8s.pod.uid": "p", "container.id": "c",
	}))
	records := resource.ScopeLogs().AppendEmpty().LogRecords()
	event := records.AppendEmpty()
	event.SetEventName("fathom.file.fsync")
	event.SetTimestamp(pcommon.NewTimestampFromTime(noon))
	event.SetTraceID(pcommon.TraceID{15: 7})
	event.SetSpanID(spanID("a"))
	require.NoError(t, event.Attributes().FromRaw(map[string]any{
		"fathom.duration": 12_000_000, "fathom.goroutine.id": 77, "thread.id": 99, "file.path": "/data/wal", "error.type": "EIO",
		"network.peer.address": "10.0.0.1", "network.peer.port": 5432,
	}))
	records.AppendEmpty().SetEventName("login") // somebody else's

	path := map[bool]string{false: "Attributes['file.path']", true: "toString(Attributes.file.path)"}[json]
	e := start(t, "logs", derived(endpoint, json))
	require.NoError(t, e.Component.(exporter.Logs).ConsumeLogs(t.Context(), logs))
	assert.Equal(t, 1, db.number(t, "SELECT count() FROM otel.fathom_kernel_events WHERE EventName = 'fathom.file.fsync' "+
		"AND Duration = 12000000 AND GoroutineId = 77 AND ThreadId = 99 AND FilePath = '/data/wal' AND ErrorType = 'EIO' "+
		"AND PeerAddress = '10.0.0.1' AND PeerPort = 5432 AND ProcessPid = 4711 AND HostName = 'node-1' AND PodUid = 'p' "+
		"AND ContainerId = 'c' AND ServiceName = 'shop' AND endsWith(TraceId, '07') AND SpanId != '' "+
		"AND "+path+" = '/data/wal' AND Timestamp = '2026-03-01 12:00:00'"))
	assert.Equal(t, 1, db.number(t, "SELECT count() FROM otel.fathom_kernel_events"))
	assert.Equal(t, 2, db.number(t, "SELECT count() FROM otel.otel_logs"))
}

// TestDerivedTablesAreOff has contrib's tables only, unless more are wanted.
func TestDerivedTablesAreOff(t *testing.T) {
	endpoint := enginetest.Start(t)
	db := connect(t, endpoint)
	for _, signal := range []string{"traces", "logs", "metrics"} {
		require.NoError(t, start(t, signal, synchronous(endpoint)).send(t.Context()))
	}
	assert.Zero(t, db.number(t, "SELECT count() FROM system.tables WHERE database = 'otel' AND name LIKE 'fathom%' AND name != 'fathom_schema_migrations'"))
}

// TestReadmeQueries runs the queries of the README's section.
func TestReadmeQueries(t *testing.T) {
	endpoint := enginetest.Start(t)
	db := connect(t, endpoint)
	require.NoError(t, start(t, "traces", derived(endpoint, false)).send(t.Context()))
	_, rest, _ := strings.Cut(section(t, "## Derived tables"), "```sql\n")
	queries, _, _ := strings.Cut(rest, "```")
	all := strings.Split(strings.TrimSpace(queries), "\n\n")
	require.Len(t, all, 3)
	for _, query := range all {
		db.exec(t, strings.TrimSuffix(query, ";"))
	}
}
