// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package clickhouseexporter

import (
	"slices"
	"strings"

	"github.com/fathom-otel/fathom/exporter/clickhouseexporter/internal/schema"
)

// Statements are the statements that create the database and all tables of a
// configuration, whatever its create_schema says, and take tables that exist
// through their migrations, in the order in which they must be executed. Each does
// nothing where it has been executed. The server is of that version, which decides on the indexes
// of the logs table.
func (cfg *Config) Statements(major, minor int) ([]string, error) {
	cfg = cfg.perShard()[0] // those of the others are the same
	target, err := cfg.target("")
	if err != nil {
		return nil, err
	}
	s := cfg.schema(target.database)
	derived := cfg.DerivedTables.wanted()
	var all []string
	for _, render := range []func() ([]string, error){
		s.CreateDatabase,
		s.CreateMigrations,
		func() ([]string, error) { return s.CreateTraces(cfg.TracesTableName) },
		func() ([]string, error) { return s.CreateFromTraces(cfg.TracesTableName, derived) },
		func() ([]string, error) {
			return s.CreateLogs(cfg.LogsTableName, schema.Version{Major: major, Minor: minor})
		},
		func() ([]string, error) { return cfg.migrations(s, wanted{cfg.LogsTableName, schema.Logs}) },
		func() ([]string, error) { return s.CreateFromLogs(cfg.LogsTableName, derived) },
		func() ([]string, error) { return s.CreateMetrics(cfg.metricTables()) },
		func() ([]string, error) {
			return s.CreateProfiles(cfg.ProfilesTableName, schema.Version{Major: major, Minor: minor})
		},
		func() ([]string, error) { return cfg.migrations(s, cfg.otherTables()...) },
	} {
		statements, err := render()
		if err != nil {
			return nil, err
		}
		all = append(all, statements...)
	}
	overAll, err := cfg.distributedStatements(s)
	return append(all, overAll...), err
}

// distributedStatements create the tables over those of all shards, and the view
// that reads one.
func (cfg *Config) distributedStatements(s schema.Schema) ([]string, error) {
	if !cfg.Distributed.Enabled {
		return nil, nil
	}
	derived := cfg.DerivedTables.wanted()
	tables := slices.Concat(
		cfg.distributed(schema.Traces, cfg.TracesTableName, cfg.TracesTableName+schema.TraceTimes, derived.TimeLedger, derived.RED),
		cfg.distributed(schema.Logs, cfg.LogsTableName, derived.KernelEvents),
		cfg.distributed(schema.Metrics, cfg.metricNames()...),
	)
	all, err := s.CreateDistributed(tables...)
	if err != nil {
		return nil, err
	}
	view, err := s.CreateFromTraces(cfg.reader(cfg.TracesTableName), schema.Derived{ServiceMap: cfg.serviceMap})
	return append(all, view...), err
}

func (cfg *Config) metricNames() []string {
	t := cfg.MetricsTables
	return []string{t.Gauge.Name, t.Sum.Name, t.Summary.Name, t.Histogram.Name, t.ExponentialHistogram.Name}
}

func (cfg *Config) metricTables() schema.MetricTables {
	tables := cfg.MetricsTables
	return schema.MetricTables{
		Gauge:                tables.Gauge.Name,
		Sum:                  tables.Sum.Name,
		Summary:              tables.Summary.Name,
		Histogram:            tables.Histogram.Name,
		ExponentialHistogram: tables.ExponentialHistogram.Name,
	}
}

// migrations are the statements that take tables through all migrations that
// concern them.
func (cfg *Config) migrations(s schema.Schema, tables ...wanted) ([]string, error) {
	engine, _, _ := strings.Cut(s.Engine, "(")
	var all []string
	for _, table := range tables {
		for _, m := range schema.Migrations() {
			if !m.Concerns(schema.Table{Name: table.name, Kind: table.kind, Engine: engine}) {
				continue
			}
			statements, err := s.Migrate(m, table.name)
			if err != nil {
				return nil, err
			}
			all = append(all, statements...)
		}
	}
	return all, nil
}

// otherTables are those of contrib's, but for that of log records.
func (cfg *Config) otherTables() []wanted {
	tables := []wanted{{cfg.TracesTableName, schema.Traces}, {cfg.TracesTableName + schema.TraceTimes, schema.Traces}}
	for _, name := range cfg.metricNames() {
		tables = append(tables, wanted{name, schema.Metrics})
	}
	return tables
}
