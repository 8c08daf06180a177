// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package ebpfreceiver

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/fathom-otel/fathom/internal/events"
	"github.com/fathom-otel/fathom/internal/ledger"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/targettest"
)

const (
	unaryMethod  = "/fathom.test.Calls/Unary"
	streamMethod = "/fathom.test.Calls/Stream"
)

// startCalls starts the target that serves gRPC, observed, and returns clients
// of its servers by their names.
func startCalls(t *testing.T, args ...string) (*harness, *targettest.Target, map[string]*grpc.ClientConn) {
	t.Helper()
	binary := targettest.BuildCalls(t, args...)
	h := observe(t, nil, TargetConfig{Executable: binary})
	target := targettest.Start(t, binary)
	h.awaitAttached(1)
	return h, target, grpcClients(t, target)
}

func grpcClients(t *testing.T, target *targettest.Target) map[string]*grpc.ClientConn {
	t.Helper()
	body, _, err := target.Get("/addresses", nil)
	require.NoError(t, err)
	var addresses map[string]string
	require.NoError(t, json.Unmarshal([]byte(body), &addresses))
	clients := map[string]*grpc.ClientConn{}
	for name, address := range addresses {
		client, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, client.Close()) })
		clients[name] = client
	}
	return clients
}

// call makes a unary call of the caller's trace.
func call(ctx context.Context, client *grpc.ClientConn, what, flags string) codes.Code {
	ctx = metadata.AppendToOutgoingContext(ctx, "x-first", "1", "traceparent", "00-"+callerTrace+"-"+callerSpan+"-"+flags)
	return status.Code(client.Invoke(ctx, unaryMethod, wrapperspb.String(what), &wrapperspb.StringValue{}))
}

// attribute of a span as text or number, nil where there is none.
func (s seenSpan) attribute(name string) any { return s.Attributes().AsRaw()[name] }

// select returns the spans that match, without waiting.
func (h *harness) selected(match func(seenSpan) bool) []seenSpan {
	var found []seenSpan
	for _, span := range h.spans() {
		if match(span) {
			found = append(found, span)
		}
	}
	return found
}

// awaitSpans waits until n spans match, and returns them.
func (h *harness) awaitSpans(n int, match func(seenSpan) bool) []seenSpan {
	h.t.Helper()
	require.Eventually(h.t, func() bool { return len(h.selected(match)) >= n }, patience, tick)
	found := h.selected(match)
	require.Len(h.t, found, n)
	return found
}

func isRPC(s seenSpan) bool { return s.attribute(events.RPCSystem) == "grpc" }

func TestUnaryCalls(t *testing.T) {
	h, _, clients := startCalls(t)
	for i, test := range []struct {
		what   string
		code   codes.Code
		name   string
		status ptrace.StatusCode
		error  any
	}{
		{"sleep", codes.OK, "OK", ptrace.StatusCodeUnset, nil},
		{"not found", codes.NotFound, "NOT_FOUND", ptrace.StatusCodeUnset, nil},
		{"no status", codes.Unknown, "UNKNOWN", ptrace.StatusCodeError, "UNKNOWN"},
		{"panic", codes.Internal, "INTERNAL", ptrace.StatusCodeError, "INTERNAL"},
	} {
		require.Equal(t, test.code, call(t.Context(), clients["plain"], test.what, "01"), test.what)
		span := h.awaitSpans(i+1, isRPC)[i]
		require.Equal(t, "fathom.test.Calls/Unary", span.Name())
		require.Equal(t, ptrace.SpanKindServer, span.Kind())
		require.Equal(t, test.name, span.attribute(events.RPCStatus))
		require.Equal(t, "fathom.test.Calls/Unary", span.attribute(events.RPCMethod))
		require.Equal(t, "http", span.attribute(events.ProtocolName))
		require.Equal(t, "2", span.attribute(events.ProtocolVersion))
		require.Equal(t, test.status, span.Status().Code())
		require.Equal(t, test.error, span.attribute(events.ErrorType))
		require.Equal(t, callerTrace, span.TraceID().String())
		require.Equal(t, callerSpan, span.ParentSpanID().String())
		l := exactLedger(t, span)
		if test.what == "sleep" {
			cause, ns := l.Dominant()
			require.Equal(t, ledger.Sleep, cause)
			require.GreaterOrEqual(t, ns, uint64(20*time.Millisecond))
		}
	}
}

