// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package spanenrichmentprocessor

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/fathom-otel/fathom/internal/events"
)

// Events of the kernel go on as they came, and what they tell stays with them.
func TestKernelEventsPassUnchanged(t *testing.T) {
	p := startPipelines(t, testConfig(), nil)
	ld, records := recordBatch(map[string]any{"service.name": "shop", "process.pid": int64(42)})
	for i, name := range []string{
		events.FileRead, events.FileWrite, events.NetworkConnect, events.NetworkRetransmit, events.RunQueue, events.BlockWait,
		events.CgroupThrottled, events.PageFaults,
	} {
		record := addFile(records, name, "/wal", byte(i+1), 0, 10)
		record.Attributes().PutStr(events.NetworkPeerAddress, "192.0.2.1")
		record.Attributes().PutInt(events.NetworkPeerPort, 443)
	}
	marshaler := &plog.ProtoMarshaler{}
	before, err := marshaler.MarshalLogs(ld)
	require.NoError(t, err)
	p.sendLogs(ld)
	require.Len(t, p.logsOut.AllLogs(), 1)
	after, err := marshaler.MarshalLogs(p.logsOut.AllLogs()[0])
	require.NoError(t, err)
	require.Equal(t, before, after)
}

// An event of a goroutine that the span started is the span's by its ID, and
// says so; one that comes after the span's end has no span ID and is not.
func TestEventsOfGoroutinesThatASpanStarted(t *testing.T) {
	p := startPipelines(t, testConfig(), nil)
	ld, records := recordBatch(shop)
	addLedger(records, 1, 0, 10, mutexLedger())
	for inherited, id := range map[string]byte{"open": 1, "ended": 0} {
		record := addFile(records, events.FileRead, "/"+inherited, id, 2, 4)
		record.Attributes().PutInt(events.GoroutineID, 18)
		record.Attributes().PutStr(events.TraceInherited, inherited)
	}
	p.sendLogs(ld)
	p.sendSpans(oneSpan(shop, "checkout", 1, 0, 10))
	span := p.spans(1)["checkout"]
	require.Equal(t, 1, span.Events().Len())
	told := span.Events().At(0).Attributes().AsRaw()
	require.Equal(t, "/open", told[events.FilePath])
	require.Equal(t, "open", told[events.TraceInherited])
	require.Equal(t, int64(18), told[events.GoroutineID])
	require.Equal(t, mutexLedger(), requireLedger(t, span))
}
