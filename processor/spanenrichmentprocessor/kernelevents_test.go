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
		events.FileRead, events.FileWrite, events.NetworkConnect, events.NetworkRetransmit, events.RunQueue,
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
