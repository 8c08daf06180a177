// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package clickhouseexporter

import (
	"errors"
	"fmt"
	"strings"

	"github.com/fathom-otel/fathom/exporter/clickhouseexporter/internal/shard"
)

// ShardingConfig spreads rows over the shards of a cluster, into the tables of
// each.
type ShardingConfig struct {
	// Key says which rows lie together: trace_id, or the name of an attribute.
	Key string `mapstructure:"key"`
	// Shards are the shards, in an order that stays. Without any, all rows go to
	// the exporter's endpoint.
	Shards []ShardConfig `mapstructure:"shards"`
}

// ShardConfig is one shard.
type ShardConfig struct {
	// Endpoint is as the exporter's: several servers are replicas of the shard.
	Endpoint string `mapstructure:"endpoint"`
}

func defaultSharding() ShardingConfig { return ShardingConfig{Key: shard.TraceID} }

func (cfg *Config) sharded() bool { return len(cfg.Sharding.Shards) > 0 }

// perShard is the configuration of each shard: with its endpoint, and with the
// tables that rows are in. Without shards it is one.
func (cfg *Config) perShard() []*Config {
	if !cfg.sharded() {
		return []*Config{cfg.withLocalTables(cfg.Endpoint)}
	}
	configs := make([]*Config, len(cfg.Sharding.Shards))
	for n, s := range cfg.Sharding.Shards {
		configs[n] = cfg.withLocalTables(s.Endpoint)
	}
	return configs
}

func (cfg *Config) validateSharding() error {
	if !cfg.sharded() {
		_, err := cfg.target("")
		return err
	}
	var errs error
	if cfg.Endpoint != "" {
		errs = errors.Join(errs, errors.New("endpoint: has no effect with sharding.shards; remove it"))
	}
	if strings.TrimSpace(cfg.Sharding.Key) == "" {
		errs = errors.Join(errs, errors.New("sharding.key: must not be empty; set trace_id or the name of an attribute"))
	}
	databases := map[string]string{}
	seen := map[string]int{}
	for n, one := range cfg.perShard() {
		at := fmt.Sprintf("sharding.shards[%d]", n)
		if other, twice := seen[one.Endpoint]; twice {
			errs = errors.Join(errs, fmt.Errorf("%s.endpoint: is that of sharding.shards[%d]; each shard has its own", at, other))
		}
		seen[one.Endpoint] = n
		target, err := one.target("")
		if err != nil {
			errs = errors.Join(errs, fmt.Errorf("%s: %w", at, err))
			continue
		}
		databases[target.database] = at
	}
	if cfg.Distributed.Enabled && len(databases) > 1 {
		errs = errors.Join(errs, errors.New("distributed: the tables of all shards must be in one database; set database"))
	}
	return errs
}
