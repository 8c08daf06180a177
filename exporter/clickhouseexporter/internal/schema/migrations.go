// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package schema

import (
	"fmt"
	"slices"
	"strings"
)

// MigrationsTable is the table that records which migrations each table of the
// database has had.
const MigrationsTable = "fathom_schema_migrations"

// Migration is one step of a table from how it was found to how the exporter
// wants it. Steps go forward only, in the order of their versions, and do nothing
// to a table that has had them.
type Migration struct {
	// Version orders them. 1 is the table as its statement in sql/ creates it; it is
	// never altered but by a migration.
	Version int
	// Name says what it does; the file in migrations/ is <version>_<name>.sql.
	Name string
	// Column is the column that it adds, empty if it adds none.
	Column string
	// Kept is set where a table is to have it at each start, whoever undid it.
	Kept bool
	// Lack is what becomes of rows without it.
	Lack string

	concerns func(Table) bool
	holds    func(Table) bool
}

// Kind is what a table holds.
type Kind string

const (
	// Traces is the kind of the table of spans, and of what is filled out of it.
	Traces Kind = "traces"
	// Logs is the kind of the table of log records.
	Logs Kind = "logs"
	// Metrics is the kind of the tables of metrics.
	Metrics Kind = "metrics"
	// Profiles is the kind of the table of profiles.
	Profiles Kind = "profiles"
	// DerivedLogs is the kind of what is filled out of the table of log records.
	DerivedLogs Kind = "derived_logs"
)

// Table is a table as it was found.
type Table struct {
	Name string
	Kind Kind
	// Engine is its engine's name, such as MergeTree.
	Engine string
	// Window is its non_replicated_deduplication_window.
	Window int
	// Columns are the names of its columns.
	Columns []string
}

// Concerns reports whether a table is one that the migration is for.
func (m Migration) Concerns(table Table) bool { return m.concerns(table) }

// Holds reports whether a table is as the migration leaves it.
func (m Migration) Holds(table Table) bool {
	if m.Column != "" {
		return slices.Contains(table.Columns, m.Column)
	}
	return m.holds(table)
}

// String is the migration's version and name.
func (m Migration) String() string { return fmt.Sprintf("%04d_%s", m.Version, m.Name) }

// Creation is the version of a table as its statement creates it.
const Creation = 1

// Created is the migration that made a table.
func Created() Migration {
	return Migration{
		Version: Creation, Name: "tables", Lack: "the table does not exist",
		concerns: func(Table) bool { return true }, holds: func(Table) bool { return true },
	}
}

// Migrations are those that follow Created, in order.
func Migrations() []Migration {
	return []Migration{{
		Version: 2, Name: "deduplication_window", Kept: true,
		Lack:     "the table keeps no tokens: rows are stored twice when an INSERT fails after they were stored",
		concerns: func(t Table) bool { return NeedsWindow(t.Engine) },
		holds:    func(t Table) bool { return t.Window > 0 },
	}, {
		Version: 3, Name: "logs_event_name", Column: "EventName",
		Lack: "the table has no column for event names: they are not stored",
		// A Distributed or Buffer table with a column that the tables behind it lack
		// would refuse all rows.
		concerns: func(t Table) bool { return t.Kind == Logs && strings.HasSuffix(t.Engine, "MergeTree") },
	}}
}

// Migrate is the statements of a migration of a table.
func (s Schema) Migrate(m Migration, table string) ([]string, error) {
	return s.renderAll(statement{file: m.String() + ".sql", table: table, window: Window})
}

// CreateMigrations is the statement that creates MigrationsTable. It replicates
// where the other tables do by a plain (Replicated|Shared)MergeTree; beside other
// engines each server has its own, since their parameters may be columns.
func (s Schema) CreateMigrations() ([]string, error) {
	if _, err := AggregatingEngine(s.Engine); err != nil {
		s.Engine = "MergeTree()"
	}
	return s.renderAll(statement{file: "schema_migrations.sql", table: MigrationsTable})
}
