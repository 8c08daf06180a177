// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package spanenrichmentprocessor

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/otel/attribute"

	"github.com/fathom-otel/fathom/internal/events"
	"github.com/fathom-otel/fathom/internal/ledger"
)

func kind(name string) attribute.KeyValue   { return attribute.String("kind", name) }
func reason(name string) attribute.KeyValue { return attribute.String("reason", name) }
func byKey(name string) attribute.KeyValue  { return attribute.String("key", name) }

func TestLedgerBeforeItsSpan(t *testing.T) {
	p := startPipelines(t, testConfig(), nil)
	records := oneLedger(shop, 1, 0, 10, mutexLedger())
	told := records.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(0).Attributes()
	told.PutInt(events.AllocatedBytes, 1<<20)
	told.PutInt(events.AllocationSamples, 2)
	told.PutInt(events.GCAssists, 3)
	told.PutInt(events.BlockWaitTime, 4_000_000)
	p.sendLogs(records)
	p.sendSpans(oneSpan(shop, "checkout", 1, 0, 10))

	require.Equal(t, 1, p.spansOut.SpanCount(), "the span was not held")
	span := p.spans(1)["checkout"]
	assert.Equal(t, mutexLedger(), requireLedger(t, span))
	assert.Equal(t, int64(1<<20), intOf(t, span.Attributes(), events.AllocatedBytes))
	assert.Equal(t, int64(2), intOf(t, span.Attributes(), events.AllocationSamples))
	assert.Equal(t, int64(3), intOf(t, span.Attributes(), events.GCAssists))
	assert.Equal(t, int64(4_000_000), intOf(t, span.Attributes(), events.BlockWaitTime))
	dominant, _ := span.Attributes().Get(ledger.AttributeDominant)
	assert.Equal(t, "blocked.mutex", dominant.Str())
	assert.Equal(t, int64(17), intOf(t, span.Attributes(), events.GoroutineID))
	assert.Equal(t, int64(1), p.metric("records_received", kind("ledger")))
	assert.Equal(t, int64(1), p.metric("records_joined", kind("ledger"), byKey("span")))
	assert.Equal(t, int64(1), p.metric("spans_enriched"))
	assert.Positive(t, p.metric("memory"))
}

func TestLedgerWithinTheWait(t *testing.T) {
	config := testConfig()
	config.Wait = 10 * time.Second
	p := startPipelines(t, config, nil)
	p.sendLogs(oneLedger(shop, 9, 0, 10, mutexLedger())) // the service is observed
	p.sendSpans(oneSpan(shop, "checkout", 1, 0, 10))
	assert.Equal(t, int64(1), p.metric("spans_held"))
	assert.Zero(t, p.spansOut.SpanCount())

	p.sendLogs(oneLedger(shop, 1, 0, 10, mutexLedger()))
	requireLedger(t, p.spans(1)["checkout"])
	assert.Equal(t, int64(1), p.metric("spans_released", reason("joined")))
	require.Eventually(t, func() bool { return p.metric("spans_held") == 0 }, time.Second, time.Millisecond)
}

func TestLedgerAfterTheWaitIsLate(t *testing.T) {
	p := startPipelines(t, testConfig(), nil)
	p.sendLogs(oneLedger(shop, 9, 0, 10, mutexLedger()))
	began := time.Now()
	p.sendSpans(oneSpan(shop, "checkout", 1, 0, 10))
	span := p.spans(1)["checkout"]
	assert.GreaterOrEqual(t, time.Since(began), 200*time.Millisecond)
	_, has := span.Attributes().Get(ledger.AttributeSource)
	assert.False(t, has)
	assert.Equal(t, int64(1), p.metric("spans_released", reason("wait")))

	p.sendLogs(oneLedger(shop, 1, 0, 10, mutexLedger()))
	assert.Equal(t, int64(1), p.metric("records_unjoined", kind("ledger"), reason("late")))
	assert.Equal(t, 2, p.logsOut.LogRecordCount(), "it stays queryable as a log record")
}

func TestSpansThatNeedNotWait(t *testing.T) {
	for name, test := range map[string]struct {
		observed, sender map[string]any
		wait             time.Duration
		own              bool
	}{
		"unobserved service":       {nil, shop, time.Hour, false},
		"another service":          {shop, map[string]any{"service.name": "cart"}, time.Hour, false},
		"no service":               {shop, nil, time.Hour, false},
		"the receiver's own span":  {shop, shop, time.Hour, true},
		"configured to hold none":  {shop, shop, 0, false},
		"a PID that is not a text": {shop, map[string]any{"service.name": 7}, time.Hour, false},
	} {
		t.Run(name, func(t *testing.T) {
			config := testConfig()
			config.Wait, config.Retention = test.wait, time.Hour
			p := startPipelines(t, config, nil)
			if test.observed != nil {
				p.sendLogs(oneLedger(test.observed, 9, 0, 10, mutexLedger()))
			}
			td, spans := spanBatch(test.sender)
			span := addSpan(spans, "checkout", 1, 0, 10)
			if test.own {
				mutexLedger().Put(span.Attributes(), ledger.Exact)
			}
			p.sendSpans(td)
			assert.Equal(t, 1, p.spansOut.SpanCount())
			assert.Zero(t, p.metric("spans_held"))
		})
	}
}

