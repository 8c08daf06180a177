// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package clickhouseexporter

import (
	"fmt"

	"go.opentelemetry.io/collector/confmap"
)

var _ confmap.Unmarshaler = (*Config)(nil)

// Unmarshal names the tables of metrics that are left without a name.
func (cfg *Config) Unmarshal(conf *confmap.Conf) error {
	if err := conf.Unmarshal(cfg); err != nil {
		return err
	}
	cfg.nameMetricsTables()
	return nil
}

// defaultMetricsPrefix begins the names of the tables of metrics.
const defaultMetricsPrefix = "otel_metrics"

// nameMetricsTables gives the tables of metrics that have no name one, as contrib's
// exporter v0.161.0 does (config.go, buildMetricTableNames): with the deprecated
// metrics_table_name before it where none of the five has a name, which is only
// where all are set to be empty, since they have defaults.
func (cfg *Config) nameMetricsTables() {
	prefix := defaultMetricsPrefix
	switch named := cfg.MetricsTables != (MetricsTablesConfig{}); {
	case cfg.MetricsTableName == "":
	case named:
		cfg.warnings = append(cfg.warnings, fmt.Sprintf("metrics_table_name: %q is deprecated and has no effect, since "+
			"metrics_tables has names, by default %s_<kind>; remove it, and set metrics_tables.<kind>.name for other names",
			cfg.MetricsTableName, defaultMetricsPrefix))
	default:
		prefix = cfg.MetricsTableName
		cfg.warnings = append(cfg.warnings, fmt.Sprintf("metrics_table_name: %[1]q is deprecated; set metrics_tables.<kind>.name "+
			"to %[1]s_<kind> instead, and remove it", cfg.MetricsTableName))
	}
	cfg.MetricsTables = cfg.MetricsTables.named(prefix)
}

// named is the tables, each without a name with one that begins with a prefix.
func (tables MetricsTablesConfig) named(prefix string) MetricsTablesConfig {
	for suffix, table := range map[string]*TableConfig{
		"gauge": &tables.Gauge, "sum": &tables.Sum, "summary": &tables.Summary, "histogram": &tables.Histogram,
		"exponential_histogram": &tables.ExponentialHistogram,
	} {
		if table.Name == "" {
			table.Name = prefix + "_" + suffix
		}
	}
	return tables
}
