// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package ebpfreceiver

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/fathom-otel/fathom/internal/events"
	"github.com/fathom-otel/fathom/internal/ledger"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/targettest"
)

func startQueries(t *testing.T, args ...string) (*harness, *targettest.Target) {
	t.Helper()
	binary := targettest.BuildQueries(t, args...)
	h := observe(t, nil, TargetConfig{Executable: binary})
	target := targettest.Start(t, binary)
	h.awaitAttached(1)
	return h, target
}

// queryIn makes the target send a query in one of its ways, and returns the spans
// of queries below that request.
func queryIn(t *testing.T, h *harness, target *targettest.Target, way, text, answer string) []seenSpan {
	t.Helper()
	body, _, err := target.Get(way+"?text="+url.QueryEscape(text), nil)
	require.NoError(t, err)
	require.Contains(t, body, answer, way)
	return h.queriesBelow(h.awaitSpan(way))
}

// queriesBelow are those whose records came before the server's: the same
// goroutine's are in order.
func (h *harness) queriesBelow(server seenSpan) []seenSpan {
	return h.selected(func(s seenSpan) bool { return isClient(s) && s.ParentSpanID() == server.SpanID() })
}

const selects = `SELECT a FROM items WHERE b = 'secret' AND c = 5 -- secret`

func TestQueriesInAllWays(t *testing.T) {
	for name, args := range map[string][]string{"normal": nil, "stripped": {"-ldflags=-s -w"}} {
		t.Run(name, func(t *testing.T) {
			h, target := startQueries(t, args...)
			for way, n := range map[string]int{
				"/pgx/query": 1, "/pgx/query_plain": 1, "/pgx/query_row": 1, "/pgx/exec": 1, "/pgx/exec_plain": 1,
				"/pgx/conn": 2, "/pgx/tx": 2, "/pgx/stmt": 2, "/pgx/tx_stmt": 2, "/pgx/twice": 2,
			} {
				spans := queryIn(t, h, target, way, selects, "<nil>")
				require.Len(t, spans, n, way)
				server := h.awaitSpan(way)
				for _, span := range spans {
					require.Equal(t, "SELECT items", span.Name(), way)
					require.Equal(t, "postgresql", span.attribute(events.DBSystem))
					require.Equal(t, "SELECT items", span.attribute(events.DBQuerySummary))
					require.Equal(t, "SELECT a FROM items WHERE b = ? AND c = ?", span.attribute(events.DBQueryText), way)
					require.Equal(t, server.TraceID(), span.TraceID())
					require.Equal(t, ptrace.StatusCodeUnset, span.Status().Code(), way)
					require.GreaterOrEqual(t, span.StartTimestamp(), server.StartTimestamp())
					require.LessOrEqual(t, span.EndTimestamp(), server.EndTimestamp())
					exactLedger(t, span)
				}
			}
			require.Zero(t, h.counter("probes_refused", "feature", "sql"))
			require.Zero(t, h.counter("kernel_records_dropped", "", ""))
		})
	}
}

func TestWhatQueriesTell(t *testing.T) {
	h, target := startQueries(t)
	slow := queryIn(t, h, target, "/pgx/query", "SELECT slow", "<nil>")
	require.Len(t, slow, 1)
	require.Equal(t, "SELECT", slow[0].attribute(events.DBQuerySummary))
	l := exactLedger(t, slow[0])
	cause, ns := l.Dominant()
	require.Equal(t, ledger.BlockedNetwork, cause)
	require.GreaterOrEqual(t, ns, uint64(20*time.Millisecond))

	for _, way := range []string{"/pgx/query_plain", "/pgx/exec", "/pgx/query_row"} {
		failed := queryIn(t, h, target, way, "SELECT fail", "no such table")
		require.Len(t, failed, 1)
		require.Equal(t, ptrace.StatusCodeError, failed[0].Status().Code(), way)
		require.Equal(t, "_OTHER", failed[0].attribute(events.ErrorType))
	}
	expired := queryIn(t, h, target, "/pgx/stmt_expired", "SELECT 1", "context canceled")
	require.Len(t, expired, 1, "it gets no connection")
	require.Equal(t, ptrace.StatusCodeError, expired[0].Status().Code())
	require.Equal(t, "SELECT ?", expired[0].attribute(events.DBQueryText))

	arguments := queryIn(t, h, target, "/pgx/exec_argument", "UPDATE items SET a = $1", "<nil>")
	require.Equal(t, "UPDATE items SET a = $1", arguments[0].attribute(events.DBQueryText))

	long := "SELECT a FROM items WHERE b IN (" + strings.Repeat("'secret', ", 200) + "5)"
	cut := queryIn(t, h, target, "/pgx/exec_plain", long, "<nil>")[0].attribute(events.DBQueryText).(string)
	require.Regexp(t, `^SELECT a FROM items WHERE b IN \((\?, )+\??,? ?…$`, cut)

	_, _, err := target.Get("/constant", nil)
	require.NoError(t, err)
	constant := h.queriesBelow(h.awaitSpan("/constant"))
	require.Len(t, constant, 1)
	require.Equal(t, "SELECT a FROM constants WHERE b = ?", constant[0].attribute(events.DBQueryText))
}

func TestQueriesThatAreOdd(t *testing.T) {
	h, target := startQueries(t)
	// The driver leaves it to a prepared statement: still one query.
	spans := queryIn(t, h, target, "/odd/query", selects, "<nil>")
	require.Len(t, spans, 1)
	require.Equal(t, "other_sql", spans[0].attribute(events.DBSystem))
	require.Len(t, queryIn(t, h, target, "/odd/stmt", selects, "<nil>"), 2)

	// One that a panic left behind is neither told nor the parent of the next.
	require.Empty(t, queryIn(t, h, target, "/odd/query_plain", "panic", "panic: no rows"))
	require.Len(t, queryIn(t, h, target, "/odd/twice", selects, "<nil>"), 2)
	require.Eventually(t, func() bool { return h.counter("kernel_records_dropped", "reason", "span_unfinished") == 1 }, patience, tick)
}

func TestQueriesThatAnSDKTells(t *testing.T) {
	h, target := startQueries(t)
	for _, way := range []string{"/sdk/query", "/sdk/exec", "/sdk/tx", "/sdk/stmt"} {
		body, _, err := target.Get(way+"?text="+url.QueryEscape(selects), nil)
		require.NoError(t, err)
		require.Contains(t, body, "<nil>")
	}
	require.Eventually(t, func() bool { return len(h.events(events.SpanLedger)) >= 8 }, patience, tick)
	require.Empty(t, h.selected(isClient))
}

func TestQueriesAreLeftOut(t *testing.T) {
	binary := targettest.BuildQueries(t)
	h := observe(t, nil, TargetConfig{Executable: binary, Protocols: []string{"http"}})
	target := targettest.Start(t, binary)
	h.awaitAttached(1)
	require.Empty(t, queryIn(t, h, target, "/pgx/query", selects, "<nil>"))
}
