// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package clickhouseexporter

import "github.com/fathom-otel/fathom/exporter/clickhouseexporter/internal/schema"

// Statements are the statements that create the database and all tables of a
// configuration, whatever its create_schema says, in the order in which they
// must be executed. The server is of that version, which decides on the indexes
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
		func() ([]string, error) { return s.CreateTraces(cfg.TracesTableName) },
		func() ([]string, error) { return s.CreateFromTraces(cfg.TracesTableName, derived) },
		func() ([]string, error) {
			return s.CreateLogs(cfg.LogsTableName, schema.Version{Major: major, Minor: minor})
		},
		func() ([]string, error) { return s.CreateFromLogs(cfg.LogsTableName, derived) },
		func() ([]string, error) { return s.CreateMetrics(cfg.metricTables()) },
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
