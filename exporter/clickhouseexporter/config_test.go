// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package clickhouseexporter

import (
	"crypto/tls"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/ClickHouse/ch-go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/confmap/confmaptest"
	"go.opentelemetry.io/collector/confmap/xconfmap"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/fathom-otel/fathom/exporter/clickhouseexporter/internal/client"
	"github.com/fathom-otel/fathom/exporter/clickhouseexporter/internal/schema"
)

func TestDefaultConfig(t *testing.T) {
	require.NoError(t, componenttest.CheckConfigStruct(createDefaultConfig()))
	cfg := createDefaultConfig().(*Config)
	assert.Equal(t, 5*time.Second, cfg.TimeoutSettings.Timeout)
	assert.Equal(t, 10, cfg.QueueSettings.Get().NumConsumers)
	assert.Equal(t, int64(1000), cfg.QueueSettings.Get().QueueSize)
	assert.ErrorContains(t, xconfmap.Validate(cfg), "endpoint: must be set")
}

// load reads one case of testdata/config.yaml.
func load(t *testing.T, name string) (*Config, error) {
	file, err := confmaptest.LoadConf("testdata/config.yaml")
	require.NoError(t, err)
	section, found := file.ToStringMap()[name]
	require.True(t, found, "no case %s", name)
	cfg := createDefaultConfig().(*Config)
	if err := confmap.NewFromStringMap(section.(map[string]any)).Unmarshal(cfg); err != nil {
		return nil, err
	}
	return cfg, xconfmap.Validate(cfg)
}

var (
	synchronously = ch.Setting{Key: "async_insert", Value: "0", Important: true}
	allPartitions = ch.Setting{Key: "max_partitions_per_insert_block", Value: "0", Important: true}
)

// change is how a case differs from the defaults.
type change struct {
	config func(*Config)
	target func(*target)
	schema func(*schema.Schema)
}

