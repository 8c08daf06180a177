// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package ebpfreceiver

import (
	"net/http"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/otel/attribute"

	"github.com/fathom-otel/fathom/internal/events"
	"github.com/fathom-otel/fathom/internal/ledger"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/targettest"
)

func attributeKey(name string) attribute.Key { return attribute.Key(name) }

const (
	callerTrace = "4bf92f3577b34da6a3ce929d0e0e4736"
	callerSpan  = "00f067aa0ba902b7"
)

func fromCaller(flags string) http.Header {
	return http.Header{"Traceparent": {"00-" + callerTrace + "-" + callerSpan + "-" + flags}}
}

// exactLedger reads the ledger of a span and checks that its parts sum to it.
func exactLedger(t *testing.T, span seenSpan) ledger.Ledger {
	t.Helper()
	l, source, ok := ledger.FromAttributes(span.Attributes())
	require.True(t, ok, "%s has a ledger: %v", span.Name(), span.Attributes().AsRaw())
	require.Equal(t, ledger.Exact, source)
	require.Equal(t, uint64(span.EndTimestamp()-span.StartTimestamp()), l.Total(), "parts sum to the duration")
	return l
}

func TestRequestsOfAnUninstrumentedServer(t *testing.T) {
	binary := targettest.Build(t)
	h := observe(t, nil, TargetConfig{Executable: binary})
	target := targettest.Start(t, binary, "OTEL_SERVICE_NAME=shop", "OTEL_RESOURCE_ATTRIBUTES=deployment.environment.name=test")
	h.awaitAttached(1)

	for path, dominant := range map[string]ledger.Cause{
		"/sleep/3": ledger.Sleep,
		"/mutex":   ledger.BlockedMutex,
		"/channel": ledger.BlockedChannel,
		"/cpu":     ledger.OnCPU,
		"/network": ledger.BlockedNetwork,
	} {
		_, status, err := target.Get(path, fromCaller("01"))
		require.NoError(t, err)
		require.Equal(t, http.StatusOK, status)
		span := h.awaitSpan(path)
		l := exactLedger(t, span)
		if path == "/cpu" { // it loops by the clock: on a busy machine it waits for a CPU instead
			l[ledger.OnCPU] += l[ledger.OSRunqueue] + l[ledger.Runnable]
			l[ledger.OSRunqueue], l[ledger.Runnable] = 0, 0
		}
		cause, ns := l.Dominant()
		require.Equal(t, dominant, cause, "%s: %v", path, span.Attributes().AsRaw())
		require.Greater(t, ns, uint64(10*time.Millisecond))
		require.Equal(t, callerTrace, span.TraceID().String())
		require.Equal(t, callerSpan, span.ParentSpanID().String())
		require.Equal(t, ptrace.SpanKindServer, span.Kind())
	}

	span := h.awaitSpan("/sleep/3")
	require.Equal(t, "GET /sleep/{id}", span.Name())
	for name, want := range map[string]any{
		"http.request.method": "GET", "http.route": "/sleep/{id}", "http.response.status_code": int64(200),
	} {
		require.Equal(t, want, span.Attributes().AsRaw()[name], name)
	}
	require.WithinDuration(t, time.Now(), span.EndTimestamp().AsTime(), patience)
	for name, want := range map[string]any{
		"service.name": "shop", "deployment.environment.name": "test", "process.pid": int64(target.PID),
		"process.executable.path": binary, "process.executable.name": "target",
		"process.runtime.name": "go", "process.runtime.version": runtime.Version(),
	} {
		require.Equal(t, want, span.resource.AsRaw()[name], name)
	}
}

func TestRequestsThatDoNotEndWell(t *testing.T) {
	binary := targettest.Build(t)
	h := observe(t, nil, TargetConfig{Executable: binary})
	target := targettest.Start(t, binary)
	h.awaitAttached(1)

	_, _, err := target.Get("/panic", nil)
	require.Error(t, err)
	aborted := h.awaitSpan("/panic")
	require.Equal(t, ptrace.StatusCodeError, aborted.Status().Code())
	exactLedger(t, aborted)
	require.True(t, aborted.ParentSpanID().IsEmpty(), "no caller, no parent")
	require.False(t, aborted.TraceID().IsEmpty())

	_, _, err = target.Get("/fsync?path=/nowhere/wal", nil)
	require.NoError(t, err)
	failed := h.awaitSpan("/fsync")
	require.Equal(t, int64(500), failed.Attributes().AsRaw()["http.response.status_code"])
	require.Equal(t, ptrace.StatusCodeError, failed.Status().Code())

	_, _, err = target.Get("/nothing", nil)
	require.NoError(t, err)
	missing := h.awaitSpan("/nothing")
	require.Equal(t, "GET", missing.Name(), "no route matched")
	require.Equal(t, ptrace.StatusCodeUnset, missing.Status().Code())

	_, _, err = target.Get("/cpu", fromCaller("00"))
	require.NoError(t, err)
	require.Eventually(t, func() bool { return h.counter("requests_unobserved", "reason", "sampled_out") == 1 }, patience, tick,
		"a caller that does not sample is followed")
}

