// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package ebpfreceiver

import (
	"fmt"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/fathom-otel/fathom/internal/events"
	"github.com/fathom-otel/fathom/internal/ledger"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/targettest"
)

// opens makes the target open a stream, and returns what the program was told of
// its end.
func opens(t *testing.T, target *targettest.Target, path string) string {
	t.Helper()
	body, _, err := target.Get(path, fromCaller("01"))
	require.NoError(t, err)
	return strings.TrimSpace(body)
}

func TestStreamsThatAServerOpens(t *testing.T) {
	h, target, _ := startCalls(t)
	for i, test := range []struct {
		how, do, method, says, code string
		here                        bool // it ends where it began
	}{
		{"both", "sleep", "Stream", "OK", "OK", true},
		{"server", "", "Stream", "OK", "OK", true},
		{"client", "", "Collect", "OK", "OK", true},
		{"both", "not found", "Stream", "NotFound", "NOT_FOUND", true},
		{"elsewhere", "sleep", "Stream", "OK", "OK", false},
		{"elsewhere", "no status", "Stream", "Unknown", "UNKNOWN", false},
		{"cancel", "", "Stream", "Canceled", "CANCELLED", false},
		{"started", "sleep", "Stream", "OK", "OK", true}, // on a goroutine that inherits the span
		{"nobody", "", "Stream", "Unavailable", "UNAVAILABLE", true},
	} {
		require.Equal(t, test.says, opens(t, target, "/stream/"+test.how+"?do="+url.QueryEscape(test.do)), test.how)
		client, server := h.awaitSpans(i+1, isClient)[i], h.awaitSpan("/stream/"+test.how)
		for _, span := range h.selected(func(s seenSpan) bool { return s.attribute(events.URLPath) == "/stream/"+test.how }) {
			server = span // the last one
		}
		require.Equal(t, "fathom.test.Calls/"+test.method, client.Name())
		require.Equal(t, "fathom.test.Calls/"+test.method, client.attribute(events.RPCMethod))
		require.Equal(t, test.code, client.attribute(events.RPCStatus), test.how)
		require.Equal(t, test.code != "OK", client.Status().Code() == ptrace.StatusCodeError)
		require.Equal(t, "127.0.0.1", client.attribute(events.ServerAddress))
		require.Equal(t, callerTrace, client.TraceID().String())
		require.Equal(t, test.how != "started", server.attribute(events.GoroutineID) == client.attribute(events.GoroutineID))
		require.Equal(t, server.SpanID(), client.ParentSpanID(), test.how)
		if !test.here {
			_, _, told := ledger.FromAttributes(client.Attributes())
			require.False(t, told, "of two goroutines there is no ledger")
			continue
		}
		l := exactLedger(t, client)
		if cause, _ := l.Dominant(); test.do == "sleep" {
			require.Equal(t, ledger.BlockedNetwork, cause)
		}
	}
	require.Zero(t, h.counter("kernel_records_dropped", "", ""))
}

// Whoever is first to learn of it, the program or gRPC itself, tells the same.
func TestStreamsThatTimeOut(t *testing.T) {
	h, target, _ := startCalls(t)
	for i := range 3 {
		require.Equal(t, "DeadlineExceeded", opens(t, target, "/stream/deadline?do=wait"))
		client := h.awaitSpans(i+1, isClient)[i]
		require.Equal(t, "DEADLINE_EXCEEDED", client.attribute(events.RPCStatus))
		require.Equal(t, "DEADLINE_EXCEEDED", client.attribute(events.ErrorType))
	}
}

// Streams need not end in the order in which they began, and a call in between
// is below the same span.
func TestStreamsThatCross(t *testing.T) {
	h, target, _ := startCalls(t)
	require.Equal(t, "OK", opens(t, target, "/streams/crossed"))
	server, clients := h.awaitSpan("/streams/crossed"), h.awaitSpans(3, isClient)
	codes := map[any]int{}
	for _, client := range clients {
		require.Equal(t, server.SpanID(), client.ParentSpanID())
		codes[client.attribute(events.RPCStatus)]++
		exactLedger(t, client)
	}
	require.Equal(t, map[any]int{"OK": 2, "NOT_FOUND": 1}, codes)
	var first, second seenSpan
	for _, client := range clients {
		if client.attribute(events.RPCStatus) == "OK" {
			first, second = second, client
		}
	}
	require.Less(t, first.StartTimestamp(), second.StartTimestamp())
	require.Less(t, second.StartTimestamp(), first.EndTimestamp(), "both were open")
	require.Less(t, first.EndTimestamp(), second.EndTimestamp())
}

// Many at once: each is told once, below its own request.
func TestManyStreamsAtOnce(t *testing.T) {
	h, target, _ := startCalls(t)
	const n = 60
	var requests sync.WaitGroup
	for i := range n {
		how := []string{"both", "client", "elsewhere"}[i%3]
		requests.Go(func() {
			_, _, err := target.Get("/stream/"+how+"?do=sleep", nil)
			if err != nil {
				t.Error(err)
			}
		})
	}
	requests.Wait()
	parents := map[string]int{}
	for _, client := range h.awaitSpans(n, isClient) {
		require.Equal(t, "OK", client.attribute(events.RPCStatus))
		parents[client.ParentSpanID().String()]++
	}
	require.Len(t, parents, n)
	servers := h.awaitSpans(n, func(s seenSpan) bool { return strings.HasPrefix(fmt.Sprint(s.attribute(events.URLPath)), "/stream/") })
	for _, server := range servers {
		require.Equal(t, 1, parents[server.SpanID().String()])
	}
	require.Zero(t, h.counter("kernel_records_dropped", "", ""))
}

func TestStreamsThatAnSDKTells(t *testing.T) {
	h, target, _ := startCalls(t)
	require.Equal(t, "OK", opens(t, target, "/stream/sdk?do="))
	require.Equal(t, "OK", opens(t, target, "/stream/both?do="))
	client := h.awaitSpans(1, isClient)[0]
	require.Equal(t, h.awaitSpan("/stream/both").SpanID(), client.ParentSpanID())
	require.Zero(t, h.counter("kernel_records_dropped", "reason", "span_unfinished"))
}

// Nor is a ledger made up of samples of the goroutine on which it began.
func TestSampledStreams(t *testing.T) {
	binary := targettest.BuildCalls(t)
	h := observe(t, func(c *Config) { c.Ledger.Mode = ModeSampled }, TargetConfig{Executable: binary})
	target := targettest.Start(t, binary)
	h.awaitAttached(1)
	require.Equal(t, "OK", opens(t, target, "/stream/elsewhere?do=sleep"))
	require.Equal(t, "OK", opens(t, target, "/stream/both?do=sleep"))
	require.Equal(t, "OK", opens(t, target, "/stream/started?do=sleep"))
	for i, client := range h.awaitSpans(3, isClient) {
		l, source, told := ledger.FromAttributes(client.Attributes())
		require.Equal(t, i == 1, told, client.Attributes().AsRaw())
		if told {
			require.Equal(t, ledger.Sampled, source)
			require.Equal(t, uint64(client.EndTimestamp()-client.StartTimestamp()), l.Total())
		}
	}
}