func goodCases() map[string]change {
	cases := map[string]change{
		"clickhouse": {},
		"clickhouse/username_password": {
			config: func(c *Config) { c.Username, c.Password = "fathom", "s3cr#t/?" },
			target: func(o *target) { o.client.User, o.client.Password = "fathom", "s3cr#t/?" },
		},
		"clickhouse/contribs_defaults": {},
		"clickhouse/several_ipv6": {
			config: func(c *Config) { c.Endpoint = "tcp://user:s3cr%23t@[::1]:9000,[fe80::2]:9001,127.0.0.1:9002/otel" },
			target: func(o *target) {
				o.client.Addresses = []string{"[::1]:9000", "[fe80::2]:9001", "127.0.0.1:9002"}
				o.database, o.client.User, o.client.Password = "otel", "user", "s3cr#t"
			},
			schema: func(s *schema.Schema) { s.Database = "otel" },
		},
		"clickhouse/username_over_parameters": {
			config: func(c *Config) {
				c.Endpoint += "?username=other&password=hers"
				c.ConnectionParams = map[string]string{"username": "third", "password": "his"}
				c.Username = "fathom"
			},
			target: func(o *target) { o.client.User = "fathom" },
		},
		"clickhouse/username_in_parameters": {
			config: func(c *Config) { c.Endpoint += "?username=other&password=hers" },
			target: func(o *target) { o.client.User, o.client.Password = "other", "hers" },
		},
		"clickhouse/database": {
			config: func(c *Config) { c.Endpoint, c.Database = "tcp://127.0.0.1:9000/ignored", "otel" },
			target: func(o *target) { o.database = "otel" },
			schema: func(s *schema.Schema) { s.Database = "otel" },
		},
		"clickhouse/database_in_endpoint": {
			config: func(c *Config) { c.Endpoint = "clickhouse://user:pass@127.0.0.1:9000/otel" },
			target: func(o *target) { o.database, o.client.User, o.client.Password = "otel", "user", "pass" },
			schema: func(s *schema.Schema) { s.Database = "otel" },
		},
		"clickhouse/ttl": {
			config: func(c *Config) { c.TTL = 72 * time.Hour },
			schema: func(s *schema.Schema) {
				s.Traces.TTL, s.Logs.TTL, s.Metrics.TTL, s.Profiles.TTL = 72*time.Hour, 72*time.Hour, 72*time.Hour, 72*time.Hour
			},
		},
		"clickhouse/sharding": {
			config: func(c *Config) {
				c.Endpoint, c.Database = "", "otel"
				c.ConnectionParams = map[string]string{"dial_timeout": "3s"}
				c.Sharding = ShardingConfig{Key: "tenant.id", Shards: []ShardConfig{
					{Endpoint: "tcp://127.0.0.1:9000,127.0.0.2:9000"}, {Endpoint: "tcp://127.0.0.3:9000"},
				}}
			},
			target: func(o *target) {
				o.client.Addresses = []string{"127.0.0.1:9000", "127.0.0.2:9000"}
				o.database, o.client.DialTimeout = "otel", 3*time.Second
			},
			schema: func(s *schema.Schema) { s.Database = "otel" },
		},
		"clickhouse/distributed": {
			config: func(c *Config) {
				c.ClusterName = "prod"
				c.Distributed.Enabled, c.Distributed.Suffix, c.Distributed.LocalSuffix = true, "_all", ""
				c.Distributed.ShardingKey.Metrics = "rand()"
			},
			schema: func(s *schema.Schema) { s.Cluster = "prod" },
		},
		"clickhouse/retention": {
			config: func(c *Config) {
				c.TTL = 72 * time.Hour
				c.Retention.Traces = SignalRetentionConfig{
					TTL: 720 * time.Hour, StoragePolicy: "tiered",
					Move: []MoveConfig{{After: 24 * time.Hour, ToVolume: "warm"}, {After: 168 * time.Hour, ToDisk: "s3"}},
				}
				c.Retention.Metrics.StoragePolicy = "cheap"
				c.Retention.Profiles.TTL = 24 * time.Hour
			},
			schema: func(s *schema.Schema) {
				s.Traces = schema.Retention{
					TTL: 720 * time.Hour, Policy: "tiered",
					Moves: []schema.Move{{After: 24 * time.Hour, Volume: "warm"}, {After: 168 * time.Hour, Disk: "s3"}},
				}
				s.Logs.TTL = 72 * time.Hour
				s.Metrics = schema.Retention{TTL: 72 * time.Hour, Policy: "cheap"}
				s.Profiles.TTL = 24 * time.Hour
			},
		},
		"clickhouse/traces_table_name":   {config: func(c *Config) { c.TracesTableName = "spans" }},
		"clickhouse/logs_table_name":     {config: func(c *Config) { c.LogsTableName = "records" }},
		"clickhouse/profiles_table_name": {config: func(c *Config) { c.ProfilesTableName = "stacks" }},
		"clickhouse/metrics_tables": {config: func(c *Config) {
			c.MetricsTables = MetricsTablesConfig{
				Gauge: TableConfig{"m_gauge"}, Sum: TableConfig{"m_sum"}, Summary: TableConfig{"m_summary"},
				Histogram: TableConfig{"m_histogram"}, ExponentialHistogram: TableConfig{"m_exponential"},
			}
		}},
		"clickhouse/table_engine": {
			config: func(c *Config) {
				c.TableEngine = TableEngineConfig{"ReplicatedMergeTree", "'/clickhouse/{shard}', '{replica}'"}
			},
			schema: func(s *schema.Schema) { s.Engine = "ReplicatedMergeTree('/clickhouse/{shard}', '{replica}')" },
		},
		"clickhouse/derived_tables": {config: func(c *Config) {
			c.DerivedTables.KernelEvents = DerivedTableConfig{Enabled: true, Name: "events"}
			c.DerivedTables.TimeLedger.Enabled = true
			c.DerivedTables.RED.Enabled = true
			c.DerivedTables.ServiceMap.Enabled = true
		}},
		"clickhouse/metrics_tables_empty": {}, // the defaults
		"clickhouse/metrics_table_name": {config: func(c *Config) {
			c.MetricsTableName = "m"
			c.MetricsTables = MetricsTablesConfig{}.named("m")
			c.warnings = []string{
				`metrics_table_name: "m" is deprecated; set metrics_tables.<kind>.name to m_<kind> instead, and remove it`,
			}
		}},
		"clickhouse/metrics_table_name_alone": {config: func(c *Config) {
			c.MetricsTableName = "m"
			c.warnings = []string{`metrics_table_name: "m" is deprecated and has no effect, since metrics_tables has names, ` +
				`by default otel_metrics_<kind>; remove it, and set metrics_tables.<kind>.name for other names`}
		}},
		"clickhouse/json": {
			config: func(c *Config) { c.JSON = true },
			schema: func(s *schema.Schema) { s.JSON = true },
		},
		"clickhouse/cluster_name": {
			config: func(c *Config) { c.ClusterName = "prod" },
			schema: func(s *schema.Schema) { s.Cluster = "prod" },
		},
		"clickhouse/create_schema": {
			config: func(c *Config) { c.Endpoint, c.CreateSchema = "tcp://127.0.0.1:9000/otel", false },
			target: func(o *target) { o.database, o.client.Database = "otel", "otel" },
			schema: func(s *schema.Schema) { s.Database = "otel" },
		},
		"clickhouse/compress": {
			config: func(c *Config) { c.Compress = "zstd" },
			target: func(o *target) { o.client.Compression = ch.CompressionZSTD },
		},
		"clickhouse/compress_true": {config: func(c *Config) { c.Compress = "true" }},
		"clickhouse/compress_false": {
			config: func(c *Config) { c.Compress = "false" },
			target: func(o *target) { o.client.Compression = ch.CompressionDisabled },
		},
		"clickhouse/compress_level": {
			config: func(c *Config) {
				c.Endpoint += "?compress=lz4hc&compress_level=9&connection_open_strategy=random"
			},
			target: func(o *target) {
				o.client.Compression, o.client.CompressionLevel = ch.CompressionLZ4HC, 9
				o.client.Strategy = client.Random
			},
		},
		"clickhouse/async_insert_in_endpoint": {
			config: func(c *Config) { c.Endpoint += "?async_insert=1" },
			target: func(o *target) { o.client.Settings[0].Value = "1" },
		},
		"clickhouse/async_insert": {
			config: func(c *Config) { c.AsyncInsert = true },
			target: func(o *target) { o.client.Settings[0].Value = "1" },
		},
		"clickhouse/timeout": {config: func(c *Config) { c.TimeoutSettings.Timeout = 11 * time.Second }},
		"clickhouse/retry_on_failure": {config: func(c *Config) {
			c.BackOffConfig.InitialInterval, c.BackOffConfig.MaxInterval = time.Second, 2*time.Second
			c.BackOffConfig.MaxElapsedTime = 0
		}},
		"clickhouse/connection_params": {
			config: func(c *Config) {
				c.Endpoint = "tcp://127.0.0.1:9000,127.0.0.2:9000?dial_timeout=9s&max_execution_time=60"
				c.ConnectionParams = map[string]string{
					"dial_timeout": "3s", "conn_max_lifetime": "5m", "connection_open_strategy": "round_robin",
					"max_open_conns": "7", "client_info_product": "shop/1.2", "insert_quorum": "2",
				}
			},
			target: func(o *target) {
				o.client.Addresses = []string{"127.0.0.1:9000", "127.0.0.2:9000"}
				o.client.DialTimeout, o.client.MaxLifetime = 3*time.Second, 5*time.Minute
				o.client.Strategy, o.client.MaxConnections = client.RoundRobin, 7
				o.client.ClientName = "shop/1.2 fathom/test"
				o.client.Settings = []ch.Setting{
					synchronously,
					{Key: "insert_quorum", Value: "2", Important: true},
					{Key: "max_execution_time", Value: "60", Important: true},
					allPartitions,
				}
			},
		},
		"clickhouse/partitions": {
			config: func(c *Config) {
				c.ConnectionParams = map[string]string{"max_partitions_per_insert_block": "7"}
			},
			target: func(o *target) { o.client.Settings[1].Value = "7" },
		},
		"clickhouse/partitions_not_thrown": {
			config: func(c *Config) { c.Endpoint += "?throw_on_max_partitions_per_insert_block=1" },
			target: func(o *target) {
				o.client.Settings[1].Key, o.client.Settings[1].Value = "throw_on_max_partitions_per_insert_block", "1"
			},
		},
		"clickhouse/sending_queue": {config: func(c *Config) {
			queue := c.QueueSettings.Get()
			queue.NumConsumers, queue.QueueSize = 3, 50
			batch := queue.Batch.GetOrInsertDefault()
			batch.MinSize, batch.MaxSize = 10, 20
		}},
	}
	maps.Copy(cases, deadLetterCases())
	maps.Copy(cases, cardinalityCases())
	return cases
}

