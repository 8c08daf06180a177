// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fathom-otel/fathom/internal/enginetest"
)

const config = `
exporters:
  debug: {}
  clickhouse/a:
    endpoint: tcp://${env:CLICKHOUSE_HOST}:9000
    database: telemetry
    create_schema: false
  clickhouse/b:
    endpoint: tcp://127.0.0.1:9000
    derived_tables: { red: { enabled: true }, kernel_events: { enabled: true } }
`

func write(t *testing.T, text string) string {
	t.Helper()
	t.Setenv("CLICKHOUSE_HOST", "127.0.0.1")
	path := filepath.Join(t.TempDir(), "config.yaml")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

// TestStatementsCreateTheTables runs what is printed on a real server.
func TestStatementsCreateTheTables(t *testing.T) {
	conn, err := clickhouse.Open(&clickhouse.Options{Addr: []string{enginetest.Start(t)}})
	require.NoError(t, err)
	defer func() { require.NoError(t, conn.Close()) }()
	path := write(t, config)
	for id, want := range map[string]uint64{
		"clickhouse/a": 10,     // spans, their times and view, log records, five of metrics, profiles, migrations, less the view
		"clickhouse/b": 10 + 2, // and two that are derived
	} {
		var out strings.Builder
		require.NoError(t, run(t.Context(), []string{"-config", path, "-exporter", id}, &out))
		for statement := range strings.SplitSeq(strings.TrimSpace(out.String()), ";\n\n") {
			require.NoError(t, conn.Exec(t.Context(), strings.TrimSuffix(statement, ";")), statement)
		}
		database := map[string]string{"clickhouse/a": "telemetry", "clickhouse/b": "default"}[id]
		var tables uint64
		require.NoError(t, conn.QueryRow(t.Context(),
			"SELECT count() FROM system.tables WHERE database = ? AND engine LIKE '%MergeTree'", database).Scan(&tables))
		assert.Equal(t, want, tables, id)
	}
}

func TestServerVersion(t *testing.T) {
	path := write(t, config)
	for version, index := range map[string]string{"25.8": "tokenbf_v1", "26.2": "TYPE text"} {
		var out strings.Builder
		require.NoError(t, run(t.Context(), []string{"-config", path, "-exporter", "clickhouse/b", "-server", version}, &out))
		assert.Contains(t, out.String(), index, version)
	}
}

func TestErrors(t *testing.T) {
	path := write(t, config)
	for _, test := range []struct {
		args []string
		want string
	}{
		{nil, "usage: clickhouse-schema -config"},
		{[]string{"-config", path}, "choose one of clickhouse/a, clickhouse/b with -exporter"},
		{[]string{"-config", path, "-exporter", "clickhouse/c"}, "-exporter clickhouse/c: the configuration has clickhouse/a, clickhouse/b"},
		{[]string{"-config", path, "-server", "new"}, `-server "new": write it as 26.3`},
		{[]string{"-config", path + ".missing"}, "no such file"},
		{[]string{"-config", "yaml:exporters::debug::verbosity: basic"}, "the configuration has no clickhouse exporter"},
		{[]string{"-config", "yaml:exporters::clickhouse::ttl: 1h"}, "exporters::clickhouse: endpoint: must be set"},
		{[]string{"-config", "yaml:exporters::clickhouse::tll: 1h"}, "tll"},
	} {
		err := run(t.Context(), test.args, io.Discard)
		require.ErrorContains(t, err, test.want)
	}
}
