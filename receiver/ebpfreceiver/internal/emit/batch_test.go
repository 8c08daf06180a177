// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package emit

import (
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/fathom-otel/fathom/internal/events"
	"github.com/fathom-otel/fathom/internal/ledger"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/discover"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/record"
)

// boot is the wall time at which CLOCK_MONOTONIC was 0.
func boot() time.Time { return time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC) }

func shop() *discover.Process {
	return &discover.Process{
		PID: 42, StartTime: boot().Add(time.Second), Executable: "/opt/shop/inventory", ExecutableName: "inventory",
		GoVersion: "go1.26.8", ServiceName: "shop", ContainerID: "abc", PodUID: "2f0d7a1c-9d2b-4c3e-8f4a-5b6c7d8e9f00",
		ResourceAttributes: map[string]string{"service.name": "ignored", "deployment.environment.name": "test"},
	}
}

func newBatch(cycles *Cycles) *Batch {
	return NewBatch("scope", "1", NewClock(boot(), 0), cycles, nil)
}

func identified(start, end uint64) record.Header {
	return record.Header{PID: 42, TID: 43, GoroutineID: 7, Start: start, End: end,
		TraceID: [16]byte{1}, SpanID: [8]byte{2}, ParentID: [8]byte{3}}
}

func onlySpan(t *testing.T, r record.Record) ptrace.Span {
	t.Helper()
	batch := newBatch(NewCycles())
	batch.Add(shop(), r)
	require.Equal(t, 1, batch.Traces().SpanCount())
	require.Zero(t, batch.Logs().LogRecordCount())
	return batch.Traces().ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(0)
}

func onlyLog(t *testing.T, r record.Record) plog.LogRecord {
	t.Helper()
	batch := newBatch(NewCycles())
	batch.Add(shop(), r)
	require.Equal(t, 1, batch.Logs().LogRecordCount())
	require.Zero(t, batch.Traces().SpanCount())
	return batch.Logs().ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(0)
}

func TestResource(t *testing.T) {
	batch := newBatch(NewCycles())
	batch.Add(shop(), &record.Request{})
	batch.Add(shop(), &record.Request{})
	require.Equal(t, 2, batch.Traces().ResourceSpans().Len(), "two processes, though alike")
	require.Equal(t, map[string]any{
		"service.name": "shop", "deployment.environment.name": "test", "process.pid": int64(42),
		"process.executable.path": "/opt/shop/inventory", "process.executable.name": "inventory",
		"process.creation.time": "2026-11-21T00:00:01Z", "process.runtime.name": "go",
		"process.runtime.version": "go1.26.8", "container.id": "abc",
		"k8s.pod.uid": "2f0d7a1c-9d2b-4c3e-8f4a-5b6c7d8e9f00",
	}, batch.Traces().ResourceSpans().At(0).Resource().Attributes().AsRaw())
}

func TestRequests(t *testing.T) {
	for name, test := range map[string]struct {
		request    record.Request
		spanName   string
		status     ptrace.StatusCode
		attributes map[string]any
	}{
		"matched": {
			record.Request{Span: record.Span{Header: identified(10, 30), Exact: true, Ledger: ledger.Ledger{ledger.Sleep: 20}},
				Method: "GET", Path: "/items/1", Route: "GET /items/{id}", Status: 404},
			"GET /items/{id}", ptrace.StatusCodeUnset,
			map[string]any{"http.request.method": "GET", "url.path": "/items/1", "http.route": "/items/{id}",
				"http.response.status_code": int64(404), "fathom.goroutine.id": int64(7), "fathom.time.sleep": int64(20),
				"fathom.time.unattributed": int64(0), "fathom.time.dominant": "sleep", "fathom.time.source": "exact"},
		},
		"no route, no ledger, no status set": {
			record.Request{Span: record.Span{Header: identified(10, 30)}, Method: "POST", Path: "/"},
			"POST", ptrace.StatusCodeUnset,
			map[string]any{"http.request.method": "POST", "url.path": "/", "http.response.status_code": int64(200), "fathom.goroutine.id": int64(7)},
		},
		"failed, with a method of its own": {
			record.Request{Span: record.Span{Header: identified(10, 30)}, Method: "BREW", Path: "/pot", Route: "example.com/pot", Status: 503},
			"HTTP /pot", ptrace.StatusCodeError,
			map[string]any{"http.request.method": "_OTHER", "http.request.method_original": "BREW", "url.path": "/pot", "http.route": "/pot",
				"http.response.status_code": int64(503), "error.type": "503", "fathom.goroutine.id": int64(7)},
		},
		"hijacked": {
			record.Request{Span: record.Span{Header: identified(10, 30)}, Path: "/socket", Hijacked: true},
			"GET", ptrace.StatusCodeUnset,
			map[string]any{"http.request.method": "GET", "url.path": "/socket", "fathom.goroutine.id": int64(7)},
		},
		"aborted": {
			record.Request{Span: record.Span{Header: identified(10, 30)}, Path: "/", Aborted: true},
			"GET", ptrace.StatusCodeError,
			map[string]any{"http.request.method": "GET", "url.path": "/", "error.type": "aborted", "fathom.goroutine.id": int64(7)},
		},
	} {
		t.Run(name, func(t *testing.T) {
			test.request.Major, test.request.Minor = 1, 1
			test.attributes["network.protocol.name"], test.attributes["network.protocol.version"] = "http", "1.1"
			span := onlySpan(t, &test.request)
			require.Equal(t, test.spanName, span.Name())
			require.Equal(t, test.status, span.Status().Code())
			require.Equal(t, test.attributes, span.Attributes().AsRaw())
			require.Equal(t, ptrace.SpanKindServer, span.Kind())
			require.Equal(t, boot().Add(10), span.StartTimestamp().AsTime())
			require.Equal(t, boot().Add(30), span.EndTimestamp().AsTime())
			require.Equal(t, [8]byte{3}, [8]byte(span.ParentSpanID()))
		})
	}
}

