// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package clickhouseexporter

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/fathom-otel/fathom/exporter/clickhouseexporter/internal/client"
	"github.com/fathom-otel/fathom/exporter/clickhouseexporter/internal/schema"
)

// DistributedConfig puts a table over the tables of all shards of the cluster, so
// that readers have one.
type DistributedConfig struct {
	// Enabled has them created.
	Enabled bool `mapstructure:"enabled"`
	// Suffix ends the names of the tables over those of all shards.
	Suffix string `mapstructure:"suffix"`
	// LocalSuffix ends the names of the tables that have the rows.
	LocalSuffix string `mapstructure:"local_suffix"`
	// ShardingKey are the expressions by which ClickHouse spreads rows, without
	// sharding.shards.
	ShardingKey ShardingKeyConfig `mapstructure:"sharding_key"`
}

// ShardingKeyConfig are expressions of the columns of each signal's tables.
type ShardingKeyConfig struct {
	Traces  string `mapstructure:"traces"`
	Logs    string `mapstructure:"logs"`
	Metrics string `mapstructure:"metrics"`
}

func defaultDistributed() DistributedConfig {
	return DistributedConfig{LocalSuffix: "_local", ShardingKey: ShardingKeyConfig{
		Traces: "cityHash64(TraceId)",
		// Log records of no trace are spread as well, each to the same shard whenever
		// it is sent.
		Logs:    "cityHash64(TraceId, if(TraceId = '', toString(Timestamp), ''))",
		Metrics: "cityHash64(ServiceName, MetricName)",
	}}
}

func (cfg *Config) validateDistributed() error {
	d := cfg.Distributed
	if !d.Enabled {
		return nil
	}
	var errs error
	if cfg.ClusterName == "" {
		errs = errors.Join(errs, errors.New("distributed.enabled: needs cluster_name, the cluster whose tables are read"))
	}
	if !cfg.CreateSchema && cfg.sharded() {
		errs = errors.Join(errs, errors.New("distributed.enabled: has no effect with create_schema: false and sharding.shards; "+
			"remove it, and name the local tables"))
	}
	if d.Suffix == d.LocalSuffix {
		errs = errors.Join(errs, errors.New("distributed.local_suffix: must differ from distributed.suffix"))
	}
	for key, expression := range map[string]string{
		"traces": d.ShardingKey.Traces, "logs": d.ShardingKey.Logs, "metrics": d.ShardingKey.Metrics,
	} {
		if strings.TrimSpace(expression) == "" {
			errs = errors.Join(errs, fmt.Errorf("distributed.sharding_key.%s: must not be empty; leave the key out for its default", key))
		}
	}
	return errs
}

// withLocalTables is the configuration of what is at an endpoint: its tables are
// those that have the rows.
func (cfg *Config) withLocalTables(endpoint string) *Config {
	at := *cfg
	at.Endpoint = endpoint
	if !cfg.Distributed.Enabled {
		return &at
	}
	for _, name := range []*string{
		&at.TracesTableName, &at.LogsTableName,
		&at.MetricsTables.Gauge.Name, &at.MetricsTables.Sum.Name, &at.MetricsTables.Summary.Name,
		&at.MetricsTables.Histogram.Name, &at.MetricsTables.ExponentialHistogram.Name,
		&at.DerivedTables.KernelEvents.Name, &at.DerivedTables.TimeLedger.Name, &at.DerivedTables.RED.Name,
	} {
		*name += cfg.Distributed.LocalSuffix
	}
	at.DerivedTables.ServiceMap.Enabled = false // it reads all shards' spans
	at.serviceMap = cfg.DerivedTables.ServiceMap.wanted()
	return &at
}

// reader is the name of the table over the local ones of that name.
func (cfg *Config) reader(local string) string {
	base, times := strings.CutSuffix(local, schema.TraceTimes)
	name := strings.TrimSuffix(base, cfg.Distributed.LocalSuffix) + cfg.Distributed.Suffix
	if times {
		name += schema.TraceTimes
	}
	return name
}

// into is the table that rows of a local one are inserted into: the local one,
// unless ClickHouse is to spread them.
func (i *inserter) into(local string) string {
	if !i.config.Distributed.Enabled || i.config.sharded() {
		return local
	}
	return i.config.reader(local)
}

// distribute creates the tables over local ones, and refuses to go on where a
// table that has rows itself stands in place of one: readers would not see what
// is inserted.
func (i *inserter) distribute(ctx context.Context, kind schema.Kind, locals ...string) error {
	if !i.config.Distributed.Enabled || !i.config.CreateSchema {
		return nil
	}
	tables := i.config.distributed(kind, locals...)
	names := make([]string, len(tables))
	for n, table := range tables {
		names[n] = table.Table
	}
	statements, err := i.schema.CreateDistributed(tables...)
	if err != nil {
		return err
	}
	if err := i.client.Execute(ctx, statements...); err != nil {
		return err
	}
	found, err := i.client.Tables(ctx, i.schema.Database, names...)
	if client.Answered(err) {
		return nil // a user who may not look
	}
	if err != nil {
		return err
	}
	for _, table := range found {
		if table.Engine != "Distributed" {
			return fmt.Errorf("%s.%s is a table of the engine %s, where the Distributed table is to be: rename it to that of the "+
				"local tables, with its view, or set distributed.suffix", i.schema.Database, table.Name, table.Engine)
		}
	}
	return i.createServiceMap(ctx, kind)
}

// createServiceMap creates the view that reads the spans of all shards.
func (i *inserter) createServiceMap(ctx context.Context, kind schema.Kind) error {
	if kind != schema.Traces || i.config.serviceMap == "" {
		return nil
	}
	statements, err := i.schema.CreateFromTraces(i.config.reader(i.config.TracesTableName), schema.Derived{ServiceMap: i.config.serviceMap})
	if err != nil {
		return err
	}
	return i.client.Execute(ctx, statements...)
}

// distributed are the tables over local ones that are there. Those that rows are
// inserted into have a key, unless this exporter spreads them: a key other than
// that by which they lie would have ClickHouse look on the wrong shard.
func (cfg *Config) distributed(kind schema.Kind, locals ...string) []schema.Distributed {
	keys := map[string]string{
		cfg.TracesTableName: cfg.Distributed.ShardingKey.Traces,
		cfg.LogsTableName:   cfg.Distributed.ShardingKey.Logs,
	}
	var tables []schema.Distributed
	for _, local := range locals {
		if local == "" {
			continue
		}
		table := schema.Distributed{Table: cfg.reader(local), Local: local, ShardingKey: keys[local]}
		if kind == schema.Metrics {
			table.ShardingKey = cfg.Distributed.ShardingKey.Metrics
		}
		if cfg.sharded() {
			table.ShardingKey = ""
		}
		tables = append(tables, table)
	}
	return tables
}
