// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package clickhouseexporter

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/fathom-otel/fathom/internal/enginetest"
)

// TestReaders runs the queries of those who read the tables over rows that the
// exporter stored of testdata/readers/*.json, and compares what they return with
// <query>.txt, a row between two lines. The queries are of the shape that Grafana's
// ClickHouse data source builds with OTel enabled (grafana/clickhouse-datasource,
// src/data/sqlGenerator.ts and logs.ts), and ClickStack of its sources
// (hyperdxio/hyperdx, with the time column, materialized columns and roll-ups that
// it puts beside contrib's). -update writes the results anew: read them.
func TestReaders(t *testing.T) {
	endpoint := enginetest.Start(t)
	db := connect(t, endpoint)
	spans, records := start(t, "traces", synchronous(endpoint)), start(t, "logs", synchronous(endpoint))
	for _, e := range []probe{spans, records} { // which makes the tables, with rows that are taken out again
		require.NoError(t, e.send(t.Context()))
	}
	for _, table := range []string{"otel_traces", "otel_traces_trace_id_ts", "otel_logs"} {
		db.exec(t, "TRUNCATE TABLE otel."+table)
	}
	for _, statement := range readerFile(t, "clickstack_columns.ddl") {
		db.exec(t, statement)
	}

	text, err := os.ReadFile("testdata/readers/traces.json")
	require.NoError(t, err)
	traces, err := new(ptrace.JSONUnmarshaler).UnmarshalTraces(text)
	require.NoError(t, err)
	require.NoError(t, spans.Component.(exporter.Traces).ConsumeTraces(t.Context(), traces))
	text, err = os.ReadFile("testdata/readers/logs.json")
	require.NoError(t, err)
	logs, err := new(plog.JSONUnmarshaler).UnmarshalLogs(text)
	require.NoError(t, err)
	require.NoError(t, records.Component.(exporter.Logs).ConsumeLogs(t.Context(), logs))

	queries, err := filepath.Glob("testdata/readers/*.sql")
	require.NoError(t, err)
	require.Len(t, queries, 12)
	for _, file := range queries {
		name := strings.TrimSuffix(filepath.Base(file), ".sql")
		t.Run(name, func(t *testing.T) {
			query := readerFile(t, name+".sql")
			require.Len(t, query, 1)
			got := db.print(t, query[0])
			golden := filepath.Join("testdata", "readers", name+".txt")
			if *update {
				require.NoError(t, os.WriteFile(golden, []byte(got), 0o644))
			}
			want, err := os.ReadFile(golden)
			require.NoError(t, err)
			require.NotEmpty(t, want, "a query that finds nothing shows nothing")
			assert.Equal(t, string(want), got)
		})
	}
}

// readerFile is the statements of a file, with the data source's macros in place of
// which it writes the time range.
func readerFile(t *testing.T, name string) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "readers", name))
	require.NoError(t, err)
	expanded := strings.NewReplacer(
		"$__fromTime", "toDateTime(1772366400)", "$__toTime", "toDateTime(1772370000)").Replace(string(text))
	var statements []string
	for statement := range strings.SplitSeq(expanded, ";\n") {
		if strings.TrimSpace(statement) != "" {
			statements = append(statements, statement)
		}
	}
	return statements
}
