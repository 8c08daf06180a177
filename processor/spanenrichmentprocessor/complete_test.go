// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package spanenrichmentprocessor

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/fathom-otel/fathom/internal/events"
)

// addConnect adds a connection to a peer from 1 to 2 ms; one with an error failed.
func addConnect(records plog.LogRecordSlice, id byte, address string, port int64, failure string) plog.LogRecord {
	record := addRecord(records, events.NetworkConnect, 1, 2+float64(records.Len())/100)
	record.SetTraceID(pcommon.TraceID{15: 1})
	record.SetSpanID(pcommon.SpanID{7: id})
	record.Attributes().PutStr(events.NetworkPeerAddress, address)
	if port > 0 {
		record.Attributes().PutInt(events.NetworkPeerPort, port)
	}
	if failure != "" {
		record.Attributes().PutStr(events.ErrorType, failure)
	}
	return record
}

// TestSpansAreCompleted: by what all events of a span say, and never against
// what its SDK said.
func TestSpansAreCompleted(t *testing.T) {
	const address, port, path = events.NetworkPeerAddress, events.NetworkPeerPort, events.FilePath
	one := func(r plog.LogRecordSlice) { addConnect(r, 1, "10.0.0.1", 5432, "") }
	wal := func(start, end float64) func(plog.LogRecordSlice) {
		return func(r plog.LogRecordSlice) { addFile(r, events.FileWrite, "/wal", 1, start, end) }
	}
	for name, test := range map[string]struct {
		kind    ptrace.SpanKind
		records []func(plog.LogRecordSlice)
		has     map[string]any // set by the SDK
		want    map[string]any // of the three, at the end
	}{
		"one peer":                  {kind: ptrace.SpanKindClient, records: []func(plog.LogRecordSlice){one}, want: map[string]any{address: "10.0.0.1", port: int64(5432)}},
		"one peer, twice":           {kind: ptrace.SpanKindClient, records: []func(plog.LogRecordSlice){one, one}, want: map[string]any{address: "10.0.0.1", port: int64(5432)}},
		"a peer without a port":     {kind: ptrace.SpanKindClient, records: []func(plog.LogRecordSlice){func(r plog.LogRecordSlice) { addConnect(r, 1, "/run/db.sock", 0, "") }}, want: map[string]any{address: "/run/db.sock"}},
		"a server's span":           {kind: ptrace.SpanKindServer, records: []func(plog.LogRecordSlice){one}},
		"an internal span":          {kind: ptrace.SpanKindInternal, records: []func(plog.LogRecordSlice){one}},
		"two peers":                 {kind: ptrace.SpanKindClient, records: []func(plog.LogRecordSlice){one, func(r plog.LogRecordSlice) { addConnect(r, 1, "10.0.0.2", 5432, "") }}},
		"two ports":                 {kind: ptrace.SpanKindClient, records: []func(plog.LogRecordSlice){one, func(r plog.LogRecordSlice) { addConnect(r, 1, "10.0.0.1", 5433, "") }}},
		"another refused before":    {kind: ptrace.SpanKindClient, records: []func(plog.LogRecordSlice){func(r plog.LogRecordSlice) { addConnect(r, 1, "::1", 5432, "ECONNREFUSED") }, one}, want: map[string]any{address: "10.0.0.1", port: int64(5432)}},
		"refused":                   {kind: ptrace.SpanKindClient, records: []func(plog.LogRecordSlice){func(r plog.LogRecordSlice) { addConnect(r, 1, "10.0.0.1", 5432, "ECONNREFUSED") }}},
		"of an inner span":          {kind: ptrace.SpanKindClient, records: []func(plog.LogRecordSlice){func(r plog.LogRecordSlice) { addConnect(r, 9, "10.0.0.1", 5432, "") }}},
		"the SDK named the peer":    {kind: ptrace.SpanKindClient, records: []func(plog.LogRecordSlice){one}, has: map[string]any{address: "10.9.9.9", port: int64(1)}, want: map[string]any{address: "10.9.9.9", port: int64(1)}},
		"the SDK named another":     {kind: ptrace.SpanKindClient, records: []func(plog.LogRecordSlice){one}, has: map[string]any{address: "10.9.9.9"}, want: map[string]any{address: "10.9.9.9"}},
		"the SDK named its address": {kind: ptrace.SpanKindClient, records: []func(plog.LogRecordSlice){one}, has: map[string]any{address: "10.0.0.1"}, want: map[string]any{address: "10.0.0.1", port: int64(5432)}},
		"the SDK named its port":    {kind: ptrace.SpanKindClient, records: []func(plog.LogRecordSlice){one}, has: map[string]any{port: int64(5432)}, want: map[string]any{address: "10.0.0.1", port: int64(5432)}},
		"the SDK named a port":      {kind: ptrace.SpanKindClient, records: []func(plog.LogRecordSlice){one}, has: map[string]any{port: int64(80)}, want: map[string]any{port: int64(80)}},

		"most of it in one file":    {kind: ptrace.SpanKindInternal, records: []func(plog.LogRecordSlice){wal(1, 4), wal(5, 7)}, want: map[string]any{path: "/wal"}},
		"little of it in one file":  {kind: ptrace.SpanKindInternal, records: []func(plog.LogRecordSlice){wal(1, 4)}},
		"two files":                 {kind: ptrace.SpanKindInternal, records: []func(plog.LogRecordSlice){wal(1, 9), func(r plog.LogRecordSlice) { addFile(r, events.FileOpen, "/etc/hosts", 1, 0, 1) }}},
		"a path that was cut":       {kind: ptrace.SpanKindInternal, records: []func(plog.LogRecordSlice){func(r plog.LogRecordSlice) { addFile(r, events.FileRead, "…/deep/wal", 1, 1, 9) }}},
		"a file of a server's span": {kind: ptrace.SpanKindServer, records: []func(plog.LogRecordSlice){wal(1, 9)}},
		"the SDK named the file":    {kind: ptrace.SpanKindInternal, records: []func(plog.LogRecordSlice){wal(1, 9)}, has: map[string]any{path: "wal"}, want: map[string]any{path: "wal"}},
	} {
		t.Run(name, func(t *testing.T) {
			p := startPipelines(t, testConfig(), nil)
			ld, records := recordBatch(shop)
			for _, add := range test.records {
				add(records)
			}
			p.sendLogs(ld)
			td, spans := spanBatch(shop)
			span := addSpan(spans, "span", 1, 0, 10)
			span.SetKind(test.kind)
			putSorted(span.Attributes(), test.has)
			p.sendSpans(td)
			got := map[string]any{}
			for name, value := range p.spans(1)["span"].Attributes().AsRaw() {
				if name == address || name == port || name == path {
					got[name] = value
				}
			}
			if test.want == nil {
				test.want = map[string]any{}
			}
			assert.Equal(t, test.want, got)
		})
	}
}