// TestLedgerFitsTheSpansDuration: the SDK reads its clock outside of the
// probes, or its caller back-dates the end.
func TestLedgerFitsTheSpansDuration(t *testing.T) {
	p := startPipelines(t, testConfig(), nil)
	ld, records := recordBatch(shop)
	addLedger(records, 1, 0, 10, mutexLedger())
	addLedger(records, 2, 0, 10, mutexLedger())
	p.sendLogs(ld)
	td, spans := spanBatch(shop)
	addSpan(spans, "longer", 1, 0, 12)
	addSpan(spans, "shorter", 2, 0, 9)
	p.sendSpans(td)

	byName := p.spans(2)
	longer, shorter := requireLedger(t, byName["longer"]), requireLedger(t, byName["shorter"])
	assert.Equal(t, uint64(2_000_000), longer[ledger.Unattributed])
	assert.Equal(t, uint64(6_000_000), shorter[ledger.BlockedMutex])
	assert.Equal(t, int64(1), p.metric("ledgers_shortened"))
	assert.Equal(t, int64(1_000_000), p.metric("ledger_excess"))
}

func TestStopOfTheWorldOverlapsTwoSpans(t *testing.T) {
	p := startPipelines(t, testConfig(), nil)
	ld, records := recordBatch(shop)
	addRecord(records, events.StopTheWorld, 8, 12)
	cycle := addRecord(records, events.GCCycle, 5, 25)
	cycle.Attributes().PutInt(events.GCCycleNumber, 41)
	p.sendLogs(ld)
	withoutPID := map[string]any{"service.name": "shop"}
	td, spans := spanBatch(withoutPID)
	addSpan(spans, "first", 1, 0, 10)
	addSpan(spans, "second", 2, 11, 20)
	addSpan(spans, "neither", 3, 30, 40)
	p.sendSpans(td)

	byName := p.spans(3)
	first, second := byName["first"].Attributes(), byName["second"].Attributes()
	assert.Equal(t, int64(2_000_000), intOf(t, first, events.StopTheWorldOverlap))
	assert.Equal(t, int64(1_000_000), intOf(t, second, events.StopTheWorldOverlap))
	assert.Equal(t, int64(5_000_000), intOf(t, first, events.GCOverlap))
	assert.Equal(t, int64(9_000_000), intOf(t, second, events.GCOverlap))
	assert.Equal(t, int64(41), intOf(t, second, events.GCCycleNumber))
	assert.Zero(t, byName["neither"].Attributes().Len())
	assert.Equal(t, int64(1), p.metric("records_joined", kind("stop_the_world"), byKey("process")), "each record counts once")
}

func TestFileEventsBecomeSpanEvents(t *testing.T) {
	p := startPipelines(t, testConfig(), nil)
	ld, records := recordBatch(shop)
	addLedger(records, 1, 0, 10, mutexLedger())
	addFile(records, events.FileFsync, "/var/lib/shop/wal", 1, 2, 5).Attributes().PutInt(events.ThreadID, 99)
	addFile(records, events.FileOpen, "/missing", 7, 6, 8).Attributes().PutStr(events.ErrorType, "ENOENT") // span 7 is not exported
	p.sendLogs(ld)
	p.sendSpans(oneSpan(shop, "checkout", 1, 0, 10))

	list := p.spans(1)["checkout"].Events()
	require.Equal(t, 2, list.Len())
	assert.Equal(t, events.FileFsync, list.At(0).Name())
	assert.Equal(t, at(5), list.At(0).Timestamp())
	assert.Equal(t, map[string]any{
		events.FilePath: "/var/lib/shop/wal", events.Duration: int64(3_000_000), events.GoroutineID: int64(17), events.ThreadID: int64(99),
	}, list.At(0).Attributes().AsRaw())
	assert.Equal(t, events.FileOpen, list.At(1).Name())
	assert.Equal(t, "ENOENT", list.At(1).Attributes().AsRaw()[events.ErrorType])
	assert.Equal(t, int64(1), p.metric("records_joined", kind("file"), byKey("span")))
	assert.Equal(t, int64(1), p.metric("records_joined", kind("file"), byKey("goroutine")))
}