func TestGoodConfigs(t *testing.T) {
	for name, want := range goodCases() {
		t.Run(name, func(t *testing.T) {
			wantConfig := createDefaultConfig().(*Config)
			wantConfig.Endpoint = "tcp://127.0.0.1:9000"
			wantTarget := target{database: "default", client: client.Options{
				Addresses:      []string{"127.0.0.1:9000"},
				DialTimeout:    30 * time.Second,
				Database:       "default",
				Settings:       []ch.Setting{synchronously, allPartitions},
				Compression:    ch.CompressionLZ4,
				ClientName:     "fathom/test",
				MaxConnections: 50,
				MaxLifetime:    time.Hour,
			}}
			wantSchema := schema.Schema{Database: "default", Engine: "MergeTree()"}
			if want.config != nil {
				want.config(wantConfig)
			}
			if want.target != nil {
				want.target(&wantTarget)
			}
			if want.schema != nil {
				want.schema(&wantSchema)
			}

			cfg, err := load(t, name)
			require.NoError(t, err)
			assert.Equal(t, wantConfig, cfg)
			got, err := cfg.perShard()[0].target("fathom/test")
			require.NoError(t, err)
			assert.Equal(t, wantTarget, got)
			assert.Equal(t, wantSchema, cfg.schema(got.database))
		})
	}
}