// TestManyConnectionsAreAllAsked: a span gets its 32 longest events only, but
// the rule looks at all of them.
func TestManyConnectionsAreAllAsked(t *testing.T) {
	p := startPipelines(t, testConfig(), nil)
	ld, records := recordBatch(shop)
	for range 40 {
		addConnect(records, 1, "10.0.0.1", 5432, "")
	}
	addRecordOfShortConnect(records)
	p.sendLogs(ld)
	td, spans := spanBatch(shop)
	addSpan(spans, "span", 1, 0, 10).SetKind(ptrace.SpanKindClient)
	p.sendSpans(td)
	span := p.spans(1)["span"]
	assert.Equal(t, 32, span.Events().Len())
	_, has := span.Attributes().Get(events.NetworkPeerAddress)
	assert.False(t, has)
}

func addRecordOfShortConnect(records plog.LogRecordSlice) {
	record := addConnect(records, 1, "10.0.0.2", 5432, "")
	record.Attributes().PutInt(events.Duration, 1)
}

// TestKernelEventsBecomeSpanEvents: with all that they carry.
func TestKernelEventsBecomeSpanEvents(t *testing.T) {
	p := startPipelines(t, testConfig(), nil)
	ld, records := recordBatch(shop)
	connect := addConnect(records, 1, "10.0.0.1", 5432, "ETIMEDOUT")
	connect.Attributes().PutStr("network.transport", "tcp")
	connect.Attributes().PutInt("fathom.retries", 3)
	wait := addRecord(records, events.RunQueue, 4, 6)
	wait.SetTraceID(pcommon.TraceID{15: 1})
	wait.SetSpanID(pcommon.SpanID{7: 1})
	wait.Attributes().PutInt(events.ThreadID, 99)
	addFile(records, events.FileRead, "/data", 1, 6, 7)
	throttled := addRecord(records, events.CgroupThrottled, 8, 12)
	throttled.Attributes().PutStr("cgroup", "/shop")
	p.sendLogs(ld)
	p.sendSpans(oneSpan(shop, "span", 1, 0, 10))

	span := p.spans(1)["span"]
	var got []map[string]any
	for _, event := range span.Events().All() {
		raw := event.Attributes().AsRaw()
		raw["name"] = event.Name()
		got = append(got, raw)
	}
	assert.Equal(t, []map[string]any{
		{"name": events.NetworkConnect, events.Duration: int64(1_000_000), events.NetworkPeerAddress: "10.0.0.1", events.NetworkPeerPort: int64(5432), events.ErrorType: "ETIMEDOUT", "network.transport": "tcp", "fathom.retries": int64(3)},
		{"name": events.RunQueue, events.Duration: int64(2_000_000), events.ThreadID: int64(99)},
		{"name": events.FileRead, events.Duration: int64(1_000_000), events.FilePath: "/data", events.GoroutineID: int64(17)},
	}, got)
	assert.Equal(t, int64(2_000_000), intOf(t, span.Attributes(), events.CgroupThrottledOverlap))
	assert.Equal(t, int64(1), p.metric("records_joined", kind("network"), byKey("span")))
	assert.Equal(t, int64(1), p.metric("records_joined", kind("scheduler"), byKey("span")))
	assert.Equal(t, int64(1), p.metric("records_joined", kind("throttle"), byKey("process")))
}
