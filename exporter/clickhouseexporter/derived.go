// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package clickhouseexporter

import (
	"context"
	"errors"
	"fmt"

	"github.com/fathom-otel/fathom/exporter/clickhouseexporter/internal/schema"
)

// DerivedTablesConfig are the tables and the view that ClickHouse fills out of
// the tables of spans and log records as rows are inserted into these.
type DerivedTablesConfig struct {
	// KernelEvents is the table of Fathom's own events, out of the log records.
	KernelEvents DerivedTableConfig `mapstructure:"kernel_events"`
	// TimeLedger is the table of time ledgers, out of the spans.
	TimeLedger DerivedTableConfig `mapstructure:"time_ledger"`
	// RED is the table of requests, errors and durations by service, route and
	// minute, out of the spans.
	RED DerivedTableConfig `mapstructure:"red"`
	// ServiceMap is the view of who called whom, out of the spans.
	ServiceMap DerivedTableConfig `mapstructure:"service_map"`
}

// DerivedTableConfig is one of them.
type DerivedTableConfig struct {
	// Enabled has it created.
	Enabled bool `mapstructure:"enabled"`
	// Name is its name, without the database.
	Name string `mapstructure:"name"`
}

func defaultDerivedTables() DerivedTablesConfig {
	return DerivedTablesConfig{
		KernelEvents: DerivedTableConfig{Name: "fathom_kernel_events"},
		TimeLedger:   DerivedTableConfig{Name: "fathom_time_ledger"},
		RED:          DerivedTableConfig{Name: "fathom_red"},
		ServiceMap:   DerivedTableConfig{Name: "fathom_service_map"},
	}
}

// derivedTable is one of the derived tables with the key that it stands under.
type derivedTable struct {
	DerivedTableConfig
	key string
}

func (cfg *Config) derived() []derivedTable {
	return []derivedTable{
		{cfg.DerivedTables.KernelEvents, "derived_tables.kernel_events"},
		{cfg.DerivedTables.TimeLedger, "derived_tables.time_ledger"},
		{cfg.DerivedTables.RED, "derived_tables.red"},
		{cfg.DerivedTables.ServiceMap, "derived_tables.service_map"},
	}
}

func (cfg *Config) validateDerived() error {
	var errs error
	for _, table := range cfg.derived() {
		if table.Enabled && !cfg.CreateSchema {
			errs = errors.Join(errs, fmt.Errorf("%s.enabled: has no effect with create_schema: false; "+
				"remove it, and create the table yourself", table.key))
		}
	}
	if cfg.DerivedTables.RED.Enabled {
		if _, err := schema.AggregatingEngine(cfg.engine()); err != nil {
			errs = errors.Join(errs, fmt.Errorf("derived_tables.red.enabled: needs another table_engine.name: %w", err))
		}
	}
	return errs
}

// wanted is the name of a table that is enabled, else none.
func (c DerivedTableConfig) wanted() string {
	if !c.Enabled {
		return ""
	}
	return c.Name
}

// wanted are the derived tables that are enabled.
func (c DerivedTablesConfig) wanted() schema.Derived {
	return schema.Derived{
		KernelEvents: c.KernelEvents.wanted(),
		TimeLedger:   c.TimeLedger.wanted(),
		RED:          c.RED.wanted(),
		ServiceMap:   c.ServiceMap.wanted(),
	}
}

// createFromTraces creates what is derived from the table of spans.
func (i *inserter) createFromTraces(ctx context.Context) error {
	derived := i.config.DerivedTables.wanted()
	return i.migrate(ctx, func() ([]string, error) {
		return i.schema.CreateFromTraces(i.config.TracesTableName, derived)
	}, wanted{derived.TimeLedger, schema.Traces}, wanted{derived.RED, schema.Traces}, wanted{derived.ServiceMap, schema.Traces})
}

// createFromLogs creates what is derived from the table of log records.
func (i *inserter) createFromLogs(ctx context.Context) error {
	derived := i.config.DerivedTables.wanted()
	return i.migrate(ctx, func() ([]string, error) {
		return i.schema.CreateFromLogs(i.config.LogsTableName, derived)
	}, wanted{derived.KernelEvents, schema.DerivedLogs})
}
