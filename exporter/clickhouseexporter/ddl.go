// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package clickhouseexporter

import (
	"strings"

	"github.com/fathom-otel/fathom/exporter/clickhouseexporter/internal/schema"
)

// Statements are the statements that create the database and all tables of a
// configuration, whatever its create_schema says, and take tables that exist
// through their migrations, in the order in which they must be executed. Each does
// nothing where it has been executed. The server is of that version, which decides on the indexes
// of the logs table.
func (cfg *Config) Statements(major, minor int) ([]string, error) {
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
		func() ([]string, error) { return cfg.migrations(s, cfg.otherTables()...) },
	} {
		statements, err := render()
		if err != nil {
			return nil, err
		}
		all = append(all, statements...)
	}
	return all, nil
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
	metrics := cfg.MetricsTables
	return []wanted{
		{cfg.TracesTableName, schema.Traces},
		{cfg.TracesTableName + schema.TraceTimes, schema.Traces},
		{metrics.Gauge.Name, schema.Metrics},
		{metrics.Sum.Name, schema.Metrics},
		{metrics.Summary.Name, schema.Metrics},
		{metrics.Histogram.Name, schema.Metrics},
		{metrics.ExponentialHistogram.Name, schema.Metrics},
	}
}
