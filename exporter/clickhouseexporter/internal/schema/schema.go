// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

// Package schema renders the statements that create the exporter's database,
// tables and view. The tables are those of the clickhouse exporter in
// opentelemetry-collector-contrib v0.161.0 (its Map schema): same names,
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
	// Traces, Logs and Metrics say how long the rows of each signal are kept, and
	// where.
	Traces, Logs, Metrics Retention
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
		statement{file: "traces.sql", table: table, retention: s.Traces},
		statement{file: "traces_id_ts.sql", table: table, retention: s.Traces},
		statement{file: "traces_id_ts_mv.sql", table: table},
	)
}

// CreateLogs is the statement that creates the table of log records, with text
// indexes where the server has them.
func (s Schema) CreateLogs(table string, server Version) ([]string, error) {
	return s.renderAll(statement{file: "logs.sql", table: table, retention: s.Logs, textIndex: server.hasTextIndex()})
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
