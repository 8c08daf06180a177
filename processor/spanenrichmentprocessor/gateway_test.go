// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package spanenrichmentprocessor

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/confmap/xconfmap"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/exporter/exportertest"
	"go.opentelemetry.io/collector/exporter/otlpexporter"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/receiver/otlpreceiver"
	"go.opentelemetry.io/collector/receiver/receivertest"

	"github.com/fathom-otel/fathom/internal/events"
	"github.com/fathom-otel/fathom/internal/ledger"
)

// gateway is a collector with an OTLP receiver before the two pipelines.
type gateway struct {
	*pipelines
	endpoint string
}

func configure(t *testing.T, config component.Config, values map[string]any) {
	t.Helper()
	require.NoError(t, confmap.NewFromStringMap(values).Unmarshal(config))
	require.NoError(t, xconfmap.Validate(config))
}

func startGateway(t *testing.T, config *Config) *gateway {
	t.Helper()
	g := &gateway{pipelines: startPipelines(t, config, nil), endpoint: filepath.Join(t.TempDir(), "otlp.sock")}
	factory := otlpreceiver.NewFactory()
	set, listen := receivertest.NewNopSettings(factory.Type()), factory.CreateDefaultConfig()
	configure(t, listen, map[string]any{"protocols": map[string]any{"grpc": map[string]any{"endpoint": g.endpoint, "transport": "unix"}}})
	traces, err := factory.CreateTraces(t.Context(), set, listen, g.traces)
	require.NoError(t, err)
	logs, err := factory.CreateLogs(t.Context(), set, listen, g.logs)
	require.NoError(t, err)
	for _, c := range []component.Component{traces, logs} {
		require.NoError(t, c.Start(t.Context(), componenttest.NewNopHost()))
		t.Cleanup(func() { require.NoError(t, c.Shutdown(context.Background())) })
	}
	return g
}

// agent is what a node sends: spans and records by exporters, and so by
// connections, of their own.
type agent struct {
	t      *testing.T
	traces exporter.Traces
	logs   exporter.Logs
	skew   time.Duration // of its node's clock
}

func startAgent(t *testing.T, g *gateway, skew time.Duration) *agent {
	t.Helper()
	factory := otlpexporter.NewFactory()
	config := factory.CreateDefaultConfig()
	configure(t, config, map[string]any{
		"endpoint": "unix://" + g.endpoint, "tls": map[string]any{"insecure": true},
		"sending_queue": map[string]any{"enabled": false}, "timeout": "30s",
	})
	a := &agent{t: t, skew: skew}
	var err error
	a.traces, err = factory.CreateTraces(t.Context(), exportertest.NewNopSettings(factory.Type()), config)
	require.NoError(t, err)
	a.logs, err = factory.CreateLogs(t.Context(), exportertest.NewNopSettings(factory.Type()), config)
	require.NoError(t, err)
	for _, c := range []component.Component{a.traces, a.logs} {
		require.NoError(t, c.Start(t.Context(), componenttest.NewNopHost()))
		t.Cleanup(func() { require.NoError(t, c.Shutdown(context.Background())) })
	}
	return a
}

// ms is a moment by the node's clock.
func (a *agent) ms(ms float64) float64 { return ms + float64(a.skew.Milliseconds()) }

func (a *agent) sendSpans(resource map[string]any, id byte, name string) {
	a.t.Helper()
	td, spans := spanBatch(resource)
	addSpan(spans, name, id, a.ms(0), a.ms(10)).SetKind(ptrace.SpanKindClient)
	require.NoError(a.t, a.traces.ConsumeTraces(a.t.Context(), td))
}