func TestCallsThatDoNotEndWell(t *testing.T) {
	h, _, clients := startCalls(t)
	plain := clients["plain"]

	require.Equal(t, codes.Unimplemented, status.Code(plain.Invoke(t.Context(), "/no.such/Method", wrapperspb.String(""), &wrapperspb.StringValue{})))
	unknown := h.awaitSpans(1, isRPC)[0]
	require.Equal(t, "grpc", unknown.Name(), "a caller does not make up names")
	require.Equal(t, "_OTHER", unknown.attribute(events.RPCMethod))
	require.Equal(t, "no.such/Method", unknown.attribute(events.RPCMethodOriginal))
	require.True(t, unknown.ParentSpanID().IsEmpty(), "no caller, no parent")
	require.False(t, unknown.TraceID().IsEmpty())

	ctx, cancel := context.WithCancel(t.Context())
	stream, err := plain.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true, ClientStreams: true}, streamMethod)
	require.NoError(t, err)
	require.NoError(t, stream.SendMsg(wrapperspb.String("echo")))
	require.NoError(t, stream.RecvMsg(&wrapperspb.StringValue{}), "the handler runs")
	cancel()
	cancelled := h.awaitSpans(2, isRPC)[1]
	require.Equal(t, "CANCELLED", cancelled.attribute(events.RPCStatus))
	require.Equal(t, ptrace.StatusCodeUnset, cancelled.Status().Code())

	ctx, cancel = context.WithTimeout(t.Context(), patience)
	defer cancel()
	exits := make(chan codes.Code)
	go func() { exits <- call(ctx, plain, "exit", "01") }()
	aborted := h.awaitSpans(3, isRPC)[2]
	require.Equal(t, "aborted", aborted.attribute(events.ErrorType))
	require.NotContains(t, aborted.Attributes().AsRaw(), events.RPCStatus)
	require.Equal(t, ptrace.StatusCodeError, aborted.Status().Code())
	exactLedger(t, aborted)
	cancel() // no answer comes
	require.Equal(t, codes.Canceled, <-exits)

	require.Equal(t, codes.OK, call(t.Context(), plain, "", "00"))
	require.Eventually(t, func() bool { return h.counter("requests_unobserved", "reason", "sampled_out") == 1 }, patience, tick,
		"a caller that does not sample is followed")
}

// A stream is one span, whatever number of messages it carries, on goroutines
// of its own and of a pool alike.
func TestStreams(t *testing.T) {
	h, _, clients := startCalls(t)
	const streams, messages = 6, 5
	for _, server := range []string{"plain", "workers"} {
		for range streams {
			stream, err := clients[server].NewStream(t.Context(), &grpc.StreamDesc{ServerStreams: true, ClientStreams: true}, streamMethod)
			require.NoError(t, err)
			for range messages {
				require.NoError(t, stream.SendMsg(wrapperspb.String("echo")))
				require.NoError(t, stream.RecvMsg(&wrapperspb.StringValue{}))
			}
			require.NoError(t, stream.CloseSend())
			require.Error(t, stream.RecvMsg(&wrapperspb.StringValue{}), "the end of the stream")
		}
	}
	for _, span := range h.awaitSpans(2*streams, isRPC) {
		require.Equal(t, "fathom.test.Calls/Stream", span.Name())
		require.Equal(t, "OK", span.attribute(events.RPCStatus))
		exactLedger(t, span)
	}
}

// Where an SDK tells the call, the receiver tells the ledger of the SDK's span,
// which ends after the status was written.
func TestCallsThatAnSDKTells(t *testing.T) {
	h, _, clients := startCalls(t)
	require.Equal(t, codes.OK, call(t.Context(), clients["sdk"], "sleep", "01"))
	require.Eventually(t, func() bool { return len(h.events(events.SpanLedger)) == 1 }, patience, tick)
	told := h.events(events.SpanLedger)[0]
	require.False(t, told.SpanID().IsEmpty())
	l, _, ok := ledger.FromAttributes(told.Attributes())
	require.True(t, ok)
	cause, _ := l.Dominant()
	require.Equal(t, ledger.Sleep, cause)
	require.Equal(t, codes.OK, call(t.Context(), clients["plain"], "", "01"))
	h.awaitSpans(1, isRPC)
	require.Zero(t, h.counter("kernel_records_dropped", "reason", "span_ended_elsewhere"))
}

// Only the requests of the protocols that a target names are observed.
func TestProtocolsOfATarget(t *testing.T) {
	binary := targettest.BuildCalls(t)
	for protocol, want := range map[string]string{"grpc": "fathom.test.Calls/Unary", "http": "GET /metrics"} {
		h := observe(t, nil, TargetConfig{Executable: binary, Protocols: []string{protocol}})
		target := targettest.Start(t, binary)
		h.awaitAttached(1)
		clients := grpcClients(t, target)
		require.Equal(t, codes.OK, call(t.Context(), clients["plain"], "", "01"))
		_, _, err := target.Get("/metrics", nil)
		require.NoError(t, err)
		h.awaitSpans(1, func(s seenSpan) bool { return s.Name() == want })
		h.stop()
		require.Empty(t, h.selected(func(s seenSpan) bool { return isRPC(s) != (protocol == "grpc") }))
		target.Kill()
	}
}

func TestScrapesAreToldApart(t *testing.T) {
	h, target, _ := startCalls(t)
	for _, header := range []http.Header{
		{"User-Agent": {"Prometheus/3.7.1"}},
		{"User-Agent": {"agent"}, "Accept": {"application/openmetrics-text;version=1.0.0"}},
		{"User-Agent": {"curl/8.5"}, "Accept": {"*/*"}},
	} {
		_, _, err := target.Get("/metrics", header)
		require.NoError(t, err)
	}
	scrapes := func(s seenSpan) bool { return s.attribute(events.RequestKind) == "scrape" }
	requests := h.awaitSpans(3, func(s seenSpan) bool { return s.attribute(events.URLPath) == "/metrics" })
	told := h.awaitSpans(2, scrapes)
	require.Equal(t, "Prometheus/3.7.1", told[0].attribute(events.UserAgent))
	require.Equal(t, "agent", told[1].attribute(events.UserAgent))
	require.True(t, slices.ContainsFunc(requests, func(s seenSpan) bool { return !scrapes(s) }))
	for _, span := range requests {
		require.Equal(t, "1.1", span.attribute(events.ProtocolVersion))
	}
}
