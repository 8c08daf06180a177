// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package ebpfreceiver

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/fathom-otel/fathom/internal/events"
	"github.com/fathom-otel/fathom/internal/ledger"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/targettest"
)

func isClient(s seenSpan) bool { return s.Kind() == ptrace.SpanKindClient }

// sending is the path that makes the target send a request to one of its own.
func sending(path string, target *targettest.Target, to string) string {
	return path + "?url=" + url.QueryEscape(target.URL+to)
}

func TestRequestsThatAServerSends(t *testing.T) {
	h, target, _ := startCalls(t)
	body, _, err := target.Get(sending("/get", target, "/metrics?token=secret"), fromCaller("01"))
	require.NoError(t, err)
	require.Contains(t, body, "200")
	client, server := h.awaitSpans(1, isClient)[0], h.awaitSpan("/get")
	require.Equal(t, "GET", client.Name())
	require.Equal(t, server.SpanID(), client.ParentSpanID())
	require.Equal(t, callerTrace, client.TraceID().String())
	require.Equal(t, target.URL+"/metrics", client.attribute(events.URLFull), "without the query")
	require.Equal(t, "127.0.0.1", client.attribute(events.ServerAddress))
	require.Equal(t, strings.TrimPrefix(target.URL, "http://127.0.0.1:"), fmt.Sprint(client.attribute(events.ServerPort)))
	require.Equal(t, int64(200), client.attribute(events.ResponseStatus))
	require.Equal(t, "1.1", client.attribute(events.ProtocolVersion))
	require.GreaterOrEqual(t, client.StartTimestamp(), server.StartTimestamp())
	require.LessOrEqual(t, client.EndTimestamp(), server.EndTimestamp())
	exactLedger(t, client)

	_, _, err = target.Get("/http2", nil)
	require.NoError(t, err)
	second := h.awaitSpans(2, isClient)[1]
	require.Equal(t, "2", second.attribute(events.ProtocolVersion))
	require.Equal(t, int64(404), second.attribute(events.ResponseStatus))
	require.Equal(t, ptrace.StatusCodeError, second.Status().Code())
	require.True(t, strings.HasSuffix(second.attribute(events.URLFull).(string), "/nothing"), second.attribute(events.URLFull))
}

func TestRequestsThatGetNoAnswer(t *testing.T) {
	h, target, _ := startCalls(t)
	_, _, err := target.Get(sending("/timeout", target, "/wait"), nil)
	require.NoError(t, err)
	failed := h.awaitSpans(1, isClient)[0]
	require.Equal(t, ptrace.StatusCodeError, failed.Status().Code())
	require.Equal(t, "_OTHER", failed.attribute(events.ErrorType))
	require.NotContains(t, failed.Attributes().AsRaw(), events.ResponseStatus)

	// One that a panic left behind is not taken for the next, whose stack moves.
	_, _, err = target.Get(sending("/panicking", target, "/metrics"), nil)
	require.NoError(t, err)
	after := h.awaitSpans(2, isClient)[1]
	require.Equal(t, int64(200), after.attribute(events.ResponseStatus))
	require.Equal(t, h.awaitSpan("/panicking").SpanID(), after.ParentSpanID())
	require.Equal(t, ptrace.StatusCodeUnset, after.Status().Code())
	require.Eventually(t, func() bool { return h.counter("kernel_records_dropped", "reason", "span_unfinished") == 1 }, patience, tick)
}

func TestRequestsInsideOfAnSDKsSpans(t *testing.T) {
	h, target, _ := startCalls(t)
	for _, path := range []string{"/sdk/transport", "/sdk/client", "/outside"} {
		body, _, err := target.Get(sending(path, target, "/metrics"), nil)
		require.NoError(t, err)
		require.Contains(t, body, "200")
	}
	body, _, err := target.Get(sending("/sdk/internal", target, "/metrics"), nil)
	require.NoError(t, err)
	client := h.awaitSpans(1, isClient)[0]
	require.Equal(t, strings.Fields(body)[:2], []string{client.TraceID().String(), client.ParentSpanID().String()},
		"the SDK's span is the parent, where it is not the request itself")
	require.Equal(t, int64(1), h.counter("requests_unobserved", "reason", "outside_of_span"))
}

func TestCallsThatAServerMakes(t *testing.T) {
	h, target, _ := startCalls(t)
	for i, test := range []struct {
		query, code string
		status      ptrace.StatusCode
	}{
		{"do=sleep", "OK", ptrace.StatusCodeUnset},
		{"do=not+found", "NOT_FOUND", ptrace.StatusCodeError},
		{"invalid", "INTERNAL", ptrace.StatusCodeError}, // there is no stream
	} {
		_, _, err := target.Get("/call?"+test.query, fromCaller("01"))
		require.NoError(t, err)
		client := h.awaitSpans(i+1, isClient)[i]
		require.Equal(t, "fathom.test.Calls/Unary", client.Name())
		require.Equal(t, "grpc", client.attribute(events.RPCSystem))
		require.Equal(t, test.code, client.attribute(events.RPCStatus), test.query)
		require.Equal(t, test.status, client.Status().Code())
		require.Equal(t, "127.0.0.1", client.attribute(events.ServerAddress))
		require.Equal(t, callerTrace, client.TraceID().String())
		l := exactLedger(t, client)
		if i == 0 {
			cause, _ := l.Dominant()
			require.Equal(t, ledger.BlockedNetwork, cause)
		}
	}
	servers := h.awaitSpans(3, func(s seenSpan) bool { return s.attribute(events.URLPath) == "/call" })
	for i, client := range h.selected(isClient) {
		require.Equal(t, servers[i].SpanID(), client.ParentSpanID())
	}

	_, _, err := target.Get("/call/sdk?do=", nil)
	require.NoError(t, err)
	require.Eventually(t, func() bool { return len(h.events(events.SpanLedger)) == 1 }, patience, tick)
	require.Len(t, h.selected(isClient), 3, "the SDK tells its call")
}
