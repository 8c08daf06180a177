// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package clickhouseexporter

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/config/configopaque"
	"go.opentelemetry.io/collector/config/configoptional"
	"go.opentelemetry.io/collector/config/configretry"
	"go.opentelemetry.io/collector/config/configtls"
	"go.opentelemetry.io/collector/exporter/exporterhelper"

	"github.com/fathom-otel/fathom/exporter/clickhouseexporter/internal/rows"
	"github.com/fathom-otel/fathom/exporter/clickhouseexporter/internal/schema"
)

// Config is the exporter's configuration. README.md describes each key.
type Config struct {
	TimeoutSettings exporterhelper.TimeoutConfig                             `mapstructure:",squash"`
	BackOffConfig   configretry.BackOffConfig                                `mapstructure:"retry_on_failure"`
	QueueSettings   configoptional.Optional[exporterhelper.QueueBatchConfig] `mapstructure:"sending_queue"`

	// Endpoint is the server or servers, such as tcp://127.0.0.1:9000.
	Endpoint string `mapstructure:"endpoint"`
	// Username overrides the user in Endpoint.
	Username string `mapstructure:"username"`
	// Password is used with Username.
	Password configopaque.String `mapstructure:"password"`
	// Database holds the tables. It overrides the one in Endpoint, unless it
	// is "default".
	Database string `mapstructure:"database"`
	// TLS is used in place of the TLS parameters in Endpoint, where any of its
	// keys is set.
	TLS configtls.ClientConfig `mapstructure:"tls"`
	// ConnectionParams override the query parameters in Endpoint.
	ConnectionParams map[string]string `mapstructure:"connection_params"`

	// TTL is the age at which rows are dropped; 0 keeps them.
	TTL time.Duration `mapstructure:"ttl"`
	// Retention overrides TTL by signal, and moves rows as they grow old.
	Retention RetentionConfig `mapstructure:"retention"`
	// LogsTableName is the table of log records.
	LogsTableName string `mapstructure:"logs_table_name"`
	// TracesTableName is the table of spans.
	TracesTableName string `mapstructure:"traces_table_name"`
	// ProfilesTableName is the table of profiles.
	ProfilesTableName string `mapstructure:"profiles_table_name"`
	// MetricsTables are the tables of the five kinds of metrics.
	MetricsTables MetricsTablesConfig `mapstructure:"metrics_tables"`
	// JSON has the attributes of spans and log records in JSON columns, in place
	// of Map columns.
	JSON bool `mapstructure:"json"`
	// MetricsTableName begins the names of the tables of metrics where none of
	// MetricsTables has a name.
	//
	// Deprecated: set MetricsTables.
	MetricsTableName string `mapstructure:"metrics_table_name"`
	// TableEngine is the engine of the tables that are created.
	TableEngine TableEngineConfig `mapstructure:"table_engine"`
	// ClusterName adds ON CLUSTER to the statements that create tables.
	ClusterName string `mapstructure:"cluster_name"`
	// Distributed puts a table over those of all shards.
	Distributed DistributedConfig `mapstructure:"distributed"`
	// Sharding spreads rows over shards.
	Sharding ShardingConfig `mapstructure:"sharding"`
	// DerivedTables are filled by ClickHouse out of the tables above.
	DerivedTables DerivedTablesConfig `mapstructure:"derived_tables"`
	// Cardinality bounds keys and values of attributes.
	Cardinality CardinalityConfig `mapstructure:"cardinality"`
	// DeadLetter is what becomes of rows that ClickHouse refuses for good.
	DeadLetter DeadLetterConfig `mapstructure:"dead_letter"`
	// CreateSchema creates the database and tables where they do not exist.
	CreateSchema bool `mapstructure:"create_schema"`

	// Compress is how blocks are compressed on the wire: lz4 (also "true" and
	// the empty string), lz4hc, zstd or none.
	Compress string `mapstructure:"compress"`
	// AsyncInsert is the server's async_insert setting, unless Endpoint or
	// ConnectionParams have it.
	AsyncInsert bool `mapstructure:"async_insert"`

	// serviceMap is the name of the view of who called whom where it reads a
	// Distributed table.
	serviceMap string
	// warnings are lines for the log, about what Unmarshal found.
	warnings []string
}

// MetricsTablesConfig are the tables of the five kinds of metrics.
type MetricsTablesConfig struct {
	Gauge                TableConfig `mapstructure:"gauge"`
	Sum                  TableConfig `mapstructure:"sum"`
	Summary              TableConfig `mapstructure:"summary"`
	Histogram            TableConfig `mapstructure:"histogram"`
	ExponentialHistogram TableConfig `mapstructure:"exponential_histogram"`
}

// TableConfig is one table.
type TableConfig struct {
	// Name is the table's name, without the database.
	Name string `mapstructure:"name"`
}

// TableEngineConfig is a table engine.
type TableEngineConfig struct {
	// Name is the engine, such as ReplicatedMergeTree; MergeTree if empty.
	Name string `mapstructure:"name"`
	// Params is what stands in its parentheses.
	Params string `mapstructure:"params"`
}