// sendRecords sends, of the span, its ledger and its connection; of the process
// a stop of the world of the given length; and a slow write of an inner span
// that is not exported.
func (a *agent) sendRecords(resource map[string]any, id byte, peer string, stopMS float64) {
	a.t.Helper()
	ld, records := recordBatch(resource)
	addLedger(records, id, a.ms(0), a.ms(10), mutexLedger())
	connect := addRecord(records, events.NetworkConnect, a.ms(1), a.ms(2))
	connect.SetTraceID(pcommon.TraceID{15: 1})
	connect.SetSpanID(pcommon.SpanID{7: id})
	connect.Attributes().PutStr(events.NetworkPeerAddress, peer)
	connect.Attributes().PutInt(events.NetworkPeerPort, 5432)
	addRecord(records, events.StopTheWorld, a.ms(5), a.ms(5+stopMS))
	addFile(records, events.FileWrite, "/data/"+peer, id+100, a.ms(6), a.ms(7))
	require.NoError(a.t, a.logs.ConsumeLogs(a.t.Context(), ld))
}

// on is a process of the shop with PID 1 on a node.
func on(node string) map[string]any {
	return map[string]any{"service.name": "shop", "process.pid": int64(1), "host.id": node}
}

// TestGateway: two nodes, whose clocks are five minutes apart, run the same
// service under the same PID and take part in one trace. What each agent saw
// comes to the spans of its own node, whichever comes first.
func TestGateway(t *testing.T) {
	for name, recordsFirst := range map[string]bool{"records before spans": true, "spans before records": false} {
		t.Run(name, func(t *testing.T) {
			config := testConfig()
			config.Wait, config.Retention = time.Minute, 2*time.Minute
			g := startGateway(t, config)
			g.sendLogs(oneLedger(on("a"), 250, 0, 1, mutexLedger())) // the service is observed
			a, b := startAgent(t, g, 0), startAgent(t, g, 5*time.Minute)
			send := []func(){
				func() { a.sendRecords(on("a"), 1, "10.0.0.1", 2); b.sendRecords(on("b"), 2, "10.0.0.2", 3) },
				func() { a.sendSpans(on("a"), 1, "on a"); b.sendSpans(on("b"), 2, "on b") },
			}
			if !recordsFirst {
				send[0], send[1] = send[1], send[0]
			}
			send[0]()
			send[1]()
			byName := g.spans(2)
			for name, want := range map[string]struct {
				peer string
				stop int64
			}{"on a": {"10.0.0.1", 2_000_000}, "on b": {"10.0.0.2", 3_000_000}} {
				span := byName[name]
				assert.Equal(t, uint64(7_000_000), requireLedger(t, span)[ledger.BlockedMutex])
				attributes := span.Attributes().AsRaw()
				assert.Equal(t, want.peer, attributes[events.NetworkPeerAddress])
				assert.Equal(t, int64(5432), attributes[events.NetworkPeerPort])
				assert.Equal(t, want.stop, attributes[events.StopTheWorldOverlap])
				require.Equal(t, 2, span.Events().Len(), "the connection, and the write of the inner span")
				path, _ := span.Events().At(1).Attributes().Get(events.FilePath)
				assert.Equal(t, "/data/"+want.peer, path.Str())
			}
			assert.Equal(t, int64(2), g.metric("records_joined", kind("stop_the_world"), byKey("process")))
			assert.Equal(t, int64(2), g.metric("records_joined", kind("file"), byKey("goroutine")))
			assert.Equal(t, 9, g.logsOut.LogRecordCount(), "they all went on")
		})
	}
}

// TestGatewayDoesNotGuessTheHost: spans that carry no ledger get what is
// process-wide only where their resource says of which node they are.
func TestGatewayDoesNotGuessTheHost(t *testing.T) {
	config := testConfig()
	config.Wait = 0
	g := startGateway(t, config)
	a, b := startAgent(t, g, 0), startAgent(t, g, 0)
	a.sendRecords(on("a"), 1, "10.0.0.1", 2)
	b.sendRecords(on("b"), 2, "10.0.0.2", 3)
	a.sendSpans(on("b"), 3, "says b")
	a.sendSpans(map[string]any{"service.name": "shop", "process.pid": int64(1)}, 4, "says nothing")
	a.sendSpans(on("c"), 5, "says c")
	byName := g.spans(3)
	assert.Equal(t, int64(3_000_000), intOf(t, byName["says b"].Attributes(), events.StopTheWorldOverlap))
	for _, name := range []string{"says nothing", "says c"} {
		_, has := byName[name].Attributes().Get(events.StopTheWorldOverlap)
		assert.False(t, has, name)
	}
}
