// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package main_test

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fathom-otel/fathom/internal/enginetest"
)

// insertTraces is contrib's INSERT, its line breaks and question marks as they
// are.
const insertTraces = `INSERT INTO "otel"."otel_traces" (
    Timestamp,
    TraceId,
    SpanId,
    ParentSpanId,
    TraceState,
    SpanName,
    SpanKind,
    ServiceName,
    ResourceAttributes,
    ScopeName,
    ScopeVersion,
    SpanAttributes,
    Duration,
    StatusCode,
    StatusMessage,
    Events.Timestamp,
    Events.Name,
    Events.Attributes,
    Links.TraceId,
    Links.SpanId,
    Links.TraceState,
    Links.Attributes
) VALUES (
    ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?
)
`

// TestContribTables runs the statements of contrib's exporter unmodified, then
// its INSERT of spans, and reads them as Grafana does.
func TestContribTables(t *testing.T) {
	conn := connect(t, enginetest.Start(t))
	execute(t, conn, "CREATE DATABASE IF NOT EXISTS otel")
	ddl, err := os.ReadFile("testdata/contrib_tables.sql")
	require.NoError(t, err)
	statements := strings.Split(strings.TrimSpace(string(ddl)), ";\n")
	for range 2 { // a second start finds them
		execute(t, conn, statements[:len(statements)-1]...)
		execute(t, conn, strings.TrimSuffix(statements[len(statements)-1], ";"))
	}
	assert.Equal(t, uint64(10), one[uint64](t, conn, "SELECT count() FROM system.tables WHERE database = 'otel'"))

	batch, err := conn.PrepareBatch(t.Context(), insertTraces)
	require.NoError(t, err)
	at := time.Date(2026, 11, 21, 4, 30, 0, 123456789, time.UTC)
	for i := range 100 {
		events := i % 3
		require.NoError(t, batch.Append(
			at.Add(time.Duration(i)), "7f3c", "01", "", "", "POST /checkout", "Server", "checkout",
			map[string]string{"service.name": "checkout"}, "scope", "v1", map[string]string{"fathom.time.on_cpu": "12"},
			uint64(184_000_000), "Ok", "",
			repeat(at, events), repeat("fsync", events), repeat(map[string]string{"file.path": "/var/lib/shop/wal"}, events),
			[]string{}, []string{}, []string{}, []map[string]string{},
		))
	}
	require.NoError(t, batch.Send())

	assert.Equal(t, uint64(100), one[uint64](t, conn, "SELECT count() FROM otel.otel_traces WHERE ResourceAttributes['service.name'] = 'checkout'"))
	assert.Equal(t, uint64(99), one[uint64](t, conn, "SELECT sum(length(Events.Name)) FROM otel.otel_traces"))
	var start, end, stored time.Time
	require.NoError(t, conn.QueryRow(t.Context(), "SELECT min(Start), max(End) FROM otel.otel_traces_trace_id_ts WHERE TraceId = '7f3c'").Scan(&start, &end))
	assert.True(t, start.Equal(at.Truncate(time.Second)), "%v", start)
	assert.True(t, end.Equal(at.Truncate(time.Second)), "%v", end)
	require.NoError(t, conn.QueryRow(t.Context(), "SELECT min(Timestamp) FROM otel.otel_traces").Scan(&stored))
	assert.True(t, stored.Equal(at), "%v", stored)
}

func repeat[T any](value T, n int) []T {
	values := make([]T, n)
	for i := range values {
		values[i] = value
	}
	return values
}