func createDefaultConfig() component.Config {
	return &Config{
		TimeoutSettings:   exporterhelper.NewDefaultTimeoutConfig(),
		BackOffConfig:     configretry.NewDefaultBackOffConfig(),
		QueueSettings:     configoptional.Some(exporterhelper.NewDefaultQueueConfig()),
		ConnectionParams:  map[string]string{},
		Database:          schema.DefaultDatabase,
		LogsTableName:     "otel_logs",
		TracesTableName:   "otel_traces",
		ProfilesTableName: "otel_profiles",
		MetricsTables:     MetricsTablesConfig{}.named(defaultMetricsPrefix),
		DerivedTables:     defaultDerivedTables(),
		Cardinality:       defaultCardinality(),
		DeadLetter:        defaultDeadLetter(),
		Distributed:       defaultDistributed(),
		Sharding:          defaultSharding(),
		CreateSchema:      true,
		Compress:          "lz4",
		AsyncInsert:       false,
	}
}

// Validate reports everything that is wrong with the configuration at once.
func (cfg *Config) Validate() error {
	var errs error
	add := func(format string, args ...any) { errs = errors.Join(errs, fmt.Errorf(format, args...)) }

	errs = errors.Join(errs, cfg.validateSharding(), cfg.validateDistributed())
	if cfg.Password != "" && cfg.Username == "" {
		add("password: is used with username only; set username too")
	}
	if !wholeSeconds(cfg.TTL) {
		add("ttl: %s must be zero or a positive number of whole seconds", cfg.TTL)
	}
	if cfg.TableEngine.Name == "" && cfg.TableEngine.Params != "" {
		add("table_engine.params: has no effect without table_engine.name; set both or neither")
	}
	tables := map[string]string{schema.MigrationsTable: "the records of migrations"}
	for _, table := range cfg.tables() {
		other, taken := tables[table.name]
		switch {
		case strings.TrimSpace(table.name) == "":
			add("%s: must not be empty; leave the key out for its default", table.key)
		case taken:
			add("%s: %q is the table of %s already; each needs its own", table.key, table.name, other)
		}
		tables[table.name] = table.key
	}
	return errors.Join(errs, cfg.validateRetention(), cfg.validateDerived(), cfg.DeadLetter.validate(),
		cfg.Cardinality.validate())
}

type namedTable struct{ key, name string }

// tables is every table with the key that names it.
func (cfg *Config) tables() []namedTable {
	metrics := cfg.MetricsTables
	tables := []namedTable{
		{"traces_table_name", cfg.TracesTableName},
		{"logs_table_name", cfg.LogsTableName},
		{"profiles_table_name", cfg.ProfilesTableName},
		{"metrics_tables.gauge.name", metrics.Gauge.Name},
		{"metrics_tables.sum.name", metrics.Sum.Name},
		{"metrics_tables.summary.name", metrics.Summary.Name},
		{"metrics_tables.histogram.name", metrics.Histogram.Name},
		{"metrics_tables.exponential_histogram.name", metrics.ExponentialHistogram.Name},
	}
	for _, derived := range cfg.derived() {
		if derived.Enabled {
			tables = append(tables, namedTable{derived.key + ".name", derived.Name})
		}
	}
	return tables
}

// schema is the tables' common part. database is the one in use.
func (cfg *Config) schema(database string) schema.Schema {
	return schema.Schema{
		Database: database,
		Cluster:  cfg.ClusterName,
		Engine:   cfg.engine(),
		JSON:     cfg.JSON,
		Traces:   cfg.Retention.Traces.of(cfg.TTL),
		Logs:     cfg.Retention.Logs.of(cfg.TTL),
		Metrics:  cfg.Retention.Metrics.of(cfg.TTL),
		Profiles: cfg.Retention.Profiles.of(cfg.TTL),
	}
}

// layout is the form of the tables.
func (cfg *Config) layout() rows.Layout { return rows.Layout{JSON: cfg.JSON} }

// engine is the tables' engine with its parameters.
func (cfg *Config) engine() string {
	name := cfg.TableEngine.Name
	if name == "" {
		name = "MergeTree"
	}
	return fmt.Sprintf("%s(%s)", name, cfg.TableEngine.Params)
}

// tlsIsSet reports whether any key of tls was given.
func (cfg *Config) tlsIsSet() bool {
	return !reflect.DeepEqual(cfg.TLS, configtls.ClientConfig{})
}

// gathering is the batches that are formed before the queue persists them, or
// nil: where the queue is in memory exporterhelper forms them behind it.
func (cfg *Config) gathering() *exporterhelper.BatchConfig {
	if !cfg.persists() {
		return nil
	}
	return cfg.QueueSettings.Get().Batch.Get()
}

// persists reports whether the queue is on disk.
func (cfg *Config) persists() bool {
	queue := cfg.QueueSettings.Get()
	return queue != nil && queue.StorageID != nil
}

// queue is the queue that exporterhelper is to make.
func (cfg *Config) queue() configoptional.Optional[exporterhelper.QueueBatchConfig] {
	if cfg.gathering() == nil {
		return cfg.QueueSettings
	}
	queue := *cfg.QueueSettings.Get()
	queue.Batch = configoptional.None[exporterhelper.BatchConfig]()
	return configoptional.Some(queue)
}