func TestHijackedConnections(t *testing.T) {
	binary := targettest.Build(t)
	h := observe(t, nil, TargetConfig{Executable: binary})
	target := targettest.Start(t, binary)
	h.awaitAttached(1)
	_, status, err := target.Get("/hijack", nil)
	require.NoError(t, err)
	require.Equal(t, http.StatusSwitchingProtocols, status)
	span := h.awaitSpan("/hijack")
	require.Equal(t, ptrace.StatusCodeUnset, span.Status().Code(), "taking a connection over is no failure")
	require.NotContains(t, span.Attributes().AsRaw(), "error.type")
}

// A request that an SDK's sampler leaves out is not told by the receiver either.
func TestRequestsThatAnSDKDoesNotSample(t *testing.T) {
	binary := targettest.Build(t)
	h := observe(t, nil, TargetConfig{Executable: binary})
	target := targettest.Start(t, binary)
	h.awaitAttached(1)
	for _, path := range []string{"/unsampled", "/nothing"} {
		_, _, err := target.Get(path, nil)
		require.NoError(t, err)
	}
	h.awaitSpan("/nothing")
	require.Len(t, h.spans(), 1)
}

func TestEventsOnSpans(t *testing.T) {
	binary := targettest.Build(t)
	h := observe(t, func(c *Config) { c.Events.File.MinDuration = 0 }, TargetConfig{Executable: binary})
	target := targettest.Start(t, binary)
	h.awaitAttached(1)

	path := filepath.Join(t.TempDir(), "wal")
	_, status, err := target.Get("/fsync?path="+path, fromCaller("01"))
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, status)
	span := h.awaitSpan("/fsync")
	for _, name := range []string{events.FileOpen, events.FileFsync} {
		var event seenLog
		require.Eventually(t, func() bool {
			for _, candidate := range h.events(name) {
				if value, _ := candidate.Attributes().Get(events.FilePath); value.Str() == path {
					event = candidate
					return true
				}
			}
			return false
		}, patience, tick, "%s of %s", name, path)
		require.Equal(t, callerTrace, event.TraceID().String())
		require.Equal(t, span.SpanID(), event.SpanID())
		duration := event.Attributes().AsRaw()[events.Duration].(int64)
		require.Positive(t, duration)
		require.GreaterOrEqual(t, int64(event.Timestamp())-duration, int64(span.StartTimestamp()))
		require.LessOrEqual(t, event.Timestamp(), span.EndTimestamp())
		require.Equal(t, span.Attributes().AsRaw()[events.GoroutineID], event.Attributes().AsRaw()[events.GoroutineID])
	}

	_, _, err = target.Get("/gc", nil)
	require.NoError(t, err)
	require.Eventually(t, func() bool { return len(h.events(events.GCCycle)) > 0 }, patience, tick)
	cycle := h.events(events.GCCycle)[0]
	require.Positive(t, cycle.Attributes().AsRaw()[events.GCCycleNumber])
	require.Less(t, cycle.Attributes().AsRaw()[events.GCStopTheWorld], cycle.Attributes().AsRaw()[events.Duration])
	reasons := map[any]bool{}
	for _, stop := range h.events(events.StopTheWorld) {
		reasons[stop.Attributes().AsRaw()[events.StopTheWorldReason]] = true
	}
	require.Subset(t, reasons, map[any]bool{"GC mark termination": true, "GC sweep termination": true})
}

func TestSpansOfAnSDK(t *testing.T) {
	binary := targettest.Build(t)
	h := observe(t, nil, TargetConfig{Executable: binary})
	target := targettest.Start(t, binary)
	h.awaitAttached(1)

	body, _, err := target.Get("/sdk", nil)
	require.NoError(t, err)
	identity := strings.Fields(body)
	require.Len(t, identity, 3)
	require.Eventually(t, func() bool { return len(h.events(events.SpanLedger)) == 2 }, patience, tick)
	for i, event := range h.events(events.SpanLedger) {
		require.Equal(t, identity[0], event.TraceID().String())
		require.Equal(t, identity[2-i], event.SpanID().String(), "the inner span ends first")
		l, _, ok := ledger.FromAttributes(event.Attributes())
		require.True(t, ok)
		require.Equal(t, event.Attributes().AsRaw()[events.Duration], int64(l.Total()))
		cause, _ := l.Dominant()
		require.Equal(t, ledger.Sleep, cause)
	}
	_, _, err = target.Get("/sleep/1", nil)
	require.NoError(t, err)
	h.awaitSpan("/sleep/1")
	require.Len(t, h.spans(), 1, "where the SDK makes a span, the receiver makes none")
}
