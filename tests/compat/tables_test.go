// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package compat

import (
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/ClickHouse/clickhouse-go/v2"
	sql "github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/pprofile"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/fathom-otel/fathom/internal/enginetest"
	"github.com/fathom-otel/fathom/internal/sampledata"
)

// TestTablesOfEither lets each exporter create the tables of a database, and both
// write the same data to each, one by one: all four times the tables hold the same
// rows, the look-up table of trace IDs included.
func TestTablesOfEither(t *testing.T) { inEachForm(t, tablesOfEither) }

func tablesOfEither(t *testing.T, form map[string]any) {
	engine := enginetest.Start(t)
	db := open(t, engine)
	data, rows, all := everything(), 500, append(tables(), "otel_traces_trace_id_ts")
	if form["json"] == true {
		data, rows, all = forJSON(data), 50, []string{"otel_traces", "otel_logs", "otel_traces_trace_id_ts"}
	}
	g := sampledata.New(2)
	data.traces = append(data.traces, g.Traces(rows))
	data.logs = append(data.logs, g.Logs(rows))

	stored := map[string]map[string]string{}
	definitions := map[string]string{}
	for _, creator := range []string{contrib, fathom} {
		database := "by_" + creator
		createTables(t, creator, engine, database, form)
		definitions[creator] = strings.ReplaceAll(
			db.text(t, "SELECT name, create_table_query FROM system.tables WHERE database = '"+database+"' AND name != 'fathom_schema_migrations'"), database, "otel")
		for _, writer := range []string{contrib, fathom} {
			for _, table := range all {
				require.NoError(t, db.Exec(t.Context(), "TRUNCATE TABLE "+database+"."+table))
			}
			start(t, writer, engine, with(form, "database", database)).mustSend(t, data)
			rows := map[string]string{}
			for _, table := range all {
				rows[table] = db.text(t, "SELECT * FROM "+database+"."+table)
			}
			stored[fmt.Sprintf("%s writes to the tables of %s", writer, creator)] = rows
		}
	}
	assert.Equal(t, definitions[contrib], deduplication.ReplaceAllString(definitions[fathom], ""),
		"but for the setting that Fathom's tables have for inserts that are tried again")
	want := stored["contrib writes to the tables of contrib"]
	for name, rows := range stored {
		for table, text := range rows {
			assert.NotEmpty(t, text, table)
			assert.True(t, want[table] == text, "%s: %s", name, table)
			t.Logf("%s: %-35s %d rows", name, table, strings.Count(text, "\n"))
		}
	}
}

var deduplication = regexp.MustCompile(", non_replicated_deduplication_window = \\d+")

// createTables lets one side create its tables: contrib's exporter has done so once
// it is started, Fathom's does it beside, and takes data when it has.
func createTables(t *testing.T, side, engine, database string, keys map[string]any) {
	t.Helper()
	s := start(t, side, engine, with(keys, "database", database))
	if side == fathom {
		s.mustSend(t, batch{
			traces:   []ptrace.Traces{ptrace.NewTraces()},
			logs:     []plog.Logs{plog.NewLogs()},
			metrics:  []pmetric.Metrics{pmetric.NewMetrics()},
			profiles: []pprofile.Profiles{pprofile.NewProfiles()},
		})
	}
}

// with is keys and another one.
func with(keys map[string]any, key string, value any) map[string]any {
	all := map[string]any{}
	maps.Copy(all, keys)
	all[key] = value
	return all
}

// database is a connection of its own to the engine.
type database struct{ sql.Conn }

func open(t testing.TB, endpoint string) database {
	t.Helper()
	conn, err := clickhouse.Open(&clickhouse.Options{
		Addr: []string{endpoint}, DialTimeout: patience,
		Settings: clickhouse.Settings{"output_format_native_write_json_as_string": 1},
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, conn.Close()) })
	return database{conn}
}

// text is the rows that a query returns, a line each, sorted: ClickHouse gives
// them back in an order of its own.
func (d database) text(t *testing.T, query string) string {
	t.Helper()
	rows, err := d.Query(t.Context(), query)
	require.NoError(t, err)
	defer func() { require.NoError(t, rows.Close()) }()
	var lines []string
	for rows.Next() {
		pointers := make([]any, len(rows.ColumnTypes()))
		for i, column := range rows.ColumnTypes() {
			pointers[i] = reflect.New(column.ScanType()).Interface()
			if column.DatabaseTypeName() == "Array(JSON)" { // the driver asks for objects, which it does not get
				pointers[i] = new([]string)
			}
		}
		require.NoError(t, rows.Scan(pointers...))
		var line strings.Builder
		for i, pointer := range pointers {
			fmt.Fprintf(&line, "%s=%q ", rows.Columns()[i], fmt.Sprint(reflect.ValueOf(pointer).Elem().Interface()))
		}
		lines = append(lines, line.String()+"\n")
	}
	require.NoError(t, rows.Err())
	slices.Sort(lines)
	return strings.Join(lines, "")
}