func TestLedgerOfAnSDKSpan(t *testing.T) {
	log := onlyLog(t, &record.Span{Header: identified(10, 30), Exact: true, Ledger: ledger.Ledger{ledger.OnCPU: 20}})
	require.Equal(t, events.SpanLedger, log.EventName())
	require.Equal(t, [16]byte{1}, [16]byte(log.TraceID()))
	require.Equal(t, [8]byte{2}, [8]byte(log.SpanID()))
	require.Equal(t, boot().Add(30), log.Timestamp().AsTime())
	require.Equal(t, map[string]any{"fathom.duration": int64(20), "fathom.goroutine.id": int64(7),
		"fathom.time.on_cpu": int64(20), "fathom.time.unattributed": int64(0),
		"fathom.time.dominant": "on_cpu", "fathom.time.source": "exact"}, log.Attributes().AsRaw())

	batch := newBatch(NewCycles())
	batch.Add(shop(), &record.Span{})
	require.Zero(t, batch.Logs().LogRecordCount(), "without the scheduler probe there is no ledger to tell")
}

func TestFiles(t *testing.T) {
	log := onlyLog(t, &record.File{Header: identified(10, 30), Operation: record.FileFsync, Path: "/var/wal", Error: syscall.EIO})
	require.Equal(t, events.FileFsync, log.EventName())
	require.Equal(t, map[string]any{"fathom.duration": int64(20), "fathom.goroutine.id": int64(7),
		"file.path": "/var/wal", "thread.id": int64(43), "error.type": "EIO"}, log.Attributes().AsRaw())
	require.Equal(t, events.FileOpen, onlyLog(t, &record.File{Operation: record.FileOpen}).EventName())
}

func TestStopsAndTheCyclesThatTheyFrame(t *testing.T) {
	process := shop()
	cycles := NewCycles()
	marking := false
	stop := func(reason record.StopReason, cycle uint32, start, end uint64) []plog.LogRecord {
		batch := newBatch(cycles)
		batch.Add(process, &record.Stop{Header: record.Header{Start: start, End: end}, Stopped: start + 1, Reason: reason, GCCycle: cycle, Marking: marking})
		var logs []plog.LogRecord
		for _, log := range batch.Logs().ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().All() {
			logs = append(logs, log)
		}
		return logs
	}
	require.Len(t, stop(record.StopGCMarkTermination, 40, 1, 2), 1, "its beginning was not seen")
	first := stop(record.StopGCSweepTermination, 41, 10, 15)
	require.Len(t, first, 1)
	require.Equal(t, map[string]any{"fathom.duration": int64(5), "fathom.go.stop_the_world.reason": "GC sweep termination",
		"fathom.go.stop_the_world.stopping": int64(1), "fathom.go.gc.cycle.number": int64(41)}, first[0].Attributes().AsRaw())
	require.Len(t, stop(record.StopReason(7), 41, 20, 21), 1, "another stop meanwhile")

	marking = true
	require.Len(t, stop(record.StopGCMarkTermination, 41, 25, 26), 1, "the collector found more to mark")
	marking = false
	last := stop(record.StopGCMarkTermination, 41, 30, 32)
	require.Len(t, last, 2)
	require.Equal(t, events.GCCycle, last[1].EventName())
	require.Equal(t, boot().Add(32), last[1].Timestamp().AsTime())
	require.Equal(t, map[string]any{"fathom.duration": int64(22), "fathom.go.gc.stop_the_world": int64(8),
		"fathom.go.gc.cycle.number": int64(41)}, last[1].Attributes().AsRaw())

	stop(record.StopGCSweepTermination, 42, 40, 41)
	require.Len(t, stop(record.StopGCMarkTermination, 43, 50, 51), 1, "the end of one cycle was not seen, nor the beginning of the next")
	stop(record.StopGCSweepTermination, 44, 60, 61)
	cycles.Forget(process)
	require.Len(t, stop(record.StopGCMarkTermination, 44, 70, 71), 1)
}

func TestReadClock(t *testing.T) {
	boot := ReadClock().Wall(0).AsTime()
	require.True(t, boot.Before(time.Now()), boot)
}

func BenchmarkAddRequest(b *testing.B) {
	process, cycles := shop(), NewCycles()
	request := &record.Request{Span: record.Span{Header: identified(10, 30), Exact: true, Ledger: ledger.Ledger{ledger.Sleep: 20}},
		Method: "GET", Path: "/items/1", Route: "GET /items/{id}", Status: 200}
	b.ReportAllocs()
	for n := 0; b.Loop(); n++ {
		batch := newBatch(cycles)
		for range 64 {
			batch.Add(process, request)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/64, "ns/request")
}
