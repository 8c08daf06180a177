// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

// Package schema renders the statements that create the exporter's database,
// tables and view. The tables are those of the clickhouse exporter in
// opentelemetry-collector-contrib v0.161.0, its Map and its JSON schema: same names,
// columns, types, codecs, indexes, partitions and order, so that dashboards
// and readers written for it keep working.
package schema

import (
	"fmt"
	"strings"
)

// DefaultDatabase is the database that every ClickHouse server has.
const DefaultDatabase = "default"

// TraceTimes ends the name of the look-up table from trace ID to time, behind
// that of the table of spans.
const TraceTimes = "_trace_id_ts"

// Schema is what the tables of one exporter have in common.
type Schema struct {
	// Database holds the tables.
	Database string
	// Cluster adds ON CLUSTER to every statement, where it is not empty.
	Cluster string
	// Engine is the whole ENGINE expression, such as MergeTree().
	Engine string
	// JSON has the attributes of spans and log records in JSON columns, in place
	// of Map columns.
	JSON bool
	// Traces, Logs, Metrics and Profiles say how long the rows of each signal are
	// kept, and where.
	Traces, Logs, Metrics, Profiles Retention
}

// Window is the non_replicated_deduplication_window of the tables: how many of
// the last blocks of a table ClickHouse knows the tokens of. Without it a plain
// MergeTree stores a block as often as it is sent. A replicated one has a window
// of its own, replicated_deduplication_window.
const Window = 10_000

// deduplicates reports whether the engine is one that takes Window: a MergeTree
// that is not replicated.
func (s Schema) deduplicates() bool {
	name, _, _ := strings.Cut(s.Engine, "(")
	return NeedsWindow(name)
}

// NeedsWindow reports whether tables of that engine deduplicate by Window.
func NeedsWindow(engine string) bool {
	return strings.HasSuffix(engine, "MergeTree") &&
		!strings.HasPrefix(engine, "Replicated") && !strings.HasPrefix(engine, "Shared")
}

// Column is a column of a table.
type Column struct {
	// Name is its name, and Type what ClickHouse calls its type.
	Name, Type string
}

// AddColumns is the statement that adds columns to a table that exists, those
// that it does not have.
func (s Schema) AddColumns(table string, columns ...Column) string {
	actions := make([]string, len(columns))
	for i, column := range columns {
		actions[i] = fmt.Sprintf("ADD COLUMN IF NOT EXISTS %s %s CODEC(ZSTD(1))", Identifier(column.Name), column.Type)
	}
	cluster := ""
	if s.Cluster != "" {
		cluster = " " + clusterClause(s.Cluster)
	}
	return fmt.Sprintf("ALTER TABLE %s%s %s", Identifier(s.Database, table), cluster, strings.Join(actions, ", "))
}

// MetricTables are the names of the five metric tables.
type MetricTables struct {
	Gauge, Sum, Summary, Histogram, ExponentialHistogram string
}

// CreateDatabase is the statement that creates the database, or none where it
// is the one that always exists.
func (s Schema) CreateDatabase() ([]string, error) {
	if s.Database == DefaultDatabase {
		return nil, nil
	}
	return s.renderAll(statement{file: "database.sql"})
}

// CreateTraces is the statements that create the table of spans, the look-up
// table from trace ID to time, and the view that fills it.
func (s Schema) CreateTraces(table string) ([]string, error) {
	return s.renderAll(
		statement{file: s.form("traces"), table: table, retention: s.Traces},
		statement{file: "traces_id_ts.sql", table: table, retention: s.Traces},
		statement{file: "traces_id_ts_mv.sql", table: table},
	)
}

// form is the file of a table that has one for each form of attributes.
func (s Schema) form(table string) string {
	if s.JSON {
		return table + "_json.sql"
	}
	return table + ".sql"
}

// CreateLogs is the statement that creates the table of log records, with text
// indexes on Map columns where the server has them.
func (s Schema) CreateLogs(table string, server Version) ([]string, error) {
	return s.renderAll(statement{file: s.form("logs"), table: table, retention: s.Logs, textIndex: server.hasTextIndex()})
}

// CreateProfiles is the statement that creates the table of profiles, with text
// indexes where the server has them.
func (s Schema) CreateProfiles(table string, server Version) ([]string, error) {
	return s.renderAll(statement{
		file: "profiles.sql", table: table, retention: s.Profiles, textIndex: server.hasTextIndex(),
	})
}

// CreateMetrics is the statements that create the five metric tables.
func (s Schema) CreateMetrics(tables MetricTables) ([]string, error) {
	return s.renderAll(
		statement{file: "metrics_gauge.sql", table: tables.Gauge, retention: s.Metrics},
		statement{file: "metrics_sum.sql", table: tables.Sum, retention: s.Metrics},
		statement{file: "metrics_summary.sql", table: tables.Summary, retention: s.Metrics},
		statement{file: "metrics_histogram.sql", table: tables.Histogram, retention: s.Metrics},
		statement{file: "metrics_exponential_histogram.sql", table: tables.ExponentialHistogram, retention: s.Metrics},
	)
}

// Version is a ClickHouse server's version, such as 26.3.
type Version struct {
	Major, Minor int
}

// hasTextIndex reports whether the server knows indexes of TYPE text, which
// ClickHouse has since 26.2.
func (v Version) hasTextIndex() bool {
	return v.Major > 26 || v.Major == 26 && v.Minor >= 2
}

// String is the version as ClickHouse writes it.
func (v Version) String() string { return fmt.Sprintf("%d.%d", v.Major, v.Minor) }