func tlsCases() map[string]*tls.Config {
	return map[string]*tls.Config{
		"clickhouse/tls":             {InsecureSkipVerify: true, ServerName: "clickhouse.example"},
		"clickhouse/tls_in_endpoint": {InsecureSkipVerify: true},
	}
}

func TestTLSConfigs(t *testing.T) {
	for name, want := range tlsCases() {
		t.Run(name, func(t *testing.T) {
			cfg, err := load(t, name)
			require.NoError(t, err)
			got, err := cfg.target("")
			require.NoError(t, err)
			require.NotNil(t, got.client.TLS)
			assert.Equal(t, want.InsecureSkipVerify, got.client.TLS.InsecureSkipVerify)
			assert.Equal(t, want.ServerName, got.client.TLS.ServerName)
		})
	}
}

// TestWarningsAreLogged makes each exporter from a deprecated key.
func TestWarningsAreLogged(t *testing.T) {
	cfg, err := load(t, "clickhouse/metrics_table_name")
	require.NoError(t, err)
	for signal, create := range signals() {
		core, logs := observer.New(zap.WarnLevel)
		set := settings()
		set.Logger = zap.New(core)
		e, err := create(t.Context(), set, cfg)
		require.NoError(t, err)
		require.NoError(t, e.Shutdown(t.Context()))
		assert.Equal(t, 1, logs.FilterMessageSnippet("is deprecated").Len(), signal)
	}
}

// TestEveryCaseIsTested keeps testdata/config.yaml and the tests together.
func TestEveryCaseIsTested(t *testing.T) {
	file, err := confmaptest.LoadConf("testdata/config.yaml")
	require.NoError(t, err)
	tested := slices.Concat(
		slices.Collect(maps.Keys(goodCases())),
		slices.Collect(maps.Keys(tlsCases())),
		slices.Collect(maps.Keys(badCases())),
	)
	assert.ElementsMatch(t, slices.Collect(maps.Keys(file.ToStringMap())), tested)
}
