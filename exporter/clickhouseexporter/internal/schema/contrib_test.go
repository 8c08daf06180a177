// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package schema_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fathom-otel/fathom/exporter/clickhouseexporter/internal/schema"
	"github.com/fathom-otel/fathom/internal/enginetest"
)

// TestTablesAreContribs creates the tables in a real ClickHouse and compares
// what it made of them with what it made of contrib's statements.
func TestTablesAreContribs(t *testing.T) {
	conn, err := clickhouse.Open(&clickhouse.Options{Addr: []string{enginetest.Start(t)}})
	require.NoError(t, err)
	defer func() { require.NoError(t, conn.Close()) }()

	for file, ttl := range map[string]time.Duration{
		"testdata/contrib_plain.sql": 0,
		"testdata/contrib_ttl.sql":   72 * time.Hour,
	} {
		t.Run(file, func(t *testing.T) {
			require.NoError(t, conn.Exec(t.Context(), "DROP DATABASE IF EXISTS otel SYNC"))
			for _, statement := range statements(t, kept(ttl)) {
				require.NoError(t, conn.Exec(t.Context(), statement), statement)
			}
			want, err := os.ReadFile(file)
			require.NoError(t, err)
			_, tables, _ := strings.Cut(string(want), "\n\n")
			// What ours have more than contrib's, each of them.
			window := fmt.Sprintf(", non_replicated_deduplication_window = %d", schema.Window)
			got := created(t.Context(), t, conn)
			assert.Equal(t, strings.Count(tables, "ttl_only_drop_parts = 1"), strings.Count(got, window))
			assert.Equal(t, tables, strings.ReplaceAll(got, window, ""))
		})
	}
}

// kept is a schema whose rows have an age at which they go.
func kept(ttl time.Duration) schema.Schema {
	retention := schema.Retention{TTL: ttl}
	return schema.Schema{Database: "otel", Engine: "MergeTree()", Traces: retention, Logs: retention, Metrics: retention}
}

// TestRetentionIsTheServers creates tables that move, on the policy, volume and
// disk that every server has.
func TestRetentionIsTheServers(t *testing.T) {
	conn, err := clickhouse.Open(&clickhouse.Options{Addr: []string{enginetest.Start(t)}})
	require.NoError(t, err)
	defer func() { require.NoError(t, conn.Close()) }()
	moving := kept(72 * time.Hour)
	moving.Traces = schema.Retention{TTL: 48 * time.Hour, Policy: "default", Moves: []schema.Move{
		{After: time.Hour, Volume: "default"}, {After: 24 * time.Hour, Disk: "default"},
	}}
	for _, statement := range statements(t, moving) {
		require.NoError(t, conn.Exec(t.Context(), statement), statement)
	}
	var spans, logs string
	query := "SELECT create_table_query FROM system.tables WHERE database = 'otel' AND name = "
	require.NoError(t, conn.QueryRow(t.Context(), query+"'otel_traces'").Scan(&spans))
	require.NoError(t, conn.QueryRow(t.Context(), query+"'otel_logs'").Scan(&logs))
	require.Contains(t, spans, "TTL toDateTime(Timestamp) + toIntervalHour(1) TO VOLUME 'default', "+
		"toDateTime(Timestamp) + toIntervalDay(1) TO DISK 'default', toDateTime(Timestamp) + toIntervalDay(2)")
	require.Contains(t, spans, "storage_policy = 'default'")
	require.Contains(t, logs, "TTL toDateTime(Timestamp) + toIntervalDay(3)")
	require.NotContains(t, logs, "storage_policy")
}

func statements(t *testing.T, s schema.Schema) []string {
	var all []string
	for _, render := range []func() ([]string, error){
		s.CreateDatabase,
		func() ([]string, error) { return s.CreateTraces("otel_traces") },
		func() ([]string, error) { return s.CreateLogs("otel_logs", schema.Version{Major: 26, Minor: 2}) },
		func() ([]string, error) { return s.CreateLogs("otel_logs_bloom", schema.Version{Major: 26, Minor: 1}) },
		func() ([]string, error) {
			return s.CreateMetrics(schema.MetricTables{
				Gauge:                "otel_metrics_gauge",
				Sum:                  "otel_metrics_sum",
				Summary:              "otel_metrics_summary",
				Histogram:            "otel_metrics_histogram",
				ExponentialHistogram: "otel_metrics_exponential_histogram",
			})
		},
	} {
		rendered, err := render()
		require.NoError(t, err)
		all = append(all, rendered...)
	}
	return all
}

// created is the statements that the server keeps, in the order of the names.
func created(ctx context.Context, t *testing.T, conn driver.Conn) string {
	rows, err := conn.Query(ctx, "SELECT name, formatQuery(create_table_query) FROM system.tables "+
		"WHERE database = 'otel' ORDER BY name")
	require.NoError(t, err)
	defer func() { require.NoError(t, rows.Close()) }()
	var text strings.Builder
	for rows.Next() {
		var name, statement string
		require.NoError(t, rows.Scan(&name, &statement))
		fmt.Fprintf(&text, "-- %s\n%s;\n\n", name, statement)
	}
	require.NoError(t, rows.Err())
	return text.String()
}