func TestAtMostSoManyFileEvents(t *testing.T) {
	p := startPipelines(t, testConfig(), nil)
	ld, records := recordBatch(shop)
	for i := range 40 {
		addFile(records, events.FileFsync, fmt.Sprintf("/%d", i), 1, float64(i), float64(i)+0.5)
	}
	p.sendLogs(ld)
	p.sendSpans(oneSpan(shop, "checkout", 1, 0, 100))
	assert.Equal(t, 32, p.spans(1)["checkout"].Events().Len())
	assert.Equal(t, int64(8), p.metric("records_unjoined", kind("file"), reason("span_limit")))
}

// TestASpanThatPassesTwiceIsEnrichedOnce: downstream refuses it and the sender
// sends it again, or it comes back through another pipeline, enriched.
func TestASpanThatPassesTwiceIsEnrichedOnce(t *testing.T) {
	p := startPipelines(t, testConfig(), nil)
	ld, records := recordBatch(shop)
	addLedger(records, 1, 0, 10, mutexLedger())
	addFile(records, events.FileFsync, "/wal", 1, 2, 5)
	addRecord(records, events.StopTheWorld, 8, 12)
	p.sendLogs(ld)
	p.sendSpans(oneSpan(shop, "checkout", 1, 0, 10))
	enriched := ptrace.NewTraces()
	p.spansOut.AllTraces()[0].CopyTo(enriched)
	p.spansOut.Reset()

	p.sendSpans(oneSpan(shop, "checkout", 1, 0, 10))
	again := p.spansOut.AllTraces()[0]
	assert.Equal(t, marshal(t, enriched), marshal(t, again), "the same, as new")
	p.spansOut.Reset()
	copied := ptrace.NewTraces()
	enriched.CopyTo(copied)
	p.sendSpans(copied)
	assert.Equal(t, marshal(t, enriched), marshal(t, p.spansOut.AllTraces()[0]), "the same, as enriched already")
}

func TestLogsPassUnchanged(t *testing.T) {
	p := startPipelines(t, testConfig(), nil)
	ld, records := recordBatch(shop)
	addLedger(records, 1, 0, 10, mutexLedger())
	addRecord(records, events.StopTheWorld, 1, 2)
	records.AppendEmpty().Body().SetStr("an application's own")
	addFile(records, events.FileOpen, "/etc/hosts", 1, 1, 2)
	sent := plog.NewLogs()
	ld.CopyTo(sent)
	p.sendLogs(ld)
	var marshaler plog.ProtoMarshaler
	want, err := marshaler.MarshalLogs(sent)
	require.NoError(t, err)
	got, err := marshaler.MarshalLogs(p.logsOut.AllLogs()[0])
	require.NoError(t, err)
	assert.Equal(t, want, got)
	assert.False(t, p.logs.Capabilities().MutatesData)
}

// TestRecordsThatMakeNoSense come from no receiver of ours, but may come.
func TestRecordsThatMakeNoSense(t *testing.T) {
	p := startPipelines(t, testConfig(), nil)
	ld, records := recordBatch(shop)
	addLedger(records, 1, 0, 10, mutexLedger())
	records.At(0).Attributes().PutStr(ledger.OnCPU.Attribute(), "much")
	addLedger(records, 1, 0, 10, mutexLedger())
	records.At(1).Attributes().Remove(events.Duration)
	addRecord(records, events.StopTheWorld, 5, 4)
	addFile(records, events.FileOpen, "/etc/hosts", 1, 1, 2).SetTimestamp(0)
	addFile(records, events.FileOpen, "/etc/hosts", 1, 1, 2).SetTimestamp(1 << 63)
	addFile(records, events.FileOpen, "/etc/hosts", 1, 1, 2).SetTraceID(pcommon.TraceID{})
	p.sendLogs(ld)
	assert.Equal(t, int64(2), p.metric("records_unjoined", kind("ledger"), reason("invalid")))
	assert.Equal(t, int64(1), p.metric("records_unjoined", kind("stop_the_world"), reason("invalid")))
	assert.Equal(t, int64(2), p.metric("records_unjoined", kind("file"), reason("invalid")))
	assert.Equal(t, int64(1), p.metric("records_unjoined", kind("file"), reason("no_trace")))
	assert.Equal(t, 6, p.logsOut.LogRecordCount())
}

func marshal(t *testing.T, td ptrace.Traces) []byte {
	t.Helper()
	var marshaler ptrace.ProtoMarshaler
	data, err := marshaler.MarshalTraces(td)
	require.NoError(t, err)
	return data
}
